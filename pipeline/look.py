"""The detect stage: one segment in, its tracklets with their best crops out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from pipeline.crops import CropOptions, CropShelf
from pipeline.detect import Detector
from pipeline.overlay import covered
from pipeline.records import Box, Detection, Frame, MediaKind, Tracklet
from pipeline.track import Track, Tracker

#: Frames of a video that are looked at, a second. Ten shows an oncoming plate four times or more while it is large
#: enough to read, and leaves two cores ahead of real time.
SAMPLE_FPS = 10.0
#: A batch is full at so many pixels, eight frames of 4K: 200 MB as BGR.
BATCH_PIXELS = 8 * 3840 * 2160


@dataclass(frozen=True, slots=True)
class LookOptions:
    """How closely a video is looked at."""

    sample_fps: float = SAMPLE_FPS
    #: Frames handed to the detector at once.
    batch: int = 8
    #: A tracklet seen on fewer frames is dropped: one box alone is a false alarm more often than a plate.
    min_seen: int = 2
    #: A tracklet of a video without a box that scores this is dropped. Half-hidden plates score .3 to .4 throughout.
    threshold: float = 0.30
    crops: CropOptions = field(default_factory=CropOptions)


@dataclass(frozen=True, slots=True)
class SegmentLook:
    """What the detect stage found in one segment."""

    tracklets: tuple[Tracklet, ...]
    #: Frames the detector saw.
    frames_looked: int
    #: A sentence where the stretch is damaged, else None.
    damage: str | None


def follow(
    frames: Iterable[Frame],
    detector: Detector,
    kind: MediaKind,
    options: LookOptions,
    overlays: Sequence[Box] = (),
) -> tuple[tuple[Tracklet, ...], int]:
    """Follow every plate through `frames`; return the tracklets and the number of frames looked at.

    What the detector finds inside `overlays` is ignored.
    """
    tracker = Tracker()
    shelves: dict[int, CropShelf] = {}
    looked = 0
    for batch in _batches(frames, options.batch):
        found = detector.detect([frame.image for frame in batch])
        for frame, detections in zip(batch, found, strict=True):
            for track, observation in tracker.update(frame.pts, frame.time_s, _uncovered(detections, overlays)):
                shelves.setdefault(track.index, CropShelf(options.crops)).offer(frame.image, observation)
        looked += len(batch)
    min_seen = 1 if kind is MediaKind.PHOTO or looked == 1 else options.min_seen
    threshold = 0.0 if kind is MediaKind.PHOTO else options.threshold
    believed = (track for track in tracker.tracks() if _is_believed(track, min_seen, threshold))
    return _tracklets(believed, shelves), looked


def _uncovered(detections: Iterable[Detection], overlays: Sequence[Box]) -> list[Detection]:
    return [detection for detection in detections if not covered(detection.box, overlays)]


def _is_believed(track: Track, min_seen: int, threshold: float) -> bool:
    seen = track.observations
    return len(seen) >= min_seen and max(observation.confidence for observation in seen) >= threshold


def _tracklets(tracks: Iterable[Track], shelves: dict[int, CropShelf]) -> tuple[Tracklet, ...]:
    kept: list[Tracklet] = []
    for track in tracks:
        crops = shelves[track.index].best()
        if crops:
            kept.append(Tracklet(len(kept), tuple(track.observations), crops))
    return tuple(kept)


def _batches(frames: Iterable[Frame], size: int) -> Iterator[list[Frame]]:
    """At most `size` frames at once, and fewer of very large ones."""
    batch: list[Frame] = []
    for frame in frames:
        batch.append(frame)
        if len(batch) == size or sum(f.image.shape[0] * f.image.shape[1] for f in batch) >= BATCH_PIXELS:
            yield batch
            batch = []
    if batch:
        yield batch
