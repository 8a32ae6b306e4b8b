"""What stands on a plate beside its number: bands, slogans, captions, seals, stickers and rims."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from pipeline.formats.alphabet import DIGITS, LATIN
from synthesis.layouts.characters import ARABIC_WORDS, pick
from synthesis.layouts.colours import WHITE, YELLOW, Colour, Paint, Scheme, readable_on
from synthesis.layouts.setting import Mask, Place
from synthesis.lettering.scripts import script_mask

Rng = np.random.Generator

_SMALL = "abcdefghijklmnopqrstuvwxyz"
#: What stands above and below numbers: states, countries, mottos; half of the small print is random letters instead,
#: so that no word is learnt.
_CAPTIONS = (
    "CALIFORNIA", "Texas", "New York", "FLORIDA", "Ontario", "VICTORIA", "QUEENSLAND", "BRASIL", "ARGENTINA", "PERU",
    "MEXICO", "KENYA", "PUNJAB", "SINDH", "DUBAI", "THE ROAD AHEAD", "Land of lakes", "Sunshine", "MERCOSUR", "CHILE",
    "GAILLIMH", "POLICE", "TAXI", "GOVERNMENT", "Україна", "visit us", "JAN 27", "COMMERCIAL", "SÃO PAULO", "COLOMBIA",
)  # fmt: skip
_CODES = (
    "D",
    "F",
    "GB",
    "NL",
    "PL",
    "I",
    "E",
    "RO",
    "IND",
    "SLO",
    "CZ",
    "H",
    "B",
    "KZ",
    "UA",
    "PK",
    "TR",
    "RUS",
    "EST",
)


def lay(sheet: Paint, mask: Mask, at: tuple[int, int], colour: Colour) -> None:
    """Print a coverage mask with its upper left corner at ``at``; what sticks out is cut off."""
    x, y = max(0, at[0]), max(0, at[1])
    window = sheet[y : y + mask.shape[0], x : x + mask.shape[1]]
    share = mask[: window.shape[0], : window.shape[1], None].astype(np.float32) / 255
    window += (np.array(colour, np.float32) - window) * share


def slogan(sheet: Paint, place: Place, scheme: Scheme, rng: Rng) -> None:
    """Print a line of small letters into a place, now and then on a stripe of its own."""
    left, top, right, bottom = place
    ink = scheme.accent if rng.random() < 0.5 else readable_on(scheme.ground, rng)
    if rng.random() < 0.25:
        sheet[top:bottom, left:right] = scheme.accent
        ink = readable_on(scheme.accent, rng)
    face = str(rng.choice(["sans", "serif", "uni"], p=[0.5, 0.25, 0.25]))
    height = max(6, round((bottom - top) * rng.uniform(0.5, 0.85)))
    mask = script_mask(
        small_print(rng),
        height,
        face=face,
        weight=int(rng.choice([400, 600, 800])),
        width=float(rng.uniform(0.75, 1.1)),
    )
    room = max(8, round((right - left) * 0.92))
    if mask.shape[1] > room:
        mask = np.asarray(cv2.resize(mask, (room, height), interpolation=cv2.INTER_AREA), np.uint8)
    spare = right - left - mask.shape[1]
    x = left + round(spare * float(rng.choice([0.5, 0.1, 0.9], p=[0.8, 0.1, 0.1])))
    lay(sheet, mask, (x, top + (bottom - top - height) // 2), ink)


def small_print(rng: Rng) -> str:
    """Return words that belong to no number."""
    kind = rng.random()
    if kind < 0.4:
        return pick(rng, _CAPTIONS)
    if kind < 0.46:
        return pick(rng, ARABIC_WORDS)
    if kind < 0.56:
        return "".join(pick(rng, DIGITS + "-") for _ in range(int(rng.integers(2, 10))))
    pool = LATIN + "   " if rng.random() < 0.5 else _SMALL + "   "
    return "".join(pick(rng, pool) for _ in range(int(rng.integers(3, 20)))).strip() or "x"


def band(sheet: Paint, place: Place, scheme: Scheme, rng: Rng) -> None:
    """Paint a band at a plate's side: stars, an arms, a flag or a year over a country's letters, or nothing."""
    left, top, right, bottom = place
    wide, high = right - left, bottom - top
    if rng.random() < 0.85:
        sheet[top:bottom, left:right] = scheme.accent
        ink = YELLOW if rng.random() < 0.15 else readable_on(scheme.accent, rng)
    else:
        ink = scheme.ink
    if high > wide * 1.2 and rng.random() < 0.12:
        _upright(sheet, place, ink, rng)
        return
    letters = pick(rng, _CODES) if rng.random() < 0.7 else small_print(rng)[:8]
    middle = (left + wide // 2, top + round(high * 0.33))
    _emblem(sheet, middle, max(3, round(min(wide * 0.32, high * 0.2))), rng)
    height = max(6, round(min(high * 0.24, wide * 0.5)))
    mask = script_mask(letters, height, face="sans", weight=int(rng.choice([500, 700])))
    if mask.shape[1] > wide * 0.84:
        smaller = max(4, round(height * wide * 0.84 / mask.shape[1]))
        mask = np.asarray(
            cv2.resize(mask, (max(2, round(wide * 0.84)), smaller), interpolation=cv2.INTER_AREA), np.uint8
        )
    lay(sheet, mask, (left + (wide - mask.shape[1]) // 2, top + round(high * 0.78) - mask.shape[0] // 2), ink)


def _upright(sheet: Paint, place: Place, ink: Colour, rng: Rng) -> None:
    """Print a year or a word that runs up the band."""
    left, top, right, bottom = place
    text = "".join(pick(rng, DIGITS) for _ in range(4)) if rng.random() < 0.6 else small_print(rng)[:10]
    mask = script_mask(text, max(5, round((right - left) * rng.uniform(0.4, 0.7))), face="sans")
    room = round((bottom - top) * 0.9)
    run = np.rot90(mask, 1 if rng.random() < 0.6 else 3)
    turned = np.asarray(cv2.resize(run, (run.shape[1], min(room, run.shape[0]))), np.uint8)
    lay(sheet, turned, ((left + right - turned.shape[1]) // 2, (top + bottom - turned.shape[0]) // 2), ink)


def _emblem(sheet: Paint, centre: tuple[int, int], radius: int, rng: Rng) -> None:
    kind = rng.random()
    if kind < 0.5:
        for angle in np.linspace(0, 2 * np.pi, 12, endpoint=False):
            spot = (round(centre[0] + radius * np.cos(angle)), round(centre[1] + radius * np.sin(angle)))
            cv2.circle(sheet, spot, max(1, radius // 8), YELLOW, -1, cv2.LINE_AA)
    elif kind < 0.85:
        crest(sheet, centre, radius, rng)


def crest(sheet: Paint, centre: tuple[int, int], radius: int, rng: Rng) -> None:
    """Paint a small coat of arms, flag, flower or round badge."""
    colours = [[int(c) for c in rng.integers(0, 256, 3)] for _ in range(3)]
    x, y = centre
    kind = rng.random()
    if kind < 0.4:
        corners = [
            (x - radius, y - radius),
            (x + radius, y - radius),
            (x + radius, y),
            (x, y + radius),
            (x - radius, y),
        ]
        cv2.fillConvexPoly(sheet, np.array(corners, np.int32), colours[0], cv2.LINE_AA)
        cv2.line(sheet, (x, y - radius), (x, y + radius), colours[1], max(1, radius // 3))
    elif kind < 0.6:
        for part in range(3):
            upper = y - radius + round(part * radius * 2 / 3 * 0.8)
            cv2.rectangle(sheet, (x - radius, upper), (x + radius, upper + max(1, radius // 2)), colours[part], -1)
    else:
        cv2.circle(sheet, centre, radius, colours[0], -1, cv2.LINE_AA)
        cv2.circle(sheet, centre, max(1, radius // 2), colours[1], -1, cv2.LINE_AA)
        cv2.circle(sheet, centre, radius, colours[2], max(1, radius // 6), cv2.LINE_AA)


def dividers(sheet: Paint, levels: list[int], colour: Colour, rng: Rng) -> None:
    """Draw lines between rows, at these heights."""
    thick = int(rng.integers(1, 4))
    for level in levels:
        cv2.line(sheet, (0, level), (sheet.shape[1], level), colour, thick)


def _badges(sheet: Paint, place: Place, rng: Rng) -> None:
    """Stick one round seal, or two above each other, into a gap."""
    left, top, right, bottom = place
    high, x = bottom - top, (left + right) // 2
    heights = (0.27, 0.73) if rng.random() < 0.5 else (float(rng.uniform(0.3, 0.7)),)
    for height in heights:
        crest(sheet, (x, top + round(high * height)), max(2, round(min((right - left) * 0.46, high * 0.22))), rng)


def sticker(sheet: Paint, place: Place, rng: Rng) -> None:
    """Stick a small printed label into a place, with a year or a district on it."""
    left, top, right, bottom = place
    wide, high = right - left, bottom - top
    size = (max(4, round(wide * 0.86)), max(4, round(min(high, wide * 1.6) * rng.uniform(0.5, 0.9))))
    x, y = left + (wide - size[0]) // 2, top + (high - size[1]) // 2
    colour: Colour = (WHITE, YELLOW, (160, 90, 30), (60, 60, 190), (90, 170, 90))[int(rng.integers(5))]
    cv2.rectangle(sheet, (x, y), (x + size[0], y + size[1]), colour, -1)
    height = max(4, round(size[1] * 0.4))
    text = pick(rng, tuple(DIGITS)) + pick(rng, DIGITS + LATIN)
    mask = script_mask(text, height, face="sans")
    mask = np.asarray(cv2.resize(mask, (max(2, round(size[0] * 0.7)), height), interpolation=cv2.INTER_AREA), np.uint8)
    lay(sheet, mask, (x + (size[0] - mask.shape[1]) // 2, y + (size[1] - height) // 2), readable_on(colour, rng))


_SEALS: tuple[Callable[[Paint, Place, Rng], None], ...] = (_badges, _badges, sticker)


def seal(sheet: Paint, place: Place, rng: Rng) -> None:
    """Fill a gap between characters with what is no character."""
    _SEALS[int(rng.integers(len(_SEALS)))](sheet, place, rng)


def rim(sheet: Paint, colour: Colour, rng: Rng) -> None:
    """Draw a line around the plate, at its edge or within, single or double."""
    high, wide = sheet.shape[:2]
    inset = int(rng.integers(0, 4))
    for _ in range(2 if rng.random() < 0.1 else 1):
        thick = int(rng.integers(1, 4))
        cv2.rectangle(sheet, (inset, inset), (wide - 1 - inset, high - 1 - inset), colour, thick, cv2.LINE_AA)
        inset += thick + 2
