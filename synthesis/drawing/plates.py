"""Licence plates drawn flat, at high resolution, in the manner of several countries."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from synthesis.drawing.glyphs import Mask, fitted_mask
from synthesis.drawing.patterns import Rng, plain, written
from synthesis.patches import soft_patches

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]

#: Drawing resolution: a 520 mm plate is 780 px wide, four times what a dashcam ever shows.
PX_PER_MM = 1.5

_WHITE, _YELLOW, _BLACK, _BLUE = (238, 238, 234), (30, 196, 246), (24, 24, 24), (150, 62, 12)
#: Height of OpenCV 5's own CJK letters over their nominal size.
_HAN_SIZE = 0.95


@dataclass(frozen=True, slots=True)
class PlateStyle:
    """How one kind of plate looks. Colours are BGR."""

    name: str
    #: The key of `patterns.PATTERNS` that writes its numbers.
    numbering: str
    width_mm: int
    height_mm: int
    character_mm: int
    paper: Colour = _WHITE
    ink: Colour = _BLACK
    rows: int = 1
    #: Code in the blue band at the left, none where empty.
    band: str = ""
    #: Small print above the number.
    caption: str = ""
    caption_ink: Colour = _BLUE
    #: Height of a coloured stripe that carries the caption, 0 for none.
    stripe_mm: int = 0
    stroke: float = 0.13
    rim: Colour | None = _BLACK


def _eu(code: str, paper: Colour = _WHITE, stroke: float = 0.13) -> PlateStyle:
    return PlateStyle(code, code, 520, 110, 76, paper, band=code, stroke=stroke)


def _us(name: str, caption: str, paper: Colour, ink: Colour, caption_ink: Colour, numbering: str = "US") -> PlateStyle:
    return PlateStyle(
        name,
        numbering,
        305,
        152,
        70,
        paper,
        ink,
        caption=caption,
        caption_ink=caption_ink,
        stroke=0.115,
        rim=None,
    )


_ALL = (
    PlateStyle("GB-rear", "GB", 520, 111, 79, _YELLOW, stroke=0.16, rim=None),
    PlateStyle("GB-front", "GB", 520, 111, 79, _WHITE, stroke=0.16, rim=None),
    _eu("DE"),
    _eu("FR", stroke=0.125),
    _eu("NL", _YELLOW, 0.14),
    _eu("RO"),
    _eu("PL"),
    PlateStyle("HK-rear", "HK", 520, 110, 80, _YELLOW, stroke=0.15, rim=None),
    PlateStyle("HK-front", "HK", 520, 110, 80, _WHITE, stroke=0.15, rim=None),
    PlateStyle("HK-rear-two-row", "HK", 300, 200, 80, _YELLOW, rows=2, stroke=0.15, rim=None),
    PlateStyle("VN", "VN", 520, 110, 78),
    PlateStyle("VN-two-row", "VN", 330, 165, 66, rows=2),
    PlateStyle("BR", "BR", 400, 130, 66, band="", caption="BRASIL", caption_ink=_WHITE, stripe_mm=30),
    _us("US-CA", "CALIFORNIA", _WHITE, (110, 40, 20), (40, 40, 190), "US-CA"),
    _us("US-NY", "NEW YORK", (60, 170, 235), (110, 50, 10), (110, 50, 10)),
    _us("US-TX", "TEXAS", (236, 238, 240), (30, 28, 26), (120, 50, 20)),
    _us("US-CO", "COLORADO", (70, 110, 40), (235, 238, 235), (235, 238, 235)),
    PlateStyle("IN", "IN", 500, 120, 72, band="IND"),
    PlateStyle("CN", "CN", 440, 140, 90, (160, 70, 10), _WHITE, stroke=0.12, rim=_WHITE),
    PlateStyle("CN-green", "CN-green", 480, 140, 90, (150, 215, 150), _BLACK, stroke=0.12),
)
STYLES: dict[str, PlateStyle] = {style.name: style for style in _ALL}


@dataclass(frozen=True, slots=True)
class Plate:
    """A drawn plate."""

    #: As stored: letters and digits only.
    text: str
    #: As it stands on the plate.
    written: str
    style: PlateStyle
    #: BGR, `PX_PER_MM` pixels a millimetre.
    image: Image


def random_plate(style: PlateStyle, rng: Rng) -> Plate:
    """Draw a plate of this style with a new number."""
    return draw_plate(style, written(style.numbering, rng), rng)


def draw_plate(style: PlateStyle, text: str, rng: Rng) -> Plate:
    """Draw ``text``, as it stands on the plate; ``rng`` only settles dirt and light."""
    sheet = _sheet(style)
    ink = _ink(style, text)
    image = _pressed(sheet, ink, style.ink)
    _bolts(image, style)
    return Plate(plain(text), text, style, _worn(image, rng))


def _px(millimetres: float) -> int:
    return round(millimetres * PX_PER_MM)


def _sheet(style: PlateStyle) -> NDArray[np.float32]:
    """Return the plate without its number: paper, rim, band, stripe and small print."""
    height, width = _px(style.height_mm), _px(style.width_mm)
    sheet = np.empty((height, width, 3), np.uint8)
    sheet[:] = style.paper
    if style.stripe_mm:
        sheet[: _px(style.stripe_mm)] = _BLUE
    if style.band:
        sheet[:, : _band_px(style)] = _BLUE
        _print(sheet, style.band, (_band_px(style) // 2, _px(style.height_mm * 0.78)), _px(18), _WHITE)
        if style.name != "IN":
            _stars(sheet, (_band_px(style) // 2, _px(style.height_mm * 0.36)), _px(12))
    if style.caption:
        size = _px(style.stripe_mm * 0.6 if style.stripe_mm else 20)
        middle = _px(style.stripe_mm / 2 if style.stripe_mm else 20)
        _print(sheet, style.caption, (width // 2, middle), size, style.caption_ink)
    if style.numbering == "DE":
        _seals(sheet, style)
    if style.rim:
        cv2.rectangle(sheet, (_px(3), _px(3)), (width - _px(3) - 1, height - _px(3) - 1), style.rim, _px(2.5))
    return sheet.astype(np.float32)


def _band_px(style: PlateStyle) -> int:
    return _px(42) if style.band else 0


def _print(sheet: Image, text: str, centre: tuple[int, int], height: int, ink: Colour) -> None:
    mask = fitted_mask(text, round(sheet.shape[1] * 0.9), height, stroke=0.15)
    left, top = centre[0] - mask.shape[1] // 2, centre[1] - height // 2
    window = sheet[top : top + height, left : left + mask.shape[1]]
    share = mask[..., None].astype(np.float32) / 255
    window[:] = (window * (1 - share) + np.array(ink, np.float32) * share).astype(np.uint8)


def _stars(sheet: Image, centre: tuple[int, int], radius: int) -> None:
    for angle in np.linspace(0, 2 * np.pi, 12, endpoint=False):
        spot = (round(centre[0] + radius * np.cos(angle)), round(centre[1] + radius * np.sin(angle)))
        cv2.circle(sheet, spot, max(1, _px(1.6)), (40, 200, 240), -1, cv2.LINE_AA)


def _seals(sheet: Image, style: PlateStyle) -> None:
    """Paint the two inspection seals that stand behind a German district.

    They stay out of the number's way.
    """
    x = _band_px(style) + _px(16)
    for y, colour in ((0.32, (70, 130, 60)), (0.7, (200, 200, 205))):
        cv2.circle(sheet, (x, _px(style.height_mm * y)), _px(11), colour, -1, cv2.LINE_AA)
        cv2.circle(sheet, (x, _px(style.height_mm * y)), _px(11), (90, 90, 90), 1, cv2.LINE_AA)


def _lines(style: PlateStyle, text: str) -> list[str]:
    if style.rows == 1:
        return [text]
    return text.replace("-", " ").split(" ", 1)


def _ink(style: PlateStyle, text: str) -> Mask:
    """Return where the number's ink lies, 0 to 255, over the whole plate."""
    height, width = _px(style.height_mm), _px(style.width_mm)
    canvas = np.zeros((height, width), np.uint8)
    left = _band_px(style) + (_px(32) if style.numbering == "DE" else _px(10))
    room = width - left - _px(18)
    top_mm = style.stripe_mm or (30 if style.caption else 0)
    line_height = (height - _px(top_mm)) / style.rows
    for index, line in enumerate(_lines(style, text)):
        mask = _number_mask(line, room, _px(style.character_mm), style.stroke)
        x = left + (room - mask.shape[1]) // 2
        y = round(_px(top_mm) + line_height * (index + 0.5) - mask.shape[0] / 2)
        canvas[y : y + mask.shape[0], x : x + mask.shape[1]] = mask
    return canvas


