"""Probe and decode: every good file and photo whole, at its own times, in segments as in one piece."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from pipeline.errors import Unreadable
from pipeline.records import MediaKind
from pipeline.video.decode import Decoder, decode
from pipeline.video.probe import probe
from pipeline.video.split import split
from tests.support.decoded import frames_of, same, whole
from tests.support.media_files import Files, rotated
from tests.support.moving_texture import corner_of, picture

REAL_CLIPS = ("gate_vn.mp4", "road_gb.mp4", "street_no_readable_plate.mp4")
GOOD = (
    "tidy", "with_sound", "b_frames", "open_gop", "hevc_open_gop", "variable_rate", "late_start", "matroska",
    "avi_mjpeg", "avi_h264", "raw_h264", "starts_inside", "rotated", "single_frame", "ten_bit", "odd_size",
    "size_change",
)  # fmt: skip
#: Files whose frames are counted, for want of time stamps.
COUNTED = ("avi_h264", "raw_h264")
#: Mean difference in grey levels that compression may make.
CODING_LOSS = 6.0


def assert_segments_give_the_full_decode(path: Path) -> None:
    info = probe(path)
    decoders = [Decoder(info, span) for span in split(info, target_s=1.0, first_s=0.5)]
    parts = [frame for decoder in decoders for frame in decoder]
    full = frames_of(info)
    assert [frame.pts for frame in parts] == [frame.pts for frame in full]
    assert all(same(part, frame) for part, frame in zip(parts, full, strict=True))
    assert [decoder.damage for decoder in decoders if decoder.damage] == []
    assert info.problem is None


@pytest.mark.parametrize("name", GOOD)
def test_segments_give_the_full_decode(files: Files, name: str) -> None:
    assert_segments_give_the_full_decode(files[name])


@pytest.mark.parametrize("name", REAL_CLIPS)
def test_segments_of_a_real_clip_give_the_full_decode(shared_data: Path, name: str) -> None:
    assert_segments_give_the_full_decode(shared_data / "video" / name)


@pytest.mark.parametrize("name", ["open_gop", "hevc_open_gop"])
def test_the_open_gops_are_open(files: Files, name: str) -> None:
    with av.open(str(files[name])) as container:
        stamps = [p.pts for p in container.demux(video=0) if p.pts is not None]
    keyframes = probe(files[name]).keyframes[1:]
    assert keyframes
    assert all(min(stamps[stamps.index(key) :]) < key for key in keyframes)


@pytest.mark.parametrize("name", [name for name in GOOD if name != "starts_inside"])
def test_every_packet_becomes_a_frame_in_order(files: Files, name: str) -> None:
    info = probe(files[name])
    frames = frames_of(info)
    assert len(frames) == info.frames
    assert frames[0].pts == info.start_pts
    assert frames[0].time_s == 0.0
    assert all(before.pts < after.pts for before, after in pairwise(frames))
    assert frames[-1].pts < info.end_pts


@pytest.mark.parametrize("name", GOOD)
def test_frames_are_as_large_as_announced_and_ready_for_numpy(files: Files, name: str) -> None:
    info = probe(files[name])
    for frame in decode(info, whole(info), 5):
        assert frame.image.shape == (info.height, info.width, 3)
        assert frame.image.dtype == np.uint8
        assert frame.image.flags.c_contiguous
        assert corner_of(frame.image) == ("bottom left" if name == "rotated" else "top left")


@pytest.mark.parametrize("name", ["tidy", "b_frames", "hevc_open_gop", "ten_bit", "odd_size", *COUNTED])
def test_the_pictures_are_those_that_were_filmed_in_their_order(files: Files, name: str) -> None:
    for index, frame in enumerate(frames_of(probe(files[name]))):
        height, width = frame.image.shape[:2]
        difference = np.abs(frame.image.astype(int) - picture(index, width, height)).mean()
        assert difference < CODING_LOSS, f"frame {index} differs by {difference:.1f}"


def test_times_are_the_streams_own(files: Files) -> None:
    times = [frame.time_s for frame in frames_of(probe(files["variable_rate"]))]
    steps = np.diff(times)
    assert steps[:60] == pytest.approx(1 / 30)
    assert steps[60:90] == pytest.approx(0.1)
    assert steps[90] == pytest.approx(2.0)
    assert steps[91:] == pytest.approx(1 / 24)


def test_times_count_from_the_first_frame_that_is_shown(files: Files) -> None:
    late, inside = probe(files["late_start"]), probe(files["starts_inside"])
    assert late.start_pts > 0
    assert frames_of(late)[0].time_s == 0.0
    assert inside.keyframes[0] < inside.start_pts
    assert len(frames_of(inside)) == 75


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_turned_videos_come_upright(tmp_path: Path, degrees: int) -> None:
    info = probe(rotated(tmp_path, degrees))
    shown = {90: "bottom left", 180: "bottom right", 270: "top right"}
    assert info.rotation == degrees
    assert (info.width, info.height) == ((640, 360) if degrees == 180 else (360, 640))
    assert {corner_of(frame.image) for frame in frames_of(info, 5)} == {shown[degrees]}


@pytest.mark.parametrize("name", ["tidy", "matroska", "late_start", "b_frames"])
@pytest.mark.parametrize("fps", [10, 6, 1])
def test_sampling_is_regular(files: Files, name: str, fps: int) -> None:
    info = probe(files[name])
    times = [frame.time_s for frame in decode(info, whole(info), fps)]
    assert times == pytest.approx([i / fps for i in range(6 * fps)], abs=0.002)


@pytest.mark.parametrize("name", ["variable_rate", "b_frames"])
def test_sampling_chooses_among_the_same_frames(files: Files, name: str) -> None:
    info = probe(files[name])
    full = {frame.pts: frame for frame in frames_of(info)}
    chosen = [frame for threads in (1, 2) for frame in decode(info, whole(info), 7, threads)]
    assert len(chosen) % 2 == 0
    assert all(same(frame, full[frame.pts]) for frame in chosen)
    half = len(chosen) // 2
    assert [f.pts for f in chosen[:half]] == [f.pts for f in chosen[half:]]


def test_sampling_does_not_depend_on_the_cut(files: Files) -> None:
    info = probe(files["tidy"])
    parts = [f.pts for span in split(info, 1.0, 1.0) for f in decode(info, span, 10)]
    assert parts == [f.pts for f in frames_of(info, 10)]


def test_decoded_frames_are_counted_whether_chosen_or_not(files: Files) -> None:
    info = probe(files["tidy"])
    decoder = Decoder(info, whole(info), 1)
    assert len(list(decoder)) == 6
    assert decoder.frames_decoded == 180


def test_a_photo_is_one_frame(files: Files) -> None:
    info = probe(files["photo"])
    assert (info.kind, info.width, info.height, info.frame_rate) == (MediaKind.PHOTO, 640, 360, 0.0)
    (frame,) = frames_of(info, 10)
    assert (frame.pts, frame.time_s, frame.image.shape) == (0, 0.0, (360, 640, 3))
    assert len(split(info)) == 1


def test_a_turned_photo_comes_upright(files: Files) -> None:
    info = probe(files["photo_turned"])
    assert (info.width, info.height) == (360, 640)
    assert corner_of(frames_of(info)[0].image) == "top right"


def test_a_cut_photo_keeps_its_upper_part(files: Files) -> None:
    info = probe(files["photo_cut"])
    assert info.problem is not None
    assert "ends early" in info.problem
    image = frames_of(info)[0].image
    assert np.abs(image[:100].astype(int) - picture(0, 640, 360)[:100]).mean() < CODING_LOSS


@pytest.mark.parametrize("ending", [".png", ".bmp", ".webp", ".tif"])
def test_photos_are_known_by_content(tmp_path: Path, ending: str) -> None:
    encoded = cv2.imencode(ending, picture(0, 320, 200))[1].tobytes()
    for name in (f"right{ending}", "wrong.mp4", "wrong.jpg"):
        path = tmp_path / name
        path.write_bytes(encoded)
        assert probe(path).kind is MediaKind.PHOTO


def test_a_video_named_as_a_photo_is_a_video(files: Files, tmp_path: Path) -> None:
    path = tmp_path / "clip.jpg"
    # With its times: one of them is when it was recorded.
    shutil.copy2(files["tidy"], path)
    assert replace(probe(path), path=files["tidy"]) == probe(files["tidy"])


def test_a_broken_photo_is_unreadable(tmp_path: Path) -> None:
    makers: dict[str, Callable[[], bytes]] = {
        "text.jpg": lambda: b"no photo" * 100,
        "head.jpg": lambda: b"\xff\xd8\xff\xe0" + bytes(2_000),
        "phone.jpg": lambda: b"\0\0\0\x18ftypheic" + bytes(2_000),
    }
    for name, data in makers.items():
        (tmp_path / name).write_bytes(data())
        with pytest.raises(Unreadable, match=name):
            probe(tmp_path / name)
