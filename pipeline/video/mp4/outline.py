"""What a container says of itself: its streams, its length by its header, its tags, and how even its frames are.

Of a file that is large and no MP4, only the beginning is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from pipeline.sources.source import Source
from pipeline.video.container import WHOLE_BYTES, announced_rate, open_container

#: What FFmpeg calls MP4, MOV and their kin: their index says as much as all of the file.
MP4 = "mov,mp4,m4a,3gp,3g2,mj2"
#: Frames that are enough to see whether they come evenly: a minute.
_FRAMES = 1800
#: Of pictures, no more is read for that in a file that is large and no MP4.
_LOOK_BYTES = 4 << 20
#: Frames whose distances differ by no more come evenly: containers round times, mostly to a thousandth of a second.
_EVEN_S = 0.0021


@dataclass(frozen=True, slots=True)
class StreamSeen:
    """One stream of a container."""

    #: video, audio, subtitle, data or attachment.
    kind: str
    #: As FFmpeg calls it; None for one that it does not know, such as a camera's own metadata.
    codec: str | None
    #: Pixels, of video only.
    width: int | None = None
    height: int | None = None
    #: Samples a second, of sound only.
    sample_rate: int | None = None


@dataclass(frozen=True, slots=True)
class Outline:
    """What a container says of itself."""

    #: As FFmpeg calls it.
    container: str
    streams: tuple[StreamSeen, ...]
    #: By the header; None where it says none.
    announced_s: float | None
    #: Frames a second of the main video stream, on average over its beginning.
    frame_rate: float | None = None
    #: Whether its frames come evenly; None where that cannot be seen.
    is_even: bool | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


def outline(source: Source) -> Outline:
    """What the container says of itself. Raises like `open_video`, but for files without pictures."""
    with open_container(source) as container:
        found = Outline(
            container.format.name,
            tuple(map(_seen, container.streams)),
            container.duration / av.time_base if container.duration else None,
            tags=dict(container.metadata),
        )
        try:
            rate, is_even = _rate(container)
        except (av.error.FFmpegError, OSError):
            return found
    return replace(found, frame_rate=rate, is_even=is_even)


def is_large(source: Source, size: int) -> bool:
    """Whether reading all of a file takes too long for a look at it; an MP4's index says as much as all of it."""
    return size > WHOLE_BYTES or not isinstance(source, Path)


def _seen(stream: Stream) -> StreamSeen:
    context = stream.codec_context
    if context is None:
        return StreamSeen(stream.type, None)
    return StreamSeen(
        stream.type,
        context.name,
        getattr(context, "width", None) or None,
        getattr(context, "height", None) or None,
        getattr(context, "sample_rate", None) or None,
    )


def _rate(container: InputContainer) -> tuple[float | None, bool | None]:
    if not container.streams.video:
        return None, None
    stream = max(container.streams.video, key=lambda one: (one.width or 0) * (one.height or 0))
    times = _times(container, stream)
    seen_s = times[-1] - times[0] if times else 0.0
    return (len(times) - 1) / seen_s if seen_s else float(announced_rate(stream)), _is_even(times)


def _times(container: InputContainer, stream: VideoStream) -> list[float]:
    """When the first frames are shown, seconds, in the order of showing."""
    base, read = float(stream.time_base or 0), 0
    times: list[float] = []
    for packet in container.demux(stream):
        if packet.pts is not None and packet.size:
            times.append(packet.pts * base)
        read += packet.size
        if len(times) >= _FRAMES or (read > _LOOK_BYTES and len(times) > 2):
            break
    times.sort()
    # With B-frames, those that are shown between the last ones are not read yet.
    return times[: -min(16, len(times) // 4)] if len(times) > 8 else times


def _is_even(times: Iterable[float]) -> bool | None:
    steps = [after - before for before, after in pairwise(times)]
    return max(steps) - min(steps) <= _EVEN_S if len(steps) > 1 else None
