"""A redo replaces what it has redone and nothing else: what was known stays where the second pass comes to nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import RowMapping

from bench.standin import Drive, StandIn
from dashplate.commands.verify import check
from db.engine import session
from db.jobs import cancel, control
from db.keeping.retention import Wanted
from db.keeping.watched import watch
from db.queue.outbox import MAX_FAILURES
from db.queue.scheduler import take_pending
from db.states import Stage, VideoState
from pipeline.detection.segment import SegmentLook
from pipeline.errors import UsageError
from pipeline.records import Image, MediaInfo, Reading
from tests.support.road import KEY, Road, stand_in_road
from workers.maintenance import sweeper
from workers.maintenance.retention import purge_all
from workers.maintenance.store_gc import clear_deletions
from workers.steps import segment_stages

DRIVE = "one.mp4"
SEGMENTS = 4
#: What a job keeps decides what a second pass has to go on from.
KEEPING: list[dict[str, Any]] = [{}, {"evidence": False}, {"hashed": True}]
every_job = pytest.mark.parametrize("options", KEEPING, ids=("evidence", "no evidence", "hashed"))


@pytest.fixture
def road(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Road]:
    about = {"DASHPLATE_REDIS_URL": redis_url, "DASHPLATE_PLATE_KEY": KEY}
    with stand_in_road(database_url, tmp_path / "data", **about) as made:
        yield made


def known(road: Road) -> dict[str, Sequence[RowMapping]]:
    """All that a person can see of what was found, but for ids."""
    return {name: road.ask(query) for name, query in _KNOWN.items()}


_KNOWN = {
    "sightings": """
        SELECT text, shown, country, confidence, characters, alternatives, first_pts, last_pts, best_pts,
               x1, y1, x2, y2, reads, confirmed, crop, tracklets
        FROM sightings ORDER BY first_pts, text
    """,
    "readings": """
        SELECT g.index AS segment, t.index, r.text, r.confidence, r.best_crop
        FROM readings r JOIN tracklets t ON t.id = r.tracklet_id JOIN segments g ON g.id = t.segment_id
        WHERE NOT t.provisional ORDER BY 1, 2
    """,
    "files": "SELECT name, sha256 FROM crops UNION ALL SELECT name, sha256 FROM frames ORDER BY 1",
    "plates": "SELECT key, text, country FROM plates ORDER BY key",
}


def well(road: Road, job: int) -> None:
    """What had to go is gone, and every row has its file."""
    while clear_deletions(road.url):
        pass
    assert check(road.url, road.store, job).well


def finish(road: Road) -> None:
    road.insist()
    road.aggregate()


def lose(road: Road) -> None:
    """The card was wiped."""
    (road.folder / DRIVE).unlink()


def detect_some(road: Road, count: int) -> list[tuple[int, int]]:
    """Detect what is due up to `count` segments; returns them with their attempt."""
    with session(road.url) as db:
        taken = take_pending(db, count, 1000)
    assert all(segment_stages.detect(one.segment_id, one.attempt) for one in taken)
    return [(one.segment_id, one.attempt) for one in taken]


@every_job
def test_a_retry_whose_file_is_gone_keeps_what_was_found(road: Road, options: dict[str, Any]) -> None:
    job = road.submit(DRIVE, drive=Drive(segments=SEGMENTS, poisoned=(1,)), **options)
    (video,) = road.open(job)
    finish(road)
    before = known(road)
    assert road.video(video).state is VideoState.TRUNCATED
    assert len(before["sightings"]) >= 4
    lose(road)
    control.retry(road.url, job, failed=True, quarantined=True)
    finish(road)
    assert known(road) == before
    row = road.video(video)
    assert (row.state, row.segments_done, row.segments_quarantined) == (VideoState.TRUNCATED, SEGMENTS - 1, 1)
    assert "was left out: one.mp4 is not there" in str(row.problem)
    well(road, job)


@every_job
def test_doing_a_job_again_whose_file_is_gone_keeps_what_was_found(road: Road, options: dict[str, Any]) -> None:
    job, (video,) = road.run(DRIVE, drive=Drive(segments=SEGMENTS), **options)
    before = known(road)
    lose(road)
    control.rerun(road.url, job, Stage.DETECT, {})
    finish(road)
    assert known(road) == before
    row = road.video(video)
    assert row.state is VideoState.TRUNCATED
    assert str(row.problem).startswith("0.0–40.0 s could not be done again, and what it showed before is kept: one.mp4")
    well(road, job)


@every_job
@pytest.mark.parametrize("done", [0, 1, 3])
def test_a_file_that_goes_in_the_middle_of_a_second_pass(road: Road, options: dict[str, Any], done: int) -> None:
    job, _ = road.run(DRIVE, drive=Drive(segments=SEGMENTS), **options)
    before = {row["text"] for row in road.ask("SELECT text FROM sightings")}
    control.rerun(road.url, job, Stage.DETECT, {})
    road.read(detect_some(road, done))
    lose(road)
    finish(road)
    seen = road.ask("SELECT text FROM sightings")
    assert {row["text"] for row in seen} == before
    assert len(seen) == len(before), "nothing is there twice"
    well(road, job)


@every_job
@pytest.mark.parametrize("done", [0, 1, 3])
@pytest.mark.parametrize("detected", [0, 1])
def test_cancelling_a_second_pass_keeps_what_the_first_found(
    road: Road, options: dict[str, Any], done: int, detected: int
) -> None:
    job, (video,) = road.run(DRIVE, drive=Drive(segments=SEGMENTS), **options)
    before = {row["text"] for row in road.ask("SELECT text FROM sightings")}
    control.rerun(road.url, job, Stage.DETECT, {})
    road.read(detect_some(road, done))
    detect_some(road, detected)
    cancel.cancel(road.url, job)
    road.aggregate()
    seen = road.ask("SELECT text FROM sightings")
    assert {row["text"] for row in seen} == before
    assert len(seen) == len(before), "nothing is there twice"
    row = road.video(video)
    assert row.state is VideoState.CANCELLED
    assert row.problem == (
        f"The job was cancelled after {done} of 4 stretches had been done again; what the others showed before is kept."
    )
    well(road, job)


@every_job
def test_what_cannot_be_read_again_stays_as_it_was_read(
    road: Road, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    job, (video,) = road.run(DRIVE, drive=Drive(segments=SEGMENTS), **options)
    before = known(road)

    def broken(*_: Any) -> Sequence[Reading | None]:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(StandIn, "read", broken)
    control.rerun(road.url, job, Stage.DETECT, {})
    finish(road)
    after = known(road)
    assert {name: after[name] for name in ("sightings", "readings", "plates")} == {
        name: before[name] for name in ("sightings", "readings", "plates")
    }
    assert {row["name"] for row in before["files"]} <= {row["name"] for row in after["files"]}
    assert "0.0–40.0 s could not be done again, and what it showed before is kept" in str(road.video(video).problem)
    well(road, job)


def test_what_is_found_no_more_goes(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    job, (video,) = road.run(DRIVE, drive=Drive(segments=SEGMENTS))
    monkeypatch.setattr(StandIn, "look", lambda *_: SegmentLook((), frames_looked=100, damage=None))
    control.rerun(road.url, job, Stage.DETECT, {})
    finish(road)
    assert road.video(video).state is VideoState.DONE
    assert not any(known(road).values())
    well(road, job)
    assert not road.files


def test_another_file_under_the_same_name_is_not_taken_for_the_first(road: Road) -> None:
    job, (video,) = road.run(DRIVE, drive=Drive(segments=SEGMENTS))
    before = known(road)
    Drive(segments=SEGMENTS, plates=1).write(road.folder / DRIVE)
    control.rerun(road.url, job, Stage.DETECT, {})
    finish(road)
    assert known(road) == before
    assert "one.mp4 is not the file that was looked at before" in str(road.video(video).problem)


def test_a_file_that_was_copied_back_is_the_same_file(road: Road) -> None:
    """A copy has the time of copying, as often as not."""
    job, (video,) = road.run(DRIVE, drive=Drive(segments=SEGMENTS))
    before = known(road)
    (road.folder / DRIVE).touch()
    control.rerun(road.url, job, Stage.DETECT, {})
    finish(road)
    assert (road.video(video).state, road.video(video).problem) == (VideoState.DONE, None)
    assert known(road)["readings"] == before["readings"]


def test_a_file_that_is_replaced_in_the_middle_of_the_first_pass_is_told(road: Road) -> None:
    """It may have grown, so it is read on."""
    job = road.submit(DRIVE, drive=Drive(segments=SEGMENTS))
    (video,) = road.open(job)
    road.read(detect_some(road, 1))
    assert not [row for row in road.segments(job) if row.damage]
    Drive(segments=SEGMENTS, plates=1).write(road.folder / DRIVE)
    finish(road)
    sentence = f"{DRIVE} changed after it had been opened: it may show two recordings."
    assert (road.video(video).state, road.video(video).problem) == (VideoState.TRUNCATED, sentence)
    lose(road)
    assert control.rerun(road.url, job, Stage.READ, {}) == SEGMENTS
    finish(road)
    assert road.video(video).problem == sentence


def test_a_file_that_goes_once_it_was_looked_at_is_no_problem(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    job = road.submit(DRIVE, drive=Drive(segments=1), evidence=False)
    (video,) = road.open(job)
    look = StandIn.look

    def once(self: StandIn, *given: Any) -> SegmentLook:
        seen = look(self, *given)
        lose(road)
        return seen

    monkeypatch.setattr(StandIn, "look", once)
    finish(road)
    assert (road.video(video).state, road.video(video).problem) == (VideoState.DONE, None)


def other_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another reader may find another picture the best, whose frame is not there yet."""
    read = StandIn.read

    def other(self: StandIn, *given: Any) -> Sequence[Reading | None]:
        return [reading and replace(reading, best_crop=1) for reading in read(self, *given)]

    monkeypatch.setattr(StandIn, "read", other)


