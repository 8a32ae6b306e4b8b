"""How a number gets onto its plate: printed flat, embossed, painted, outlined, or glued on as raised letters."""

from __future__ import annotations

from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from synthesis.layouts.colours import BLACK, WHITE, Colour, Paint, brightness
from synthesis.layouts.setting import Mask, Place
from synthesis.patches import soft_patches

Rng = np.random.Generator
Manner: TypeAlias = Literal["flat", "embossed", "painted", "outlined", "raised"]
Share = NDArray[np.float32]

_MANNERS: tuple[Manner, ...] = ("flat", "embossed", "painted", "outlined", "raised")
_SHARES = (0.32, 0.46, 0.12, 0.05, 0.05)
#: What a hand or a stencil does instead.
_BY_HAND = (0.1, 0.0, 0.8, 0.1, 0.0)
#: Share of numbers with chipped ink, and of those with characters that are paler than others.
_CHIPPED, _FADED = 0.1, 0.12


def printed(
    sheet: Paint, ink: Mask, colours: Paint | Colour, characters: list[Place], rng: Rng, *, by_hand: bool
) -> Paint:
    """Return the plate with its number; ``ink`` is coverage over the plate, ``colours`` one for all or a picture."""
    manner = _MANNERS[int(rng.choice(len(_MANNERS), p=_BY_HAND if by_hand else _SHARES))]
    share: Share = np.asarray(ink / np.float32(255), np.float32)
    if manner == "painted":
        share = _uneven(share, rng)
    whole = share
    if rng.random() < _FADED:
        share = _faded(share, characters, rng)
    if rng.random() < _CHIPPED:
        share = _chipped(share, rng)
    if manner in ("outlined", "raised"):
        sheet = _backed(sheet, whole, colours, manner, rng)
    paint = np.asarray(colours, np.float32)
    image = np.asarray(sheet + (paint - sheet) * share[..., None], np.float32)
    return _pressed(image, whole, rng) if manner in ("embossed", "raised") else image


def _uneven(share: Share, rng: Rng) -> Share:
    """Give strokes the edges of a brush or of paint under a stencil."""
    high, wide = share.shape
    noise = cv2.resize(rng.normal(0, 1, (max(2, high // 3), max(2, wide // 3))).astype(np.float32), (wide, high))
    soft = cv2.GaussianBlur(share, (0, 0), rng.uniform(0.6, 1.1))
    return np.clip((soft + noise * rng.uniform(0.03, 0.14) - 0.5) * rng.uniform(2, 5) + 0.5, 0, 1)


def _faded(share: Share, characters: list[Place], rng: Rng) -> Share:
    """Let some characters go pale, the first and the last as often as all others together."""
    share = share.copy()
    for _ in range(int(rng.integers(1, 4))):
        left, top, right, bottom = characters[an_end_or_any(len(characters), rng)]
        share[top:bottom, left:right] *= np.float32(rng.uniform(0.45, 0.85))
    return share


def _chipped(share: Share, rng: Rng) -> Share:
    high, wide = share.shape
    noise = soft_patches(rng.normal(0, 1, (max(2, high // 4), max(2, wide // 4))), high, wide)
    return share * np.clip((noise + rng.uniform(0.9, 1.8)) * 3, 0.1, 1)


def _backed(sheet: Paint, share: Share, colours: Paint | Colour, manner: Manner, rng: Rng) -> Paint:
    """Lay an outline around the letters, or the shadow of letters that stand off the plate."""
    if manner == "outlined":
        size = int(rng.integers(3, 7))
        around = cv2.dilate(share, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
        ink = tuple(int(c) for c in np.asarray(colours, np.float32).reshape(-1, 3)[0])
        line = np.array(WHITE if brightness((ink[0], ink[1], ink[2])) < 120 else BLACK, np.float32)
        return np.asarray(sheet + (line - sheet) * around[..., None], np.float32)
    dx, dy = int(rng.integers(-3, 4)), int(rng.integers(1, 4))
    shadow = np.roll(cv2.GaussianBlur(share, (0, 0), 1.2), (dy, dx), (0, 1)) * rng.uniform(0.3, 0.6)
    return np.asarray(sheet * (1 - shadow[..., None]), np.float32)


def _pressed(image: Paint, share: Share, rng: Rng) -> Paint:
    """Light the edges of raised strokes from one side and shade them on the other."""
    relief = cv2.GaussianBlur(share, (0, 0), rng.uniform(0.9, 1.8))
    angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(15, 75)
    dx, dy = round(2 * np.cos(angle)), round(2 * np.sin(angle))
    slope = relief - np.roll(relief, (dy, dx), (0, 1))
    return np.asarray(image + (slope * strength)[..., None], np.float32)


def an_end_or_any(count: int, rng: Rng) -> int:
    """Return the place of a character to be harmed: the first or the last in half of the draws, else any."""
    kind = rng.random()
    return 0 if kind < 0.25 else count - 1 if kind < 0.5 else int(rng.integers(count))
