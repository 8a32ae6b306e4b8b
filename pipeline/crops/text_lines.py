"""Cuts a plate's picture out of its crop, level, and a two-row plate into its rows."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.crops.rectify import UNEVEN_BELOW, Corners, find_corners, upright
from pipeline.records import Box, Crop, Image

#: Margin around the plate's box that is read along, as a share of its height. General recognisers take frame screws,
#: band and small print for characters (US reads .82 at 0, .79 at 0.1, .61 at 0.25); the shipped one hardly does.
READ_MARGIN = 0.0
#: A plate is turned upright where its corners say that its lines are tilted or its strokes lean by this much, or that
#: one end is lower than the other. Of 194 dev plates this turns 15 and costs none; with 4 and 8 degrees it costs one,
#: and turning all of them costs three. Turned by up to 25 degrees, .94 of them read instead of .85.
TILTED_DEGREES, LEANING_DEGREES = 5.0, 10.0
#: A plate without corners is levelled by a shear where its text is tilted by this much.
LEVEL_DEGREES = 8.0
#: Tilts tried, and the size to which a plate is scaled for that.
_TILTS_DEGREES = tuple(float(angle) for angle in range(-18, 19, 2))
_TILT_HEIGHT_PX, _TILT_MAX_WIDTH_PX = 48, 240
#: The box of a tilted plate is higher than the plate, by what its line rises; this share of half of that is cut off at
#: top and bottom, but never more than `_MOST_TRIM` of the height.
_TRIM, _MOST_TRIM = 0.45, 0.25
#: Rows overlap by this share of the height: .53 of two-row plates at 0, .55 at 0.03, .53 at 0.06.
_OVERLAP = 0.03
#: The gap between rows is looked for in this part of the height.
_GAP_FROM, _GAP_TO = 0.35, 0.65
#: Size to which a plate is scaled for that, and how much of its sides is left out: the frame is no text.
_PROFILE_PX = (96, 48)
_PROFILE_SIDE_PX = 8


def plate_image(crop: Crop) -> Image:
    """The plate itself, BGR, without the crop's margin, upright where it was seen obliquely; at least one pixel."""
    corners = find_corners(crop.image, crop.plate)
    if corners is None:
        return _levelled(crop)
    return upright(crop.image, corners) if _is_oblique(corners) else _inside(crop.image, crop.plate)


def _is_oblique(corners: Corners) -> bool:
    tilted = abs(corners.tilt_degrees) >= TILTED_DEGREES or abs(corners.lean_degrees) >= LEANING_DEGREES
    return tilted or corners.evenness < UNEVEN_BELOW


def _levelled(crop: Crop) -> Image:
    """The plate with its lines level, by the shear that its text asks for."""
    plate = _inside(crop.image, crop.plate)
    tilt = tilt_degrees(plate)
    if abs(tilt) < LEVEL_DEGREES:
        return plate
    rise = math.tan(math.radians(abs(tilt))) * crop.plate.width
    trim = min(_TRIM * rise, _MOST_TRIM * crop.plate.height)
    return _inside(_sheared(crop.image, tilt, crop.plate.centre[0]), crop.plate.grown(0.0, -trim))


def _inside(image: Image, plate: Box) -> Image:
    height, width = image.shape[:2]
    margin = plate.height * READ_MARGIN
    box = plate.grown(margin, margin).clipped(width, height)
    left, top = min(math.floor(box.x1), width - 1), min(math.floor(box.y1), height - 1)
    return image[top : max(top + 1, math.ceil(box.y2)), left : max(left + 1, math.ceil(box.x2))]


def tilt_degrees(image: Image) -> float:
    """How far a plate's lines run downhill to the right, in degrees; 0 where it cannot be told from level.

    The shear under which the strokes fall into the sharpest rows.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    width = min(_TILT_MAX_WIDTH_PX, max(_TILT_HEIGHT_PX, round(_TILT_HEIGHT_PX * aspect(image))))
    grey = cv2.resize(grey, (width, _TILT_HEIGHT_PX)).astype(np.float32)
    sharpness = {angle: _row_sharpness(_sheared(grey, angle, width / 2)) for angle in _TILTS_DEGREES}
    return max(sharpness, key=lambda angle: (sharpness[angle], -abs(angle)))


def _row_sharpness(grey: NDArray[np.float32]) -> float:
    side = grey.shape[1] // 8
    strokes = np.abs(np.diff(grey[:, side:-side], axis=1)).sum(axis=1)
    return float(np.square(np.diff(strokes)).sum())


def _sheared(image: NDArray[Any], degrees: float, centre_x: float) -> NDArray[Any]:
    """Columns moved up and down so that lines running downhill by `degrees` come level; `centre_x` stays."""
    slope = -math.tan(math.radians(degrees))
    matrix = np.array([[1, 0, 0], [slope, 1, -slope * centre_x]], dtype=np.float32)
    height, width = image.shape[:2]
    return cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def aspect(image: Image) -> float:
    """Width over height."""
    return float(image.shape[1] / max(1, image.shape[0]))


def split_rows(image: Image, gap: float | None = None) -> tuple[Image, Image]:
    """The upper and the lower row of a two-row plate, cut at a share of its height, or where there is least ink."""
    height = image.shape[0]
    gap = _gap(image) if gap is None else gap
    low = max(1, round(height * (gap + _OVERLAP)))
    high = min(height - 1, round(height * (gap - _OVERLAP)))
    return image[:low], image[max(0, high) :]


def _gap(image: Image) -> float:
    """Height of the gap between two rows as a share of the plate's: the line that fewest strokes cross."""
    grey = cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), _PROFILE_PX).astype(np.float32)
    strokes = np.abs(np.diff(grey[:, _PROFILE_SIDE_PX:-_PROFILE_SIDE_PX], axis=1)).sum(axis=1)
    smooth = np.convolve(strokes, np.ones(3) / 3, mode="same")
    first, last = round(_PROFILE_PX[1] * _GAP_FROM), round(_PROFILE_PX[1] * _GAP_TO)
    return float((first + int(smooth[first:last].argmin()) + 0.5) / _PROFILE_PX[1])
