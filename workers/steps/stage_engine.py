"""The stages as workers call them: probe, detect, read, and the frames kept as evidence.

`PipelineEngine` runs the pipeline. `DASHPLATE_WORK=module:Class` names another class with the same methods; the chaos
tests and the fleet benchmark put one there that takes a known time and gives a known result.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np

from pipeline.camera.clock import ClockOptions, clock_options
from pipeline.camera.on_screen.on_the_road import with_screen
from pipeline.camera.records import Clock
from pipeline.detection.segment import DetectOptions, SegmentDetection
from pipeline.errors import Inaccessible, UsageError
from pipeline.job_options import JobOptions
from pipeline.records import Box, Crop, Image, MediaInfo, MediaKind, Observation, Reading, SegmentSpan
from pipeline.run import ModelConfig, detect_segment, load_detector, load_reader, opened, screen_reader
from pipeline.sources.expand import check_allowed, source_of
from pipeline.sources.source import Source
from pipeline.video.evidence import frames_at
from pipeline.video.probe import probe
from pipeline.video.split import split
from workers.allowed import allowed, must_not_be_deleted
from workers.celery_app.app import DETECT, READ
from workers.settings import settings

log = logging.getLogger(__name__)

#: The usual dashcam frame, height and width, and the usual plate in it.
_FRAME_PX = (720, 1280)
_PLATE_PX = (40, 160)


class StageEngine(Protocol):
    """What the stages need done. `options` are the job's."""

    def warm(self, role: str) -> None:
        """Get ready for the role's first task: load its model and run it once, because the first run compiles."""

    def probe(self, path: str, options: JobOptions) -> tuple[MediaInfo, Sequence[SegmentSpan]]:
        """Open a file and cut it into segments; raises MediaError where it gives no pictures."""

    def detect(self, media: MediaInfo, span: SegmentSpan, options: JobOptions) -> SegmentDetection:
        """The detect stage of one segment; raises MediaError where the file has changed since the probe."""

    def read(self, crops: Sequence[Sequence[Crop]], options: JobOptions) -> Sequence[Reading | None]:
        """The read stage: a reading for each tracklet's crops, None where nothing is legible."""

    def screen_clock(self, media: MediaInfo, clock: Clock | None, options: JobOptions) -> Clock | None:
        """A video's clock with what its screen says; `clock` is what else is known, and comes back where the screen
        says nothing. `media` is what is stored, its make and model too. Raises MediaError."""

    def frames(self, media: MediaInfo, wanted: Collection[int]) -> Iterator[tuple[int, Image]]:
        """The BGR frames at these pts, ascending; one that cannot be had is left out."""


class PipelineEngine:
    """The real road."""

    def warm(self, role: str) -> None:
        if role == DETECT:
            load_detector(settings().models, MediaKind.VIDEO).detect([np.zeros((*_FRAME_PX, 3), np.uint8)] * 8)
        elif role == READ:
            height, width = _PLATE_PX
            box = Box(0, 0, width, height)
            crop = Crop(Observation(0, 0.0, box, 1.0), box, 1.0, np.zeros((height, width, 3), np.uint8))
            load_reader(settings().models).read_tracklet([crop])

    def probe(self, path: str, options: JobOptions) -> tuple[MediaInfo, Sequence[SegmentSpan]]:
        info = opened(
            allowed(source_of(path)), _clock(options), keep_overlays=options.keep_overlays, allowed=allowed
        )  # fmt: skip
        return info, split(info)

    def detect(self, media: MediaInfo, span: SegmentSpan, options: JobOptions) -> SegmentDetection:
        media = _allowed(media)
        detector = load_detector(settings().models, media.kind)
        return detect_segment(media, span, detector, DetectOptions(sample_fps=options.sample_fps), settings().threads)

    def read(self, crops: Sequence[Sequence[Crop]], options: JobOptions) -> Sequence[Reading | None]:
        return load_reader(_models(options), options.countries).read_tracklets(crops)

    def screen_clock(self, media: MediaInfo, clock: Clock | None, options: JobOptions) -> Clock | None:
        media = _allowed(media)
        # The database keeps no keyframes.
        media = replace(media, keyframes=probe(media.path).keyframes)
        return with_screen(media, clock, _clock(options), screen_reader(settings().models))

    def frames(self, media: MediaInfo, wanted: Collection[int]) -> Iterator[tuple[int, Image]]:
        return frames_at(_allowed(media), wanted, settings().threads)


@lru_cache(maxsize=1)
def stage_engine() -> StageEngine:
    """This process's work; raises UsageError where `DASHPLATE_WORK` names nothing that can be loaded."""
    named = settings().work
    if named is None:
        return PipelineEngine()
    module, _, name = named.partition(":")
    try:
        made: StageEngine = getattr(importlib.import_module(module), name)()
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"DASHPLATE_WORK={named} names no class: {error}.") from error
    return made


@contextmanager
def in_view(source: Source) -> Iterator[None]:
    """Raises, in place of Inaccessible, Away where the share of what is looked at in the block went meanwhile, and
    Deleted where it was an upload."""
    try:
        yield
    except Inaccessible:
        allowed(source)
        must_not_be_deleted(source)
        raise


def _allowed(media: MediaInfo) -> MediaInfo:
    """The same, to be opened under this worker's roots. Raises Inaccessible."""
    return replace(media, path=allowed(media.path))


def _clock(options: JobOptions) -> ClockOptions:
    """What the job says of its cameras' clocks, and this worker's file of cameras."""
    try:
        cameras = settings().camera_clocks
    except UsageError as problem:
        log.warning("%s Cameras' clocks are taken as they are.", problem)
        cameras = ()
    return clock_options(options.clock, options.timezone, options.clock_offset_s, cameras)


def _models(options: JobOptions) -> ModelConfig:
    """This worker's models, but for the reader that the job asks for."""
    reader = options.reader
    if reader is not None and Path(reader).exists():
        folder = check_allowed(Path(reader), settings().roots)
        # Its library opens them by name, links among them.
        for file in folder.iterdir() if folder.is_dir() else ():
            check_allowed(file, settings().roots)
        reader = str(folder)
    return settings().models.reading_with(reader, options.reader_engine)
