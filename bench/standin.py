"""A stand-in for the stages: known durations, known results, the same from run to run.

A *drive* is a small JSON file in place of a video. It says how many segments it has, how long each stage of one takes,
and which segments misbehave. What it shows follows from its name alone. Pictures carry their text in their pixels, so
that a reading is only right if the stored crop is.

Used with `DASHPLATE_WORK=bench.standin:StandIn`.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from pipeline.camera.records import Clock
from pipeline.detection.segment import SegmentDetection
from pipeline.errors import DashplateError, Inaccessible, Unreadable
from pipeline.job_options import JobOptions
from pipeline.records import (
    Box,
    Candidate,
    Character,
    Crop,
    Image,
    MediaInfo,
    MediaKind,
    Observation,
    Reading,
    SegmentSpan,
    Tracklet,
)
from pipeline.sources.availability import check_answers
from pipeline.sources.remote import open_remote
from pipeline.sources.source import Source, source_of
from pipeline.video.recorded import recorded
from workers.allowed import allowed

#: pts per second.
_TICKS = 1000
_LETTERS, _DIGITS = "ABCDEFGHJKLMNPRSTUVWXY", "0123456789"
_CROP_PX = (12, 32)
_FRAME_PX = (36, 64)


@dataclass(frozen=True, slots=True)
class Drive:
    """What a stand-in file says of itself."""

    segments: int = 4
    #: Length of a segment.
    seconds: float = 10.0
    #: How long a probe, a look and a read take.
    probe_s: float = 0.0
    look_s: float = 0.0
    read_s: float = 0.0
    #: Plates of each segment; the last one of a segment is seen on in the next.
    plates: int = 2
    #: Tells drives apart that are equal otherwise: equal files are one video.
    name: str = ""
    #: Segments that raise in detection, every time.
    poisoned: tuple[int, ...] = ()
    #: Segments whose detection takes its process down with it, every time.
    deadly: tuple[int, ...] = ()
    #: Segments whose detection never ends and hears no signal but SIGKILL.
    stuck: tuple[int, ...] = ()
    #: Fetching its frames fails half way, every time.
    torn_frames: bool = False

    def write(self, path: Path) -> None:
        """Write the drive as a file."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def load(cls, source: Source) -> Drive:
        """Raises Unreadable for a file that is no drive, Inaccessible for one that is not there, Away for one that may
        come back."""
        try:
            return cls(**json.loads(_bytes(source)))
        except OSError as problem:
            check_answers(source, problem)
            raise Inaccessible(f"{source.name} is not there, or may not be read.") from problem
        except (ValueError, TypeError) as problem:
            raise Unreadable(f"{source.name} is no stand-in drive.") from problem


