"""Puts the plate detector together: two scales of whole pictures, close looks at parts, and on request a recheck."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.detection.multi_scale import COARSEST_PX, ScaledDetector, pyramid
from pipeline.detection.openvino_yolo import OpenVinoDetector, runs_directly
from pipeline.detection.recheck import Recheck, RecheckOptions
from pipeline.detection.yolo import Detector, DetectorOptions, YoloDetector
from pipeline.records import Detection, Image

#: The square that a window of the second look is enlarged to, pixels.
WINDOW_INPUT_PX = 160
#: The square that a window of a close look is brought to, pixels: a plate has an eighth of its width.
CLOSE_INPUT_PX = 320
#: Pictures of up to so many pixels, longer side, are looked at with the input size that was asked for, ...
_BASE_PICTURE_PX = 1280
#: ... and larger ones with the first so many times as large that gives each of their pixels as much, or the last.
_ENLARGEMENTS = (1.0, 1.5, 2.0, 3.0)
#: From here on the coarsest and the finest look are too far apart, and the size that was asked for is between them.
_BRIDGED = 2.0


@dataclass(frozen=True, slots=True)
class PlateDetector:
    """Finds plates in whole pictures, and in windows cut out of them."""

    _whole: Detector
    _close: Detector

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        """Plates per image, best first; boxes in pixels of the image given (BGR, any size)."""
        return self._whole.detect(images)

    def detect_close(self, windows: Sequence[Image]) -> list[list[Detection]]:
        """Plates per window, best first; boxes in pixels of the window (BGR, nearly square)."""
        return self._close.detect(windows)


def plate_detector(options: DetectorOptions, second: RecheckOptions | None = None) -> PlateDetector:
    """The detector of videos: that of whole pictures, and a close look at parts.

    Raises ModelError where the weights are missing.
    """
    # One by one: as many windows as there happen to be in a call would be another shape to prepare for each time.
    close = single_look(replace(options, input_px=CLOSE_INPUT_PX, square=True, batch=1))
    return PlateDetector(whole_picture_detector(options, second), close)


def whole_picture_detector(options: DetectorOptions, second: RecheckOptions | None = None) -> Detector:
    """The detector of photographs, and of a video's whole frames; `second` adds a second look.

    The input size is that of the finest look at pictures of up to 1280 pixels; larger ones get a larger one. Raises
    ModelError where the weights are missing.
    """
    if second is None:
        return BySize(options)
    frames = BySize(replace(options, threshold=min(options.threshold, second.doubtful)))
    windows = single_look(replace(options, input_px=WINDOW_INPUT_PX, square=True))
    return Recheck(frames, windows, second)


class BySize:
    """Looks at a picture at as many scales, and as fine, as its size deserves.

    Input sizes are few: OpenVINO prepares itself for each, for ten times what a frame costs.
    """

    def __init__(self, options: DetectorOptions) -> None:
        self._options = options
        self._by_enlargement = {1.0: self._scaled(1.0)}

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        """Plates per image, best first; boxes in pixels of the image given (BGR, any size)."""
        found: list[list[Detection]] = [[] for _ in images]
        alike: dict[float, list[int]] = defaultdict(list)
        for index, image in enumerate(images):
            alike[_enlargement(max(image.shape[:2]))].append(index)
        for enlargement, indices in alike.items():
            if enlargement not in self._by_enlargement:
                self._by_enlargement[enlargement] = self._scaled(enlargement)
            own = self._by_enlargement[enlargement].detect([images[i] for i in indices])
            for index, detections in zip(indices, own, strict=True):
                found[index] = detections
        return found

    def _scaled(self, enlargement: float) -> ScaledDetector:
        base_px = self._options.input_px
        finest_px = round(base_px * enlargement / 32) * 32
        sizes_px = [COARSEST_PX, *([base_px] if enlargement > _BRIDGED else []), finest_px]
        return ScaledDetector(
            [(scale, single_look(replace(self._options, input_px=scale.input_px))) for scale in pyramid(sizes_px)]
        )


def _enlargement(longer_px: int) -> float:
    return next((one for one in _ENLARGEMENTS if longer_px <= one * _BASE_PICTURE_PX), _ENLARGEMENTS[-1])


def single_look(options: DetectorOptions) -> Detector:
    """The network alone, by the shortest way that its weights allow. Raises ModelError where they do not load."""
    on_cpu = options.device in (None, "cpu")
    return OpenVinoDetector(options) if on_cpu and runs_directly(options.weights) else YoloDetector(options)
