"""Drawn plates: those of known countries, and boards of no country with any text, in many faces and colours.

The photographed plates come from few countries, with fonts and forms of their own. The drawn ones teach the reader to
read what stands there instead of what usually stands there.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from pipeline.records import Image
from synthesis.drawing.glyphs import text_mask
from synthesis.drawing.plates import STYLES, PlateStyle, draw_plate, random_plate
from training.reader.charset import readable
from training.reader.pictures.material import Labelled, bordered

Rng = np.random.Generator
Colour = tuple[int, int, int]

#: Drawn plates are kept at this height for one row, pixels: more than any training picture shows.
_ROW_HEIGHT_PX = 72
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGITS = "0123456789"
_CONSONANTS, _VOWELS = "BCDFGHJKLMNPQRSTVWXYZ", "AEIOU"
#: Share of words among texts of no country: what is no plate and was taught as empty shows words mostly, and private
#: marks must not suffer for it. Share of words that hold a digit.
_WORDS, _WORD_WITH_DIGIT = 0.25, 0.2
_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
#: Last characters of police, driving-school, trailer and cross-border plates, and of consulates.
_MARKS = "警学挂港澳领试超"
#: Ground and ink, BGR: as plates of the world carry them.
_COLOURS: tuple[tuple[Colour, Colour], ...] = (
    ((235, 235, 235), (20, 20, 20)),
    ((235, 235, 235), (120, 40, 20)),
    ((240, 240, 240), (30, 30, 160)),
    ((238, 240, 236), (60, 110, 20)),
    ((40, 190, 240), (20, 20, 20)),
    ((30, 30, 30), (235, 235, 235)),
    ((30, 30, 170), (235, 235, 235)),
    ((150, 70, 20), (235, 235, 235)),
    ((60, 110, 20), (235, 235, 235)),
    ((170, 220, 160), (20, 20, 20)),
    ((160, 165, 160), (40, 40, 40)),
    ((40, 130, 235), (20, 20, 20)),
)
_CAPTIONS = ("", "", "TEXAS", "OHIO", "FLORIDA", "CALIFORNIA", "BRASIL", "NEW YORK", "ONTARIO", "VICTORIA", "MEXICO")
#: Small print of boards of no country: as confusing as states' names and mottos, and no word of any.
_SLOGAN_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ    "
#: Share of boards with small print above, and of those below.
_SLOGANS = 0.3
_BANDS = ("", "", "", "D", "F", "GB", "NL", "PL", "I", "E", "RO", "IND")
#: Shares of plates as their country draws them and of those drawn as a country's with any text; the rest are boards.
_TRUE_STYLE, _BENT_STYLE = 0.35, 0.35


def drawn_plate(rows: int, rng: Rng) -> Labelled:
    """Draw a plate with its text in one row or two."""
    draw = rng.random()
    if draw < _TRUE_STYLE:
        text, image = _of_country(rows, rng)
    elif draw < _TRUE_STYLE + _BENT_STYLE:
        text, image = _bent(rows, rng)
    else:
        text, image = _board(rows, rng)
    assert readable(text), text
    height = _ROW_HEIGHT_PX * rows
    size = (max(8, round(image.shape[1] * height / image.shape[0])), height)
    smaller = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return bordered(np.asarray(smaller, np.uint8), text, rows, "drawn-rows" if rows == 2 else "drawn")


def _of_country(rows: int, rng: Rng) -> tuple[str, Image]:
    styles = [style for style in STYLES.values() if style.rows == rows]
    style = styles[int(rng.integers(len(styles)))]
    if style.numbering.startswith("CN"):
        written = _chinese(rng, electric=style.numbering == "CN-green")
        return written.replace("·", ""), draw_plate(style, written, rng).image
    plate = random_plate(style, rng)
    return plate.text, plate.image


def _chinese(rng: Rng, *, electric: bool) -> str:
    head = _pick(rng, _PROVINCES) + _pick(rng, "ABCDEFGHJKLMNPQRSTUVWXYZ")
    tail = "".join(_pick(rng, _DIGITS if rng.random() < 0.75 else _LETTERS) for _ in range(5))
    return f"{head}·D{tail}" if electric else f"{head}·{tail}"


def _bent(rows: int, rng: Rng) -> tuple[str, Image]:
    """A country's plate in other colours, with other strokes and any text."""
    style = _in_rows(list(STYLES.values())[int(rng.integers(len(STYLES)))], rows, rng)
    paper, ink = _COLOURS[int(rng.integers(len(_COLOURS)))]
    bent = replace(
        style,
        paper=paper,
        ink=ink,
        stroke=float(rng.uniform(0.09, 0.18)),
        band=_pick_word(rng, _BANDS) if style.rows == 1 and not style.caption else "",
        caption=_pick_word(rng, _CAPTIONS) if style.caption and not style.stripe_mm else style.caption,
    )
    written = _any_text(rng, rows)
    return _plain(written), draw_plate(bent, written, rng).image


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


