"""Decoded frames: of a whole file, and of a file elsewhere beside those of the same file here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.records import Frame, MediaInfo, SegmentSpan
from pipeline.sources.source import Source
from pipeline.video.decode import Decoder, decode
from pipeline.video.probe import probe
from pipeline.video.split import split


def assert_like_the_path(remote: Source, path: Path) -> None:
    """Probe and every segment's frames are those of the path."""
    here, there = probe(path), probe(remote)
    # A server need not say when a file was written.
    assert replace(there, path=path, recorded=here.recorded) == here
    for span in split(here, target_s=2.0, first_s=1.0):
        ours, theirs = (
            [(frame.pts, frame.image.tobytes()) for frame in Decoder(info, span, sample_fps=5)]
            for info in (here, there)
        )
        assert theirs == ours


def whole(info: MediaInfo) -> SegmentSpan:
    return SegmentSpan(0, info.start_pts, info.end_pts)


def frames_of(info: MediaInfo, fps: float | None = None) -> list[Frame]:
    return list(decode(info, whole(info), fps))


def same(one: Frame, other: Frame) -> bool:
    return one.pts == other.pts and np.array_equal(one.image, other.image)
