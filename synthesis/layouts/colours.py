"""Grounds and inks: those of the world's plates, and any others that can be told apart."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from synthesis.patches import parted, soft_patches

Rng = np.random.Generator
#: BGR.
Colour = tuple[int, int, int]
Paint = NDArray[np.float32]

WHITE, BLACK, BLUE, GREEN, RED, YELLOW = (
    (236, 237, 235), (24, 24, 24), (150, 62, 12), (70, 120, 20), (40, 30, 170), (40, 195, 245),
)  # fmt: skip
#: Grounds and inks of real plates, and how often each is drawn.
_PAIRS: tuple[tuple[Colour, Colour, float], ...] = (
    (WHITE, BLACK, 6.0),
    (YELLOW, BLACK, 3.0),
    (WHITE, (120, 40, 20), 1.5),
    (WHITE, (30, 30, 160), 1.5),
    (WHITE, (60, 110, 20), 1.0),
    (BLACK, WHITE, 2.0),
    (BLACK, (60, 200, 240), 0.7),
    (BLACK, (190, 195, 200), 0.7),
    (RED, WHITE, 1.5),
    (RED, YELLOW, 0.4),
    (BLUE, WHITE, 1.5),
    (BLUE, YELLOW, 0.5),
    ((110, 45, 30), (225, 225, 225), 0.6),
    (GREEN, WHITE, 1.2),
    ((40, 80, 20), (60, 200, 240), 0.3),
    ((170, 220, 160), BLACK, 0.7),
    ((160, 165, 160), (40, 40, 40), 0.8),
    ((40, 130, 235), BLACK, 0.7),
    ((60, 110, 200), WHITE, 0.3),
    ((200, 225, 235), (90, 30, 90), 0.3),
    ((235, 215, 175), (110, 40, 20), 0.5),
    ((70, 60, 50), (200, 200, 200), 0.4),
    ((90, 40, 80), WHITE, 0.3),
)
_CHANCES = np.array([pair[2] for pair in _PAIRS]) / sum(pair[2] for pair in _PAIRS)
#: Share of grounds and inks that follow no plate, and the least difference of their brightness, of 255.
_ANY, _LEAST_APART = 0.18, 70
_BANDS: tuple[Colour, ...] = (BLUE, BLUE, (140, 40, 10), GREEN, RED, BLACK, (60, 170, 230), (90, 90, 90))
#: Shares of grounds: one colour, a run from one to another, a landscape, a reflecting pattern.
_GROUNDS = (0.68, 0.12, 0.08, 0.12)


@dataclass(frozen=True, slots=True)
class Scheme:
    """The colours of one plate, BGR."""

    ground: Colour
    ink: Colour
    #: Of bands, stripes and small print.
    accent: Colour


def brightness(colour: Colour) -> float:
    """Return how bright a colour looks, 0 to 255."""
    return 0.114 * colour[0] + 0.587 * colour[1] + 0.299 * colour[2]


def a_scheme(rng: Rng) -> Scheme:
    """Return a ground, an ink that can be told from it, and an accent."""
    accent = _BANDS[int(rng.integers(len(_BANDS)))]
    if rng.random() < _ANY:
        return Scheme(*_any_pair(rng), accent)
    ground, ink, _ = _PAIRS[int(rng.choice(len(_PAIRS), p=_CHANCES))]
    return Scheme(_near(ground, rng), _near(ink, rng), accent)


def readable_on(ground: Colour, rng: Rng) -> Colour:
    """Return an ink for small print on that ground."""
    if rng.random() < 0.6:
        return BLACK if brightness(ground) > 120 else WHITE
    return _apart_from(ground, rng)


def _near(colour: Colour, rng: Rng) -> Colour:
    blue, green, red = (int(np.clip(channel + rng.normal(0, 9), 0, 255)) for channel in colour)
    return blue, green, red


def _any_pair(rng: Rng) -> tuple[Colour, Colour]:
    ground = _any_colour(rng)
    return ground, _apart_from(ground, rng)


def _apart_from(ground: Colour, rng: Rng) -> Colour:
    for _ in range(8):
        ink = _any_colour(rng)
        if abs(brightness(ink) - brightness(ground)) > _LEAST_APART:
            return ink
    return BLACK if brightness(ground) > 128 else WHITE


def _any_colour(rng: Rng) -> Colour:
    hue, saturation, value = rng.integers(180), rng.integers(256), rng.integers(20, 256)
    pixel = cv2.cvtColor(np.array([[[hue, saturation, value]]], np.uint8), cv2.COLOR_HSV2BGR)[0, 0]
    return int(pixel[0]), int(pixel[1]), int(pixel[2])


def ground(height: int, width: int, scheme: Scheme, rng: Rng) -> Paint:
    """Return an empty plate, float32 (height, width, 3): one colour, a run, a landscape, or a pattern."""
    sheet = np.empty((height, width, 3), np.float32)
    sheet[:] = scheme.ground
    kind = int(rng.choice(4, p=_GROUNDS))
    if kind == 1:
        _run(sheet, scheme, rng)
    elif kind == 2:
        _landscape(sheet, scheme, rng)
    elif kind == 3:
        _reflecting(sheet, rng)
    return sheet


def _second(scheme: Scheme, rng: Rng) -> Colour:
    """Return another ground that the ink can still be told from."""
    wanted = brightness(scheme.ground) - brightness(scheme.ink)
    for _ in range(8):
        colour = _any_colour(rng)
        if (brightness(colour) - brightness(scheme.ink)) * np.sign(wanted) > _LEAST_APART:
            return colour
    return scheme.ground


def _run(sheet: Paint, scheme: Scheme, rng: Rng) -> None:
    """Let one colour run into another, from above, below or both."""
    share = np.linspace(0, 1, sheet.shape[0], dtype=np.float32)
    if rng.random() < 0.5:
        share = np.abs(share * 2 - 1)
    share = np.clip(share * rng.uniform(0.6, 2.0) + rng.uniform(-0.8, 0.3), 0, 1)[:, None, None]
    sheet[:] = sheet * (1 - share) + np.array(_second(scheme, rng), np.float32) * share


def _landscape(sheet: Paint, scheme: Scheme, rng: Rng) -> None:
    """Lay soft patches of another colour into the ground, as pictures behind numbers have them."""
    high, wide = sheet.shape[:2]
    patches = parted(soft_patches(rng.uniform(0, 1, (3, 6)), high, wide), (2, 8), rng)
    share = patches[..., None] * np.float32(rng.uniform(0.3, 0.9))
    sheet[:] = sheet * (1 - share) + np.array(_second(scheme, rng), np.float32) * share


def _reflecting(sheet: Paint, rng: Rng) -> None:
    """Print the faint lattice that reflecting sheets show."""
    high, wide = sheet.shape[:2]
    period = rng.uniform(5, 24)
    y, x = np.mgrid[:high, :wide].astype(np.float32)
    angle = rng.uniform(0, np.pi)
    waves = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / period)
    if rng.random() < 0.5:
        waves = waves * np.sin((x * np.sin(angle) - y * np.cos(angle)) * 2 * np.pi / period)
    sheet += (waves * rng.uniform(3, 14))[..., None].astype(np.float32)
