"""Runs the whole pipeline in one process: the same stages that the workers run, one after the other.

This is what photographs and small jobs need, and what the distributed run is held against: both give equal rows.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import models
from pipeline.camera.clock import ClockOptions
from pipeline.camera.media import NOTHING_SAID, with_when_and_where
from pipeline.camera.on_screen.on_the_road import with_screen_clock
from pipeline.camera.sidecars.folder import Allowed
from pipeline.camera.sighted import placed
from pipeline.detection.plate_detector import plate_detector, whole_picture_detector
from pipeline.detection.recheck import RecheckOptions
from pipeline.detection.segment import DetectOptions, SegmentDetection, track_plates
from pipeline.detection.yolo import (
    FOLLOW_THRESHOLD,
    FRAMES_PER_CALL,
    INPUT_PX,
    PHOTO_THRESHOLD,
    Detector,
    DetectorOptions,
)
from pipeline.formats import load_formats
from pipeline.photo import PhotoResult, read_plates
from pipeline.reading.reader import Reader
from pipeline.reading.recognizers import DEFAULT_ENGINE, PlateRecognizer, load_recognizer
from pipeline.reading.screen_text import ScreenReader, load_screen_reader
from pipeline.records import Image, MediaInfo, MediaKind, Reading, ReadTracklet, SegmentSpan, Sighting, Tracklet
from pipeline.sightings import stitch
from pipeline.sources.source import Source
from pipeline.video.decode import THREADS, Decoder
from pipeline.video.overlays import with_overlays
from pipeline.video.probe import probe
from pipeline.video.split import split

#: Two threads that want the same model wait for one load of it.
_LOADING = threading.Lock()
#: Networks are run by one thread at a time: Ultralytics and OpenVINO keep what they work on in the loaded model.
_RUNNING = threading.Lock()


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Which models are used, and how; equal config are loaded once a process."""

    #: Detector weights; None means the shipped network.
    detector: Path | None = None
    #: Longer side of the detector's input, pixels.
    detector_input_px: int = INPUT_PX
    #: `cpu`, `cuda:0`; None leaves it to Ultralytics.
    detector_device: str | None = None
    #: Look again at unsure boxes, with this margin in pixels; None looks once.
    second_look_px: int | None = None
    #: A PaddleOCR model name or a model folder; None means the shipped network.
    reader: str | None = None
    reader_engine: str = DEFAULT_ENGINE
    #: Where prepared model files are kept.
    cache_dir: Path = Path(".cache")
    #: Threads that decoding and the recogniser use.
    threads: int = THREADS

    @property
    def reader_name(self) -> str:
        """The reader's model name or folder, the shipped one's where none is set."""
        return self.reader or str(models.plate_reader())

    def reading_with(self, reader: str | None, engine: str | None) -> ModelConfig:
        """The same with another reader, engine, or both; None keeps."""
        return replace(self, reader=reader or self.reader, reader_engine=engine or self.reader_engine)


@dataclass(frozen=True, slots=True)
class VideoResult:
    """What the road makes of one file."""

    media: MediaInfo
    #: Tracklets that have a reading, in time order.
    tracklets: tuple[ReadTracklet, ...]
    sightings: tuple[Sighting, ...]
    frames_looked: int
    #: Sentences about damaged segments.
    damage: tuple[str, ...]

    def __iter__(self) -> Iterator[Sighting]:
        return iter(self.sightings)

    def __len__(self) -> int:
        return len(self.sightings)

    @property
    def problem(self) -> str | None:
        """What is wrong with the file, in sentences; None where it is whole."""
        said = [self.media.problem] if self.media.problem else []
        return " ".join(dict.fromkeys([*said, *self.damage])) or None


def load_detector(config: ModelConfig, kind: MediaKind) -> Detector:
    """The detector for videos, or for photographs, which want surer boxes."""
    with _LOADING:
        return _detector(config, kind)


def load_reader(config: ModelConfig, countries: tuple[str, ...] = ()) -> Reader:
    """The reader with those countries' formats as its prior; none means all."""
    with _LOADING:
        return _reader(config, countries)


def screen_reader(config: ModelConfig) -> ScreenReader:
    """The reader of clocks on screen."""
    with _LOADING:
        return _screen_reader(config.cache_dir, config.threads)


@lru_cache(maxsize=4)
def _detector(config: ModelConfig, kind: MediaKind) -> Detector:
    weights = config.detector or _shipped(config.detector_device)
    # Photographs come one at a time.
    threshold, batch = (FOLLOW_THRESHOLD, FRAMES_PER_CALL) if kind is MediaKind.VIDEO else (PHOTO_THRESHOLD, 1)
    options = DetectorOptions(weights, config.detector_input_px, threshold, batch, config.detector_device)
    margin_px = config.second_look_px
    second = None if margin_px is None else RecheckOptions(threshold, margin_px=margin_px)
    return (plate_detector if kind is MediaKind.VIDEO else whole_picture_detector)(options, second)


