"""Pictures of what each stage makes of a video, for those who want to know where a plate was lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from output.marks import draw_box, write
from pipeline.records import Box, Crop, Detection, Image, Observation, Reading

#: BGR: surer than what makes a tracklet, less sure, and places that are ignored.
_SURE, _UNSURE, _IGNORED, _PAPER = (60, 200, 60), (0, 165, 255), (128, 128, 128), (255, 255, 255)
#: A tracklet keeps its colour; neighbours in number differ.
_COLOURS = ((60, 200, 60), (255, 160, 60), (60, 160, 255), (220, 90, 220), (200, 200, 40), (60, 60, 230))
#: Of a sheet, pixels: each picture's height, the widest, letters, and the width of the text beside them.
_ROW_PX, _WIDEST_PX, _LETTERS_PX, _TEXT_PX, _GAP_PX = 96, 420, 20, 460, 12
#: And of what stands above the pictures and below them.
_HEAD_PX, _FOOT_PX = 48, 140


@dataclass(frozen=True, slots=True, eq=False)
class CropStages:
    """A crop on its way."""

    crop: Crop
    #: The plate as the reader is given it: cut out, and turned upright.
    plate: Image
    #: What it says by itself; None where nothing is legible.
    reading: Reading | None


def detections_picture(image: Image, found: Sequence[Detection], overlays: Sequence[Box], sure: float) -> Image:
    """The frame with each box that the detector gave and its score, and grey ones around what stands still."""
    drawn = image.copy()
    for place in overlays:
        draw_box(drawn, place, "ignored", _IGNORED)
    for one in found:
        draw_box(drawn, one.box, f"{one.confidence:.2f}", _SURE if one.confidence >= sure else _UNSURE)
    return drawn


def tracks_picture(image: Image, seen: Mapping[int, Observation]) -> Image:
    """The frame with the boxes of tracklets, by their number."""
    drawn = image.copy()
    for index, observation in seen.items():
        draw_box(drawn, observation.box, f"{index}", _COLOURS[index % len(_COLOURS)])
    return drawn


def reading_sheet(title: str, stages: Sequence[CropStages], fused: Reading | None) -> Image:
    """A tracklet's crops, one below the other: as cut, as read, what each says; at the end what they say together."""
    width = 2 * (_WIDEST_PX + _GAP_PX) + _TEXT_PX
    sheet = np.full((_HEAD_PX + len(stages) * (_ROW_PX + _GAP_PX) + _FOOT_PX, width, 3), _PAPER, np.uint8)
    write(sheet, title, (0, 36), _LETTERS_PX, _PAPER)
    top = _HEAD_PX
    for one in stages:
        _paste(sheet, one.crop.image, 0, top)
        _paste(sheet, one.plate, _WIDEST_PX + _GAP_PX, top)
        lines = (f"at {one.crop.observation.time_s:.2f} s, quality {one.crop.quality:.2f}", told(one.reading))
        for number, line in enumerate(lines):
            write(sheet, line, (2 * (_WIDEST_PX + _GAP_PX), top + 40 + 32 * number), _LETTERS_PX, _PAPER)
        top += _ROW_PX + _GAP_PX
    write(sheet, f"together: {told(fused)}", (0, top + 40), _LETTERS_PX + 4, _PAPER)
    if fused is not None:
        others = ", ".join(f"{other.text} {other.confidence:.1%}" for other in fused.alternatives[:5])
        write(sheet, f"runners-up: {others or 'none'}", (0, top + 80), _LETTERS_PX, _PAPER)
        each = "  ".join(f"{c.char} {c.confidence:.0%}" for c in fused.characters)
        write(sheet, each, (0, top + 116), _LETTERS_PX, _PAPER)
    return sheet


def told(reading: Reading | None) -> str:
    """A reading in a few words."""
    if reading is None:
        return "nothing legible"
    return f"{reading.text}  {reading.confidence:.0%}  {reading.country or 'no country'}"


def _paste(sheet: Image, picture: Image, left: int, top: int) -> None:
    height, width = picture.shape[:2]
    scale = min(_ROW_PX / height, _WIDEST_PX / width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    sheet[top : top + size[1], left : left + size[0]] = small
