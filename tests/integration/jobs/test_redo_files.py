"""A redo of another, a damaged, a replaced or a lost file, and the evidence frames that it finds or fetches."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from typing import Any

import pytest

from bench.standin import Drive, StandIn
from db.engine import session
from db.jobs import control
from db.keeping.retention import PurgeScope
from db.keeping.watched import watch
from db.states import SegmentState, Stage, VideoState
from pipeline.detection.segment import SegmentDetection
from pipeline.records import Image, MediaInfo
from tests.support.road import Road
from tests.support.tables.redo import DRIVE, SEGMENTS, detect_some, known, lose, other_reader, well
from workers.maintenance.apply_retention import purge_all

pytestmark = pytest.mark.usefixtures("plate_key")


def test_another_file_under_the_same_name_is_not_taken_for_the_first(road: Road) -> None:
    job, (video,) = road.run(DRIVE, drive=Drive(segments=SEGMENTS))
    before = known(road)
    Drive(segments=SEGMENTS, plates=1).write(road.folder / DRIVE)
    control.rerun(road.url, job, Stage.DETECT, {})
    road.finish()
    assert known(road) == before
    assert "one.mp4 is not the file that was looked at before" in str(road.video(video).problem)


def test_a_file_that_was_copied_back_is_the_same_file(road: Road) -> None:
    """A copy has the time of copying, as often as not."""
    job, (video,) = road.run(DRIVE, drive=Drive(segments=SEGMENTS))
    before = known(road)
    (road.folder / DRIVE).touch()
    control.rerun(road.url, job, Stage.DETECT, {})
    road.finish()
    assert (road.video(video).state, road.video(video).problem) == (VideoState.DONE, None)
    assert known(road)["readings"] == before["readings"]


def test_an_upload_that_was_deleted_is_given_up_at_once(road: Road) -> None:
    name = f"store/uploads/{'0a' * 16}/{DRIVE}"
    (road.folder / name).parent.mkdir(parents=True)
    job, (video,) = road.run(name, drive=Drive(segments=SEGMENTS))
    before = known(road)
    shutil.rmtree((road.folder / name).parent)
    assert control.rerun(road.url, job, Stage.DETECT, {}) == SEGMENTS
    road.finish()
    assert known(road) == before
    assert {(one.state, one.failures, one.attempt) for one in road.segments(job)} == {(SegmentState.QUARANTINED, 1, 2)}
    assert "was uploaded and is deleted since" in str(road.video(video).problem)


def test_a_file_that_is_replaced_in_the_middle_of_the_first_pass_is_told(road: Road) -> None:
    """It may have grown, so it is read on."""
    job = road.submit(DRIVE, drive=Drive(segments=SEGMENTS))
    (video,) = road.open(job)
    road.read(detect_some(road, 1))
    assert not [row for row in road.segments(job) if row.damage]
    Drive(segments=SEGMENTS, plates=1).write(road.folder / DRIVE)
    road.finish()
    sentence = f"{DRIVE} changed after it had been opened: it may show two recordings."
    assert (road.video(video).state, road.video(video).problem) == (VideoState.TRUNCATED, sentence)
    lose(road)
    assert control.rerun(road.url, job, Stage.READ, {}) == SEGMENTS
    road.finish()
    assert road.video(video).problem == sentence


def test_a_file_that_goes_once_it_was_looked_at_is_no_problem(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    job = road.submit(DRIVE, drive=Drive(segments=1), evidence=False)
    (video,) = road.open(job)
    look = StandIn.detect

    def once(self: StandIn, *given: Any) -> SegmentDetection:
        seen = look(self, *given)
        lose(road)
        return seen

    monkeypatch.setattr(StandIn, "detect", once)
    road.finish()
    assert (road.video(video).state, road.video(video).problem) == (VideoState.DONE, None)


def test_frames_of_another_file_are_no_evidence(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    job, _ = road.run(DRIVE, drive=Drive(segments=SEGMENTS))
    frames = road.frames
    other_reader(monkeypatch)
    Drive(segments=SEGMENTS, plates=1).write(road.folder / DRIVE)
    control.rerun(road.url, job, Stage.READ, {})
    road.finish()
    well(road, job)
    assert road.frames == frames


def test_frames_whose_files_are_gone_are_fetched_again(road: Road) -> None:
    job, (video,) = road.run(DRIVE, drive=Drive(segments=SEGMENTS))
    frames = road.frames
    for name in frames:
        road.store.remove(name)
    control.rerun(road.url, job, Stage.READ, {})
    road.finish()
    assert road.video(video).problem is None
    well(road, job)
    assert len(road.frames) == len(frames)


def test_a_damaged_second_look_does_not_replace_a_whole_one(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    """A card that is dying shows less each time."""
    job, (video,) = road.run(DRIVE, drive=Drive(segments=SEGMENTS))
    before = known(road)
    torn = SegmentDetection((), frames_looked=100, damage="one.mp4 is damaged at 3.1 s: 40 of 40 frames are broken.")
    monkeypatch.setattr(StandIn, "detect", lambda *_: torn)
    control.rerun(road.url, job, Stage.DETECT, {})
    road.finish()
    assert known(road) == before
    assert "what it showed before is kept: one.mp4 is damaged" in str(road.video(video).problem)


def test_a_plate_that_is_watched_keeps_the_frame_that_it_has(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    job, _ = road.run(DRIVE, drive=Drive(segments=SEGMENTS))
    lose(road)
    other_reader(monkeypatch)
    control.rerun(road.url, job, Stage.READ, {})
    road.finish()
    frames = road.frames
    with session(road.url) as db:
        for row in road.ask("SELECT key, text FROM plates"):
            watch(db, row["key"], row["text"], None)
    purge_all(road.url, PurgeScope(older_than_s=0, keep_watched=True))
    road.clear()
    assert road.frames == frames
    assert all(row["frame"] for row in road.ask("SELECT frame FROM plate_sightings"))


def test_reading_again_fetches_no_frame_that_is_there(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    job, (video,) = road.run(DRIVE, drive=Drive(segments=SEGMENTS))
    before, files = known(road), road.files
    lose(road)
    monkeypatch.setattr(StandIn, "frames", lambda *_: pytest.fail("it decodes"))
    control.rerun(road.url, job, Stage.READ, {})
    road.finish()
    assert known(road) == before
    assert (road.video(video).state, road.video(video).problem) == (VideoState.DONE, None)
    well(road, job)
    assert road.files == files


@pytest.mark.parametrize("fetch", ["gone", "half"])
def test_frames_stay_until_better_ones_are_there(road: Road, monkeypatch: pytest.MonkeyPatch, fetch: str) -> None:
    job, (video,) = road.run(DRIVE, drive=Drive(segments=SEGMENTS))
    before, files = len(known(road)["sightings"]), road.frames
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
    road.finish()
    fetched = 2 if fetch == "half" else 0
    row = road.video(video)
    assert (row.state, row.problem) == (
        VideoState.DONE,
        f"The frame of {before - fetched} of its sightings could not be fetched; the plates are kept.",
    )
    well(road, job)
    now = road.frames
    assert len(now & files) == before, "all stay while one is missing"
    assert len(now) == before + fetched
