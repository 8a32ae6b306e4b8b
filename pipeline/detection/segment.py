"""The detect stage: one segment in, its tracklets with their best crops out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from pipeline.ahead import made_ahead
from pipeline.crops.select import CropOptions, CropShelf
from pipeline.detection.tracker import Track, Tracker
from pipeline.detection.where_to_look import CloseDetector, Watch, batches
from pipeline.detection.yolo import Detector
from pipeline.records import Box, Detection, Frame, MediaKind, Observation, Tracklet
from pipeline.video.overlays import covered

#: Frames of a video that are looked at, a second. Ten shows an oncoming plate four times or more while it is large
#: enough to read, and leaves two cores ahead of real time.
SAMPLE_FPS = 10.0
#: A batch is full at so many pixels, four frames of 4K: 100 MB as BGR. One more is decoded meanwhile.
BATCH_PIXELS = 4 * 3840 * 2160


@dataclass(frozen=True, slots=True)
class DetectOptions:
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
class SegmentDetection:
    """What the detect stage found in one segment."""

    tracklets: tuple[Tracklet, ...]
    #: Frames that were sampled: looked at as a whole, in parts, or passed over between two that show the same.
    frames_looked: int
    #: A sentence where the segment is damaged, else None.
    damage: str | None


def track_plates(
    frames: Iterable[Frame],
    detector: Detector,
    kind: MediaKind,
    options: DetectOptions,
    overlays: Sequence[Box] = (),
) -> tuple[tuple[Tracklet, ...], int]:
    """Follow every plate through `frames`; return the tracklets and the number of frames looked at.

    What the detector finds inside `overlays` is ignored.
    """
    follower, watch, looked = _PlateTracking(kind, options), Watch(detector), 0
    sparse = isinstance(detector, CloseDetector)
    with made_ahead(batches(frames, options.batch, BATCH_PIXELS, sparse=sparse)) as coming:
        for batch in coming:
            for one in watch.at(batch):
                follower.see(one.frame, _uncovered(one.found, overlays))
            looked += len(batch)
    return follower.tracklets(only_frame=looked == 1), looked


class _PlateTracking:
    """Follows plates and settles each when it has gone: of a plate that is past, its few best crops are held.

    A segment that cannot be cut may last for hours.
    """

    def __init__(self, kind: MediaKind, options: DetectOptions) -> None:
        self._is_photo = kind is MediaKind.PHOTO
        self._options = options
        self._tracker = Tracker()
        #: Of plates that are still followed, by number of the track.
        self._shelves: dict[int, CropShelf] = {}
        #: Numbered like their tracks, in which there are gaps.
        self._settled: list[Tracklet] = []

    def see(self, frame: Frame, detections: Sequence[Detection]) -> None:
        """Take the next frame and its boxes."""
        for track, observation in self._tracker.update(frame.pts, frame.time_s, detections):
            self._shelves.setdefault(track.index, CropShelf(self._options.crops)).offer(frame.image, observation)
        self._settle(self._tracker.take_ended())

    def tracklets(self, *, only_frame: bool) -> tuple[Tracklet, ...]:
        """All that are believed and show something, by first appearance; nothing is followed any more."""
        self._settle(self._tracker.take_all(), only_frame)
        ordered = sorted(self._settled, key=lambda tracklet: tracklet.index)
        return tuple(replace(tracklet, index=index) for index, tracklet in enumerate(ordered))

    def _settle(self, tracks: Iterable[Track], only_frame: bool = False) -> None:
        for track in tracks:
            crops = self._shelves.pop(track.index).best()
            if crops and self._is_believed(track.observations, only_frame):
                self._settled.append(Tracklet(track.index, tuple(track.observations), crops))

    def _is_believed(self, seen: Sequence[Observation], only_frame: bool) -> bool:
        if self._is_photo:
            return True
        min_seen = 1 if only_frame else self._options.min_seen
        return len(seen) >= min_seen and max(one.confidence for one in seen) >= self._options.threshold


def _uncovered(detections: Iterable[Detection], overlays: Sequence[Box]) -> list[Detection]:
    return [detection for detection in detections if not covered(detection.box, overlays)]
