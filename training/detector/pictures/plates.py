"""Flat plates to be laid into pictures: photographed ones, those of known countries, and invented ones.

A detector has to know what all plates have in common, and not the fonts and colours of the countries at hand. So
two in five follow no country: any ground, one to three rows, any script, stripes, bands and small print.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from synthesis.drawing.glyphs import text_mask
from synthesis.drawing.plates import STYLES, random_plate
from training.detector.pictures.photos import Image

Rng = np.random.Generator
Colour = tuple[int, int, int]

#: Ground and ink, BGR: white, yellow, black, red, blue, green, pale green (Chinese electric cars), grey, orange.
_COLOURS: tuple[tuple[Colour, Colour], ...] = (
    ((235, 235, 235), (20, 20, 20)),
    ((235, 235, 235), (20, 20, 20)),
    ((235, 235, 235), (120, 40, 20)),
    ((240, 240, 240), (30, 30, 160)),
    ((238, 240, 236), (60, 110, 20)),
    ((40, 190, 240), (20, 20, 20)),
    ((60, 210, 245), (20, 20, 20)),
    ((30, 30, 30), (235, 235, 235)),
    ((25, 25, 25), (190, 195, 200)),
    ((30, 30, 170), (235, 235, 235)),
    ((150, 70, 20), (235, 235, 235)),
    ((60, 110, 20), (235, 235, 235)),
    ((170, 220, 160), (20, 20, 20)),
    ((160, 165, 160), (40, 40, 40)),
    ((40, 130, 235), (20, 20, 20)),
)
_LATIN = "ABCDEFGHJKLMNPRSTUVWXYZ"
_CYRILLIC = "АВЕКМНОРСТУХ"
_HAN = "京沪粤浙苏鲁川渝津冀豫湘鄂闽赣皖品川横浜大阪名古屋札幌神戸練馬足立福岡"
_KANA = "あいうえかきくけこさすせそたちつてとなにぬねのはひふほまみむめもやゆよらりるろ"
_ARABIC = "ابحدرسصطعقكلمنهوى"
_SCRIPTS = (_LATIN, _LATIN, _LATIN, _LATIN, _LATIN, _CYRILLIC, _HAN, _KANA, _ARABIC)
_CAPTIONS = (
    "CALIFORNIA", "TEXAS", "BRASIL", "ARGENTINA", "Colombia", "OHIO", "Ontario", "MERCOSUR", "KENYA", "IND",
    "New York", "Victoria", "QUEENSLAND", "MÉXICO", "Dubai", "品川 500", "横浜 301", "Україна", "RUS", "Florida",
)  # fmt: skip
_HEIGHT_PX = 110


class PlateMaker:
    """Draws plates, and takes real plate crops of `data/recognition` (training split), to be pasted."""

    #: Shares of photographed plates, of plates in the style of a country; the others are invented.
    REAL, STYLED = 0.42, 0.2

    def __init__(self, crops: list[Path]) -> None:
        self._crops = crops

    def plate(self, rng: Rng) -> Image:
        """Return one flat plate, BGR, uint8."""
        draw = rng.random()
        if self._crops and draw < self.REAL:
            image = cv2.imread(str(self._crops[int(rng.integers(len(self._crops)))]))
            if image is not None:
                return np.asarray(image, np.uint8)
        if draw < self.REAL + self.STYLED:
            style = list(STYLES.values())[int(rng.integers(len(STYLES)))]
            return random_plate(style, rng).image
        return invented(rng)


def invented(rng: Rng) -> Image:
    """Draw a plate of no country, 110 px high, BGR."""
    rows = int(rng.choice([1, 2, 3], p=[0.5, 0.45, 0.05]))
    ratio = rng.uniform(2.4, 5.4) if rows == 1 else rng.uniform(0.95, 2.3)
    wide, high = int(_HEIGHT_PX * ratio), _HEIGHT_PX
    paper, ink = _COLOURS[int(rng.integers(len(_COLOURS)))]
    plate = np.full((high, wide, 3), paper, np.uint8)
    left, right, top, bottom = _furniture(plate, paper, ink, rng)
    lines = _numbers(rows, rng)
    shares = np.ones(rows) if rows != 2 or rng.random() < 0.6 else np.array([rng.uniform(0.35, 0.65), 1.0])
    edges = top + (bottom - top) * np.concatenate([[0], np.cumsum(shares) / shares.sum()])
    for line, upper, lower in zip(lines, edges, edges[1:], strict=False):
        room = max(8, int((lower - upper) * rng.uniform(0.68, 0.92)))
        _stamp(plate, _mask(line, room, rng), ((left + right) / 2, (upper + lower) / 2), right - left - 6, ink)
    return plate


def _furniture(plate: Image, paper: Colour, ink: Colour, rng: Rng) -> tuple[float, float, float, float]:
    """Draw rim, band, stripe, small print and bolts; return left, right, top, bottom of what is left free."""
    high, wide = plate.shape[:2]
    left, right, top, bottom = 4.0, wide - 4.0, 4.0, high - 4.0
    colour: Colour = ((160, 60, 10), (20, 20, 150), (60, 110, 20), ink)[int(rng.integers(4))]
    if rng.random() < 0.25:
        band = int(wide * rng.uniform(0.07, 0.13))
        x = 0 if rng.random() < 0.8 else wide - band
        plate[:, x : x + band] = colour
        left, right = (band + 2.0, right) if x == 0 else (left, x - 2.0)
    if rng.random() < 0.3:
        stripe = int(high * rng.uniform(0.14, 0.25))
        above, painted = rng.random() < 0.7, rng.random() < 0.5
        y = 0 if above else high - stripe
        if painted:
            plate[y : y + stripe] = colour
        caption = _CAPTIONS[int(rng.integers(len(_CAPTIONS)))]
        small = _mask(caption, max(8, int(stripe * 0.75)), rng)
        _stamp(plate, small, (wide / 2, y + stripe / 2), wide * 0.8, (235, 235, 235) if painted else colour)
        top, bottom = (stripe + 2.0, bottom) if above else (top, y - 2.0)
    if rng.random() < 0.6:
        inset = int(rng.integers(0, 4))
        corner = (wide - 1 - inset, high - 1 - inset)
        cv2.rectangle(plate, (inset, inset), corner, ink if rng.random() < 0.7 else paper, int(rng.integers(1, 6)))
    if rng.random() < 0.3:
        for x in (0.15, 0.85):
            cv2.circle(plate, (int(x * wide), int(rng.uniform(0.1, 0.9) * high)), 4, (120, 120, 120), -1, cv2.LINE_AA)
    return left, right, top, bottom


def _numbers(rows: int, rng: Rng) -> list[str]:
    letters = _SCRIPTS[int(rng.integers(len(_SCRIPTS)))]

    def part(low: int, high: int) -> str:
        length = int(rng.integers(low, high + 1))
        count = min(int(rng.integers(0, length + 1)), 3 if letters in (_LATIN, _CYRILLIC) else 1)
        head = "".join(letters[int(rng.integers(len(letters)))] for _ in range(count))
        tail = "".join(str(int(d)) for d in rng.integers(0, 10, length - count))
        pieces = [head, tail] if rng.random() < 0.7 else [tail, head]
        return str(rng.choice(["", " ", "-", "."])).join(piece for piece in pieces if piece)

    return [part(3, 8)] if rows == 1 else [part(1, 5) for _ in range(rows - 1)] + [part(2, 5)]


@lru_cache(maxsize=8)
def _face(name: str) -> Any:
    return cv2.FontFace(name)


def _mask(text: str, height_px: int, rng: Rng) -> Image:
    """Coverage of the text, 0 to 255, `height_px` high and as wide as it comes."""
    if text.isascii() and text.isupper() and rng.random() < 0.5:
        return text_mask(text, height_px, stroke=rng.uniform(0.09, 0.19), gap=rng.uniform(0.08, 0.25))
    canvas = np.zeros((height_px * 2, height_px * (len(text) + 2) * 2, 3), np.uint8)
    face, weight = _face(str(rng.choice(["sans", "serif", "uni"]))), int(rng.choice([400, 600, 800]))
    cv2.putText(canvas, text, (height_px, height_px * 3 // 2), (255, 255, 255), face, height_px, weight)
    x, y, w, h = cv2.boundingRect(canvas[..., 0])
    if not w or not h:
        return np.zeros((height_px, 1), np.uint8)
    drawn = canvas[y : y + h, x : x + w, 0]
    narrow = rng.uniform(0.6, 1.0)
    size = (max(1, round(w * height_px / h * narrow)), height_px)
    return np.asarray(cv2.resize(drawn, size, interpolation=cv2.INTER_AREA), np.uint8)


def _stamp(plate: Image, mask: Image, centre: tuple[float, float], room: float, ink: Colour) -> None:
    if mask.shape[1] > room:
        mask = np.asarray(cv2.resize(mask, (max(1, int(room)), mask.shape[0]), interpolation=cv2.INTER_AREA), np.uint8)
    high, wide = mask.shape
    x, y = max(0, round(centre[0] - wide / 2)), max(0, round(centre[1] - high / 2))
    window = plate[y : y + high, x : x + wide]
    share = mask[: window.shape[0], : window.shape[1], None].astype(np.float32) / 255
    window[:] = (window * (1 - share) + np.array(ink, np.float32) * share).astype(np.uint8)
