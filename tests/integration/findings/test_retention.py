"""What was found goes when its time is over: the rows first, then the files, and nothing else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from bench.standin import Drive, plate_text
from dashplate.commands import privacy
from dashplate.commands.checks.verify import check
from db.engine import session
from db.jobs import control
from db.keeping import watched
from db.keeping.due import due
from db.keeping.retention import _LOCK_PLATES, PurgeScope, purge
from db.models import CropRow, FrameRow, Plate, ReadingRow, Segment, SightingRow, TrackletRow, Video
from db.states import SegmentState, Stage, VideoState
from pipeline.errors import DashplateError, UsageError
from pipeline.formats.confusions import folded
from store import Store, StoreUnavailable
from tests.support.database import count, waiting
from tests.support.processes import PATIENCE_S, wait_until
from tests.support.road import Road
from workers.maintenance.apply_retention import apply_retention, count_all, purge_all

DAY_S = 86_400
APPLY = "workers.maintenance.apply_retention"
FINDINGS = (SightingRow, ReadingRow, TrackletRow, CropRow, FrameRow)


def _purge(older_than: str | None = "30d", **given: object) -> None:
    options = {"keep_watched": False, "job": None, "forget": False, "dry_run": False, "yes": True, "data": None}
    privacy.purge(older_than, **(options | given))  # type: ignore[arg-type]


def _watch(road: Road, plate: str) -> None:
    with session(road.url) as db:
        watched.watch(db, folded(plate), plate, None)


def test_what_is_old_goes_and_what_is_young_stays(road: Road, capsys: pytest.CaptureFixture[str]) -> None:
    _, (old,) = road.run("old.mp4")
    of_old = road.files
    job, (young,) = road.run("young.mp4")
    assert len(of_old) >= 6
    assert len(road.files) > len(of_old)
    road.age(old, days=31)
    _purge()
    said = capsys.readouterr().out
    assert "1 video showed: 3 sightings" in said
    assert f"{len(of_old)} files, " in said
    assert "kB" in said
    assert road.video(old).purged_at is not None
    assert road.video(young).purged_at is None
    assert not road.files & of_old
    assert {row["video_id"] for row in road.ask("SELECT video_id FROM sightings")} == {young}
    assert {row["video_id"] for row in road.ask("SELECT video_id FROM frames")} == {young}
    shown = {plate_text("young.mp4", number) for number in range(3)}
    assert {row["text"] for row in road.ask("SELECT text FROM plates")} == shown
    assert check(road.url, road.store, job).well


def test_the_history_of_a_purged_job_stays_true(road: Road) -> None:
    job, videos = road.run("one.mp4", "two.mp4")
    before = road.ask("SELECT * FROM job_progress WHERE job = :job", job=job)
    road.age(*videos, days=31)
    _purge()
    for table in FINDINGS:
        assert count(road.url, table) == 0, table
    assert road.ask("SELECT * FROM job_progress WHERE job = :job", job=job) == [{**before[0], "plates": 0}]
    assert [segment.state for segment in road.segments(job)] == [SegmentState.DONE] * 4
    assert [Path(road.video(video).path).name for video in videos] == ["one.mp4", "two.mp4"]
    report = check(road.url, road.store, job)
    assert report.well
    assert report.files == 0


def test_a_dry_run_says_the_same_and_changes_nothing(road: Road, capsys: pytest.CaptureFixture[str]) -> None:
    _, videos = road.run("one.mp4")
    road.age(*videos, days=31)
    before, files = road.dump(), road.files
    expected = count_all(road.url, PurgeScope(30 * DAY_S))
    _purge(dry_run=True)
    assert "This would delete what 1 video showed: 3 sightings" in capsys.readouterr().out
    # But for the record of the question.
    assert [line for line in road.dump().splitlines() if "--dry-run" not in line] == before.splitlines()
    assert road.files == files
    assert purge_all(road.url, PurgeScope(30 * DAY_S)) == expected
    assert expected.files == len(files)
    assert expected.bytes > 0


def test_without_consent_nothing_is_deleted(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    _, videos = road.run("one.mp4")
    road.age(*videos, days=31)
    before = road.dump()
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: SIM115
    with pytest.raises(UsageError, match=r"deletes what 1 video showed.*--yes"):
        _purge(yes=False)
    assert road.dump() == before


def test_watched_plates_keep_what_they_rest_on(road: Road) -> None:
    # Its second plate, seen on in the next segment: a sighting of two tracklets.
    plate = plate_text("one.mp4", 1)
    job, (video,) = road.run("one.mp4")
    _watch(road, plate)
    road.age(video, days=31)
    _purge(keep_watched=True)
    (kept,) = road.ask("SELECT * FROM plate_sightings")
    assert kept["plate"] == plate
    assert kept["frame"] is not None
    assert {kept["crop"], kept["frame"]} < road.files
    assert [count(road.url, table) for table in (TrackletRow, ReadingRow, CropRow, FrameRow)] == [2, 2, 4, 1]
    assert len(road.files) == 5
    assert road.video(video).purged_at is not None
    assert check(road.url, road.store, job).well
    # Nothing is left to be done, as long as it is watched.
    assert count_all(road.url, PurgeScope(30 * DAY_S, keep_watched=True)).videos == 0


def test_a_plate_that_is_no_longer_watched_goes_too(road: Road) -> None:
    _, (video,) = road.run("one.mp4", retain_s=DAY_S)
    _watch(road, plate_text("one.mp4", 1))
    road.age(video, days=2)
    assert apply_retention(road.url) == 1
    assert apply_retention(road.url) == 0
    assert count(road.url, SightingRow) == 1
    privacy.unwatch_plate(plate_text("one.mp4", 1).lower(), None)
    assert apply_retention(road.url) == 1
    assert [count(road.url, table) for table in (*FINDINGS, Plate)] == [0] * 6
    road.clear()
    assert not road.files


def test_a_purge_that_keeps_nothing_takes_what_an_earlier_one_kept(road: Road) -> None:
    _, (video,) = road.run("one.mp4")
    _watch(road, plate_text("one.mp4", 1))
    road.age(video, days=31)
    _purge(keep_watched=True)
    _purge()
    assert [count(road.url, table) for table in (*FINDINGS, Plate)] == [0] * 6
    assert not road.files


def test_forgetting_takes_the_videos_and_empty_jobs_too(road: Road) -> None:
    whole, both = road.run("one.mp4", "two.mp4")
    part, (old, young) = road.run("old.mp4", "young.mp4")
    road.age(*both, old, days=31)
    _purge(forget=True)
    assert [row["id"] for row in road.ask("SELECT id FROM jobs")] == [part]
    assert [row["id"] for row in road.ask("SELECT id FROM videos")] == [young]
    assert count(road.url, Segment) == 2
    # The counters follow.
    assert (road.job(part).videos, road.job(part).segments) == (1, 2)
    assert check(road.url, road.store, part).well
    assert not any(name.split("/")[1] == str(whole) for name in road.files)


def test_forgetting_spares_videos_of_watched_plates_and_of_jobs_that_take_more(road: Road) -> None:
    _, (seen,) = road.run("one.mp4")
    watching, (arrived,) = road.run("two.mp4")
    road.do("UPDATE jobs SET state = 'running', finished_at = NULL, open = true WHERE id = :job", job=watching)
    _watch(road, plate_text("one.mp4", 0))
    road.age(seen, arrived, days=31)
    _purge(forget=True, keep_watched=True)
    # The second would be taken in again.
    assert {row["id"] for row in road.ask("SELECT id FROM videos")} == {seen, arrived}
    assert count(road.url, SightingRow) == 1 + 3
    _purge(forget=True)
    assert {row["id"] for row in road.ask("SELECT id FROM videos")} == {arrived}


def test_a_purge_of_one_job_leaves_the_others(road: Road) -> None:
    first, (one,) = road.run("one.mp4")
    _, (two,) = road.run("two.mp4")
    road.age(one, two, days=31)
    _purge(job=first)
    assert road.video(one).purged_at is not None
    assert road.video(two).purged_at is None
    with pytest.raises(UsageError, match="no job 77"):
        _purge(job=77)


def test_a_video_that_is_being_done_is_never_purged(road: Road) -> None:
    job = road.submit("one.mp4")
    (video,) = road.open(job)
    road.read(road.detect()[:1])
    road.do("UPDATE videos SET created_at = now() - interval '1 year'")
    before = road.dump()
    assert purge_all(road.url, PurgeScope(0)).videos == 0
    assert road.dump() == before
    # And one that was opened again between the look and the deed.
    road.do("UPDATE videos SET state = 'aggregating' WHERE id = :id", id=video)
    road.aggregate()
    with session(road.url) as db:
        assert purge(db, [video], PurgeScope(0)).videos == 0


def test_an_interrupted_purge_is_gone_on_with(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    job, videos = road.run("one.mp4", "two.mp4", "three.mp4")
    road.age(*videos, days=31)
    monkeypatch.setattr(f"{APPLY}.due", lambda db, wanted, after: due(db, wanted, after, limit=1))
    done: list[int] = []

    def purge_two(*given: object) -> object:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(1)
        return purge(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(f"{APPLY}.purge", purge_two)
    with pytest.raises(KeyboardInterrupt):
        purge_all(road.url, PurgeScope(30 * DAY_S))
    monkeypatch.setattr(f"{APPLY}.purge", purge)
    # Two are gone whole and the third is there whole; no file is lost sight of.
    assert {row["video_id"] for row in road.ask("SELECT video_id FROM sightings")} == {videos[2]}
    report = check(road.url, road.store, job)
    assert report.well
    assert report.waiting > 0
    assert purge_all(road.url, PurgeScope(30 * DAY_S)).videos == 1
    road.clear()
    assert not road.files


def test_each_job_keeps_its_own_time(road: Road) -> None:
    _, (short,) = road.run("short.mp4", retain_s=DAY_S)
    _, (long,) = road.run("long.mp4", retain_s=30 * DAY_S)
    _, (for_ever,) = road.run("for_ever.mp4")
    road.age(short, long, for_ever, days=2)
    assert apply_retention(road.url) == 1
    assert [road.video(v).purged_at is not None for v in (short, long, for_ever)] == [True, False, False]
    road.age(short, long, for_ever, days=30)
    _purge(None)
    assert [road.video(v).purged_at is not None for v in (short, long, for_ever)] == [True, True, False]


def test_what_is_run_again_is_purged_again(road: Road) -> None:
    job, (video,) = road.run("one.mp4", retain_s=DAY_S)
    control.rerun(road.url, job, Stage.DETECT, {})
    # As if it had been purged while that began.
    road.do("UPDATE videos SET purged_at = now()")
    road.read(road.detect())
    road.aggregate()
    assert road.video(video).purged_at is None
    road.age(video, days=2)
    assert apply_retention(road.url) == 1


def test_what_was_purged_is_not_retried_in_part(road: Road) -> None:
    job = road.submit("one.mp4", drive=Drive(segments=2, poisoned=(1,)))
    (video,) = road.open(job)
    road.finish()
    assert road.video(video).state is VideoState.TRUNCATED
    road.age(video, days=31)
    _purge()
    assert control.retry(road.url, job, failed=True, quarantined=True) == (0, 0)
    assert road.video(video).state is VideoState.TRUNCATED


def test_a_file_that_cannot_be_removed_stays_noted(
    road: Road, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, videos = road.run("one.mp4")
    road.age(*videos, days=31)

    def away(self: Store, name: str) -> None:
        raise StoreUnavailable("The bucket is away.")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "remove", away)
        _purge()
    assert "2 files and folders could not be removed yet" in capsys.readouterr().err
    assert len(road.files) > 0
    road.clear()
    assert not road.files


def test_a_purge_and_an_aggregation_of_the_same_plate_do_not_meet_badly(road: Road) -> None:
    """The plate of a purged sighting stays where another video shows it too."""
    _, (old,) = road.run("one.mp4")
    road.do("UPDATE videos SET fingerprint = 'other', path = '/elsewhere'")
    _, (young,) = road.run("one.mp4")
    road.age(old, days=31)
    plates = road.ask("SELECT id, text FROM plates ORDER BY id")
    _purge()
    assert road.ask("SELECT id, text FROM plates ORDER BY id") == plates
    assert count(road.url, SightingRow) == 3
    assert count(road.url, Video) == 2
    assert road.video(young).purged_at is None


def test_a_purge_that_meets_another_badly_does_the_same_again(road: Road) -> None:
    """The other holds the second video and wants the first; PostgreSQL ends the purge, which waited longer."""
    _, (one, two) = road.run("one.mp4", "two.mp4")
    road.age(one, two, days=31)
    lock = text("SELECT 1 FROM videos WHERE id = :video FOR UPDATE")
    with ThreadPoolExecutor(1) as pool:
        with session(road.url) as db:
            db.execute(lock, {"video": two})
            purging = pool.submit(purge_all, road.url, PurgeScope(30 * DAY_S))
            wait_until("the purge to wait", lambda: waiting(road.url))
            db.execute(lock, {"video": one})
            assert not purging.done()
        assert purging.result(timeout=PATIENCE_S).videos == 2
    assert count(road.url, SightingRow) == 0


def test_retention_locks_plates_by_code_point_as_an_aggregation_does(road: Road) -> None:
    """The test's database may sort like that by itself; others sort `#` and letters otherwise."""
    with session(road.url) as db:
        db.execute(text("SET LOCAL enable_indexscan = off"))
        plan = db.scalars(text(f"EXPLAIN {_LOCK_PLATES.text}"), {"ids": [1], "kept_sightings": []}).all()
    (order,) = [line for line in plan if "Sort Key" in line]
    assert order.endswith('COLLATE "C"')


def test_a_question_that_cannot_be_recorded_deletes_nothing(road: Road) -> None:
    _, videos = road.run("one.mp4")
    road.age(*videos, days=31)
    road.do("ALTER TABLE audit RENAME TO audit_away")
    try:
        before = road.dump()
        with pytest.raises(DashplateError, match="not answered"):
            _purge()
        assert road.dump() == before
    finally:
        road.do("ALTER TABLE audit_away RENAME TO audit")
