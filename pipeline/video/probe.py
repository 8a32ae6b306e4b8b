"""Probes a file before it is decoded: video or photograph, size, length, damage.

One frame of a video is decoded, because an index can be whole while nothing behind it is.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
from av.video.frame import VideoFrame

from pipeline.errors import Inaccessible, Unreadable
from pipeline.records import MediaInfo, MediaKind
from pipeline.sources.availability import check_answers, check_reads
from pipeline.sources.expand import PHOTO_EXTENSIONS
from pipeline.sources.fingerprints import UNSEEN, is_still
from pipeline.sources.object_versions import version
from pipeline.sources.remote import describe
from pipeline.sources.source import Remote, Source, shown
from pipeline.video.container import (
    Survey,
    announced_rate,
    not_media,
    open_packets,
    open_source,
    open_video,
    recovered,
    survey,
)
from pipeline.video.mp4.tags import MAKE_TAGS, MODEL_TAGS, tagged
from pipeline.video.photograph import JPEG_START, probe_photo
from pipeline.video.recorded import recorded

#: A video may end this much before its announced end: sound and picture seldom end together.
END_SLACK_S = 0.5
#: An unreadable file changed less than so many seconds ago is looked at once more after a moment: cameras write at
#: least twice a second.
JUST_NOW_S, MOMENT_S = 2.0, 0.6
#: What the pictures that OpenCV reads begin with.
PHOTO_MAGIC = (b"\xff\xd8\xff", b"\x89PNG", b"BM", b"II*\0", b"MM\0*", b"RIFF")
#: What zip, gzip, bzip2, xz, zstandard, 7z and rar files begin with.
ARCHIVE_MAGIC = (
    b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf", b"Rar!",
)  # fmt: skip
#: Bytes of the first look at a file.
HEAD_BYTES = 16
#: Kinds of HEIC photographs; the video reader would take one tile of the picture for the whole.
HEIC_KINDS = frozenset({b"heic", b"heix", b"heim", b"mif1"})


def probe(source: Source) -> MediaInfo:
    """What there is to know of a file before it is decoded.

    A file that changes meanwhile gives what was there by then, and its `problem` says so. Raises `Inaccessible`
    (`Away` for one that may be reached later), `Unreadable` or `NoVideoStream`, each with a sentence for the person
    who sent it.
    """
    before = _version(source)
    try:
        info = _probe(source)
        if info.recovered and _grows(source, before):
            raise Unreadable("It has no index yet.")
    except Unreadable as problem:
        check_reads(source)
        if _grows(source, before):
            raise Unreadable(
                f"{shown(source)} is still being written and cannot be read yet. Submit it again once it is finished."
            ) from problem
        raise
    if _version(source) != before:
        info = replace(info, problem=growing(source))
    if info.problem is not None:
        check_reads(source)
    return info


def changed_since(source: Source, known: str) -> str | None:
    """The sentence for a file that is no longer what `known`, its fingerprint at registration, says; else None.

    None also where it could not be looked at then. Raises `Inaccessible` where it cannot be now.
    """
    if known.startswith(UNSEEN) or is_still(source, known):
        return None
    return growing(source)


def growing(source: Source) -> str:
    """The sentence for a file that changed between two looks at it."""
    return (
        f"{shown(source)} was still being written when it was opened; what was there by then was read."
        " Submit it again once it is finished."
    )


def _grows(source: Source, before: object) -> bool:
    """Whether a file is not what it was; one that was written to just now is given a moment to show it."""
    if isinstance(source, Path):
        with suppress(OSError):
            if abs(time.time() - source.stat().st_mtime) < JUST_NOW_S:
                time.sleep(MOMENT_S)
    return _version(source) != before


def _version(source: Source) -> object:
    """Equal for as long as a file stays what it is."""
    if isinstance(source, Remote):
        details = describe(replace(source, details=None))
        return details.get("size"), version(details)
    try:
        status = os.stat(source)
    except (OSError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns


def _probe(source: Source) -> MediaInfo:
    head = _head(source)
    name = shown(source)
    if head[4:8] == b"ftyp" and head[8:12] in HEIC_KINDS:
        raise Unreadable(f"{name} is a HEIC photo, which cannot be read here. Convert it to JPEG.")
    if head.startswith(ARCHIVE_MAGIC):
        raise Unreadable(f"{name} is an archive or packed, and is not unpacked here. Unpack it and submit its videos.")
    if source.suffix.lower() in PHOTO_EXTENSIONS:
        if info := probe_photo(source):
            return info
        if head.startswith(JPEG_START):
            raise Unreadable(not_media(source))  # The demuxer would make a video of one frame of what is left.
    try:
        return _probe_video(source)
    except Unreadable:
        if head.startswith(PHOTO_MAGIC) and (info := probe_photo(source)):
            return info
        raise


def _head(source: Source) -> bytes:
    """The first bytes of a file that is there, may be read and is not empty."""
    name = shown(source)
    try:
        if isinstance(source, Path) and source.exists() and not source.is_file():
            kind = "a folder" if source.is_dir() else "a device"
            raise Inaccessible(f"{name} is {kind}, not a file. Name a video or a photo.")
        with open_source(source, HEAD_BYTES) as file:
            head = file.read(HEAD_BYTES)
    except FileNotFoundError as problem:
        raise Inaccessible(
            f"{name} is not there. Check the path, and that its disk or memory card is connected."
        ) from problem
    except PermissionError as problem:
        raise Inaccessible(
            f"{name} may not be read. Give the account that runs Dashplate the right to read it."
        ) from problem
    except (OSError, ValueError) as problem:
        check_answers(source, problem)
        raise Inaccessible(f"{name} cannot be opened. Check the path and its disk.") from problem
    if not head:
        raise Unreadable(f"{name} is empty (0 bytes). Copy it from the camera again.")
    return head


def _probe_video(source: Source) -> MediaInfo:
    with open_packets(source) as (container, stream):
        found = survey(container, stream)
        begin_s = (container.start_time or 0) / av.time_base
        announced_s = (container.duration or 0) / av.time_base
        codec, rate = stream.codec_context.name, announced_rate(stream)
        metadata = container.metadata
    rebuilt = recovered(source)
    first = _first_frame(source, codec)
    turn = round(first.rotation / 90) * 90 % 360
    sideways = turn in (90, 270)
    clock = _timed(found, first, rate) if found.timed else _counted(found, rate)
    said = (rebuilt.sentence(source) if rebuilt else None), _video_problem(source, found, clock, begin_s, announced_s)
    return MediaInfo(
        path=source,
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
        problem=" ".join(filter(None, said)) or None,
        recovered=rebuilt is not None,
        recorded=recorded(source, metadata, float((clock.end_pts - clock.start_pts) * clock.time_base)),
        make=tagged(metadata, MAKE_TAGS),
        model=tagged(metadata, MODEL_TAGS),
    )


def _first_frame(source: Source, codec: str) -> VideoFrame:
    """The first frame that can be decoded, wherever it is. Raises `Unreadable` where there is none."""
    with open_video(source) as (container, stream):
        for packet in container.demux(stream):
            with suppress(av.error.FFmpegError):
                for frame in packet.decode():
                    return frame
    raise Unreadable(
        f"{shown(source)} says that it holds {codec} video, but not one frame of it can be decoded."
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


def _video_problem(source: Source, found: Survey, clock: _Clock, begin_s: float, announced_s: float) -> str | None:
    """The sentence for damage that shows without decoding; the container's clock begins at `begin_s`."""
    name, end_s = shown(source), found.end_s - begin_s
    kept = "what came before was read."
    if found.timed and announced_s - end_s > END_SLACK_S:
        return f"{name} stops at {end_s:.1f} s of an announced {announced_s:.1f} s; {kept}"
    if found.cut:
        return f"{name} is cut off at {end_s:.1f} s, in the middle of a frame; {kept}"
    if found.broken:
        return f"{name} breaks off at {end_s:.1f} s; {kept}"
    lost_s = float((clock.start_pts - min(found.pts, default=clock.start_pts)) * clock.time_base)
    if found.timed and lost_s > END_SLACK_S:
        return f"The first {lost_s:.1f} s of {name} cannot be decoded; what came after was read."
    return None
