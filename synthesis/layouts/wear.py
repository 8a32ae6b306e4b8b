"""What becomes of a plate on the road: dirt, shadow, screws, hidden edges; its ends get as much as the rest."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from synthesis.layouts.colours import Paint
from synthesis.layouts.printing import an_end_or_any
from synthesis.layouts.setting import Mask, Place
from synthesis.patches import soft_patches

Rng = np.random.Generator
Hidden = NDArray[np.float32]

#: Chances of each kind of harm.
_BOLTS, _SCREW, _LOCAL_SHADOW, _SHADOW, _MUD, _LIP, _DENT = 0.4, 0.1, 0.12, 0.08, 0.12, 0.1, 0.06
#: Share of a character's ink that all things on it together may hide.
MOST_HIDDEN = 0.4


class Worn:
    """A plate that is harmed piece by piece, and how much of each character is hidden by then."""

    def __init__(self, image: Paint, ink: Mask, characters: list[Place]) -> None:
        self.image = image
        #: 1 where something opaque lies.
        self.hidden: Hidden = np.zeros(ink.shape, np.float32)
        self._ink, self._characters = ink, characters

    def shown(self, place: Place, hidden: Hidden | None = None) -> float:
        """Return how much of a character's ink nothing hides, 0 to 1."""
        left, top, right, bottom = place
        ink = self._ink[top:bottom, left:right].astype(np.float32)
        over = (self.hidden if hidden is None else hidden)[top:bottom, left:right]
        return 1 - float((ink * over).sum() / max(1.0, ink.sum()))

    def cover(self, hides: Hidden) -> bool:
        """Note that something hides a part of the plate; say no, and note nothing, if too little would be left."""
        together = np.maximum(self.hidden, hides)
        if any(self.shown(place, together) < 1 - MOST_HIDDEN for place in self._characters):
            return False
        self.hidden = together
        return True

    def wear(self, rng: Rng) -> None:
        """Harm the plate at random."""
        chances = (
            (_BOLTS, self._bolts), (_SCREW, self._screw), (_LIP, self._lip), (_MUD, self._mud), (_DENT, self._dent),
            (_LOCAL_SHADOW, self._local_shadow), (_SHADOW, self._shadow),
        )  # fmt: skip
        for chance, harm in chances:
            if rng.random() < chance:
                harm(rng)
        self._age(rng)

    def _character(self, rng: Rng) -> Place:
        return self._characters[an_end_or_any(len(self._characters), rng)]

    def _disc(self, spot: tuple[int, int], radius: int) -> Hidden:
        disc = np.zeros_like(self.hidden)
        cv2.circle(disc, spot, radius, 1.0, -1)
        return disc

    def _bolts(self, rng: Rng) -> None:
        high, wide = self.hidden.shape
        radius = max(2, round(rng.uniform(0.03, 0.06) * min(high, 110)))
        for spot in _bolt_spots(high, wide, rng):
            if self.cover(self._disc(spot, radius)):
                _bolt(self.image, spot, radius, rng)

    def _screw(self, rng: Rng) -> None:
        """Screw through a character."""
        left, top, right, bottom = self._character(rng)
        radius = max(2, round((bottom - top) * rng.uniform(0.06, 0.13)))
        spot = (int(rng.integers(left, right)), int(rng.integers(top, bottom)))
        if self.cover(self._disc(spot, radius)):
            _bolt(self.image, spot, radius, rng)

    def _lip(self, rng: Rng) -> None:
        """Let a frame's lip or a bumper hide one edge of the plate."""
        high, wide = self.hidden.shape
        lip = max(1, round(high * rng.uniform(0.02, 0.12)))
        side = int(rng.integers(4))
        rows = (slice(0, lip), slice(high - lip, high), slice(None), slice(None))[side]
        columns = (slice(None), slice(None), slice(0, lip), slice(wide - lip, wide))[side]
        hides = np.zeros_like(self.hidden)
        hides[rows, columns] = 1
        if self.cover(hides):
            self.image[rows, columns] = rng.integers(5, 200) if rng.random() < 0.7 else rng.integers(0, 256, 3)

    def _mud(self, rng: Rng) -> None:
        """Splash dirt over a character, or up from the lower edge."""
        high, wide = self.hidden.shape
        noise = soft_patches(rng.normal(0, 1, (6, max(4, wide * 6 // high))), high, wide)
        y, x = np.mgrid[:high, :wide].astype(np.float32)
        if rng.random() < 0.6:
            left, top, right, bottom = self._character(rng)
            away = np.hypot(
                (x - (left + right) / 2) / max(8, right - left), (y - (top + bottom) / 2) / max(8, bottom - top)
            )
        else:
            away = (high - y) / (high * rng.uniform(0.2, 0.6))
        veil = np.clip((noise * 0.4 + 0.7 - away) * 2, 0, 1) * np.float32(rng.uniform(0.25, 0.65))
        brown = np.array([60, 80, 100], np.float32) * np.float32(rng.uniform(0.4, 1.8))
        self.image += (brown - self.image) * veil[..., None]

    def _local_shadow(self, rng: Rng) -> None:
        """Shade one end of the plate, or one character, with an upright or slanting edge."""
        high, wide = self.hidden.shape
        left, _, right, _ = self._character(rng)
        edge = rng.uniform(left, right + (right - left) * 0.5)
        y, x = np.mgrid[:high, :wide].astype(np.float32)
        away = x - edge + (y - high / 2) * np.float32(rng.normal(0, 0.5))
        if edge > wide / 2:
            away = -away
        self._shade(away, rng)

    def _shadow(self, rng: Rng) -> None:
        """Shade the upper or lower part, as under a bumper."""
        high, wide = self.hidden.shape
        y, x = np.mgrid[:high, :wide].astype(np.float32)
        away = y - high * rng.uniform(0.15, 0.7) + (x - wide / 2) * np.float32(rng.normal(0, 0.1))
        self._shade(away if rng.random() < 0.8 else -away, rng)

    def _shade(self, away: Hidden, rng: Rng) -> None:
        lit = np.clip(away / rng.uniform(1, self.hidden.shape[0] * 0.3) + 0.5, 0, 1)
        dark = rng.uniform(0.3, 0.75)
        self.image *= (dark + (1 - dark) * lit)[..., None].astype(np.float32)

    def _dent(self, rng: Rng) -> None:
        """Bend the sheet, so that a strip of it is lighter and the next one darker."""
        wide = self.hidden.shape[1]
        x = np.arange(wide, dtype=np.float32)
        wave = np.sin((x - rng.uniform(0, wide)) / (wide * rng.uniform(0.03, 0.12)))
        near = np.exp(-(((x - rng.uniform(0, wide)) / (wide * 0.12)) ** 2))
        self.image *= (1 + wave * near * rng.uniform(0.1, 0.3)).astype(np.float32)[None, :, None]

    def _age(self, rng: Rng) -> None:
        """Give the plate uneven light and the grain of one that has been driven."""
        high, wide = self.hidden.shape
        dirt = soft_patches(rng.normal(1.0, rng.uniform(0.0, 0.06), (4, 10)), high, wide)
        light = np.linspace(rng.uniform(0.9, 1.07), rng.uniform(0.85, 1.03), high, dtype=np.float32)[:, None]
        self.image *= (dirt * light)[..., None]


def _bolt_spots(high: int, wide: int, rng: Rng) -> list[tuple[int, int]]:
    """Return where a plate is screwed on: at its sides, at its corners, or at two places of its upper edge."""
    kind = rng.random()
    if kind < 0.4:
        inset = rng.uniform(0.015, 0.06) * wide
        return [(round(inset), high // 2), (round(wide - inset), high // 2)]
    inset, level = rng.uniform(0.06, 0.28) * wide, rng.uniform(0.05, 0.12) * high
    spots = [(round(inset), round(level)), (round(wide - inset), round(level))]
    if kind < 0.65:
        spots += [(x, round(high - level)) for x, _ in spots]
    return spots


def _bolt(sheet: Paint, spot: tuple[int, int], radius: int, rng: Rng) -> None:
    """Draw a screw's or rivet's head with its shadow and its glint, or a cap in some colour."""
    grey = int(rng.integers(40, 215))
    colour = [grey] * 3 if rng.random() < 0.75 else [int(c) for c in rng.integers(0, 256, 3)]
    cv2.circle(sheet, (spot[0] + 1, spot[1] + 1), radius, [max(0, c - 60) for c in colour], -1, cv2.LINE_AA)
    cv2.circle(sheet, spot, radius, colour, -1, cv2.LINE_AA)
    if radius > 3:
        cv2.circle(
            sheet,
            (spot[0] - radius // 3, spot[1] - radius // 3),
            max(1, radius // 3),
            [min(255, c + 50) for c in colour],
            -1,
            cv2.LINE_AA,
        )
        if rng.random() < 0.5:
            dx, dy = round(radius * 0.7), round(radius * rng.uniform(-0.7, 0.7))
            dark = [c * 0.4 for c in colour]
            cv2.line(
                sheet,
                (spot[0] - dx, spot[1] - dy),
                (spot[0] + dx, spot[1] + dy),
                dark,
                max(1, radius // 4),
                cv2.LINE_AA,
            )