def _any_text(rng: Rng, rows: int) -> str:
    """Three to nine letters and digits in groups; two groups, parted by a space, for two rows; or words."""
    if rng.random() < _WORDS:
        return " ".join(_word(rng, int(rng.integers(3, 9 if rows == 1 else 6))) for _ in range(rows))
    separator = " " if rows == 2 else str(rng.choice(["", " ", "-", "·"]))
    if rows == 2:
        lengths = [int(rng.integers(1, 5)), int(rng.integers(2, 6))]
    else:
        lengths = [int(n) for n in rng.integers(1, 5, int(rng.integers(1, 4)))]
        lengths[0] += max(0, 3 - sum(lengths))
    return separator.join(_group(rng, length) for length in lengths if length)[:11].rstrip(separator or None)


def _word(rng: Rng, length: int) -> str:
    """Letters that could be spoken, as private marks have them; now and then with a digit."""
    first = int(rng.integers(2))
    letters = [_pick(rng, (_CONSONANTS, _VOWELS)[(first + place) % 2]) for place in range(length)]
    if rng.random() < _WORD_WITH_DIGIT:
        letters[int(rng.integers(length))] = _pick(rng, _DIGITS)
    return "".join(letters)


def _group(rng: Rng, length: int) -> str:
    pool = (_LETTERS, _DIGITS, _LETTERS + _DIGITS)[int(rng.choice(3, p=[0.35, 0.4, 0.25]))]
    return "".join(_pick(rng, pool) for _ in range(length))


def _board(rows: int, rng: Rng) -> tuple[str, Image]:
    """A board of no country, its text in one of OpenCV's faces or drawn from strokes."""
    paper, ink = _COLOURS[int(rng.integers(len(_COLOURS)))]
    written = _chinese_marked(rng) if rows == 1 and rng.random() < 0.25 else _any_text(rng, rows)
    lines = written.split(" ", 1) if rows == 2 else [written]
    height, gap = 100, int(rng.integers(8, 26))
    sizes = [height] if rows == 1 else [int(height * rng.uniform(0.6, 1.0)), height]
    seed = int(rng.integers(2**31))
    masks = [_line_mask(line, size, np.random.default_rng(seed)) for line, size in zip(lines, sizes, strict=True)]
    widest = max(mask.shape[1] for mask in masks)
    side = int(rng.integers(8, 40))
    board = np.full((sum(sizes) + gap * (rows + 1), widest + 2 * side, 3), paper, np.uint8)
    y = gap
    for mask, size in zip(masks, sizes, strict=True):
        x = (board.shape[1] - mask.shape[1]) // 2
        window = board[y : y + size, x : x + mask.shape[1]]
        share = mask[..., None].astype(np.float32) / 255
        window[:] = (window * (1 - share) + np.array(ink, np.float32) * share).astype(np.uint8)
        y += size + gap
    if rows == 1:
        board = _with_small_print(board, paper, rng)
    if rng.random() < 0.6:
        corner = (board.shape[1] - 3, board.shape[0] - 3)
        cv2.rectangle(board, (2, 2), corner, ink, int(rng.integers(2, 7)))
    return _plain(written), _squeezed(board, rows, rng)