def _number_mask(line: str, room: int, height: int, stroke: float) -> Mask:
    gap = 0.16 if len(line) <= 8 else 0.12
    if not line[0].isascii():
        han = _han_mask(line[0], height)
        rest = fitted_mask(line[1:], room - han.shape[1] - _px(8), height, stroke=stroke, gap=gap)
        return np.hstack([han, np.zeros((height, _px(8)), np.uint8), rest])
    return fitted_mask(line, room, height, stroke=stroke, gap=gap)


def _han_mask(character: str, height: int) -> Mask:
    """Return a Chinese character of OpenCV 5's built-in face, blank under an older OpenCV."""
    canvas = np.zeros((height * 2, height * 2, 3), np.uint8)
    if not hasattr(cv2, "FontFace"):
        return canvas[:height, : height // 2, 0]
    face = cv2.FontFace("uni")
    cv2.putText(
        canvas,
        character,
        (height // 2, height * 3 // 2),
        (255, 255, 255),
        face,
        round(height * _HAN_SIZE),
        700,
    )
    x, y, w, h = cv2.boundingRect(canvas[..., 0])
    size = (round(height * 0.52), height)
    stretched = cv2.resize(canvas[y : y + h, x : x + w, 0], size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.dilate(stretched, np.ones((2, 2), np.uint8)), np.uint8)


def _pressed(sheet: NDArray[np.float32], ink: Mask, colour: Colour) -> NDArray[np.float32]:
    """Lay the ink on, with a lit upper left edge and a shaded lower right one, as pressed metal has."""
    share = ink[..., None].astype(np.float32) / 255
    image = sheet * (1 - share) + np.array(colour, np.float32) * share
    relief = cv2.GaussianBlur(ink.astype(np.float32) / 255, (0, 0), PX_PER_MM)
    slope = relief - np.roll(relief, (2, 2), (0, 1))
    return np.asarray(image + (slope * 26)[..., None], np.float32)


def _bolts(image: NDArray[np.float32], style: PlateStyle) -> None:
    """Screw the plate on, where no letter stands."""
    height, width = image.shape[:2]
    y = height // 2 if style.rows == 1 and style.height_mm < 125 else _px(9)
    inset = _px(8) if style.height_mm < 125 else round(width * 0.2)
    for x in (inset, width - inset):
        cv2.circle(image, (x, y), _px(4), (150, 150, 152), -1, cv2.LINE_AA)
        cv2.circle(image, (x, y), _px(4), (80, 80, 82), 1, cv2.LINE_AA)


def _worn(image: NDArray[np.float32], rng: Rng) -> Image:
    """Give the plate the light and the dirt of one that has been driven."""
    height, width = image.shape[:2]
    dirt = soft_patches(rng.normal(1.0, 0.035, (4, 10)), height, width)
    light = np.linspace(rng.uniform(1.0, 1.06), rng.uniform(0.88, 0.97), height, dtype=np.float32)[:, None]
    specks = rng.normal(0, 3.0, (height, width)).astype(np.float32)
    worn = image * (dirt * light)[..., None] + specks[..., None]
    return np.clip(worn, 0, 255).astype(np.uint8)
