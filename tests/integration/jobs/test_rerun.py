"""Finished jobs that are done again from a step on, on a real PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest

from db.engine import session
from db.findings.stage_results import store_sightings
from db.jobs import control
from db.keeping.retention import PurgeScope, purge
from db.models import CropRow, SightingRow
from db.queue import outbox
from db.states import JobState, SegmentState, Stage, VideoState
from pipeline.errors import UsageError
from pipeline.job_options import JobOptions
from tests.support.database import (
    READING,
    aggregate,
    begin,
    count,
    detect,
    fail,
    job,
    job_state,
    make_job,
    no_waiting,
    overlap,
    owed,
    quarantine,
    read,
    run_sql,
    segment_states,
    stored,
    take,
    video_state,
    work,
)
from tests.support.tables.counters import check_counters
from tests.support.tables.findings import PICTURES, sighting, store_tracklets, tracklet

AGGREGATE = outbox.AGGREGATE


def done_job(url: str, *segments: int) -> tuple[int, list[int]]:
    """A finished job, each segment with a tracklet and its crops, each video with a sighting."""
    job_id, videos = make_job(url, *segments)
    for segment in take(url):
        assert detect(url, segment, damage="A torn frame." if segment.index == 1 else None)
        with session(url) as db:
            store_tracklets(db, segment.segment_id, [tracklet(0)], PICTURES)
        assert read(url, segment)
    for video_id in videos:
        with session(url) as db:
            store_sightings(db, video_id, [sighting(0, f"AB{video_id}CD")])
        aggregate(url, video_id)
    assert job_state(url, job_id) is JobState.FINISHED
    return job_id, videos


@pytest.mark.parametrize("step", Stage)
def test_running_again_from_a_step(database_url: str, monkeypatch: pytest.MonkeyPatch, step: Stage) -> None:
    monkeypatch.setattr(control, "CHUNK", 2)
    job_id, videos = done_job(database_url, 2, 1, 1)
    assert control.rerun(database_url, job_id, step, {"reader": "another"}) == 4
    row = job(database_url, job_id)
    assert (row.options, row.state, row.finished_at) == (
        JobOptions(sample_fps=8, reader="another").as_json(), JobState.RUNNING, None,
    )  # fmt: skip
    assert {video_state(database_url, v) for v in videos} == {VideoState.PROCESSING}
    assert count(database_url, SightingRow) == 3, "kept until the new ones are there"
    assert count(database_url, CropRow) == 8
    check_counters(database_url)

    again = take(database_url)
    assert [(s.only_read, s.attempt) for s in again] == [(step is Stage.READ, 2)] * 4
    for segment in again:
        work(database_url, segment)
    for video_id in videos:
        aggregate(database_url, video_id)
    assert job_state(database_url, job_id) is JobState.FINISHED
    problems = [stored(database_url, s.segment_id).problem for s in again]
    # What detection saw is not forgotten by reading again; detection itself sees it anew.
    assert problems.count("A torn frame.") == (1 if step is Stage.READ else 0)
    check_counters(database_url)


def test_a_run_again_that_is_killed_has_changed_nothing(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "CHUNK", 1)
    job_id, _ = done_job(database_url, 1, 1)
    really, calls = control._segments_again, iter(range(9))

    def killed(*given: Any) -> int:
        if next(calls) == 1:
            raise KeyboardInterrupt
        return really(*given)

    with monkeypatch.context() as patch:
        patch.setattr(control, "_segments_again", killed)
        with pytest.raises(KeyboardInterrupt):
            control.rerun(database_url, job_id, Stage.DETECT, {"reader": "another"})
    row = job(database_url, job_id)
    assert (row.state, row.open, row.options) == (JobState.FINISHED, False, JobOptions(sample_fps=8).as_json())
    assert segment_states(database_url, job_id) == ["done"] * 2
    assert control.rerun(database_url, job_id, Stage.DETECT, {}) == 2


def test_what_is_purged_in_front_of_a_run_again_is_left_alone(database_url: str) -> None:
    job_id, (gone, kept) = done_job(database_url, 1, 1)
    overlap(
        database_url,
        lambda db: purge(db, [gone], PurgeScope(0)),
        lambda _: control.rerun(database_url, job_id, Stage.DETECT, {}),
    )
    assert [video_state(database_url, v) for v in (gone, kept)] == [VideoState.DONE, VideoState.PROCESSING]


def test_running_again_leaves_alone_what_gave_nothing(database_url: str) -> None:
    job_id, (good, half, bad) = make_job(database_url, 1, 2, 1)
    segments = take(database_url)
    for segment in (segments[1], segments[3]):
        quarantine(database_url, segment)
    for segment in (segments[0], segments[2]):
        work(database_url, segment)
    aggregate(database_url, good)
    aggregate(database_url, half, VideoState.TRUNCATED, "Left out.")
    aggregate(database_url, bad, VideoState.FAILED, "Nothing.")
    assert control.rerun(database_url, job_id, Stage.DETECT, {}) == 2
    assert [video_state(database_url, v) for v in (good, half, bad)] == [
        VideoState.PROCESSING, VideoState.PROCESSING, VideoState.FAILED,
    ]  # fmt: skip
    for segment in take(database_url):
        work(database_url, segment)
    assert owed(database_url) == [(AGGREGATE, good), (AGGREGATE, half)]
    check_counters(database_url)


def test_a_reading_that_fails_in_a_rerun_waits_and_is_tried_again(database_url: str) -> None:
    job_id, _ = done_job(database_url, 1)
    control.rerun(database_url, job_id, Stage.READ, {})
    (segment,) = take(database_url)
    assert begin(database_url, segment, READING)
    assert fail(database_url, segment, "Out of memory.")
    row = stored(database_url, segment.segment_id)
    assert (row.state, row.failures, row.step) == (SegmentState.PENDING, 1, Stage.READ)
    no_waiting(database_url)
    work(database_url, *take(database_url))


def test_reading_again_without_crops_is_refused_before_anything_is_changed(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "CHUNK", 2)
    job_id, (*_, last) = done_job(database_url, 1, 1, 1)
    run_sql(
        database_url,
        "DELETE FROM crops c USING tracklets t, segments g "
        "WHERE t.id = c.tracklet_id AND g.id = t.segment_id AND g.video_id = :last",
        last=last,
    )
    with pytest.raises(UsageError, match=r"The crops of /cam/2\.mp4 are gone; run it again with --from detect\."):
        control.rerun(database_url, job_id, Stage.READ, {"reader": "another"})
    row = job(database_url, job_id)
    assert (row.state, row.options) == (JobState.FINISHED, JobOptions(sample_fps=8).as_json())
    assert set(segment_states(database_url, job_id)) == {"done"}
    assert control.rerun(database_url, job_id, Stage.DETECT, {}) == 3


def test_reading_again_what_was_submitted_without_evidence_is_refused(database_url: str) -> None:
    job_id, _ = done_job(database_url, 1)
    run_sql(database_url, """UPDATE jobs SET options = '{"evidence": false}'""")
    with pytest.raises(UsageError, match=f"Job {job_id} was submitted with --no-evidence"):
        control.rerun(database_url, job_id, Stage.READ, {})
    assert job_state(database_url, job_id) is JobState.FINISHED
