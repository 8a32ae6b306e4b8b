"""Runs the whole road over a clip, or over frames that stand for one, by the clock."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.detection.segment import DetectOptions, track_plates
from pipeline.detection.tracker import MAX_GAP_S
from pipeline.detection.yolo import Detector
from pipeline.errors import DashplateError, ModelError, Unreadable
from pipeline.formats import load_formats
from pipeline.records import Box, Frame, MediaKind, ReadTracklet, Sighting, Tracklet
from pipeline.run import ModelConfig, detect_segment, load_detector, load_reader, read_segment, read_tracklet, run
from pipeline.sightings import stitch
from pipeline.video.decode import Decoder
from pipeline.video.overlays import with_overlays
from pipeline.video.probe import probe
from pipeline.video.split import split


@dataclass(frozen=True, slots=True)
class Models:
    """What the road runs with."""

    config: ModelConfig
    #: Countries whose formats are expected; none means all.
    countries: tuple[str, ...] = ()

    @property
    def reader(self) -> str:
        """The reader, as tables name it."""
        return self.config.reader or "shipped"


@dataclass(frozen=True, slots=True)
class Processed:
    """What the road made of a clip."""

    sightings: tuple[Sighting, ...]
    #: What the sightings were stitched from.
    readings: tuple[ReadTracklet, ...]
    duration_s: float
    #: Seconds that it took, models loaded before.
    elapsed_s: float
    #: Frames that the detector saw.
    frames: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How frames stand for a video."""

    #: Height, width and colours of the first frame.
    shape: tuple[int, ...]
    #: The shortest time between two frames.
    step_s: float
    duration_s: float
    #: Places where a clock or a logo stands still.
    overlays: tuple[Box, ...] = ()


def the_models(reader: str | None, engine: str | None, weights: Path | None, country: str | None) -> Models:
    """The models of the pipeline, as the environment sets them, with those exchanged that are given."""
    from pipeline.formats import parse_countries
    from workers.settings import settings

    config = settings().models.reading_with(reader, engine)
    if weights is not None:
        config = replace(config, detector=weights)
    return Models(config, parse_countries(country))


def warm_up(models: Models, shape: tuple[int, ...]) -> None:
    """Load the networks and let them see an empty frame of that (height, width, 3): the clock shall not see that.

    Raises ModelError where one of them cannot be run.
    """
    try:
        detector = load_detector(models.config, MediaKind.VIDEO)
        detector.detect([np.zeros(shape, np.uint8)] * DetectOptions().batch)
        load_reader(models.config, models.countries).read_plate_image(np.zeros((24, 96, 3), np.uint8))
    except DashplateError:
        raise
    except Exception as error:
        # Ultralytics raises whatever the file's format makes it stumble over.
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ModelError(f"The detector or the reader cannot be run: {reason}") from error


def process_video(path: Path, models: Models) -> Processed:
    """A video, by `pipeline.run.run`. Raises MediaError where it gives no pictures."""
    media = probe(path)
    warm_up(models, (media.height, media.width, 3))
    began = time.perf_counter()
    result = run(path, models.config, models.countries)
    elapsed_s = time.perf_counter() - began
    return Processed(result.sightings, result.tracklets, media.duration_s, elapsed_s, result.frames_looked)


def process_frames(frames: Iterable[Frame], pace: Pace, models: Models) -> Processed:
    """Frames that stand for a video, through the same stages; they are one segment."""
    warm_up(models, pace.shape)
    began = time.perf_counter()
    tracklets, looked = look_at_frames(frames, pace, load_detector(models.config, MediaKind.VIDEO))
    readings = read_segment(load_reader(models.config, models.countries), tracklets)
    joined = tuple(read_tracklet(0, t, readings[t.index]) for t in tracklets if t.index in readings)
    sightings = stitch(joined, MediaKind.VIDEO, load_formats(models.countries))
    return Processed(sightings, joined, pace.duration_s, time.perf_counter() - began, looked)


def look_at_frames(frames: Iterable[Frame], pace: Pace, detector: Detector) -> tuple[tuple[Tracklet, ...], int]:
    """The detect stage over frames that stand for a video: tracklets with crops, and the number of frames.

    Frames further apart than the tracker bridges show each plate once. There one look has to do, which the pipeline
    would not believe of a video.
    """
    options = DetectOptions() if pace.step_s <= MAX_GAP_S else DetectOptions(min_seen=1)
    return track_plates(frames, detector, MediaKind.VIDEO, options, pace.overlays)


def look_at_video(path: Path, models: Models) -> Iterator[Tracklet]:
    """The detect stage over a video, as `pipeline.run.run` has it: tracklets with crops."""
    media = with_overlays(probe(path))
    detector = load_detector(models.config, MediaKind.VIDEO)
    for span in split(media):
        yield from detect_segment(media, span, detector, DetectOptions(), models.config.threads).tracklets


def frame_at(path: Path, time_s: float) -> Frame:
    """The frame of a video that is shown at that time. Raises MediaError where there is none."""
    media = probe(path)
    pts = media.start_pts + round(time_s / media.time_base)
    spans = split(media)
    span = next((span for span in spans if span.start_pts <= pts < span.end_pts), spans[-1])
    shown: Frame | None = None
    for frame in Decoder(media, span):
        if shown is not None and frame.pts > pts:
            break
        shown = frame
    if shown is None:
        raise Unreadable(f"{path.name} shows nothing at {time_s:.1f} s.")
    return shown
