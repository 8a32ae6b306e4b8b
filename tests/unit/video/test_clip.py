"""Clips: what a browser gets of any source is upright H.264 of the right moments, with the index first and no sound."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from pipeline.errors import Away, Inaccessible, Unreadable
from pipeline.records import Image, MediaInfo
from pipeline.sources.fingerprints import content_of, fingerprint
from pipeline.sources.roots import NotAllowed
from pipeline.video.clip import MOST_PX, ClipRequest, cut
from pipeline.video.encode import MOST_FPS
from pipeline.video.probe import probe
from tests.support import media_files
from tests.support.decoded import frames_of
from tests.support.media_files import B_FRAMES, TIDY, Files, write_clip

SOURCES = (
    "tidy", "with_sound", "b_frames", "open_gop", "hevc_open_gop", "variable_rate", "late_start", "matroska",
    "avi_mjpeg", "avi_h264", "raw_h264", "starts_inside", "rotated", "ten_bit", "odd_size", "size_change", "half",
)  # fmt: skip


@dataclass(frozen=True)
class Played:
    """A clip as a player sees it."""

    data: bytes
    times: list[float]
    images: list[Image]


def played(data: bytes) -> Played:
    """The clip decoded; holds it against what browsers play on the way."""
    with av.open(io.BytesIO(data)) as container:
        assert [stream.type for stream in container.streams] == ["video"]
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_tag, stream.pix_fmt) == ("h264", "avc1", "yuv420p")
        frames = list(container.decode(stream))
    assert data.index(b"moov") < data.index(b"mdat"), "the index stands first"
    assert frames[0].rotation == 0
    return Played(data, [frame.time or 0.0 for frame in frames], [f.to_ndarray(format="bgr24") for f in frames])


def request_of(path: Path, start_s: float, end_s: float, **changes: object) -> ClipRequest:
    """As a caller that comes from the database makes it: the first keyframe is all it knows."""
    info = probe(path)
    media = replace(info, keyframes=info.keyframes[:1])
    start, end = (info.start_pts + round(seconds / info.time_base) for seconds in (start_s, end_s))
    return replace(ClipRequest(media, content_of(path), fingerprint(path), start, end), **changes)  # type: ignore[arg-type]


def shown_between(info: MediaInfo, start_s: float, end_s: float) -> list[tuple[float, Image]]:
    """The frames that decoding the whole file shows then, by seconds from the first of them."""
    found = [frame for frame in frames_of(info) if start_s - 1e-6 <= frame.time_s < end_s - 1e-6]
    return [(frame.time_s - found[0].time_s, frame.image) for frame in found]


@pytest.mark.parametrize("name", SOURCES)
def test_a_clip_shows_the_moments_that_were_asked_for(files: Files, name: str) -> None:
    path = files[name]
    info = probe(path)
    begin, end = (0.6, 1.7) if info.duration_s < 3 else (1.4, 2.6)
    clip = played(cut(request_of(path, begin, end), ()).data)
    wanted = shown_between(info, begin, end)
    assert len(clip.times) == len(wanted) > 5
    assert np.allclose(clip.times, [time for time, _ in wanted], atol=0.002)
    for ours, (_, theirs) in zip(clip.images, wanted, strict=True):
        height, width = ours.shape[:2]
        assert (height, width) == (info.height // 2 * 2, info.width // 2 * 2)
        difference = cv2.absdiff(ours, cv2.resize(theirs, (width, height)))
        assert difference.mean() < 6, "the same picture, at the same time, of the same brightness"


def test_colours_stay_what_they_are(tmp_path: Path) -> None:
    """The source says nothing of its colours, or that they are BT.709; a player has to be told."""
    path = tmp_path / "colours.mp4"
    bars = np.zeros((360, 640, 3), np.uint8)
    for number, colour in enumerate([(200, 30, 30), (30, 200, 30), (30, 30, 200), (30, 200, 200)]):
        bars[:, 160 * number : 160 * (number + 1)] = colour
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for index in range(30):
            frame = av.VideoFrame.from_ndarray(bars, "bgr24")
            frame.pts, frame.time_base = index, Fraction(1, 30)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    clip = cut(request_of(path, 0.0, 0.5), ()).data
    with av.open(io.BytesIO(clip)) as container:
        assert (container.streams.video[0].codec_context.colorspace, container.streams.video[0].color_range) == (1, 1)
    image = played(clip).images[3]
    for number in range(4):
        at = image[180, 160 * number + 80].astype(int)
        assert abs(at - bars[180, 160 * number + 80].astype(int)).max() < 12


def test_large_and_fast_sources_are_made_smaller(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "large.mp4", replace(TIDY, width=1920, height=1080, fps=60, seconds=1))
    clip = played(cut(request_of(path, 0.0, 1.0), ()).data)
    assert clip.images[0].shape == (720, MOST_PX, 3)
    assert len(clip.times) == MOST_FPS
    assert np.allclose(np.diff(clip.times), 1 / 30, atol=0.001)
    upright = write_clip(tmp_path / "upright.mp4", replace(TIDY, width=1080, height=1920, seconds=0.2))
    assert played(cut(request_of(upright, 0.0, 0.2), ()).data).images[0].shape == (MOST_PX, 720, 3)


def test_what_lies_outside_of_the_video_is_left_out(files: Files) -> None:
    assert len(played(cut(request_of(files["tidy"], -5.0, 0.5), ()).data).times) == 15
    assert len(played(cut(request_of(files["tidy"], 5.5, 99.0), ()).data).times) == 15
    assert len(played(cut(request_of(files["single_frame"], -1.0, 1.0), ()).data).times) == 1


def test_only_what_is_needed_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file with a keyframe a second, no more than that second before the clip."""
    path = write_clip(tmp_path / "long.mp4", replace(B_FRAMES, width=320, height=180, seconds=40))
    decoded = count_packets(monkeypatch)
    cut(request_of(path, 30.5, 31.0), ())
    assert 0 < decoded() < 80
    bare = write_clip(tmp_path / "bare.h264", replace(B_FRAMES, width=320, height=180, seconds=40))
    decoded = count_packets(monkeypatch)
    cut(request_of(bare, 1.0, 1.5), ())
    assert 0 < decoded() < 80, "a stream without time stamps is decoded from its beginning, and not to its end"


