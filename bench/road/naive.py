"""Runs PaddleOCR's whole pipeline on whole frames, in a process of its own.

`python -m bench.road.naive CLIP --json FILE` writes a `NaiveReading`; `bench.road.runs` starts it and watches it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import takewhile
from pathlib import Path
from typing import Annotated

import typer

from bench.road.texts import TextSpan, spans
from evaluation.whole_image_ocr import PaddleOcr
from pipeline.detection.segment import SAMPLE_FPS
from pipeline.records import Frame, SegmentSpan
from pipeline.video.decode import decode
from pipeline.video.probe import probe


@dataclass(frozen=True, slots=True)
class NaiveReading:
    """What whole-frame OCR made of a clip."""

    #: Frames that were read.
    frames: int
    #: Seconds to load both networks.
    load_s: float
    #: Seconds to decode and read the frames.
    reading_s: float
    #: Every text of a plate's length, those of one frame too.
    texts: tuple[TextSpan, ...]


def read_clip(clip: Path, sample_fps: float, until_s: float | None, cache_dir: Path) -> NaiveReading:
    """Read the frames that the road looks at, whole; those from `until_s` on are left out."""
    began = time.monotonic()
    ocr = PaddleOcr(cache_dir)
    loaded = time.monotonic()
    frames = _frames(clip, sample_fps, until_s)
    read = [(frame.time_s, [seen.text for seen in ocr.read(frame.image)]) for frame in frames]
    ended = time.monotonic()
    return NaiveReading(len(read), loaded - began, ended - loaded, tuple(spans(read)))


def _frames(clip: Path, sample_fps: float, until_s: float | None) -> Iterator[Frame]:
    info = probe(clip)
    frames = decode(info, SegmentSpan(0, info.start_pts, info.end_pts), sample_fps)
    return frames if until_s is None else takewhile(lambda frame: frame.time_s < until_s, frames)


def main(
    clip: Path,
    json_file: Annotated[Path, typer.Option("--json", help="Write the reading here.")],
    cache: Annotated[Path, typer.Option(help="Folder for the prepared models.")],
    sample_fps: float = SAMPLE_FPS,
    until_s: Annotated[float | None, typer.Option(help="Stop at this second of the video.")] = None,
) -> None:
    """Read a clip and write what was found."""
    reading = read_clip(clip, sample_fps, until_s, cache)
    json_file.write_text(json.dumps(asdict(reading)), encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
