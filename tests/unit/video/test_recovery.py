"""Recordings that were never finished: what comes out of them is what comes out of the whole ones."""

from __future__ import annotations

import os
import shutil
import time
import tracemalloc
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import MediaError, Unreadable
from pipeline.records import Frame, MediaInfo
from pipeline.sources.fingerprints import fingerprint
from pipeline.sources.roots import check_allowed
from pipeline.sources.source import source_of
from pipeline.video import container
from pipeline.video.clip import ClipRequest, cut
from pipeline.video.decode import decode
from pipeline.video.evidence import frames_at
from pipeline.video.keyframes import sample_keyframes
from pipeline.video.probe import probe
from pipeline.video.recovery import unfinished
from pipeline.video.split import split
from tests.support.decoded import frames_of, whole
from tests.support.media_files import B_FRAMES, OPEN_GOP, TIDY, Recipe, write_clip
from tests.support.unfinished import POSITIONS, packets, parts, with_between, without_index

SOUND = replace(TIDY, sound=True)
SOUND_B = replace(B_FRAMES, sound=True)
QUIET = "log-level=none:scenecut=0"
H265 = replace(TIDY, codec="libx265", seconds=4, options={"preset": "ultrafast", "x265-params": f"bframes=0:{QUIET}"})
H265_B = replace(
    TIDY, codec="libx265", seconds=4, options={"preset": "ultrafast", "x265-params": f"open-gop=1:bframes=3:{QUIET}"}
)
#: Its parameter sets stand before each keyframe as well, as most dashcams write them.
IN_BAND = replace(TIDY, options=TIDY.options | {"x264-params": "repeat-headers=1"})
H265_IN_BAND = replace(H265, options={"preset": "ultrafast", "x265-params": f"repeat-headers=1:bframes=3:{QUIET}"})
#: Headers of media data with sizes that a camera meant to set later.
SIZES = [b"\0\0\0\0mdat", b"\0\0\0\x08mdat", b"\x7f\xff\xff\xffmdat", b"\0\0\0\1mdat" + bytes(8)]
#: What may be spent on 1 MB that is made of nothing but units: 100,000 of them are found.
MOST_SECONDS, MOST_BYTES = 30, 150e6
KINDS = {
    "H.264": TIDY, "H.264 with sound": SOUND, "H.264 with B-frames": B_FRAMES, "H.264 with both": SOUND_B,
    "H.264, open GOPs": OPEN_GOP, "H.265": H265, "H.265 with B-frames": H265_B,
}  # fmt: skip


def clip(folder: Path, recipe: Recipe, name: str = "REC_0001.mp4") -> bytes:
    return write_clip(folder / name, recipe).read_bytes()


def assert_the_same(info: MediaInfo, good: list[Frame], tolerance_s: float = 1e-3) -> None:
    frames = [frame for span in split(info, 2.0, 1.0) for frame in decode(info, span)]
    assert len(frames) == len(good)
    assert [frame.time_s for frame in frames] == pytest.approx([frame.time_s for frame in good], abs=tolerance_s)
    assert all(np.array_equal(here.image, there.image) for here, there in zip(frames, good, strict=True))


# With another recording of the camera


@pytest.mark.parametrize("recipe", KINDS.values(), ids=KINDS.keys())
def test_beside_a_sibling_all_frames_come_out_at_their_times(tmp_path: Path, recipe: Recipe) -> None:
    data = clip(tmp_path, recipe)
    good = frames_of(probe(tmp_path / "REC_0001.mp4"))
    info = probe(without_index(tmp_path / "REC_0002.mp4", data))
    assert info.recovered
    assert info.problem is not None
    assert "was never finished by the camera: its index (moov) is missing, as after a power cut." in info.problem
    assert f"{recipe.seconds:.1f} s were recovered" in info.problem
    assert "at 30 frames a second, as " in info.problem
    assert info.frame_rate == pytest.approx(30, abs=0.01)
    assert_the_same(info, good)


def test_a_sibling_of_another_camera_is_passed_over(tmp_path: Path) -> None:
    data = clip(tmp_path, H265)
    good = frames_of(probe(tmp_path / "REC_0001.mp4"))
    clip(tmp_path, replace(H265, width=320, height=180), "REC_0003.mp4")
    (tmp_path / "REC_0000.mp4").write_bytes(b"no video")
    assert_the_same(probe(without_index(tmp_path / "REC_0002.mp4", data)), good)


