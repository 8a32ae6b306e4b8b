"""Evidence frames: the very picture that a full decode gives at a pts, in one pass that decodes nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.errors import DashplateError
from pipeline.records import Image, MediaInfo
from pipeline.video.evidence import NEAR_S, Fetch, encode_frame, frames_at
from pipeline.video.probe import probe
from tests.support import media_files
from tests.support.decoded import frames_of
from tests.support.media_files import B_FRAMES, TIDY, write_clip
from tests.support.moving_texture import corner_of, picture

SMALL = replace(B_FRAMES, width=320, height=180)


def long_gop(folder: Path) -> Path:
    """16 s with a keyframe every 8 s."""
    return write_clip(folder / "long_gop.mp4", replace(SMALL, seconds=16, gop=240))


def one_keyframe(folder: Path, name: str = "one_keyframe.mp4") -> Path:
    """8 s whose only keyframe is the first frame."""
    return write_clip(folder / name, replace(SMALL, seconds=8, gop=10_000))


def rotated_with_b_frames(folder: Path) -> Path:
    return write_clip(folder / "turned.mp4", replace(B_FRAMES, rotation=270, seconds=4))


MAKERS: dict[str, Callable[[Path], Path]] = {
    "b_frames": media_files.b_frames,
    "open_gop": media_files.open_gop,
    "hevc_open_gop": media_files.hevc_open_gop,
    "long_gop": long_gop,
    "one_keyframe": one_keyframe,
    "one_keyframe_mkv": partial(one_keyframe, name="one_keyframe.mkv"),
    "one_keyframe_ts": partial(one_keyframe, name="one_keyframe.ts"),
    "rotated": rotated_with_b_frames,
    "variable_rate": media_files.variable_rate,
    "late_start": media_files.late_start,
    "matroska": media_files.matroska,
    "avi_mjpeg": media_files.avi_mjpeg,
    "starts_inside": media_files.starts_inside,
    "size_change": media_files.size_change,
    "avi_h264": media_files.avi_h264,
    "raw_h264": media_files.raw_h264,
    "photo_turned": media_files.photo_turned,
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("evidence")
    return {name: maker(folder) for name, maker in MAKERS.items()}


def known(path: Path) -> MediaInfo:
    """What the database still knows of a probed video: its keyframes are not among it."""
    info = probe(path)
    return replace(info, keyframes=(info.start_pts,) if info.keyframes else (), frames=0)


def all_frames(path: Path) -> dict[int, Image]:
    info = probe(path)
    return {frame.pts: frame.image for frame in frames_of(info)}


def assert_same(got: list[tuple[int, Image]], whole: dict[int, Image], wanted: list[int]) -> None:
    assert [pts for pts, _ in got] == sorted(wanted)
    for pts, image in got:
        assert np.array_equal(image, whole[pts]), f"another picture at {pts}"


@pytest.mark.parametrize("name", MAKERS)
def test_frames_are_those_of_the_full_decode(files: dict[str, Path], name: str) -> None:
    whole = all_frames(files[name])
    stamps = list(whole)
    for wanted in (stamps[:1], stamps[-1:], stamps[::-29], stamps[len(stamps) // 3 :: 7], stamps):
        assert_same(list(frames_at(known(files[name]), wanted)), whole, wanted)


@pytest.mark.parametrize("name", ["b_frames", "open_gop", "hevc_open_gop", "late_start", "matroska", "variable_rate"])
def test_each_frame_alone_is_that_of_the_full_decode(files: dict[str, Path], name: str) -> None:
    """Around a keyframe every frame counts: leading frames of an open GOP are stored behind it."""
    whole, info = all_frames(files[name]), probe(files[name])
    middle = info.keyframes[len(info.keyframes) // 2]
    for pts in [pts for pts in whole if abs(info.seconds(pts) - info.seconds(middle)) < 0.4]:
        assert_same(list(frames_at(known(files[name]), [pts])), whole, [pts])


def test_a_full_list_of_keyframes_gives_the_same(files: dict[str, Path]) -> None:
    whole = all_frames(files["b_frames"])
    wanted = list(whole)[::31]
    assert_same(list(frames_at(probe(files["b_frames"]), wanted)), whole, wanted)


@pytest.mark.parametrize("name", ["one_keyframe", "one_keyframe_mkv", "one_keyframe_ts", "long_gop", "late_start"])
def test_no_packet_is_decoded_twice(files: dict[str, Path], name: str) -> None:
    """Frames a second and more apart, so that every one of them is a chance to jump back to a keyframe."""
    info, stamps = probe(files[name]), list(all_frames(files[name]))
    fetch = Fetch(known(files[name]), stamps[::40])
    assert len(list(fetch)) == len(stamps[::40])
    assert fetch.packets_decoded <= info.frames


def test_a_jump_decodes_from_the_last_keyframe_on(files: dict[str, Path]) -> None:
    """Keyframes lie at 0 and 8 s: the frame at 9 s costs some 30 packets, not 270."""
    info, stamps = known(files["long_gop"]), list(all_frames(files["long_gop"]))
    fetch = Fetch(info, [stamps[0], stamps[270]])
    assert [pts for pts, _ in fetch] == [stamps[0], stamps[270]]
    assert 31 <= fetch.packets_decoded <= 40


@pytest.mark.parametrize("name", ["late_start", "matroska", "b_frames", "hevc_open_gop"])
def test_a_late_frame_does_not_cost_the_whole_file(files: dict[str, Path], name: str) -> None:
    """A keyframe each second; a transport stream has no index and must be asked for it too."""
    stamps = list(all_frames(files[name]))
    fetch = Fetch(known(files[name]), [stamps[170]])
    assert [pts for pts, _ in fetch] == [stamps[170]]
    assert fetch.packets_decoded <= 45


def test_a_near_frame_is_reached_by_decoding_on(files: dict[str, Path]) -> None:
    """Frame 30 is a keyframe, but 14 frames behind the one before it: a jump would cost more than it saves."""
    stamps, info = list(all_frames(files["b_frames"])), known(files["b_frames"])
    assert info.seconds(stamps[30]) - info.seconds(stamps[16]) < NEAR_S < 1
    near, far = Fetch(info, [stamps[16], stamps[30]]), Fetch(info, [stamps[0], stamps[30]])
    assert len(list(near)) == len(list(far)) == 2
    assert 31 <= near.packets_decoded <= 35
    assert far.packets_decoded <= 8


def test_counted_frames_end_with_the_last_that_is_wanted(files: dict[str, Path]) -> None:
    fetch = Fetch(known(files["raw_h264"]), [10, 20])
    assert [pts for pts, _ in fetch] == [10, 20]
    assert fetch.packets_decoded < 40


def test_rotation_is_applied(files: dict[str, Path]) -> None:
    [(_, image)] = frames_at(known(files["rotated"]), [0])
    assert image.shape == (640, 360, 3)
    assert corner_of(image) == "top right"


def test_a_frame_that_is_not_there_is_left_out(files: dict[str, Path]) -> None:
    info, stamps = known(files["b_frames"]), list(all_frames(files["b_frames"]))
    wanted = [info.start_pts - 3000, stamps[50], stamps[50] + 1, stamps[120], info.end_pts + 90_000]
    assert [pts for pts, _ in frames_at(info, wanted)] == [stamps[50], stamps[120]]
    assert list(frames_at(info, [])) == []


def test_a_file_that_is_gone_gives_nothing(tmp_path: Path) -> None:
    for maker in (media_files.tidy, media_files.photo):
        path = maker(tmp_path)
        info = known(path)
        path.unlink()
        assert list(frames_at(info, [info.start_pts])) == []


def test_another_file_in_its_place_gives_nothing(tmp_path: Path) -> None:
    path = media_files.tidy(tmp_path)
    info = known(path)
    path.write_bytes(b"no video\n" * 1000)
    assert list(frames_at(info, [info.start_pts])) == []


def test_damage_costs_its_own_frames_only(tmp_path: Path) -> None:
    """Noise in the middle: what lies before and after is the same as from the whole file."""
    clean, broken = media_files.tidy(tmp_path), media_files.noise(tmp_path)
    whole = all_frames(clean)
    stamps = list(whole)
    got = dict(frames_at(known(broken), stamps[::10]))
    for pts in (stamps[0], stamps[30], stamps[150], stamps[170]):
        assert np.array_equal(got[pts], whole[pts])


def test_a_file_cut_short_gives_what_is_left(tmp_path: Path) -> None:
    path = media_files.half(tmp_path)
    info = known(path)
    there = all_frames(path)
    wanted = [*list(there)[::20], max(there) + 90_000]
    assert_same(list(frames_at(replace(info, end_pts=2 * info.end_pts), wanted)), there, wanted[:-1])


def test_a_frame_survives_its_jpeg() -> None:
    image = picture(3, 1280, 720)
    data = encode_frame(image)
    back = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert data.startswith(b"\xff\xd8\xff")
    assert back.shape == image.shape
    assert np.abs(back.astype(int) - image).mean() < 3


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(DashplateError, match="could not be encoded"):
        encode_frame(np.zeros((0, 0, 3), np.uint8))


def test_threads_change_nothing(files: dict[str, Path]) -> None:
    whole = all_frames(files["open_gop"])
    wanted = list(whole)[5::37]
    for threads in (1, 4):
        assert_same(list(frames_at(known(files["open_gop"]), wanted, threads)), whole, wanted)


def test_the_tidy_clip_is_what_was_filmed(tmp_path: Path) -> None:
    """Against the drawing, not against our own decoder."""
    path = write_clip(tmp_path / "clip.mp4", replace(TIDY, seconds=4))
    stamps = list(all_frames(path))
    for pts, image in frames_at(known(path), stamps[::25]):
        assert np.abs(image.astype(int) - picture(stamps.index(pts), 640, 360)).mean() < 6
