"""Drawn plates: those of known countries, countries' plates with any text, and plates of no country in any layout.

The photographed plates come from few countries, with fonts and forms of their own. The drawn ones teach the reader to
read what stands there instead of what usually stands there, wherever and however large it stands.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import cv2
import numpy as np

from pipeline.formats.alphabet import CHINESE
from pipeline.records import Image
from synthesis.drawing.patterns import written as country_number
from synthesis.drawing.plates import STYLES, PlateStyle, draw_plate, random_plate
from synthesis.layouts.characters import chinese, group, lengths, pick, word
from synthesis.layouts.colours import Scheme, a_scheme
from synthesis.layouts.mounting import mounted
from synthesis.layouts.plan import HEIGHTS_PX
from synthesis.layouts.plates import DrawnPlate, invented_plate, plate_with
from training.reader.charset import readable, said
from training.reader.pictures.material import Labelled, bordered

Rng = np.random.Generator

#: Shares of plates as their country draws them, of those drawn as a country's with any text and colours, and of
#: countries' numbers in any layout; the rest are invented altogether.
TRUE_STYLE, BENT_STYLE, TRUE_NUMBER = 0.22, 0.12, 0.12
#: Share of plates that hang on a vehicle; the others fill their picture, as crops of collections do.
_MOUNTED = 0.75
#: Share of words among texts of bent plates: what is no plate and was taught as empty shows words mostly, and private
#: marks must not suffer for it.
_WORDS = 0.25
_CAPTIONS = ("", "", "TEXAS", "OHIO", "FLORIDA", "CALIFORNIA", "BRASIL", "NEW YORK", "ONTARIO", "VICTORIA", "MEXICO")
_BANDS = ("", "", "", "D", "F", "GB", "NL", "PL", "I", "E", "RO", "IND")


def drawn_plate(rows: int, rng: Rng, without: Collection[str] = ()) -> Labelled:
    """Draw a plate with its text in one row or two, and what lies around it; nothing of the countries `without`."""
    styles = [style for style in STYLES.values() if style.numbering.split("-")[0] not in without]
    text, image = _text_and_plate(rows, styles, rng, without)
    assert readable(text), text
    name = "drawn-rows" if rows == 2 else "drawn"
    if rng.random() < _MOUNTED:
        around, box = mounted(image, rows, rng)
        return Labelled(around, box, text, rows, name)
    return bordered(image, text, rows, name)


def _text_and_plate(rows: int, styles: Sequence[PlateStyle], rng: Rng, without: Collection[str]) -> tuple[str, Image]:
    draw, in_rows = rng.random(), [style for style in styles if style.rows == rows]
    if draw < TRUE_STYLE and in_rows:
        text, image = _of_country(_one_of(in_rows, rng), rng)
        return text, _smaller(image, rows)
    if draw < TRUE_STYLE + BENT_STYLE:
        text, image = _bent(_one_of(styles, rng), rows, rng)
        return text, _smaller(image, rows)
    if draw < TRUE_STYLE + BENT_STYLE + TRUE_NUMBER:
        plate = _with_countrys_number(_one_of(styles, rng), rows, rng)
    else:
        plate = _invented(rows, rng, without)
    return said(plate.written), plate.image


def _invented(rows: int, rng: Rng, without: Collection[str]) -> DrawnPlate:
    """An invented plate, with Chinese letters only where China's plates are shown."""
    plate = invented_plate(rows, rng)
    while "CN" in without and any(char in CHINESE for char in plate.text):
        plate = invented_plate(rows, rng)
    return plate


def _smaller(image: Image, rows: int) -> Image:
    """Return a country's plate at the size of the invented ones: it is drawn much larger."""
    height = HEIGHTS_PX[rows]
    size = (max(8, round(image.shape[1] * height / image.shape[0])), height)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _one_of(styles: Sequence[PlateStyle], rng: Rng) -> PlateStyle:
    return styles[int(rng.integers(len(styles)))]


def _of_country(style: PlateStyle, rng: Rng) -> tuple[str, Image]:
    if style.numbering.startswith("CN"):
        number = _mainland(style, rng)
        return said(number), draw_plate(style, number, rng).image
    plate = random_plate(style, rng)
    return plate.text, plate.image


def _mainland(style: PlateStyle, rng: Rng) -> str:
    """Return a number of any province: the drives' own know nine of them. Their letters have no special marks."""
    head, tail = chinese(rng, 5, marked=0)
    return f"{head}·D{tail}" if style.numbering == "CN-green" else f"{head}·{tail}"


def _with_countrys_number(style: PlateStyle, rows: int, rng: Rng) -> DrawnPlate:
    number = _mainland(style, rng) if style.numbering.startswith("CN") else country_number(style.numbering, rng)
    return plate_with(number, rows, rng)


def _bent(known: PlateStyle, rows: int, rng: Rng) -> tuple[str, Image]:
    """A country's plate in other colours, with other strokes and any text."""
    style = _in_rows(known, rows, rng)
    scheme: Scheme = a_scheme(rng)
    bent = replace(
        style,
        paper=scheme.ground,
        ink=scheme.ink,
        stroke=float(rng.uniform(0.09, 0.18)),
        band=pick(rng, _BANDS) if style.rows == 1 and not style.caption else "",
        caption=pick(rng, _CAPTIONS) if style.caption and not style.stripe_mm else style.caption,
    )
    text = _any_text(rows, rng)
    return said(text), draw_plate(bent, text, rng).image


def _in_rows(style: PlateStyle, rows: int, rng: Rng) -> PlateStyle:
    """A style in as many rows as asked for, on a board of fitting shape."""
    if style.rows == rows:
        return style
    if rows == 1:
        return replace(style, rows=1, width_mm=500, height_mm=110, character_mm=78)
    height = int(rng.integers(170, 230))
    width = round(height * rng.uniform(1.2, 1.9))
    board = replace(style, rows=2, width_mm=width, height_mm=height, caption="", stripe_mm=0)
    return replace(board, character_mm=round(height * 0.36))


def _any_text(rows: int, rng: Rng) -> str:
    """Three to nine letters and digits in groups; two groups, parted by a space, for two rows; or words."""
    if rng.random() < _WORDS:
        return " ".join(word(rng, int(rng.integers(3, 9 if rows == 1 else 6))) for _ in range(rows))
    if rows == 2:
        return f"{group(rng, int(rng.integers(1, 5)))} {group(rng, int(rng.integers(2, 6)))}"
    return pick(rng, ("", " ", "-", "·")).join(group(rng, length) for length in lengths(rng, 3, 9))