def test_a_link_beside_a_file_that_was_checked_is_not_followed(tmp_path: Path) -> None:
    elsewhere, card = tmp_path / "elsewhere", tmp_path / "card"
    elsewhere.mkdir()
    card.mkdir()
    data = clip(elsewhere, H265)
    (card / "REC_0001.mp4").symlink_to(elsewhere / "REC_0001.mp4")
    path = check_allowed(without_index(card / "REC_0002.mp4", data), [card])
    with pytest.raises(Unreadable, match="Put a whole recording of the same camera into its folder"):
        probe(path)
    shutil.copy(elsewhere / "REC_0001.mp4", card / "REC_0003.mp4")
    assert probe(path).recovered, "what was not found before is searched again once the folder has changed"


# Without


@pytest.mark.parametrize("name", [name for name in KINDS if "264" in name])
def test_alone_what_is_nowhere_written_is_found_by_trying(tmp_path: Path, name: str) -> None:
    data = clip(tmp_path, KINDS[name])
    good = frames_of(probe(tmp_path / "REC_0001.mp4"))
    (tmp_path / "alone").mkdir()
    info = probe(without_index(tmp_path / "alone/REC_0002.mp4", data))
    assert info.problem is not None
    assert "which is a guess" in info.problem
    assert "found by trying" in info.problem
    assert_the_same(info, good)


@pytest.mark.parametrize("recipe", [IN_BAND, H265_IN_BAND], ids=["H.264", "H.265"])
def test_alone_the_stream_says_itself_how_it_is_coded(tmp_path: Path, recipe: Recipe) -> None:
    data = clip(tmp_path, recipe)
    good = frames_of(probe(tmp_path / "REC_0001.mp4"))
    (tmp_path / "alone").mkdir()
    info = probe(without_index(tmp_path / "alone/REC_0002.mp4", data))
    assert info.problem is not None
    # The H.264 clip claims 90,000 frames a second.
    assert ("as its stream says" in info.problem) == (recipe is H265_IN_BAND)
    assert "found by trying" not in info.problem
    assert_the_same(info, good)


def test_what_is_left_of_an_index_is_used(tmp_path: Path) -> None:
    recipe = replace(H265, fps=15)
    data = clip(tmp_path, recipe)
    good = frames_of(probe(tmp_path / "REC_0001.mp4"))
    (tmp_path / "alone").mkdir()
    kept = parts(data)
    path = tmp_path / "alone/REC_0002.mp4"
    path.write_bytes(kept.head + kept.media + kept.moov[:-100])
    assert_the_same(probe(path), good)


def test_without_any_parameter_sets_the_sentence_says_what_would_help(tmp_path: Path) -> None:
    data = clip(tmp_path, H265)
    (tmp_path / "alone").mkdir()
    with pytest.raises(Unreadable, match="Put a whole recording of the same camera"):
        probe(without_index(tmp_path / "alone/REC_0002.mp4", data))


# What lies between pictures, and how they are framed


@pytest.mark.parametrize("between", [POSITIONS, bytes(5000), b"\0\0\0\5zbcde", b"\xff" * 999], ids=repr)
def test_what_lies_between_pictures_is_passed_over(tmp_path: Path, between: bytes) -> None:
    data = clip(tmp_path, SOUND)
    good = frames_of(probe(tmp_path / "REC_0001.mp4"))
    noise = np.random.default_rng(3).bytes(3000)
    info = probe(with_between(tmp_path / "REC_0002.mp4", data, between[:40_000] + noise))
    assert_the_same(info, good)


@pytest.mark.parametrize("recipe", [B_FRAMES, H265_IN_BAND], ids=["h264", "hevc"])
def test_start_codes_in_the_media_data_are_found(tmp_path: Path, recipe: Recipe) -> None:
    bare = tmp_path / ("bare.hevc" if recipe is H265_IN_BAND else "bare.h264")
    write_clip(bare, recipe)
    clip(tmp_path, recipe)
    good = frames_of(probe(tmp_path / "REC_0001.mp4"))
    path = tmp_path / "REC_0002.mp4"
    path.write_bytes(b"\0\0\0\x14ftypisom\0\0\2\0isom\0\0\0\0mdat" + bare.read_bytes())
    assert_the_same(probe(path), good)


