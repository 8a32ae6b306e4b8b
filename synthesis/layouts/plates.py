"""Whole plates of no country: a number in a typeface on a ground, with its furniture and its wear."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pipeline.records import Image
from synthesis.layouts.colours import Colour, Paint, Scheme, a_scheme, ground
from synthesis.layouts.furniture import band, dividers, rim, seal, slogan, sticker
from synthesis.layouts.numbers import Rows, any_number, given_number
from synthesis.layouts.pieces import known_characters
from synthesis.layouts.plan import Plan, a_plan
from synthesis.layouts.printing import printed
from synthesis.layouts.setting import Mask, Place, SetRow, narrowed, natural_width, set_row
from synthesis.layouts.wear import Hidden, Worn
from synthesis.lettering.invented import a_typeface
from synthesis.lettering.typeface import Typeface

Rng = np.random.Generator

#: How far glyphs are narrowed or widened to give a plate its shape.
_NARROWEST, _WIDEST = 0.62, 1.5
#: Share of plates with a rim, of those cut to their number's length, of those whose rows have inks of their own, and of
#: those with lines between their rows. Share of strips for small print with a sticker at an end.
_RIM, _CUT_TO_LENGTH, _TWO_INKS, _DIVIDED, _STICKER = 0.55, 0.35, 0.1, 0.08, 0.25


@dataclass(frozen=True, slots=True)
class Character:
    """A character of a number where it stands on its plate, or a word of Arabic, whose letters are joined."""

    text: str
    #: Left, top, right, bottom in pixels of the plate's picture.
    place: Place
    #: Share of its ink that nothing hides or cuts off, 0 to 1.
    shown: float


@dataclass(frozen=True, eq=False, slots=True)
class DrawnPlate:
    """A drawn plate of no country."""

    #: BGR, the plate and nothing around it.
    image: Image
    rows: int
    #: Every character of the number, of whatever script, in the order in which it is read, upper rows first.
    characters: tuple[Character, ...]

    @property
    def written(self) -> str:
        """The number with the characters that the reader does not know."""
        return "".join(character.text for character in self.characters)

    @property
    def text(self) -> str:
        """The characters that the reader knows."""
        return known_characters(self.written)


def invented_plate(rows: int, rng: Rng) -> DrawnPlate:
    """Invent a plate with its number in one row, two or three."""
    return _drawn(any_number(rows, rng), a_typeface(rng), a_scheme(rng), rng)


def plate_with(written: str, rows: int, rng: Rng) -> DrawnPlate:
    """Draw a plate with a given number, its groups parted by spaces or marks; the rest is invented."""
    return _drawn(given_number(written, rows, rng), a_typeface(rng), a_scheme(rng), rng)


@dataclass(frozen=True, slots=True)
class _LaidOut:
    """A number where it stands on its plate, in pixels of the plate."""

    #: Coverage over the whole plate.
    ink: Mask
    places: list[tuple[str, Place]]
    seals: list[Place]
    #: Upper and lower edge of each row.
    rows: list[tuple[int, int]]


def _drawn(number: Rows, face: Typeface, scheme: Scheme, rng: Rng) -> DrawnPlate:
    plan = a_plan(len(number), rng)
    laid = _laid_out(number, face, plan, rng)
    high, wide = laid.ink.shape
    sheet = ground(high, wide, scheme, rng)
    colours = _inks(sheet, laid, scheme, rng)
    _furnish(sheet, plan, scheme, rng)
    for place in laid.seals:
        seal(sheet, place, rng)
    if len(laid.rows) > 1 and rng.random() < _DIVIDED:
        levels = [(upper[1] + lower[0]) // 2 for upper, lower in pairwise(laid.rows)]
        dividers(sheet, levels, scheme.ink, rng)
    by_hand = face.tremble > 0 or face.bridge > 0
    characters = [place for _, place in laid.places]
    worn = Worn(printed(sheet, laid.ink, colours, characters, rng, by_hand=by_hand), laid.ink, characters)
    worn.wear(rng)
    return _cut(worn, laid.places, plan, len(number))


def _laid_out(number: Rows, face: Typeface, plan: Plan, rng: Rng) -> _LaidOut:
    rows, width = _set_rows(number, face, plan, rng)
    ink = np.zeros((plan.height, width), np.uint8)
    laid = _LaidOut(ink, [], [], [])
    for row, y in zip(rows, plan.tops([row.ink.shape[0] for row in rows]), strict=True):
        high, wide = row.ink.shape
        x = round(plan.left + (width - plan.right - plan.left - wide) * plan.align)
        ink[y : y + high, x : x + wide] = row.ink
        laid.places.extend((text, _moved(place, x, y)) for text, place in row.characters)
        laid.seals.extend(_moved(place, x, y) for place in row.seals)
        laid.rows.append((y, y + high))
    return laid


def _set_rows(number: Rows, face: Typeface, plan: Plan, rng: Rng) -> tuple[list[SetRow], int]:
    """Return the rows as ink, and the width of the plate that they go onto."""
    heights = plan.row_heights([row.height for row in number])
    room = round(plan.height * plan.ratio) - plan.left - plan.right
    widest = max(natural_width(row, face, height) for row, height in zip(number, heights, strict=True))
    face = narrowed(face, min(_WIDEST, max(_NARROWEST, room / widest)))
    widths = [natural_width(row, face, height) for row, height in zip(number, heights, strict=True)]
    inner = max(widths) if rng.random() < _CUT_TO_LENGTH else max(room, *widths)
    spread = rng.random() < plan.spread
    rows = [
        set_row(row, face, height, rng, min(inner - width, round(inner * 0.5)) if spread else 0)
        for row, height, width in zip(number, heights, widths, strict=True)
    ]
    return rows, inner + plan.left + plan.right


def _moved(place: Place, x: int, y: int) -> Place:
    return place[0] + x, place[1] + y, place[2] + x, place[3] + y


def _furnish(sheet: Paint, plan: Plan, scheme: Scheme, rng: Rng) -> None:
    wide = sheet.shape[1]
    if plan.above:
        slogan(sheet, (plan.band_left, 0, wide - plan.band_right, plan.above), scheme, rng)
    if plan.below:
        slogan(sheet, (plan.band_left, plan.height - plan.below, wide - plan.band_right, plan.height), scheme, rng)
    if plan.band_left:
        band(sheet, (0, 0, plan.band_left, plan.height), scheme, rng)
    if plan.band_right:
        band(sheet, (wide - plan.band_right, 0, wide, plan.height), scheme, rng)
    strip = plan.above or plan.below
    if strip and rng.random() < _STICKER:
        x = plan.band_left + 2 if rng.random() < 0.5 else wide - plan.band_right - strip - 2
        y = 0 if plan.above else plan.height - strip
        sticker(sheet, (x, y, x + strip, y + strip), rng)
    if rng.random() < _RIM:
        rim(sheet, scheme.ink if rng.random() < 0.7 else scheme.accent, rng)


def _inks(sheet: Paint, laid: _LaidOut, scheme: Scheme, rng: Rng) -> Paint | Colour:
    """Return one ink for all rows, or a picture of inks: the upper row now and then stands on a panel of its own."""
    if len(laid.rows) == 1 or rng.random() > _TWO_INKS:
        return scheme.ink
    other = a_scheme(rng)
    inks = np.empty_like(sheet)
    inks[:] = scheme.ink
    edge = (laid.rows[0][1] + laid.rows[1][0]) // 2
    inks[:edge] = other.ink
    sheet[:edge] = other.ground
    return inks


def _within(place: Place, start: int, end: int) -> Place:
    """Return a place in what is left of the plate between two columns."""
    left, top, right, bottom = place
    return max(left, start) - start, top, min(right, end) - start, bottom


def _columns(worn: Worn, start: int, end: int) -> Hidden:
    hides = np.zeros_like(worn.hidden)
    hides[:, start:end] = 1
    return hides


def _cut(worn: Worn, places: list[tuple[str, Place]], plan: Plan, rows: int) -> DrawnPlate:
    """Cut the plate's sides, a little into its first or last character where the plan says so."""
    wide = worn.image.shape[1]
    start = plan.cut_left if worn.cover(_columns(worn, 0, plan.cut_left)) else 0
    end = wide - plan.cut_right if worn.cover(_columns(worn, wide - plan.cut_right, wide)) else wide
    characters = tuple(Character(text, _within(place, start, end), worn.shown(place)) for text, place in places)
    image = np.clip(worn.image[:, start:end], 0, 255).astype(np.uint8)
    return DrawnPlate(image, rows, characters)
