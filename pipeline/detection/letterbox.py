"""Pictures into the network's input, laid out as Ultralytics does it, and boxes back out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.records import Box, Image

#: Grey of the margins that Ultralytics trains and predicts with.
_MARGIN = 114
#: Below this scale linear interpolation skips source pixels, and thin strokes flicker: halve the picture first.
_HALVE_BELOW = 0.55

#: N x height x width x 3, BGR.
Input = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a picture lies in the network's input: that of Ultralytics' `LetterBox(auto=False)`. All in pixels."""

    #: Input pixels a pixel of the picture.
    scale: float
    left: int
    top: int
    #: What the picture takes up of the input.
    width: int
    height: int

    @classmethod
    def of(cls, picture: tuple[int, int], shape: tuple[int, int]) -> Place:
        """Of a picture of that (height, width), centred in an input of `shape` (height, width)."""
        scale = min(shape[0] / picture[0], shape[1] / picture[1])
        width = min(shape[1], max(1, round(picture[1] * scale)))
        height = min(shape[0], max(1, round(picture[0] * scale)))
        return cls(scale, round((shape[1] - width) / 2 - 0.1), round((shape[0] - height) / 2 - 0.1), width, height)

    def taken_back(self, x1: float, y1: float, x2: float, y2: float) -> Box:
        """A box of the input, in pixels of the picture."""
        left, top, scale = self.left, self.top, self.scale
        return Box((x1 - left) / scale, (y1 - top) / scale, (x2 - left) / scale, (y2 - top) / scale)


def letterbox(images: Sequence[Image], shape: tuple[int, int], out: Input | None = None) -> Input:
    """Fit each picture (height x width x 3, BGR, uint8) centred into `shape` (height, width), grey around it.

    Returns N x height x width x 3, in `out` where that has room for it: fresh memory for a batch of frames costs as
    much time as filling it.
    """
    height, width = shape
    if out is None or out.shape[1:] != (height, width, 3) or len(out) < len(images):
        out = np.empty((len(images), height, width, 3), np.uint8)
    filled = out if len(out) == len(images) else out[: len(images)]
    for canvas, image in zip(filled, images, strict=True):
        place = Place.of((image.shape[0], image.shape[1]), shape)
        if (place.height, place.width) != shape:
            canvas[:] = _MARGIN
        window = canvas[place.top : place.top + place.height, place.left : place.left + place.width]
        window[:] = _resized(image, (place.width, place.height))
    return filled


def as_floats(filled: Input) -> NDArray[np.float32]:
    """A network's input from `letterbox`: N x 3 x height x width, RGB, 0 to 1."""
    return np.ascontiguousarray(filled[..., ::-1].transpose(0, 3, 1, 2), np.float32) / np.float32(255)


def _resized(image: Image, size: tuple[int, int]) -> Image:
    """The picture at `size` (width, height), without the stripes that linear interpolation alone makes."""
    while size[0] < _HALVE_BELOW * image.shape[1] and min(image.shape[:2]) > 1:
        half = (image.shape[1] // 2, image.shape[0] // 2)
        image = np.asarray(cv2.resize(image, half, interpolation=cv2.INTER_AREA), np.uint8)
    if (image.shape[1], image.shape[0]) == size:
        return image
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def fast_predictor() -> type[Any]:
    """Ultralytics' detection predictor with `letterbox` in place of its own preparation (import takes a second)."""
    import torch
    from ultralytics.models.yolo.detect import DetectionPredictor

    class FastPredictor(DetectionPredictor):  # type: ignore[misc]
        """Takes lists of BGR pictures of any size; `imgsz` is the input's exact (height, width)."""

        def preprocess(self, im: Any) -> Any:
            if isinstance(im, torch.Tensor):
                return super().preprocess(im)
            # A quarter of the bytes go to a GPU, and it makes numbers of them in no time.
            levels = torch.from_numpy(letterbox(im, tuple(self.imgsz))).to(self.device)
            tensor = levels.flip(-1).permute(0, 3, 1, 2).contiguous()
            return (tensor.half() if self.model.fp16 else tensor.float()) / 255

    return FastPredictor
