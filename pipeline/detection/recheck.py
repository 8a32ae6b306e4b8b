"""Detects again, enlarged, around boxes that are unsure.

A frame shrunk to the network's input shows a plate half as wide as the camera saw it. Around each doubtful box a window
is cut from the frame as it came, with a margin, and the same network looks at that, enlarged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.detection.yolo import Detector, merge_overlapping
from pipeline.records import Box, Detection, Image

#: The look that one of the systems before this one took: its crop grown by 20 pixels on each side.
MARGIN_PX = 20
#: Boxes that score this are believed at once.
SURE = 0.5


@dataclass(frozen=True, slots=True)
class RecheckOptions:
    """Which boxes are looked at again."""

    #: What a box must score in the end.
    threshold: float
    #: Boxes from this score on are looked at again where they do not reach `sure`.
    doubtful: float = 0.08
    #: Boxes that score this are believed at once.
    sure: float = SURE
    #: Pixels of the frame around the box that the window takes in.
    margin_px: int = MARGIN_PX
    #: The second box must overlap the first by this (intersection over union) to speak for it.
    same_iou: float = 0.3


class Recheck:
    """Two detectors: one for whole frames, at a low threshold, and one for the windows around its doubtful boxes."""

    def __init__(self, frames: Detector, windows: Detector, options: RecheckOptions) -> None:
        self._frames, self._windows, self._options = frames, windows, options

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        """Plates per image, best first; a doubtful box is kept, moved and scored as the second look has it.

        Images are BGR, any size; boxes in pixels of the image given. Raises ModelError where the weights cannot run.
        """
        first = self._frames.detect(images)
        doubtful = [(i, d) for i, found in enumerate(first) for d in found if self._is_doubtful(d)]
        windows = [self._window(d.box, images[i]) for i, d in doubtful]
        crops = [images[i][y1:y2, x1:x2] for (i, _), (x1, y1, x2, y2) in zip(doubtful, windows, strict=True)]
        looked = self._windows.detect(crops) if crops else []
        final = [[d for d in found if d.confidence >= self._options.sure] for found in first]
        for (i, detection), window, seen in zip(doubtful, windows, looked, strict=True):
            again = self._again(detection, window, seen)
            if again is not None and again.confidence >= self._options.threshold:
                final[i].append(again)
        return [merge_overlapping(found) for found in final]

    def _is_doubtful(self, detection: Detection) -> bool:
        return self._options.doubtful <= detection.confidence < self._options.sure

    def _window(self, box: Box, image: Image) -> tuple[int, int, int, int]:
        height, width = image.shape[:2]
        margin = self._options.margin_px
        return (
            max(0, int(box.x1) - margin),
            max(0, int(box.y1) - margin),
            min(width, int(box.x2) + 1 + margin),
            min(height, int(box.y2) + 1 + margin),
        )

    def _again(
        self, detection: Detection, window: tuple[int, int, int, int], seen: Sequence[Detection]
    ) -> Detection | None:
        """What the second look says of the first one's box, in pixels of the image; None where it saw nothing there."""
        x, y = window[:2]
        moved = [replace(d, box=d.box.shifted(x, y)) for d in seen]
        same = [d for d in moved if d.box.iou(detection.box) >= self._options.same_iou]
        return max(same, key=lambda d: d.confidence, default=None)