def _with_small_print(board: Image, paper: Colour, rng: Rng) -> Image:
    """The board with a line of small letters above it, below it, both or neither, and room for it."""
    ink = _COLOURS[int(rng.integers(len(_COLOURS)))][1]
    for above in (True, False):
        if rng.random() > _SLOGANS:
            continue
        slogan = "".join(_pick(rng, _SLOGAN_LETTERS) for _ in range(int(rng.integers(4, 20)))).strip() or "x"
        height = int(board.shape[0] * rng.uniform(0.1, 0.22))
        mask = _line_mask(slogan, height, rng)[:, : board.shape[1] - 8]
        strip = np.full((round(height * 1.3), board.shape[1], 3), paper, np.uint8)
        x = int(rng.integers(0, strip.shape[1] - mask.shape[1]))
        window = strip[: mask.shape[0], x : x + mask.shape[1]]
        share = mask[..., None].astype(np.float32) / 255
        window[:] = (window * (1 - share) + np.array(ink, np.float32) * share).astype(np.uint8)
        board = np.concatenate([strip, board] if above else [board, strip])
    return board


def _chinese_marked(rng: Rng) -> str:
    """A mainland number, every other one ending in a special mark."""
    text = _chinese(rng, electric=rng.random() < 0.15)
    return text[:-1] + _pick(rng, _MARKS) if rng.random() < 0.5 else text


def _squeezed(board: Image, rows: int, rng: Rng) -> Image:
    """The board narrowed to a plate's shape, as condensed faces have it."""
    high, wide = board.shape[:2]
    most = rng.uniform(2.6, 5.0) if rows == 1 else rng.uniform(1.1, 1.9)
    width = min(wide, round(high * most))
    return np.asarray(cv2.resize(board, (max(16, width), high), interpolation=cv2.INTER_AREA), np.uint8)


@lru_cache(maxsize=8)
def _face(name: str) -> Any:
    return cv2.FontFace(name)


def _line_mask(text: str, height_px: int, rng: Rng) -> Image:
    """Coverage of the text, 0 to 255, `height_px` high and as wide as it comes."""
    # The strokes know capitals and digits alone.
    if text.isascii() and text == text.upper() and rng.random() < 0.35:
        return text_mask(text, height_px, stroke=float(rng.uniform(0.09, 0.19)), gap=float(rng.uniform(0.08, 0.25)))
    canvas = np.zeros((height_px * 2, height_px * (len(text) + 2) * 2, 3), np.uint8)
    name = str(rng.choice(["sans", "serif", "uni"], p=[0.55, 0.15, 0.3])) if text.isascii() else "uni"
    weight = int(rng.choice([400, 600, 800]))
    cv2.putText(canvas, text, (height_px, height_px * 3 // 2), (255, 255, 255), _face(name), height_px, weight)
    x, y, w, h = cv2.boundingRect(canvas[..., 0])
    drawn = canvas[y : y + h, x : x + w, 0]
    size = (max(1, round(w * height_px / h * rng.uniform(0.55, 1.0))), height_px)
    return np.asarray(cv2.resize(drawn, size, interpolation=cv2.INTER_AREA), np.uint8)


def _plain(written: str) -> str:
    return "".join(char for char in written if char.isalnum())


def _pick(rng: Rng, among: str) -> str:
    return among[int(rng.integers(len(among)))]


def _pick_word(rng: Rng, among: tuple[str, ...]) -> str:
    return among[int(rng.integers(len(among)))]
