"""Boxes and readings on videos: they stay with their plates, are there in every frame between, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from output.annotated_video import write_annotated
from output.marks import Mark, Marks, draw_box
from pipeline.detection.again import whole_path
from pipeline.errors import Unreadable
from pipeline.records import Box, Observation, SegmentSpan, Tracklet
from pipeline.video.decode import Decoder
from pipeline.video.encode import scaled
from pipeline.video.probe import probe
from tests.support.media_files import TIDY, write_clip

GREEN, ORANGE = (60, 200, 60), (0, 165, 255)


def seen(time_s: float, box: Box, confidence: float = 0.9) -> Observation:
    return Observation(round(1000 * time_s), time_s, box, confidence)


def nearing(time_s: float) -> Box:
    """A plate that comes along a straight road at 15 m/s: 0.5 m wide, 2 m to the right, 1.5 m below the camera."""
    metres = 40.0 - 15.0 * time_s
    left, right, top, bottom = (640 + 1000 * x / metres for x in (2.0, 2.5, 1.4, 1.5))
    return Box(left, top, right, bottom)


def test_the_box_of_a_plate_that_comes_nearer_stays_on_it() -> None:
    kept = [seen(time_s, nearing(time_s)) for time_s in (0.0, 1.2, 2.0)]
    mark = Mark.of("AB12CDE", True, [kept])
    for time_s in np.linspace(0.0, 2.0, 61):
        box = mark.box_at(round(1000 * time_s))
        assert box is not None
        assert box.iou(nearing(round(1000 * time_s) / 1000)) > 0.95


def test_a_plate_is_marked_from_first_to_last_and_across_the_end_of_a_segment() -> None:
    box = Box(10, 10, 60, 22)
    mark = Mark.of("AB12CDE", True, [[seen(5.1, box), seen(6.0, box)], [seen(1.0, box), seen(4.9, box)]])
    assert (mark.first_pts, mark.last_pts) == (1000, 6000)
    assert mark.box_at(999) is None
    assert all(mark.box_at(pts) == box for pts in range(1000, 6001, 33))
    assert mark.box_at(6001) is None


def test_where_a_plate_was_hidden_there_is_no_box() -> None:
    box = Box(10, 10, 60, 22)
    mark = Mark.of("AB12CDE", True, [[seen(1.0, box), seen(2.0, box)], [seen(5.0, box), seen(6.0, box)]])
    assert [mark.box_at(pts) is None for pts in (1500, 2000, 2001, 3500, 4999, 5000, 5500)] == [
        False, False, True, True, True, False, False,
    ]  # fmt: skip


def test_tracklets_that_overlap_are_one_plate() -> None:
    mark = Mark.of(
        "AB12CDE", True, [[seen(1.0, Box(0, 0, 50, 10)), seen(3.0, Box(0, 0, 50, 10))], [seen(2.0, Box(5, 0, 55, 10))]]
    )
    assert mark.box_at(2000) == Box(0, 0, 50, 10)


def test_marks_are_drawn_in_their_colours_at_the_frames_size() -> None:
    box = Box(400, 200, 520, 230)
    marks = Marks(
        [
            Mark.of("AB12CDE", True, [[seen(0.0, box), seen(1.0, box)]]),
            Mark.of("XY34ZZZ", False, [[seen(0.5, box.shifted(0, 300)), seen(2.0, box.shifted(0, 300))]]),
        ]
    )
    colours = []
    for pts in (0, 600, 1500, 2500):
        image = np.zeros((360, 640, 3), np.uint8)
        marks.draw(image, pts, 0.5)
        colours.append((tuple(image[100, 230]) == GREEN, tuple(image[250, 230]) == ORANGE))
    assert colours == [(True, False), (True, True), (False, True), (False, False)]


@pytest.mark.parametrize("box", [Box(-20, -20, 30, 8), Box(600, 340, 700, 380), Box(0, 0, 640, 360), Box(3, 3, 3, 3)])
def test_a_label_stays_in_the_picture(box: Box) -> None:
    image = np.zeros((360, 640, 3), np.uint8)
    draw_box(image, box, "AB12CDE", GREEN)
    paper = (image == GREEN).all(axis=2)
    assert paper.sum() > 200, "the label is to be seen"


def test_chinese_provinces_are_written_and_no_question_marks() -> None:
    def drawn(text: str) -> np.ndarray:
        image = np.zeros((100, 300, 3), np.uint8)
        draw_box(image, Box(20, 60, 120, 80), text, GREEN)
        return image

    assert (drawn("粤Z1234港") != drawn("?Z1234?")).any()
    assert (drawn("粤Z1234港") != drawn("皖Z1234澳")).any()


def test_a_stored_tracklet_is_found_again_among_its_neighbours() -> None:
    own = tuple(seen(0.1 * n, nearing(0.1 * n)) for n in range(20))
    other = tuple(replace(one, box=one.box.shifted(200, 0)) for one in own)
    found = [Tracklet(0, other), Tracklet(1, own)]
    # In another order, and a hair off, as another build of a library gives it.
    stored = [replace(own[n], box=own[n].box.shifted(0.5, 0.2)) for n in (19, 0, 12, 14)]
    assert whole_path(stored, found) == own
    assert whole_path(stored, found[:1]) == tuple(stored)
    assert whole_path(stored, []) == tuple(stored)


def test_a_video_is_written_frame_by_frame_with_its_times(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "drive.mp4", TIDY)
    info = probe(path)
    whole = SegmentSpan(0, info.start_pts, info.end_pts)
    small = scaled(info, 160)
    box = Box(info.width / 4, info.height / 2, info.width / 2, info.height / 2 + 40)
    halfway = info.start_pts + (info.end_pts - info.start_pts) // 2
    ends = [Observation(pts, info.seconds(pts), box, 0.9) for pts in (halfway, info.end_pts)]
    told: list[float] = []
    out = tmp_path / "out.mp4"
    write_annotated(
        out, small, Decoder(small, whole), Marks([Mark.of("AB", True, [ends])]), 160 / info.width, 2, told.append
    )
    plain = list(Decoder(small, whole))
    with av.open(str(out)) as container:
        assert [stream.type for stream in container.streams] == ["video"]
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_tag, stream.width) == ("h264", "avc1", 160)
        frames = list(container.decode(stream))
    data = out.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert told == [frame.time_s for frame in plain]
    times = [frame.time_s - plain[0].time_s for frame in plain]
    assert np.allclose([frame.time for frame in frames], times, atol=0.002)
    pairs = zip((frame.to_ndarray(format="bgr24") for frame in frames), plain, strict=True)
    differ = [cv2.absdiff(ours, theirs.image).max() > 60 for ours, theirs in pairs]
    assert differ == [frame.pts >= halfway for frame in plain]


def test_a_video_without_pictures_is_said_to_have_none(tmp_path: Path) -> None:
    info = probe(write_clip(tmp_path / "drive.mp4", TIDY))
    with pytest.raises(Unreadable, match=r"drive\.mp4"):
        write_annotated(tmp_path / "out.mp4", scaled(info, 160), [], Marks([]), 1.0, 1, lambda _: None)
