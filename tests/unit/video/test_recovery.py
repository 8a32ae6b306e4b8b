"""Recordings that were never finished: what comes out of them is what comes out of the whole ones."""

from __future__ import annotations

import shutil
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import Unreadable
from pipeline.sources.fingerprints import fingerprint
from pipeline.sources.roots import check_allowed
from pipeline.video import container
from pipeline.video.clip import ClipRequest, cut
from pipeline.video.decode import decode
from pipeline.video.evidence import frames_at
from pipeline.video.keyframes import sample_keyframes
from pipeline.video.probe import probe
from pipeline.video.recovery import unfinished
from pipeline.video.split import split
from tests.support.decoded import frames_of
from tests.support.media_files import B_FRAMES, TIDY, Recipe, write_clip
from tests.support.recovered import (
    H265,
    H265_IN_BAND,
    IN_BAND,
    KINDS,
    SIZES,
    SOUND,
    SOUND_B,
    assert_the_same,
    clip,
)
from tests.support.unfinished import POSITIONS, parts, with_between, without_index

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