class StandIn:
    """`workers.steps.stage_engine.StageEngine` without a video."""

    def warm(self, role: str) -> None:
        """There is no model."""

    def probe(self, path: str, options: JobOptions) -> tuple[MediaInfo, Sequence[SegmentSpan]]:
        file = allowed(source_of(path))
        drive = Drive.load(file)
        time.sleep(drive.probe_s)
        ticks = round(drive.seconds * _TICKS)
        height, width = _FRAME_PX
        info = MediaInfo(
            path=file,
            kind=MediaKind.VIDEO,
            width=width,
            height=height,
            rotation=0,
            codec="standin",
            time_base=Fraction(1, _TICKS),
            start_pts=0,
            end_pts=ticks * drive.segments,
            frame_rate=10.0,
            keyframes=(0,),
            frames=10 * drive.segments,
            recorded=recorded(file, {}) if isinstance(file, Path) else None,
        )
        return info, [SegmentSpan(i, i * ticks, (i + 1) * ticks) for i in range(drive.segments)]

    def detect(self, media: MediaInfo, span: SegmentSpan, options: JobOptions) -> SegmentDetection:
        file = allowed(media.path)
        drive = Drive.load(file)
        if not (isinstance(file, Path) and mended_by(file).exists()):
            self._misbehave(drive, span.index)
        time.sleep(drive.look_s)
        name = media.path.name
        tracklets = tuple(_tracklet(name, span, number, drive) for number in range(drive.plates))
        return SegmentDetection(tracklets, frames_looked=100, damage=None)

    def read(self, crops: Sequence[Sequence[Crop]], options: JobOptions) -> Sequence[Reading | None]:
        # A reader sees no drive: how long it takes stands in the pictures.
        if crops:
            time.sleep(_read_s(crops[0][0].image))
        return [_reading([_text(crop.image) for crop in tracklet]) for tracklet in crops]

    def screen_clock(self, media: MediaInfo, clock: Clock | None, options: JobOptions) -> Clock | None:
        return clock

    def frames(self, media: MediaInfo, wanted: Collection[int]) -> Iterator[tuple[int, Image]]:
        try:
            drive = Drive.load(allowed(media.path))
        except DashplateError:
            return
        for number, pts in enumerate(sorted(wanted)):
            if drive.torn_frames and 2 * number >= len(wanted):
                raise ValueError("fetching the frames broke off half way")
            yield pts, np.full((*_FRAME_PX, 3), pts // _TICKS % 251, np.uint8)

    @staticmethod
    def _misbehave(drive: Drive, index: int) -> None:
        if index in drive.poisoned:
            raise ValueError(f"segment {index} is poisoned")
        if index in drive.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        if index in drive.stuck:
            # Ignored, not blocked: another thread would take a blocked one, and Python hands it to this.
            for signum in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
                with suppress(OSError, ValueError):
                    signal.signal(signum, signal.SIG_IGN)
            while True:
                time.sleep(1.0)


def mended_by(drive: Path) -> Path:
    """The file beside a drive that ends its misbehaviour, and leaves the drive as it is."""
    return drive.with_name(f".{drive.name}.mended")


def _bytes(source: Source) -> bytes:
    if isinstance(source, Path):
        return source.read_bytes()
    with open_remote(source) as file:
        return file.read()


def plate_text(video: str, number: int) -> str:
    """The plate that a drive of that file name shows as its `number`-th: two letters, four digits."""
    digest = hashlib.sha256(os.fsencode(f"{video}/{number}")).digest()
    letters = "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:2])
    return letters + "".join(_DIGITS[2 + byte % 8] for byte in digest[2:6])


def _tracklet(video: str, span: SegmentSpan, number: int, drive: Drive) -> Tracklet:
    text = plate_text(video, span.index * max(1, drive.plates - 1) + number)
    each = (span.end_pts - span.start_pts) // max(1, drive.plates)
    first = span.start_pts + number * each
    seen = tuple(_observation(first + i * (each - 1) // 2) for i in range(3))
    height, width = _CROP_PX
    crops = tuple(
        Crop(one, Box(0, 0, width, height), 1.0 - rank / 10, _picture(text, rank, drive.read_s))
        for rank, one in enumerate(seen[:2])
    )
    return Tracklet(number, seen, crops)


def _observation(pts: int) -> Observation:
    return Observation(pts, pts / _TICKS, Box(10.0, 10.0, 42.0, 22.0), 0.9)


def _picture(text: str, rank: int, read_s: float) -> Image:
    """A crop whose first row spells the text, and in whose second row stand its rank and the reading time in ms."""
    image = np.full((*_CROP_PX, 3), 40 + rank, np.uint8)
    image[0, : len(text), 0] = [ord(char) for char in text]
    image[0, len(text) :, 0] = 0
    millis = round(1000 * read_s)
    image[1, :3, 0] = (rank, millis // 256, millis % 256)
    return image


def _text(image: Image) -> str:
    return "".join(chr(code) for code in image[0, :, 0] if code)


def _read_s(image: Image) -> float:
    return (256 * int(image[1, 1, 0]) + int(image[1, 2, 0])) / 1000


def _reading(texts: Sequence[str]) -> Reading:
    text = texts[0]
    if set(texts) != {text}:
        raise ValueError(f"crops of one tracklet say {sorted(set(texts))}")
    return Reading(
        text=text,
        confidence=0.97,
        characters=tuple(Character(char, 0.99) for char in text),
        alternatives=(Candidate(text[:-1] + "1", 0.01),),
        country="GB",
        reads=len(texts),
        crops=len(texts),
        best_crop=0,
    )
