"""Says what a media file is before it is decoded: a video or a photograph, how large, how long, how whole.

One frame of a video is decoded, because an index can be whole while nothing behind it is.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame

from pipeline.container import Survey, announced_rate, open_video, survey
from pipeline.errors import Inaccessible, Unreadable
from pipeline.inputs import PHOTO_EXTENSIONS
from pipeline.records import Image, MediaInfo, MediaKind

#: A video may end this much before its announced end: sound and picture seldom end together.
END_SLACK_S = 0.5
#: Larger files are not taken for photographs.
PHOTO_BYTES = 512 * 1024 * 1024
#: What the pictures that OpenCV reads begin with.
PHOTO_MAGIC = (b"\xff\xd8\xff", b"\x89PNG", b"BM", b"II*\0", b"MM\0*", b"RIFF")
JPEG_START, JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
#: Kinds of HEIC photographs; the video reader would take one tile of the picture for the whole.
HEIC_KINDS = frozenset({b"heic", b"heix", b"heim", b"mif1"})


def probe(path: Path) -> MediaInfo:
    """What there is to know of a file before it is decoded.

    Raises `Inaccessible`, `Unreadable` or `NoVideoStream`, each with a sentence for the person who sent it.
    """
    head = _head(path)
    if head[4:8] == b"ftyp" and head[8:12] in HEIC_KINDS:
        raise Unreadable(f"{path.name} is a HEIC photo, which cannot be read here. Convert it to JPEG.")
    if path.suffix.lower() in PHOTO_EXTENSIONS and (info := _probe_photo(path)):
        return info
    try:
        return _probe_video(path)
    except Unreadable:
        if head.startswith(PHOTO_MAGIC) and (info := _probe_photo(path)):
            return info
        raise


def _head(path: Path) -> bytes:
    """The first bytes of a file that is there, may be read and is not empty."""
    try:
        if path.exists() and not path.is_file():
            kind = "a folder" if path.is_dir() else "a device"
            raise Inaccessible(f"{path.name} is {kind}, not a file. Name a video or a photo.")
        with path.open("rb") as file:
            head = file.read(16)
    except FileNotFoundError as problem:
        raise Inaccessible(
            f"{path.name} is not there. Check the path, and that its disk or memory card is connected."
        ) from problem
    except PermissionError as problem:
        raise Inaccessible(
            f"{path.name} may not be read. Give the account that runs Dashplate the right to read it."
        ) from problem
    except (OSError, ValueError) as problem:
        raise Inaccessible(f"{path.name} cannot be opened. Check the path and its disk.") from problem
    if not head:
        raise Unreadable(f"{path.name} is empty (0 bytes). Copy it from the camera again.")
    return head


# Photographs


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """A photograph, upright (EXIF orientation applied)."""

    image: Image
    #: False where the file ends early; what is missing of the image is grey.
    whole: bool


def read_photo(path: Path) -> Photo | None:
    """The photograph in a file; None where there is none."""
    try:
        if path.stat().st_size > PHOTO_BYTES:
            return None
        data = path.read_bytes()
    except OSError:
        return None
    image = _decoded(data)
    if image is not None:
        return Photo(image, whole=True)
    # OpenCV refuses a JPEG without its end mark; given one, it decodes what is there.
    image = _decoded(data + JPEG_END) if data.startswith(JPEG_START) else None
    return None if image is None else Photo(image, whole=False)


def _decoded(data: bytes) -> Image | None:
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return None if image is None else cast(Image, np.ascontiguousarray(image))


def _probe_photo(path: Path) -> MediaInfo | None:
    photo = read_photo(path)
    if photo is None:
        return None
    height, width = photo.image.shape[:2]
    return MediaInfo(
        path=path,
        kind=MediaKind.PHOTO,
        width=width,
        height=height,
        rotation=0,
        codec=path.suffix.lower().lstrip("."),
        time_base=Fraction(1, 1000),
        start_pts=0,
        end_pts=1,
        frame_rate=0.0,
        keyframes=(0,),
        frames=1,
        problem=None if photo.whole else f"{path.name} ends early; the part that is missing is left grey.",
    )


# Videos


def _probe_video(path: Path) -> MediaInfo:
    with open_video(path) as (container, stream):
        found = survey(container, stream)
        begin_s = (container.start_time or 0) / av.time_base
        announced_s = (container.duration or 0) / av.time_base
        codec, rate = stream.codec_context.name, announced_rate(stream)
    first = _first_frame(path, codec)
    turn = round(first.rotation / 90) * 90 % 360
    sideways = turn in (90, 270)
    clock = _timed(found, first, rate) if found.timed else _counted(found, rate)
    return MediaInfo(
        path=path,
        kind=MediaKind.VIDEO,
        width=first.height if sideways else first.width,
        height=first.width if sideways else first.height,
        rotation=turn,
        codec=codec,
        time_base=clock.time_base,
        start_pts=clock.start_pts,
        end_pts=clock.end_pts,
        frame_rate=clock.frame_rate,
        keyframes=clock.keyframes,
        frames=found.packets,
        problem=_video_problem(path, found, clock, found.end_s - begin_s, announced_s),
    )


def _first_frame(path: Path, codec: str) -> VideoFrame:
    """The first frame that can be decoded, wherever it is. Raises `Unreadable` where there is none."""
    with open_video(path) as (container, stream):
        for packet in container.demux(stream):
            with suppress(av.error.FFmpegError):
                for frame in packet.decode():
                    return frame
    raise Unreadable(
        f"{path.name} says that it holds {codec} video, but not one frame of it can be decoded."
        " Copy it from the memory card again."
    )


@dataclass(frozen=True, slots=True)
class _Clock:
    time_base: Fraction
    start_pts: int
    end_pts: int
    frame_rate: float
    keyframes: tuple[int, ...]


def _timed(found: Survey, first: VideoFrame, rate: Fraction) -> _Clock:
    """The clock of a stream whose packets bear times; `rate` counts only where one frame is all there is."""
    stamps = sorted(set(found.pts)) or [0]
    start = first.pts if first.pts is not None else stamps[0]
    last = max(stamps[-1], start)
    steps = sum(pts > start for pts in stamps)
    step = Fraction(last - start, steps) if steps else 1 / (rate * found.time_base)
    # Some containers do not say how long a frame is shown.
    end = found.end_pts if found.end_pts > last else last + max(1, round(step))
    keyframes = tuple(sorted(set(found.keyframes))) or (start,)
    return _Clock(found.time_base, start, end, float(1 / (step * found.time_base)), keyframes)


def _counted(found: Survey, rate: Fraction) -> _Clock:
    return _Clock(1 / rate, 0, max(1, found.packets), float(rate), ())


def _video_problem(path: Path, found: Survey, clock: _Clock, end_s: float, announced_s: float) -> str | None:
    """The sentence for damage that shows without decoding; both times count from the file's start."""
    kept = "what came before was read."
    if found.timed and announced_s - end_s > END_SLACK_S:
        return f"{path.name} stops at {end_s:.1f} s of an announced {announced_s:.1f} s; {kept}"
    if found.cut:
        return f"{path.name} is cut off at {end_s:.1f} s, in the middle of a frame; {kept}"
    if found.broken:
        return f"{path.name} breaks off at {end_s:.1f} s; {kept}"
    lost_s = float((clock.start_pts - min(found.pts, default=clock.start_pts)) * clock.time_base)
    if found.timed and lost_s > END_SLACK_S:
        return f"The first {lost_s:.1f} s of {path.name} cannot be decoded; what came after was read."
    return None