def test_frames_of_another_file_are_no_evidence(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    job, _ = road.run(DRIVE, drive=Drive(segments=SEGMENTS))
    frames = {name for name in road.files if name.startswith("frames/")}
    other_reader(monkeypatch)
    Drive(segments=SEGMENTS, plates=1).write(road.folder / DRIVE)
    control.rerun(road.url, job, Stage.READ, {})
    finish(road)
    well(road, job)
    assert {name for name in road.files if name.startswith("frames/")} == frames


def test_frames_whose_files_are_gone_are_fetched_again(road: Road) -> None:
    job, (video,) = road.run(DRIVE, drive=Drive(segments=SEGMENTS))
    frames = {name for name in road.files if name.startswith("frames/")}
    for name in frames:
        road.store.remove(name)
    control.rerun(road.url, job, Stage.READ, {})
    finish(road)
    assert road.video(video).problem is None
    well(road, job)
    assert len({name for name in road.files if name.startswith("frames/")}) == len(frames)


def test_a_damaged_second_look_does_not_replace_a_whole_one(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    """A card that is dying shows less each time."""
    job, (video,) = road.run(DRIVE, drive=Drive(segments=SEGMENTS))
    before = known(road)
    torn = SegmentLook((), frames_looked=100, damage="one.mp4 is damaged at 3.1 s: 40 of 40 frames are broken.")
    monkeypatch.setattr(StandIn, "look", lambda *_: torn)
    control.rerun(road.url, job, Stage.DETECT, {})
    finish(road)
    assert known(road) == before
    assert "what it showed before is kept: one.mp4 is damaged" in str(road.video(video).problem)


def test_crops_that_could_not_be_read_are_read_at_the_next_try(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    """Although the file is gone by then: a wrong name for the reader is mended, and nothing is detected again."""
    job = road.submit(DRIVE, drive=Drive(segments=SEGMENTS))
    (video,) = road.open(job)
    with monkeypatch.context() as patch:
        patch.setattr(StandIn, "read", lambda *_: 1 / 0)
        finish(road)
    assert road.video(video).state is VideoState.FAILED
    lose(road)
    control.retry(road.url, job, failed=False, quarantined=True)
    finish(road)
    assert road.video(video).state is VideoState.DONE
    assert len(known(road)["sightings"]) == SEGMENTS + 1
    well(road, job)


@pytest.mark.parametrize("step", Stage)
def test_kept_crops_can_be_read_after_a_second_pass_in_vain(
    road: Road, monkeypatch: pytest.MonkeyPatch, step: Stage
) -> None:
    job, (video,) = road.run(DRIVE, drive=Drive(segments=SEGMENTS))
    before = known(road)
    with monkeypatch.context() as patch:
        patch.setattr(StandIn, "read", lambda *_: 1 / 0)
        control.rerun(road.url, job, step, {})
        finish(road)
    lose(road)
    assert control.rerun(road.url, job, Stage.READ, {"countries": ["GB"]}) == SEGMENTS
    finish(road)
    assert (road.video(video).state, road.video(video).problem) == (VideoState.DONE, None)
    assert known(road) == before
    well(road, job)


def test_a_second_pass_in_vain_that_cannot_be_put_together_is_tried_again(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, (video,) = road.run(DRIVE, drive=Drive(segments=SEGMENTS))
    before = known(road)
    lose(road)
    control.rerun(road.url, job, Stage.DETECT, {})
    road.insist()
    give_up_putting_together(road, monkeypatch)
    assert road.video(video).state is VideoState.FAILED
    assert control.retry(road.url, job, failed=True, quarantined=False) == (1, 0)
    road.aggregate()
    assert road.video(video).state is VideoState.TRUNCATED
    assert known(road) == before


def test_a_plate_that_is_watched_keeps_the_frame_that_it_has(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    job, _ = road.run(DRIVE, drive=Drive(segments=SEGMENTS))
    lose(road)
    other_reader(monkeypatch)
    control.rerun(road.url, job, Stage.READ, {})
    finish(road)
    frames = {name for name in road.files if name.startswith("frames/")}
    with session(road.url) as db:
        for row in road.ask("SELECT key, text FROM plates"):
            watch(db, row["key"], row["text"], None)
    purge_all(road.url, Wanted(older_than_s=0, keep_watched=True))
    while clear_deletions(road.url):
        pass
    assert {name for name in road.files if name.startswith("frames/")} == frames
    assert all(row["frame"] for row in road.ask("SELECT frame FROM plate_sightings"))


def test_what_a_watched_plate_keeps_is_its_own_where_a_second_pass_found_other_cars(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They bear the numbers of its tracklets, and were never put together."""
    job, _ = road.run(DRIVE, drive=Drive(segments=SEGMENTS))
    watched = road.ask("SELECT id, text, crop FROM sightings ORDER BY first_s LIMIT 1")[0]
    with session(road.url) as db:
        watch(db, watched["text"], watched["text"], None)
    read = StandIn.read

    def other_cars(self: StandIn, *given: Any) -> Sequence[Reading | None]:
        return [reading and replace(reading, text=f"Z{reading.text[1:]}") for reading in read(self, *given)]

    monkeypatch.setattr(StandIn, "read", other_cars)
    control.rerun(road.url, job, Stage.DETECT, {})
    road.insist()
    give_up_putting_together(road, monkeypatch)
    purge_all(road.url, Wanted(older_than_s=0, keep_watched=True))
    while clear_deletions(road.url):
        pass
    assert [dict(row) for row in road.ask("SELECT id, text, crop FROM sightings")] == [dict(watched)]
    assert road.ask("SELECT 1 FROM readings") == [], "what else was read is of other cars"
    assert {name for name in road.files if name.startswith("crops/")} == {watched["crop"]}


@pytest.mark.parametrize("options", [{}, {"evidence": False}], ids=("evidence", "no evidence"))
def test_what_an_earlier_version_had_begun_to_replace_stays(road: Road, options: dict[str, Any]) -> None:
    """It replaced tracklets before their readings were there."""
    job, _ = road.run(DRIVE, drive=Drive(segments=SEGMENTS), **options)
    before = {row["text"] for row in road.ask("SELECT text FROM sightings")}
    control.rerun(road.url, job, Stage.DETECT, {})
    first = "SELECT t.id FROM tracklets t JOIN segments g ON g.id = t.segment_id WHERE g.index < 2"
    road.do(f"DELETE FROM readings WHERE tracklet_id IN ({first})")
    lose(road)
    finish(road)
    assert {row["text"] for row in road.ask("SELECT text FROM sightings")} == before


def test_a_job_of_which_nothing_was_done_cannot_be_done_again(road: Road) -> None:
    job = road.submit(DRIVE, drive=Drive(segments=2, poisoned=(0, 1)))
    road.open(job)
    finish(road)
    with pytest.raises(UsageError, match=f"Nothing of job {job} was done"):
        control.rerun(road.url, job, Stage.DETECT, {"countries": ["GB"]})
    assert road.job(job).options["countries"] == []


def test_a_cancelled_second_pass_that_cannot_be_put_together_ends_cancelled(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, (video,) = road.run(DRIVE, drive=Drive(segments=SEGMENTS))
    before = known(road)
    control.rerun(road.url, job, Stage.DETECT, {})
    cancel.cancel(road.url, job)
    give_up_putting_together(road, monkeypatch)
    assert road.video(video).state is VideoState.CANCELLED
    assert known(road) == before
    well(road, job)


def give_up_putting_together(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("workers.steps.aggregate.stitch", lambda *_: 1 / 0)
        for _ in range(MAX_FAILURES):
            with pytest.raises(ZeroDivisionError):
                road.aggregate()
        sweeper.sweep()


@every_job
def test_a_second_pass_that_comes_through_gives_the_rows_of_the_first(road: Road, options: dict[str, Any]) -> None:
    job, (video,) = road.run(DRIVE, drive=Drive(segments=SEGMENTS), **options)
    before = known(road)
    control.rerun(road.url, job, Stage.DETECT, {})
    finish(road)
    after = known(road)
    assert road.video(video).problem is None
    # Names of files hold the attempt.
    assert [{**row, "crop": None} for row in after["sightings"]] == [
        {**row, "crop": None} for row in before["sightings"]
    ]
    assert (after["readings"], after["plates"]) == (before["readings"], before["plates"])
    well(road, job)


def test_reading_again_fetches_no_frame_that_is_there(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    job, (video,) = road.run(DRIVE, drive=Drive(segments=SEGMENTS))
    before, files = known(road), road.files
    lose(road)
    monkeypatch.setattr(StandIn, "frames", lambda *_: pytest.fail("it decodes"))
    control.rerun(road.url, job, Stage.READ, {})
    finish(road)
    assert known(road) == before
    assert (road.video(video).state, road.video(video).problem) == (VideoState.DONE, None)
    well(road, job)
    assert road.files == files


@pytest.mark.parametrize("fetch", ["gone", "half"])
def test_frames_stay_until_better_ones_are_there(road: Road, monkeypatch: pytest.MonkeyPatch, fetch: str) -> None:
    job, (video,) = road.run(DRIVE, drive=Drive(segments=SEGMENTS))
    before, files = len(known(road)["sightings"]), {name for name in road.files if name.startswith("frames/")}
    frames = StandIn.frames

    def half(self: StandIn, media: MediaInfo, wanted: Collection[int]) -> Iterator[tuple[int, Image]]:
        yield from list(frames(self, media, wanted))[:2]
        raise ValueError("the decoder gave up")

    other_reader(monkeypatch)
    if fetch == "half":
        monkeypatch.setattr(StandIn, "frames", half)
    else:
        lose(road)
    control.rerun(road.url, job, Stage.READ, {})
    finish(road)
    fetched = 2 if fetch == "half" else 0
    row = road.video(video)
    assert (row.state, row.problem) == (
        VideoState.DONE,
        f"The frame of {before - fetched} of its sightings could not be fetched; the plates are kept.",
    )
    well(road, job)
    now = {name for name in road.files if name.startswith("frames/")}
    assert len(now & files) == before, "all stay while one is missing"
    assert len(now) == before + fetched


def test_rows_of_before_that_cannot_be_stitched_stay(road: Road) -> None:
    """An earlier version kept nothing to stitch from where a job keeps no pictures."""
    job = road.submit(DRIVE, drive=Drive(segments=SEGMENTS, plates=3, poisoned=(2,)), evidence=False)
    (video,) = road.open(job)
    finish(road)
    before = {row["text"] for row in road.ask("SELECT text FROM sightings")}
    road.do("UPDATE readings SET best = NULL")
    Drive(segments=SEGMENTS, plates=3).write(road.folder / DRIVE)
    assert control.retry(road.url, job, failed=True, quarantined=True) == (0, 1)
    finish(road)
    seen = road.ask("SELECT index, text FROM sightings")
    assert "changed after it had been opened" in str(road.video(video).problem), "it is a mended one"
    assert before < {row["text"] for row in seen}
    assert len({row["text"] for row in seen}) == len(seen) == 2 * SEGMENTS + 1
    assert sorted(row["index"] for row in seen) == list(range(len(seen)))
    well(road, job)


def test_sightings_keep_their_crop_where_the_new_ones_cannot_be_put_together(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, (video,) = road.run(DRIVE, drive=Drive(segments=SEGMENTS))
    before = known(road)
    control.rerun(road.url, job, Stage.DETECT, {})
    road.insist()
    give_up_putting_together(road, monkeypatch)
    assert road.video(video).state is VideoState.FAILED
    while clear_deletions(road.url):
        pass
    assert known(road)["sightings"] == before["sightings"]
    assert {row["crop"] for row in before["sightings"]} <= road.files
    control.retry(road.url, job, failed=True, quarantined=True)
    road.aggregate()
    assert road.video(video).state is VideoState.DONE
    well(road, job)