def count_packets(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many packets decoders are given from now on, besides those of a probe."""
    from pipeline.video import decode

    count = 0
    fed = decode.Decoder._of_the_segment

    def counted(self: decode.Decoder, packets: object) -> object:
        nonlocal count
        for packet in fed(self, packets):  # type: ignore[arg-type]
            count += 1
            yield packet

    monkeypatch.setattr(decode.Decoder, "_of_the_segment", counted)
    return lambda: count


def test_a_clip_is_the_same_each_time(files: Files) -> None:
    """A player that asks for its second half later may be answered from another cut."""
    assert cut(request_of(files["b_frames"], 1.0, 2.0), ()) == cut(request_of(files["b_frames"], 1.0, 2.0), ())


def test_damage_is_passed_over_and_where_nothing_is_left_it_is_said(files: Files, tmp_path: Path) -> None:
    assert len(played(cut(request_of(files["noise"], 0.0, 6.0), ()).data).times) > 100
    wanted = request_of(files["tidy"], 4.0, 5.0)
    data = bytearray(files["tidy"].read_bytes())
    start, end = data.index(b"mdat") + 4, data.rindex(b"moov") - 4
    data[start:end] = bytes(end - start)
    empty = media_files.written(tmp_path / "empty.mp4", bytes(data))
    with pytest.raises(Unreadable, match=r"No picture of empty\.mp4 around that time"):
        cut(replace(wanted, media=replace(wanted.media, path=empty), content=content_of(empty)), ())


def test_another_file_in_its_place_is_not_shown(files: Files, tmp_path: Path) -> None:
    """Cameras use their file names again."""
    path = media_files.written(tmp_path / "a.mp4", files["tidy"].read_bytes())
    wanted = request_of(path, 1.0, 2.0)
    path.write_bytes(files["b_frames"].read_bytes())
    with pytest.raises(Unreadable, match="not the file that was looked at before"):
        cut(wanted, ())
    path.unlink()
    with pytest.raises(Inaccessible, match="is not there"):
        cut(wanted, ())


def test_roots_hold(files: Files, tmp_path: Path) -> None:
    wanted = request_of(files["tidy"], 1.0, 2.0)
    assert cut(wanted, (files["tidy"].parent,))
    with pytest.raises(NotAllowed, match="outside the folders"):
        cut(wanted, (tmp_path / "elsewhere",))
    share = tmp_path / "share"
    share.mkdir()
    lost = replace(wanted, media=replace(wanted.media, path=share / "tidy.mp4"))
    with pytest.raises(Away, match="share or disk is mounted"):
        cut(lost, (share,))
