"""Broken and foreign files: each is read as far as it goes, and a sentence says why it goes no further."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import Inaccessible, MediaError, NoVideoStream, Unreadable
from pipeline.video.decode import Decoder, decode
from pipeline.video.probe import probe
from pipeline.video.split import split
from tests.support.decoded import frames_of, same, whole
from tests.support.media_files import Files

HOPELESS: dict[str, tuple[type[MediaError], str]] = {
    "zero_bytes": (Unreadable, "is empty"),
    "text": (Unreadable, "not a video or photo"),
    "undecodable": (Unreadable, "not one frame"),
    "audio_only": (NoVideoStream, "no video"),
    "cover_art": (NoVideoStream, "no video"),
}


@pytest.mark.parametrize("name", HOPELESS)
def test_hopeless_files_say_why_by_name_only(files: Files, name: str) -> None:
    error, words = HOPELESS[name]
    with pytest.raises(MediaError, match=words) as problem:
        probe(files[name])
    assert type(problem.value) is error
    assert str(problem.value).startswith(files[name].name)
    assert str(files[name].parent) not in str(problem.value)


def test_a_missing_file_and_a_folder_and_a_device_are_inaccessible(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    for name, words in {"gone.mp4": "is not there", "": "is a folder", "pipe.mp4": "is a device"}.items():
        with pytest.raises(Inaccessible, match=words):
            probe(tmp_path / name)


def test_a_file_that_may_not_be_read_is_inaccessible(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr("pipeline.sources.opening.os.open", refused)
    with pytest.raises(Inaccessible, match="may not be read"):
        probe(files["tidy"])


@pytest.mark.parametrize(
    ("name", "words"),
    [("half", "stops at 2.9 s of an announced 6.0 s"), ("half_fragmented", "cut off at 2.9 s")],
)
def test_a_cut_file_is_read_up_to_the_cut(files: Files, name: str, words: str) -> None:
    info = probe(files[name])
    assert info.problem is not None
    assert words in info.problem
    times = [frame.time_s for frame in frames_of(info)]
    assert times == pytest.approx([i / 30 for i in range(86)])


def test_noise_in_the_middle_costs_neither_what_came_before_nor_what_comes_after(files: Files) -> None:
    info = probe(files["noise"])
    assert info.problem is None
    decoders = [Decoder(info, span, 10) for span in split(info, 1.0, 1.0)]
    frames = [frame for decoder in decoders for frame in decoder]
    good = {frame.pts: frame for frame in frames_of(probe(files["tidy"]), 10)}
    damaged = [decoder for decoder in decoders if decoder.damage]
    assert len(damaged) == 1
    assert damaged[0].damage is not None
    assert "noise.mp4 is damaged at 2." in damaged[0].damage
    outside = [f for f in frames if not damaged[0].span.start_pts <= f.pts < damaged[0].span.end_pts]
    assert {f.pts for f in outside if f.time_s < 2}
    assert {f.pts for f in outside if f.time_s > 4}
    assert all(same(frame, good[frame.pts]) for frame in outside)


@pytest.mark.parametrize("amount", [200, 2_000])
@pytest.mark.parametrize("name", ["tidy", "b_frames", "late_start"])
def test_a_little_noise_is_noticed(files: Files, tmp_path: Path, name: str, amount: int) -> None:
    data = bytearray(files[name].read_bytes())
    start = len(data) // 2
    data[start : start + amount] = np.random.default_rng(3).bytes(amount)
    path = tmp_path / files[name].name
    path.write_bytes(data)
    info = probe(path)
    decoder = Decoder(info, whole(info), 1)
    list(decoder)
    assert decoder.damage is not None


def test_a_head_that_cannot_be_decoded_is_told(files: Files, tmp_path: Path) -> None:
    data = bytearray(files["tidy"].read_bytes())
    start = data.index(b"mdat") + 4
    data[start : start + 40_000] = np.random.default_rng(4).bytes(40_000)
    path = tmp_path / "head.mp4"
    path.write_bytes(data)
    info = probe(path)
    assert info.problem is not None
    assert info.problem.startswith("The first 1.0 s of head.mp4 cannot be decoded")
    assert frames_of(info)[0].time_s == 0.0


def test_an_unknown_codec_is_told(files: Files, tmp_path: Path) -> None:
    path = tmp_path / "strange.mp4"
    path.write_bytes(files["undecodable"].read_bytes().replace(b"avc1", b"zzz1").replace(b"avcC", b"zzzC"))
    with pytest.raises(Unreadable, match="strange"):
        probe(path)


@pytest.mark.parametrize("listing", ["#EXTM3U\n#EXTINF:6,\n{}\n#EXT-X-ENDLIST\n", "ffconcat version 1.0\nfile {}\n"])
@pytest.mark.parametrize("name", ["list.m3u8", "list.mp4"])
def test_a_playlist_does_not_open_other_files(files: Files, tmp_path: Path, listing: str, name: str) -> None:
    shutil.copy(files["late_start"], tmp_path / "other.ts")
    (tmp_path / name).write_text(listing.format("other.ts"))
    with pytest.raises(Unreadable):
        probe(tmp_path / name)


@pytest.mark.parametrize("name", ["concat:a|b.mp4", "http:x.mp4", "%03d.mp4", "fährt 車.mp4"])
def test_a_name_is_never_taken_for_an_address(files: Files, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    shutil.copy(files["single_frame"], path)
    assert len(frames_of(probe(path))) == 1


def test_a_file_that_vanishes_between_probe_and_decode_is_inaccessible(files: Files, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    shutil.copy(files["tidy"], path)
    info = probe(path)
    path.unlink()
    with pytest.raises(Inaccessible):
        next(decode(info, whole(info)))


def test_a_decode_can_be_left_early(files: Files) -> None:
    info = probe(files["noise"])
    for _ in range(20):
        frames = decode(info, whole(info))
        next(frames)
        frames.close()  # type: ignore[attr-defined]