@lru_cache(maxsize=4)
def _reader(config: ModelConfig, countries: tuple[str, ...]) -> Reader:
    return Reader(_recognizer(config), load_formats(countries or None))


def opened(
    path: Source,
    clock: ClockOptions = NOTHING_SAID,
    *,
    keep_overlays: bool = False,
    allowed: Allowed | None = None,
) -> MediaInfo:
    """The probe: what there is to know of a file before it is decoded, and of when and where it was recorded.

    `allowed` says which files beside it may be opened, see `sidecar_track`. Raises MediaError.
    """
    media = probe(path)
    if not keep_overlays:
        media = with_overlays(media)
    return with_when_and_where(media, clock, allowed=allowed)


def detect_segment(
    media: MediaInfo,
    span: SegmentSpan,
    detector: Detector,
    options: DetectOptions,
    threads: int = THREADS,
) -> SegmentDetection:
    """The detect stage: one segment's tracklets. Raises MediaError where the file has changed since the probe."""
    decoder = Decoder(media, span, options.sample_fps, threads)
    tracklets, looked = track_plates(decoder, detector, media.kind, options, media.overlays)
    return SegmentDetection(tracklets, looked, decoder.damage)


def read_segment(reader: Reader, tracklets: Sequence[Tracklet]) -> dict[int, Reading]:
    """The read stage: readings by tracklet index; a tracklet without a legible crop has none."""
    readings = reader.read_tracklets([tracklet.crops for tracklet in tracklets])
    return {t.index: r for t, r in zip(tracklets, readings, strict=True) if r is not None}


def run_photo(image: Image, config: ModelConfig, countries: tuple[str, ...] = ()) -> PhotoResult:
    """A photograph from end to end; `image` is upright BGR. Any number of threads may call this and `run`."""
    detector, reader = load_detector(config, MediaKind.PHOTO), load_reader(config, countries)
    with _RUNNING:
        found = read_plates(image, detector, reader)
    read = tuple(plate for plate in found if plate.reading is not None)
    unread = tuple(plate for plate in found if plate.reading is None)
    return PhotoResult(image.shape[1], image.shape[0], read, unread)


def run(
    path: Source,
    config: ModelConfig,
    countries: tuple[str, ...] = (),
    options: DetectOptions | None = None,
    keep_overlays: bool = False,
    clock: ClockOptions = NOTHING_SAID,
) -> VideoResult:
    """One file from end to end; raises MediaError where it gives no pictures.

    `keep_overlays` looks for plates in a clock or logo on screen too; `clock` is what is known of the camera's.
    """
    options = options or DetectOptions()
    media = opened(path, clock, keep_overlays=keep_overlays)
    detector, reader = load_detector(config, media.kind), load_reader(config, countries)
    looks: list[SegmentDetection] = []
    read: list[ReadTracklet] = []
    for span in split(media):
        with _RUNNING:
            seen = detect_segment(media, span, detector, options, config.threads)
            readings = read_segment(reader, seen.tracklets)
        read += [read_tracklet(span.index, t, readings[t.index]) for t in seen.tracklets if t.index in readings]
        looks.append(seen)
    if any(look.tracklets for look in looks):
        with _RUNNING:
            media = with_screen_clock(media, clock, lambda: screen_reader(config))
    return VideoResult(
        media=media,
        tracklets=tuple(read),
        sightings=placed(stitch(read, media.kind, load_formats(countries)), media),
        frames_looked=sum(look.frames_looked for look in looks),
        damage=tuple(look.damage for look in looks if look.damage),
    )


def read_tracklet(segment: int, tracklet: Tracklet, reading: Reading) -> ReadTracklet:
    """A tracklet of a segment together with its reading."""
    best = tracklet.crops[reading.best_crop].observation
    seen = len(tracklet.observations)
    return ReadTracklet(segment, tracklet.index, tracklet.first, tracklet.last, seen, best, None, reading)


def _shipped(device: str | None) -> Path:
    """The export for CPUs, the PyTorch weights for anything else."""
    on_cpu = device is None or device == "cpu"
    return models.plate_detector_int8() if on_cpu else models.plate_detector_pt()


@lru_cache(maxsize=2)
def _screen_reader(cache_dir: Path, threads: int) -> ScreenReader:
    return load_screen_reader(cache_dir, threads)


@lru_cache(maxsize=2)
def _recognizer(config: ModelConfig) -> PlateRecognizer:
    return load_recognizer(config.reader_name, config.reader_engine, config.cache_dir, config.threads)
