"""Recordings that were never finished and are damaged, or made to wear a reader out: what is lost and what it costs."""

from __future__ import annotations

import os
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import MediaError, Unreadable
from pipeline.sources.source import source_of
from pipeline.video import container
from pipeline.video.decode import decode
from pipeline.video.probe import probe
from pipeline.video.recovery import unfinished
from tests.support.decoded import frames_of, whole
from tests.support.media_files import B_FRAMES, TIDY, Recipe
from tests.support.recovered import (
    H265_B,
    KINDS,
    MOST_BYTES,
    MOST_SECONDS,
    SOUND_B,
    assert_the_same,
    clip,
)
from tests.support.unfinished import packets, parts, without_index

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
