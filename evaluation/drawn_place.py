"""Draws a place of a picture with its surroundings, enlarged, and words below: for a person to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np

from pipeline.records import Box, Image

#: BGR.
Colour: TypeAlias = tuple[int, int, int]
GREEN, RED, FAINT, GREY = (60, 220, 60), (50, 50, 255), (60, 160, 255), (170, 170, 170)
PAPER, INK = (30, 30, 30), (235, 235, 235)
#: Of the picture around a place, pixels; below it the caption.
VIEW_PX = (640, 420)
CAPTION_PX = 44
#: The place takes up this share of the view's width or height, unless it is as large as the picture.
_SHARE = 0.3
#: Nothing is enlarged more than this.
_LARGEST_ZOOM = 8.0
#: Height of the captions' and labels' letters, and their weight; OpenCV's own face that knows Chinese too.
_LETTERS_PX, _LABEL_PX, _WEIGHT = 15, 16, 500
_FACE = "uni"


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What is drawn on: the canvas, and which part of the picture its upper left corner shows how large."""

    canvas: Image
    #: Pixels of the picture.
    window: Box
    zoom: float

    @classmethod
    def around(cls, place: Box, image: Image, caption: tuple[str, str]) -> View:
        """The place, in pixels of the BGR picture, with its surroundings and two lines of words below."""
        window = _window(place, image)
        zoom = min(VIEW_PX[0] / window.width, VIEW_PX[1] / window.height)
        view = cls(blank(), window, zoom)
        x1, y1, x2, y2 = (round(v) for v in window.as_tuple())
        part = cv2.resize(image[y1:y2, x1:x2], None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC)
        shown = view.picture[: part.shape[0], : part.shape[1]]
        shown[:] = part[: shown.shape[0], : shown.shape[1]]
        for line, text in enumerate(caption):
            say(view.canvas, text, (6, VIEW_PX[1] + 17 + 19 * line))
        return view

    @property
    def picture(self) -> Image:
        """The part of the canvas that shows the picture; drawing on it draws on the canvas."""
        height, width = (round(side * self.zoom) for side in (self.window.height, self.window.width))
        return self.canvas[: min(VIEW_PX[1], height), : min(VIEW_PX[0], width)]

    def outline(self, box: Box, colour: Colour, label: str = "", room_px: int = 2) -> None:
        """The box, in pixels of the picture, a little outside of what it bounds, so that its edge can be judged."""
        if not box.iou(self.window):
            return
        moved = box.shifted(-self.window.x1, -self.window.y1)
        x1, y1, x2, y2 = (round(v * self.zoom) for v in moved.as_tuple())
        cv2.rectangle(self.picture, (x1 - room_px, y1 - room_px), (x2 + room_px, y2 + room_px), colour, 2)
        if label:
            at = (max(2, x1), y1 - 9 if y1 > 26 else y2 + 19)
            for dx, dy in ((-1, -1), (-1, 1), (1, -1), (1, 1), (0, -2), (0, 2)):
                say(self.picture, label, (at[0] + dx, at[1] + dy), PAPER, _LABEL_PX)
            say(self.picture, label, at, INK, _LABEL_PX)


def blank() -> Image:
    """An empty canvas: room for the picture, and for the caption below it."""
    return np.full((VIEW_PX[1] + CAPTION_PX, VIEW_PX[0], 3), PAPER, np.uint8)


def say(canvas: Image, text: str, at: tuple[int, int], ink: Colour = INK, letters_px: int = _LETTERS_PX) -> None:
    """Write a line of text of any script, its baseline beginning at that pixel."""
    cv2.putText(canvas, text, at, ink, cv2.FontFace(_FACE), letters_px, _WEIGHT)


def _window(place: Box, image: Image) -> Box:
    """What of the picture is shown: the view's shape where the picture is large enough, the place in its middle."""
    sides = (max(1.0, place.width), max(1.0, place.height))
    zoom = min(_LARGEST_ZOOM, *(_SHARE * view / side for view, side in zip(VIEW_PX, sides, strict=True)))
    height, width = image.shape[:2]
    shown = [min(float(size), view / zoom) for size, view in zip((width, height), VIEW_PX, strict=True)]
    (x, y), (w, h) = place.centre, shown
    left, top = np.clip(x - w / 2, 0, width - w), np.clip(y - h / 2, 0, height - h)
    return Box(float(left), float(top), float(left + w), float(top + h))
