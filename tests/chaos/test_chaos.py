"""Ten schedules of faults on real servers and workers, and that the comparison notices what it is there for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from bench.chaos.command import line, total
from bench.chaos.compared import telling
from bench.chaos.compared.tables import Difference, left_of, readable, tables_of
from bench.chaos.disturbed.fleet import ChaosFleet, wait_for
from bench.chaos.faults.infrastructure import strike
from bench.chaos.faults.wiped_sources import gone
from bench.chaos.footage import FLEETS, STANDING
from bench.chaos.run import Chaos, Outcome
from bench.chaos.scene import MAIN, Scene
from bench.chaos.schedule import (
    CONTENTS,
    FAULTS,
    RERUNS,
    STORE_FAULTS,
    TELLING_FAULTS,
    TEN,
    Strike,
    deal,
    schedule_of,
)
from db.engine import engine_for
from pipeline.errors import Away, MissingDependency
from pipeline.sources.roots import check_allowed
from tests.conftest import missing

#: Dealt together, with a store that can be made to fail: they have every fault and all kinds of drives. With as few
#: faults in each as that takes; `dashplate-chaos` deals up to seven.
SEEDS, MOST = range(TEN), 5


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChaosFleet]:
    try:
        with ChaosFleet(tmp_path_factory.mktemp("chaos") / "data") as up:
            yield up
    except MissingDependency as error:
        missing(str(error))


@pytest.fixture(scope="module")
def chaos(fleet: ChaosFleet) -> Chaos:
    runs = Chaos(fleet)
    fleet.ready("flaky")
    # Side by side: what takes its worker down five times would otherwise be waited for alone.
    runs.undisturbed(sorted({schedule_of(seed).content for seed in SEEDS} | {"small"}))
    return runs


@pytest.mark.parametrize("seed", SEEDS)
def test_rows_equal_those_of_an_undisturbed_run(chaos: Chaos, seed: int) -> None:
    outcome = chaos.run(schedule_of(seed, most=MOST))
    assert outcome.identical, "\n".join([line(outcome), *outcome.story])
    assert len(outcome.struck) >= 5, "\n".join([line(outcome), *outcome.story])


#: What is done to a job that is well, and the sentence by which the comparison says so.
_HARM = {
    "a reading is gone": (
        "DELETE FROM readings WHERE tracklet_id IN (SELECT t.id FROM tracklets t"
        " JOIN segments s ON s.id = t.segment_id WHERE s.job_id = :job AND s.index = 1 AND t.index = 0)",
        "readings: lane.mp4 1 0 is missing",
    ),
    "a sighting is doubled": (
        """
        INSERT INTO sightings (video_id, plate_id, index, text, shown, country, confidence, characters, alternatives,
            first_s, last_s, best_s, first_pts, last_pts, best_pts, x1, y1, x2, y2, reads, confirmed, crop, tracklets)
        SELECT g.video_id, plate_id, 100, text, shown, country, confidence, characters, alternatives, first_s, last_s,
               best_s, first_pts, last_pts, best_pts, x1, y1, x2, y2, reads, confirmed, crop, tracklets
        FROM sightings g JOIN videos v ON v.id = g.video_id WHERE v.job_id = :job AND g.index = 0
        """,
        "#2 is too many",
    ),
    "a hit is gone": (
        "DELETE FROM hits WHERE video_id IN (SELECT id FROM videos WHERE job_id = :job)",
        "hits: lane.mp4 exact",
    ),
    "a segment was not looked at": (
        "UPDATE segments SET frames_looked = 99 WHERE job_id = :job AND index = 2",
        "segments: lane.mp4 2 has 99 instead of 100",
    ),
    "a step is still owed": (
        "INSERT INTO outbox (kind, key, job_id) SELECT 'aggregate', id, job_id FROM videos"
        " WHERE job_id = :job AND path LIKE '%lane.mp4'",
        "outbox: aggregate",
    ),
    "a row names another file's content": (
        "UPDATE crops SET sha256 = 'no' WHERE name LIKE 'crops/' || :job || '/%/00003-%/0000-0.png'",
        "0000-0.png is damaged",
    ),
}


@pytest.fixture
def small_job(fleet: ChaosFleet, chaos: Chaos) -> int:
    fleet.ready("folder")
    return chaos.undisturbed(["small"])["small"]


@pytest.mark.parametrize("harm", _HARM)
def test_the_comparison_notices(fleet: ChaosFleet, chaos: Chaos, small_job: int, harm: str) -> None:
    statement, sentence = _HARM[harm]
    assert not chaos.comparison.compare_job("small", small_job)
    # Never committed.
    with Session(engine_for(fleet.url)) as db:
        assert db.execute(text(statement), {"job": small_job}).rowcount == 1  # type: ignore[attr-defined]
        wrong = chaos.comparison.compare_job_in(db, "small", small_job)
        assert [said for said in wrong.lines if sentence in said], wrong.lines
    assert not chaos.comparison.compare_job("small", small_job)


def test_the_comparison_notices_files(fleet: ChaosFleet, chaos: Chaos, small_job: int) -> None:
    crops = sorted((fleet.store_folder / "crops" / str(small_job)).rglob("*.png"))
    away, late = crops[0].with_suffix(".away"), crops[0].with_name("0009-0.png")
    crops[0].rename(away)
    assert len(chaos.comparison.compare_job("small", small_job).lost) == 1
    away.rename(crops[0])
    late.write_bytes(b"late")
    assert len(chaos.comparison.compare_job("small", small_job).doubled) == 1
    late.unlink()
    assert not chaos.comparison.compare_job("small", small_job)


def test_a_plate_in_clear_is_noticed(fleet: ChaosFleet, chaos: Chaos) -> None:
    fleet.ready("folder")
    job, plates = chaos.undisturbed(["hashed"])["hashed"], FLEETS["hashed"].plates
    clear = "UPDATE segments SET problem = :plate WHERE job_id = :job AND index = 1"
    with Session(engine_for(fleet.url)) as db:
        assert not readable(db, job, plates)
        assert readable(db, chaos.undisturbed(["plain"])["plain"], plates)
        db.execute(text(clear), {"job": job, "plate": f"{min(plates)} was not read"})
        assert set(readable(db, job, plates).lines) == {f"segments: a row shows {min(plates)}"}


def test_what_a_purge_leaves_is_noticed(fleet: ChaosFleet, small_job: int) -> None:
    with Session(engine_for(fleet.url)) as db:
        gone = {said.partition(":")[0] for said in left_of(db, small_job, forgotten=False).lines}
        assert gone == {"tracklets", "crops", "readings", "sightings", "hits", "frames", "plates"}
        both = {said.partition(":")[0] for said in left_of(db, small_job, forgotten=True).lines}
        assert both == gone | {"jobs", "videos", "segments", "events", "deliveries"}


_OF_JOB = "video_id IN (SELECT id FROM videos WHERE job_id = :job)"


@pytest.mark.parametrize(
    ("harm", "tables"),
    [
        (f"DELETE FROM frames WHERE {_OF_JOB}", {"frames"}),
        (f"DELETE FROM sightings WHERE {_OF_JOB}", {"sightings", "plates"}),
        (
            "DELETE FROM tracklets WHERE segment_id IN (SELECT id FROM segments WHERE job_id = :job)",
            {"crops", "readings"},
        ),
    ],
)
def test_what_a_second_pass_loses_is_noticed(fleet: ChaosFleet, small_job: int, harm: str, tables: set[str]) -> None:
    # Never committed.
    with Session(engine_for(fleet.url)) as db:
        before = tables_of(db, small_job)
        assert not gone("card", before, tables_of(db, small_job))
        db.execute(text(harm), {"job": small_job})
        lost = gone("card", before, tables_of(db, small_job)).lost
        assert {said.split(": ")[1] for said in lost} == tables


def test_an_undisturbed_job_is_told_as_its_footage_asks(fleet: ChaosFleet, chaos: Chaos) -> None:
    fleet.ready("folder")
    names = ("plain", "bare", "hashed", "small")
    kinds = {}
    for name, job in chaos.undisturbed(names).items():
        heard = fleet.receiver.heard(job)
        # Whoever answers late is told again, under the same id; entries of other tests come and go with their hits.
        told = {(o.uid, o.type) for o in heard if o.type != "hit.created" or o.data["label"] == STANDING}
        kinds[name] = Counter(kind for _, kind in told)
        assert all(one.signed for one in heard)
        assert not telling.readable(heard, FLEETS[name].plates) or name != "hashed"
    # Recorded of late, and asked for: whatever the rows say.
    for name in names[:3]:
        job = chaos.undisturbed([name])[name]
        assert kinds[name]["sighting.created"] == _rows(fleet, "sightings", job) > 30
        assert kinds[name]["hit.created"] == _rows(fleet, _STANDING_HITS, job)
    assert (kinds["plain"]["hit.created"], kinds["hashed"]["hit.created"]) == (4, 1)
    # A backfill.
    assert kinds["small"] == {"video.done": 1, "video.unreadable": 1, "job.finished": 1}


_STANDING_HITS = f"(SELECT h.* FROM hits h JOIN watch_entries w ON w.id = h.entry_id WHERE w.label = '{STANDING}') s"


def _rows(fleet: ChaosFleet, table: str, job: int) -> int:
    of_job = f"SELECT count(*) AS n FROM {table} WHERE video_id IN (SELECT id FROM videos WHERE job_id = :job)"
    return int(fleet.ask(of_job, job=job)[0]["n"])


def test_what_is_told_wrongly_is_noticed(fleet: ChaosFleet, chaos: Chaos) -> None:
    fleet.ready("folder")
    heard = fleet.receiver.heard(chaos.undisturbed(["plain"])["plain"])
    expected = telling.told(heard)
    first, (hit, *_) = heard[0], [one for one in heard if one.type == "hit.created"]
    assert not telling.difference(expected, telling.told([*heard, first]))

    lost = telling.difference(expected, telling.told(one for one in heard if one is not hit))
    assert [line.split()[1] for line in lost.lost] == ["hit.created"] == [line.split()[1] for line in lost.lines]
    twice = telling.told([*heard, replace(hit, uid="evt_other")])
    assert len(telling.difference(expected, twice).doubled) == len(telling.difference(expected, twice, 2).doubled) == 1
    (done,) = [one for one in heard if one.type == "job.finished"]
    again = telling.told([*heard, replace(done, uid="evt_other"), replace(done, uid="evt_third", type="job.running")])
    assert len(telling.difference(expected, again).doubled) == 2
    assert not telling.difference(expected, again, 2)
    otherwise = [replace(one, data={**one.data, "share": 2}) if one is hit else one for one in heard]
    assert len(telling.difference(expected, telling.told(otherwise)).changed) == 1
    assert telling.forged([replace(hit, signed=False), replace(done, uid=hit.uid), hit]).changed
    assert telling.unasked(expected).doubled


def test_what_nobody_heard_of_is_noticed(fleet: ChaosFleet, chaos: Chaos) -> None:
    fleet.ready("folder")
    job = chaos.undisturbed(["plain"])["plain"]
    heard = fleet.receiver.heard(job)
    owed = "UPDATE deliveries SET state = 'dead' WHERE event_id = (SELECT max(id) FROM events WHERE job_id = :job)"
    with Session(engine_for(fleet.url)) as db:
        assert not telling.owed(db, job, heard)
        assert len(telling.owed(db, job, heard[1:]).lost) == 1
        db.execute(text(owed), {"job": job})
        assert len(telling.owed(db, job, heard).lost) == 1


def test_a_seed_is_a_schedule() -> None:
    schedules = [schedule_of(seed) for seed in range(100)]
    deal.cache_clear()
    assert schedules == [schedule_of(seed) for seed in range(100)]
    assert len({schedule.strikes for schedule in schedules}) == 100
    assert all(len(schedule.strikes) >= 5 for schedule in schedules)


@pytest.mark.parametrize(("first", "most"), [(0, MOST), *((first, 7) for first in range(0, 10 * TEN, TEN))])
def test_ten_seeds_have_every_fault_that_their_store_allows_and_all_drives(first: int, most: int) -> None:
    schedules = [schedule_of(seed, most=most) for seed in range(first, first + TEN)]
    assert {schedule.content for schedule in schedules} == set(CONTENTS)
    faults = {strike.fault for schedule in schedules for strike in schedule.strikes}
    (store,) = {schedule.store for schedule in schedules}
    assert faults == set(FAULTS) - (STORE_FAULTS if store == "folder" else set())
    while_told = {strike.fault for schedule in schedules for strike in schedule.telling}
    assert while_told >= set(TELLING_FAULTS)


def test_what_is_done_again_is_disturbed_both_times() -> None:
    for schedule in map(schedule_of, range(100)):
        names = [strike.fault for strike in schedule.strikes]
        for again in RERUNS.intersection(names):
            assert 0 < names.index(again) < len(names) - 1


def test_a_failure_says_so_and_counts() -> None:
    wrong = Difference(lost=("readings: north.mp4 1 0 is missing",), doubled=("files: a is too many",))
    struck = ("kill-read", "cut-redis", "resend", "resend", "pause")
    outcomes = [
        Outcome(schedule_of(1), 9.0, struck=struck),
        Outcome(schedule_of(2), 8.0, struck=struck, difference=wrong),
    ]
    assert "identical" in line(outcomes[0])
    assert "DIFFERENT" in line(outcomes[1])
    assert "north.mp4 1 0 is missing" in line(outcomes[1])
    assert total(outcomes) == "2 schedules, 10 faults: lost 1, doubled 1"


def test_only_faults_that_struck_count() -> None:
    few = Outcome(schedule_of(1), 9.0, struck=("kill-read", "cut-redis", "resend", "pause"))
    assert total([few]) == "1 schedules, 4 faults: lost 0, doubled 0; fewer than 5 faults struck in seed 1"


def test_a_fault_that_finds_nothing_says_so(fleet: ChaosFleet, chaos: Chaos) -> None:
    fleet.ready("folder")
    key = "nothing to strike"
    scene = Scene(fleet, "small", key)
    scene.submit(MAIN, "small")
    # Its job is not there yet.
    again = Strike("resend", 0.0, 0.0, 0.0, seed=1)
    strike(scene, again)
    assert (scene.struck, scene.missed) == ([], [again])
    assert scene.submissions[MAIN].process.wait(300) == 0
    late = Strike("kill-submit", 0.0, 0.0, 0.0, seed=2)
    strike(scene, late)
    assert (scene.struck, scene.missed) == ([], [again, late])
    assert "kill-submit struck nothing" in scene.story[-1]
    wait_for("its end", lambda: scene.ended(MAIN), 300.0)
    # Finished as it is, nothing of it needs its video.
    away = Strike("share-away", 0.0, 0.0, 1.0, seed=3)
    strike(scene, away)
    assert (scene.struck, scene.missed[-1], fleet.videos_are_away) == ([], away, False)


@pytest.mark.parametrize("emptied", [False, True])
def test_videos_are_away_as_a_share_is(fleet: ChaosFleet, emptied: bool) -> None:
    video = fleet.files["small"][-1]
    fleet.take_videos_away(emptied=emptied)
    try:
        with pytest.raises(Away):
            check_allowed(video, [video.parents[1]])
        assert video.parents[1].exists() is emptied
    finally:
        fleet.bring_videos_back()
    assert check_allowed(video, [video.parents[1]]) == video.resolve()
