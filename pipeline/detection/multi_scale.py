"""Runs the detector at two input sizes: a fine pass for plates in traffic, a coarse one for close-ups.

A network sees a plate as a whole up to some width of its input, and beyond that in pieces. So each look answers only
for the widths that it sees well; the share of the picture that a plate takes up says which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.detection.yolo import Detector, merge_overlapping, mostly_inside
from pipeline.records import Detection, Image


@dataclass(frozen=True, slots=True)
class Scale:
    """An input size, and the plates that it answers for."""

    #: Longer side of the network's input, pixels.
    input_px: int
    #: Width of the plates, as shares of the picture's longer side, from and to.
    narrowest: float = 0.0
    widest: float = 1.0

    def answers_for(self, detection: Detection, image: Image) -> bool:
        """Whether a box found at this scale is taken seriously."""
        share = detection.box.width / int(max(image.shape[:2]))
        return self.narrowest <= share <= self.widest


#: Input size of the coarsest look, for close-ups: the finer ones break them into pieces. What this brings is in the
#: model card (`python -m training.detector strategies`, close-ups).
COARSEST_PX = 320
#: Widest plate that the network sees as a whole, pixels of its input.
_WIDEST_PX = 269
#: Each look answers for plates from this share on of the widest that the next finer look answers for.
_SHARED = 0.65


def pyramid(sizes_px: Sequence[int]) -> list[Scale]:
    """Scales of these input sizes, ascending, which together answer for plates of all widths."""
    scales = []
    for size_px, finer_px in zip(sizes_px, [*sizes_px[1:], None], strict=True):
        narrowest = 0.0 if finer_px is None else _SHARED * _WIDEST_PX / finer_px
        scales.append(Scale(size_px, narrowest, 1.0 if size_px == COARSEST_PX else _WIDEST_PX / size_px))
    return scales


class ScaledDetector:
    """Several looks at each picture, joined: of boxes that are the same plate the surest stays.

    Looks come from coarse to fine. Where a coarser look sees a plate too wide for the finer ones, what they find inside
    of it are pieces, however sure.
    """

    def __init__(self, looks: Sequence[tuple[Scale, Detector]]) -> None:
        self._looks = looks

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        """Plates per image, best first; boxes in pixels of the image given (BGR, any size)."""
        per_look = [detector.detect(images) for _, detector in self._looks]
        return [self._joined(image, found) for image, found in zip(images, zip(*per_look, strict=True), strict=True)]

    def _joined(self, image: Image, per_look: Sequence[Sequence[Detection]]) -> list[Detection]:
        kept: list[Detection] = []
        for (scale, _), found in zip(self._looks, per_look, strict=True):
            too_wide = [whole for whole in kept if not scale.answers_for(whole, image)]
            kept += [
                detection
                for detection in found
                if scale.answers_for(detection, image)
                and not any(mostly_inside(detection.box, whole.box) for whole in too_wide)
            ]
        return merge_overlapping(kept)