@pytest.mark.parametrize("header", SIZES, ids=repr)
def test_the_size_of_media_data_need_not_be_right(tmp_path: Path, header: bytes) -> None:
    data = clip(tmp_path, TIDY)
    good = frames_of(probe(tmp_path / "REC_0001.mp4"))
    path = tmp_path / "REC_0002.mp4"
    path.write_bytes(b"\0\0\0\x14ftypisom\0\0\2\0isom" + header + parts(data).media)
    assert_the_same(probe(path), good)


def test_an_index_that_cannot_be_read_is_rebuilt(tmp_path: Path) -> None:
    data = clip(tmp_path, TIDY)
    good = frames_of(probe(tmp_path / "REC_0001.mp4"))
    path = tmp_path / "REC_0002.mp4"
    whole_one = parts(data)
    path.write_bytes(whole_one.head + whole_one.media + whole_one.moov[:8] + b"\xee" * (len(whole_one.moov) - 8))
    info = probe(path)
    assert info.recovered
    assert info.problem is not None
    assert "has an index (moov) that cannot be read. 6.0 s were recovered" in info.problem
    assert_the_same(info, good)


def test_a_whole_index_is_preferred(tmp_path: Path) -> None:
    data = clip(tmp_path, replace(TIDY, container={"movflags": "faststart"}))
    path = tmp_path / "cut.mp4"
    path.write_bytes(data[: len(data) // 2])
    info = probe(path)
    assert not info.recovered
    assert info.problem is not None
    assert "of an announced 6.0 s" in info.problem


# The rest of the road


def test_a_recovered_file_is_entered_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = clip(tmp_path, SOUND_B)
    good = {frame.pts: frame for frame in frames_of(probe(tmp_path / "REC_0001.mp4"))}
    path = without_index(tmp_path / "REC_0002.mp4", data)
    info = probe(path)
    by_time = {round(frame.time_s, 3): frame for frame in good.values()}
    frame = round(1 / (30 * info.time_base))
    wanted = [info.start_pts + frame * number for number in (5, 70, 71, 150)]
    for pts, image in frames_at(info, wanted):
        assert np.array_equal(image, by_time[round(info.seconds(pts), 3)].image)
    assert len(list(sample_keyframes(info, 4))) == 4
    request = ClipRequest(info, None, fingerprint(path), info.start_pts + 30 * frame, info.start_pts + 60 * frame)
    assert cut(request, []).first_s == pytest.approx(1.0)
    # The index alone says as much.
    monkeypatch.setattr(container, "WHOLE_BYTES", 0)
    assert probe(path) == info


@pytest.mark.parametrize("recipe", [SOUND_B, H265_IN_BAND], ids=["H.264", "H.265"])
def test_another_process_gives_the_times_of_the_probe_whatever_lies_beside_it_by_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe: Recipe
) -> None:
    folder = tmp_path / "card"
    folder.mkdir()
    # Its true rate is not the usual one, and the H.264 stream does not say it.
    data = clip(tmp_path, replace(recipe, fps=15))
    info = probe(without_index(folder / "REC_0002.mp4", data))
    before = [(frame.pts, frame.time_s) for span in split(info, 2.0, 1.0) for frame in decode(info, span)]
    clip(folder, replace(recipe, fps=15))
    monkeypatch.setattr(unfinished, "_known", OrderedDict())
    after = [(frame.pts, frame.time_s) for span in split(info, 2.0, 1.0) for frame in decode(info, span)]
    assert after == before
    # One who opens it anew goes by what lies there now.
    anew = probe(info.path)
    assert anew.frame_rate == pytest.approx(15)
    assert anew.problem is not None
    assert "first opened" not in anew.problem


def test_what_is_recovered_otherwise_than_at_the_probe_is_not_read(tmp_path: Path) -> None:
    data = clip(tmp_path, TIDY)
    info = probe(without_index(tmp_path / "REC_0002.mp4", data))
    for wrong in (replace(info, end_pts=info.end_pts * 3), replace(info, end_pts=info.end_pts // 2)):
        with pytest.raises(Unreadable, match="is not what was recovered when it was first opened"):
            list(decode(wrong, split(info, 2.0, 1.0)[0]))


# Damage


@pytest.mark.parametrize("kind", [b"\0\1\2\3", b"\xfe\xa9ab"], ids=repr)
def test_a_whole_file_with_boxes_of_odd_kinds_is_whole(tmp_path: Path, kind: bytes) -> None:
    whole_one = parts(clip(tmp_path, TIDY).replace(b"\0\0\0\x08free", b"\0\0\0\x08" + kind))
    assert kind in whole_one.head
    path = tmp_path / "REC_0002.mp4"
    path.write_bytes(whole_one.head + whole_one.media + b"\0\0\0\x18" + kind + bytes(16) + whole_one.moov)
    info = probe(path)
    assert (info.recovered, info.problem) == (False, None)
    good = frames_of(probe(tmp_path / "REC_0001.mp4"))
    path.write_bytes(whole_one.head + whole_one.media)
    info = probe(path)
    assert info.recovered
    assert_the_same(info, good)


@pytest.mark.parametrize(("clock", "ticks"), [(1, 0x0FFFFFFF), (0xFFFFFFFF, 1), (1, 100_000)])
def test_what_is_left_of_an_index_may_say_any_rate(tmp_path: Path, clock: int, ticks: int) -> None:
    data = bytearray(clip(tmp_path, TIDY))
    at = data.find(b"avcC")
    header, times = data.rfind(b"mdhd", 0, at), data.find(b"stts", at)
    data[header + 16 : header + 20] = clock.to_bytes(4, "big")
    data[times + 16 : times + 20] = ticks.to_bytes(4, "big")
    (tmp_path / "alone").mkdir()
    path = tmp_path / "alone/REC_0002.mp4"
    path.write_bytes(data[:-40])
    info = probe(path)
    assert info.frame_rate == pytest.approx(30)
    assert info.problem is not None
    assert "which is a guess" in info.problem


def test_a_picture_of_more_bytes_than_any_has_is_passed_over(tmp_path: Path) -> None:
    slices = {True: b"\x65\xb7\xff\xff\x12\x34\x56\x78", False: b"\x65\x4e\xff\xff\x12\x34\x56\x78"}
    path = tmp_path / "REC_0002.mp4"
    with path.open("wb") as file:
        file.write(b"\0\0\0\x14ftypisom\0\0\2\0isom\0\0\0\0mdat")
        for first, size in [(True, 1000)] * 3 + [(True, 1000), *[(False, 2**23 - 100)] * 12] * 4:
            at = file.tell()
            file.write(size.to_bytes(4, "big") + slices[first])
            file.truncate(at + 4 + size)
            file.seek(at + 4 + size)
    tracemalloc.start()
    with pytest.raises(MediaError):
        probe(path)
    assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    tracemalloc.stop()


def test_a_large_file_elsewhere_is_not_fetched_for_a_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    far = source_of("https://example.com/REC_0002.mp4")
    path = without_index(tmp_path / "REC_0002.mp4", clip(tmp_path, TIDY))
    with path.open("rb") as file:
        assert unfinished.unfinished(far, file) is not None
        monkeypatch.setattr(unfinished, "REMOTE_BYTES", 1000)
        assert unfinished.unfinished(far, file) is None
        monkeypatch.setattr(container, "open_source", lambda source: path.open("rb"))
        with pytest.raises(Unreadable, match="Copy it to a disk of this machine"), container.open_video(far):
            pass


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(share=st.floats(0.3, 1), beside=st.booleans())
def test_a_cut_costs_what_lay_behind_it(tmp_path: Path, share: float, beside: bool) -> None:
    folder = tmp_path / f"{share}-{beside}"
    folder.mkdir(exist_ok=True)
    data = clip(folder, B_FRAMES)
    good = frames_of(probe(folder / "REC_0001.mp4"))
    media = parts(data).media[: int(share * len(parts(data).media))]
    sizes = np.cumsum([len(packet) for packet in packets(data)])
    if not beside:
        (folder / "REC_0001.mp4").unlink()
    path = folder / "REC_0002.mp4"
    path.write_bytes(parts(data).head + media)
    frames = frames_of(probe(path))
    assert len(frames) >= int((sizes <= len(media)).sum()) - 1
    # At the very end frames are missing that would be shown before the last ones.
    for here, there in zip(frames[:-4], good, strict=False):
        assert np.array_equal(here.image, there.image)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 2**32),
    size=st.sampled_from([1, 16, 512, 4096, 20_000]),
    name=st.sampled_from(["H.264 with both", "H.265 with B-frames"]),
)
def test_what_is_overwritten_costs_no_more_than_its_groups(tmp_path: Path, seed: int, size: int, name: str) -> None:
    folder = tmp_path / f"{seed}-{size}-{name}"
    folder.mkdir(exist_ok=True)
    data = clip(folder, KINDS[name])
    good = {frame.image.tobytes() for frame in frames_of(probe(folder / "REC_0001.mp4"))}
    media = bytearray(parts(data).media)
    random = np.random.default_rng(seed)
    at = int(random.integers(0, len(media) - size))
    media[at : at + size] = random.bytes(size)
    path = folder / "REC_0002.mp4"
    path.write_bytes(parts(data).head + media)
    info = probe(path)
    came = {frame.image.tobytes() for frame in frames_of(info)}
    groups = sum(len(packet) for packet in packets(data)) // (len(good) // 30)
    touched = 2 + size // max(1, groups)
    assert len(good & came) >= len(good) - 32 * touched
    if size <= 4096:
        assert info.duration_s == pytest.approx(KINDS[name].seconds, abs=1.0)


@settings(max_examples=16, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), share=st.sampled_from([0.001, 0.01, 0.3]), recipe=st.sampled_from([SOUND_B, H265_B]))
def test_whatever_is_overwritten_the_errors_are_our_own(
    tmp_path: Path, seed: int, share: float, recipe: Recipe
) -> None:
    folder = tmp_path / f"{seed}-{share}-{recipe.codec}"
    folder.mkdir(exist_ok=True)
    data = bytearray(without_index(folder / "scratch.mp4", clip(folder, recipe)).read_bytes())
    random = np.random.default_rng(seed)
    for at in random.integers(8, len(data), int(share * len(data))).tolist():
        data[at] = random.integers(256)
    path = folder / "REC_0002.mp4"
    path.write_bytes(data)
    try:
        info = probe(path)
    except MediaError:
        return
    list(decode(info, whole(info), 2))


