"""The clock that a dashcam burns into its pictures, in the faces, colours and places that cameras have."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from synthesis.drawing.glyphs import text_mask

Image = NDArray[np.uint8]
Mask = NDArray[np.uint8]

#: Pen and width of the stroke faces, in glyph heights, and OpenCV's own faces.
_STROKES = {"strokes": (0.12, 0.6), "thin strokes": (0.09, 0.62), "heavy strokes": (0.15, 0.7)}
_HERSHEY = {
    "plain": cv2.FONT_HERSHEY_PLAIN, "simplex": cv2.FONT_HERSHEY_SIMPLEX, "duplex": cv2.FONT_HERSHEY_DUPLEX,
    "complex": cv2.FONT_HERSHEY_COMPLEX, "triplex": cv2.FONT_HERSHEY_TRIPLEX,
}  # fmt: skip
#: Between the clock and the picture's edge, in glyph heights, and between two lines.
_MARGIN, _LEADING = 0.6, 0.6
#: Width of an outline and way of a shadow, in glyph heights.
_OUTLINE, _SHADOW = 0.1, 0.09


@dataclass(frozen=True, slots=True)
class ClockStyle:
    """How a camera writes its clock."""

    #: A key of `_STROKES`, capitals alone, or of `_HERSHEY`.
    face: str
    #: `top left`, `bottom centre` and so on.
    corner: str
    #: Of its glyphs, over the picture's height.
    height: float
    #: BGR.
    colour: tuple[int, int, int]
    #: What parts it from the picture: `outline`, `shadow`, `box` or `none`.
    ground: str
    #: As `strftime` takes it; `|` parts lines.
    form: str


_WHITE, _YELLOW, _ORANGE = (255, 255, 255), (40, 220, 250), (30, 140, 250)
#: By name; the form of each is what its clock shows where nothing else is asked for.
STYLES = {
    "bar": ClockStyle("simplex", "top right", 0.032, _WHITE, "box", "%Y-%m-%d %H:%M:%S"),
    "outlined": ClockStyle("duplex", "bottom left", 0.028, _WHITE, "outline", "%Y/%m/%d %H:%M:%S"),
    "yellow": ClockStyle("strokes", "bottom right", 0.026, _YELLOW, "outline", "%d.%m.%Y %H:%M:%S"),
    "american": ClockStyle("complex", "bottom centre", 0.03, _WHITE, "shadow", "%m/%d/%Y %I:%M:%S %p"),
    "named month": ClockStyle("heavy strokes", "top left", 0.028, _WHITE, "shadow", "%d-%b-%Y %H:%M:%S"),
    "two lines": ClockStyle("triplex", "top left", 0.03, _ORANGE, "outline", "%Y-%m-%d|%H:%M:%S"),
    "small": ClockStyle("thin strokes", "bottom left", 0.02, _YELLOW, "box", "%H:%M:%S %Y.%m.%d"),
    "minutes": ClockStyle("simplex", "bottom right", 0.028, _WHITE, "outline", "%Y-%m-%d %H:%M"),
}


@dataclass(frozen=True, slots=True)
class ScreenClock:
    """A clock on screen that is right at the first frame."""

    #: What it is at the first frame; one with a zone is put forward and back with it.
    start: dt.datetime
    style: ClockStyle

    def draw(self, picture: Image, time_s: float) -> None:
        """Burn the clock of that time into a BGR picture."""
        shown = self.at(time_s)
        lines = [shown.strftime(line) for line in self.style.form.split("|")]
        height_px = max(8, round(self.style.height * picture.shape[0]))
        _burn(picture, _stacked([_line(text, self.style.face, height_px) for text in lines]), self.style, height_px)

    def at(self, time_s: float) -> dt.datetime:
        """What it shows then."""
        later = dt.timedelta(seconds=time_s)
        if self.start.tzinfo is None:
            return self.start + later
        return (self.start.astimezone(dt.UTC) + later).astimezone(self.start.tzinfo)


@lru_cache(maxsize=8)
def _line(text: str, face: str, height_px: int) -> Mask:
    """The coverage, 0 to 255, of a line of text."""
    if face in _STROKES:
        stroke, aspect = _STROKES[face]
        return text_mask(text.upper(), height_px, stroke=stroke, aspect=aspect, gap=0.18)
    font, pen = _HERSHEY[face], max(1, round(height_px / 12))
    scale = cv2.getFontScaleFromHeight(font, height_px, pen)
    (width, height), below = cv2.getTextSize(text, font, scale, pen)
    mask = np.zeros((height + below + pen, width + 2 * pen), np.uint8)
    cv2.putText(mask, text, (pen, height), font, scale, (255,), pen, cv2.LINE_AA)
    return mask


def _stacked(lines: list[Mask]) -> Mask:
    """Lines below each other, from the left."""
    gap = round(_LEADING * min(line.shape[0] for line in lines)) if len(lines) > 1 else 0
    width = max(line.shape[1] for line in lines)
    padded = [np.pad(line, ((0, gap), (0, width - line.shape[1]))) for line in lines]
    return np.vstack(padded)


def _burn(picture: Image, mask: Mask, style: ClockStyle, height_px: int) -> None:
    margin = round(_MARGIN * height_px)
    mask = np.pad(mask, margin // 2)
    x, y = _corner(picture, mask, style.corner, margin // 2)
    place = picture[y : y + mask.shape[0], x : x + mask.shape[1]]
    mask = mask[: place.shape[0], : place.shape[1]]
    dark = _ground(mask, style.ground, height_px)[..., None] / 255
    ink = mask[..., None] / 255
    place[:] = np.round(place * (1 - dark) * (1 - ink) + np.array(style.colour) * ink).astype(np.uint8)


def _corner(picture: Image, mask: Mask, corner: str, margin: int) -> tuple[int, int]:
    upright, across = corner.split()
    right, below = picture.shape[1] - mask.shape[1] - margin, picture.shape[0] - mask.shape[0] - margin
    x = {"left": margin, "centre": right // 2, "right": right}[across]
    return max(0, x), max(0, margin if upright == "top" else below)


def _ground(mask: Mask, ground: str, height_px: int) -> Mask:
    """What is made dark behind the text, 0 to 255."""
    if ground == "box":
        return np.full_like(mask, 255)
    if ground == "outline":
        pen = 2 * max(1, round(_OUTLINE * height_px)) + 1
        return np.asarray(cv2.dilate(mask, np.ones((pen, pen), np.uint8)), np.uint8)
    if ground == "shadow":
        way = max(1, round(_SHADOW * height_px))
        return np.roll(mask, (way, way), (0, 1))
    return np.zeros_like(mask)
