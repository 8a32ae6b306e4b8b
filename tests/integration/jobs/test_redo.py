"""A redo replaces what it has redone and nothing else: what was known stays where the second pass comes to nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from bench.standin import Drive, StandIn
from db.engine import session
from db.jobs import cancel, control
from db.keeping.retention import PurgeScope
from db.keeping.watched import watch
from db.states import Stage, VideoState
from pipeline.detection.segment import SegmentDetection
from pipeline.errors import UsageError
from pipeline.records import Reading
from tests.support.road import Road
from tests.support.tables.redo import (
    DRIVE,
    SEGMENTS,
    detect_some,
    every_job,
    give_up_putting_together,
    known,
    lose,
    texts,
    well,
)
from workers.maintenance.apply_retention import purge_all

pytestmark = pytest.mark.usefixtures("plate_key")


@every_job
def test_a_retry_whose_file_is_gone_keeps_what_was_found(road: Road, options: dict[str, Any]) -> None:
    job = road.submit(DRIVE, drive=Drive(segments=SEGMENTS, poisoned=(1,)), **options)
    (video,) = road.open(job)
    road.finish()
    before = known(road)
    assert road.video(video).state is VideoState.TRUNCATED
    assert len(before["sightings"]) >= 4
    lose(road)
    control.retry(road.url, job, failed=True, quarantined=True)
    road.finish()
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
    road.finish()
    assert known(road) == before
    row = road.video(video)
    assert row.state is VideoState.TRUNCATED
    assert str(row.problem).startswith("0.0–40.0 s could not be done again, and what it showed before is kept: one.mp4")
    well(road, job)


@every_job
@pytest.mark.parametrize("done", [0, 1, 3])
def test_a_file_that_goes_in_the_middle_of_a_second_pass(road: Road, options: dict[str, Any], done: int) -> None:
    job, _ = road.run(DRIVE, drive=Drive(segments=SEGMENTS), **options)
    before = texts(road)
    control.rerun(road.url, job, Stage.DETECT, {})
    road.read(detect_some(road, done))
    lose(road)
    road.finish()
    assert texts(road) == before, "nothing is gone, and nothing there twice"
    well(road, job)


@every_job
@pytest.mark.parametrize("done", [0, 1, 3])
@pytest.mark.parametrize("detected", [0, 1])
def test_cancelling_a_second_pass_keeps_what_the_first_found(
    road: Road, options: dict[str, Any], done: int, detected: int
) -> None:
    job, (video,) = road.run(DRIVE, drive=Drive(segments=SEGMENTS), **options)
    before = texts(road)
    control.rerun(road.url, job, Stage.DETECT, {})
    road.read(detect_some(road, done))
    detect_some(road, detected)
    cancel.cancel(road.url, job)
    road.aggregate()
    assert texts(road) == before, "nothing is gone, and nothing there twice"
    row = road.video(video)
    assert row.state is VideoState.CANCELLED
    assert row.problem == (
        f"The job was cancelled after {done} of 4 segments had been done again; what the others showed before is kept."
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
    road.finish()
    after = known(road)
    assert {**after, "files": None} == {**before, "files": None}
    assert {row["name"] for row in before["files"]} <= {row["name"] for row in after["files"]}
    assert "0.0–40.0 s could not be done again, and what it showed before is kept" in str(road.video(video).problem)
    well(road, job)


def test_what_is_found_no_more_goes(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    job, (video,) = road.run(DRIVE, drive=Drive(segments=SEGMENTS))
    monkeypatch.setattr(StandIn, "detect", lambda *_: SegmentDetection((), frames_looked=100, damage=None))
    control.rerun(road.url, job, Stage.DETECT, {})
    road.finish()
    assert road.video(video).state is VideoState.DONE
    assert not any(known(road).values())
    well(road, job)
    assert not road.files


def test_crops_that_could_not_be_read_are_read_at_the_next_try(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    """Although the file is gone by then: a wrong name for the reader is mended, and nothing is detected again."""
    job = road.submit(DRIVE, drive=Drive(segments=SEGMENTS))
    (video,) = road.open(job)
    with monkeypatch.context() as patch:
        patch.setattr(StandIn, "read", lambda *_: 1 / 0)
        road.finish()
    assert road.video(video).state is VideoState.FAILED
    lose(road)
    control.retry(road.url, job, failed=False, quarantined=True)
    road.finish()
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
        road.finish()
    lose(road)
    assert control.rerun(road.url, job, Stage.READ, {"countries": ["GB"]}) == SEGMENTS
    road.finish()
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
    purge_all(road.url, PurgeScope(older_than_s=0, keep_watched=True))
    road.clear()
    assert [dict(row) for row in road.ask("SELECT id, text, crop FROM sightings")] == [dict(watched)]
    assert road.ask("SELECT 1 FROM readings") == [], "what else was read is of other cars"
    assert {name for name in road.files if name.startswith("crops/")} == {watched["crop"]}


@pytest.mark.parametrize("options", [{}, {"evidence": False}], ids=("evidence", "no evidence"))
def test_what_an_earlier_version_had_begun_to_replace_stays(road: Road, options: dict[str, Any]) -> None:
    """It replaced tracklets before their readings were there."""
    job, _ = road.run(DRIVE, drive=Drive(segments=SEGMENTS), **options)
    before = texts(road)
    control.rerun(road.url, job, Stage.DETECT, {})
    first = "SELECT t.id FROM tracklets t JOIN segments g ON g.id = t.segment_id WHERE g.index < 2"
    road.do(f"DELETE FROM readings WHERE tracklet_id IN ({first})")
    lose(road)
    road.finish()
    assert texts(road) == before


def test_a_job_of_which_nothing_was_done_cannot_be_done_again(road: Road) -> None:
    job = road.submit(DRIVE, drive=Drive(segments=2, poisoned=(0, 1)))
    road.open(job)
    road.finish()
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


@every_job
def test_a_second_pass_that_comes_through_gives_the_rows_of_the_first(road: Road, options: dict[str, Any]) -> None:
    job, (video,) = road.run(DRIVE, drive=Drive(segments=SEGMENTS), **options)
    before = known(road)
    control.rerun(road.url, job, Stage.DETECT, {})
    road.finish()
    after = known(road)
    assert road.video(video).problem is None
    # Names of files hold the attempt.
    assert [{**row, "crop": None} for row in after["sightings"]] == [
        {**row, "crop": None} for row in before["sightings"]
    ]
    assert (after["readings"], after["plates"]) == (before["readings"], before["plates"])
    well(road, job)


def test_rows_of_before_that_cannot_be_stitched_stay(road: Road) -> None:
    """An earlier version kept nothing to stitch from where a job keeps no pictures."""
    job = road.submit(DRIVE, drive=Drive(segments=SEGMENTS, plates=3, poisoned=(2,)), evidence=False)
    (video,) = road.open(job)
    road.finish()
    before = texts(road)
    road.do("UPDATE readings SET best = NULL")
    Drive(segments=SEGMENTS, plates=3).write(road.folder / DRIVE)
    assert control.retry(road.url, job, failed=True, quarantined=True) == (0, 1)
    road.finish()
    seen = road.ask("SELECT index, text FROM sightings")
    assert "changed after it had been opened" in str(road.video(video).problem), "it is a mended one"
    assert set(before) < {row["text"] for row in seen}
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
    road.clear()
    assert known(road)["sightings"] == before["sightings"]
    assert {row["crop"] for row in before["sightings"]} <= road.files
    control.retry(road.url, job, failed=True, quarantined=True)
    road.aggregate()
    assert road.video(video).state is VideoState.DONE
    well(road, job)