# Files that try to wear a reader out


UNITS = [
    b"\0\0\0\5\x41\x9a\x26\x33\x11",
    b"\0\0\0\5\x65\x88\x84\x00\x10",
    b"\0\0\0\x02\x09\x10",
    b"\0\0\1\x41\x9a",
    b"\0\0\0\x40\x41\x9a",
]


@pytest.mark.parametrize("unit", UNITS, ids=repr)
def test_a_file_of_nothing_but_units_ends_soon(tmp_path: Path, unit: bytes) -> None:
    path = nothing_but(tmp_path, unit)
    before_s = time.process_time()
    with pytest.raises(MediaError):
        probe(path)
    assert time.process_time() - before_s < MOST_SECONDS


def test_a_file_of_nothing_but_units_takes_no_memory(tmp_path: Path) -> None:
    path = nothing_but(tmp_path, UNITS[0])
    tracemalloc.start()
    with pytest.raises(MediaError):
        probe(path)
    _, most_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most_bytes < MOST_BYTES


def nothing_but(folder: Path, unit: bytes) -> Path:
    path = folder / "hostile.mp4"
    path.write_bytes(b"\0\0\0\x14ftypisom\0\0\2\0isom\0\0\0\0mdat" + unit * (1_000_000 // len(unit)))
    return path


def test_noise_is_said_to_be_none_quickly(tmp_path: Path) -> None:
    path = tmp_path / "noise.mp4"
    path.write_bytes(b"\0\0\0\x14ftypisom\0\0\2\0isom\0\0\0\0mdat" + os.urandom(20_000_000))
    before_s = time.process_time()
    with pytest.raises(Unreadable, match="never finished by the camera"):
        probe(path)
    assert time.process_time() - before_s < 30


def test_a_sibling_that_is_no_recording_does_no_harm(tmp_path: Path) -> None:
    data = clip(tmp_path, TIDY)
    good = frames_of(probe(tmp_path / "REC_0001.mp4"))
    os.mkfifo(tmp_path / "REC_0003.mp4")
    (tmp_path / "REC_0000.mp4").symlink_to(tmp_path / "nowhere.mp4")
    assert_the_same(probe(without_index(tmp_path / "REC_0002.mp4", data)), good)
