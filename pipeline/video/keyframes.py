"""Decodes a few keyframes from all over a video: the cheapest sample of the whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.errors import Away, MediaError
from pipeline.records import Frame, MediaInfo
from pipeline.video.container import open_probed
from pipeline.video.decode import SEEK_BACK_S, Converter

#: Frames of one glance. A keyframe costs 5 ms at 720p and about 17 ms at 1080p.
SAMPLED_KEYFRAMES = 12
#: Where to seek, in seconds before the keyframe, one try after the other; from the file's beginning takes too long.
BACK_S = tuple(back_s for back_s in SEEK_BACK_S if back_s is not None)


def sample_keyframes(info: MediaInfo, count: int = SAMPLED_KEYFRAMES) -> Iterator[Frame]:
    """At most `count` keyframes, evenly spread, in order of time.

    What cannot be decoded is left out. A stream without usable time stamps cannot be entered in its middle and gives
    none. Raises `Away` where the file cannot be reached: a later look may see more.
    """
    try:
        yield from _glances(info, count)
    except Away:
        raise
    except (MediaError, av.error.FFmpegError, OSError):
        return


def _glances(info: MediaInfo, count: int) -> Iterator[Frame]:
    convert = Converter(info)
    # A single thread: with more, the decoder holds frames back.
    with open_probed(info, threads=1) as (container, stream):
        for pts in _spread(info, count):
            frame = _keyframe(container, stream, pts)
            if frame is not None:
                yield Frame(pts, info.seconds(pts), convert(frame))


def _spread(info: MediaInfo, count: int) -> list[int]:
    """Of the keyframes, those nearest to even times over the whole video."""
    keyframes = [pts for pts in info.keyframes if info.start_pts <= pts < info.end_pts]
    if len(keyframes) <= count:
        return keyframes
    first, last = keyframes[0], keyframes[-1]
    wanted = (first + (last - first) * i // (count - 1) for i in range(count))
    return sorted({min(keyframes, key=lambda pts: abs(pts - when)) for when in wanted})


def _keyframe(container: InputContainer, stream: VideoStream, pts: int) -> VideoFrame | None:
    """The frame of the keyframe at `pts`; None where it is not found or is damaged."""
    for back_s in BACK_S:
        with suppress(av.error.FFmpegError, OSError):
            packet = _packet(container, stream, pts, back_s)
            if packet is not None:
                frames = [*packet.decode(), *stream.codec_context.decode(None)]
                return next((frame for frame in frames if not frame.is_corrupt), None)
    return None


def _packet(container: InputContainer, stream: VideoStream, pts: int, back_s: float) -> Packet[VideoStream] | None:
    """The keyframe's packet; None where the seek landed behind it."""
    container.seek(pts - round(back_s / (stream.time_base or 1)), stream=stream)
    for packet in container.demux(stream):
        if packet.is_keyframe and packet.pts == pts:
            return packet
        if packet.dts is not None and packet.dts > pts:
            return None
    return None
