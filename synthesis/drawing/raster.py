"""Textured quadrilaterals on a picture: perspective, averaging down, motion blur and haze."""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from synthesis.camera import NEAR_M, Points, View

Image = NDArray[np.uint8]

#: Distance at which haze has taken two thirds of a thing's colour, metres.
HAZE_M = 520.0
HAZE_BGR = (226, 214, 203)
_LEAST_HAZE = 0.02
#: Movement during one exposure that is worth blurring, pixels.
_LEAST_SMEAR_PX = 1.2
#: Farther away nothing moves enough for it, metres.
_SMEAR_WITHIN_M = 30.0


class Sprite:
    """A picture with transparency, kept at every halving of width and height that was ever asked for.

    ``image`` is BGR or BGRA, colours not multiplied by coverage.
    """

    def __init__(self, image: Image) -> None:
        self.height, self.width = image.shape[:2]
        bgra = image if image.shape[2] == 4 else np.dstack([image, np.full(image.shape[:2], 255, np.uint8)])
        alpha = cv2.merge([bgra[..., 3]] * 3)
        colour = cv2.multiply(np.ascontiguousarray(bgra[..., :3]), alpha, scale=1 / 255)
        covered = np.asarray(cv2.merge([*cv2.split(colour), bgra[..., 3]]), np.uint8)
        self._levels: dict[tuple[int, int], Image] = {(0, 0): covered}

    def level(self, shrink_x: float, shrink_y: float) -> Image:
        """Return the picture averaged down to about the given shrink factors.

        BGRA, colours multiplied by coverage.
        """
        deepest = (int(math.log2(self.width)) - 1, int(math.log2(self.height)) - 1)
        wanted = [round(math.log2(max(1.0, shrink)) - 0.2) for shrink in (shrink_x, shrink_y)]
        key = (max(0, min(wanted[0], deepest[0])), max(0, min(wanted[1], deepest[1])))
        if key not in self._levels:
            size = (max(2, self.width >> key[0]), max(2, self.height >> key[1]))
            self._levels[key] = np.asarray(cv2.resize(self._levels[0, 0], size, interpolation=cv2.INTER_AREA), np.uint8)
        return self._levels[key]


def draw_quad(
    canvas: Image,
    view: View,
    sprite: Sprite,
    corners: Points,
    *,
    speed_mps: tuple[float, float] = (0.0, 0.0),
    two_sided: bool = True,
) -> None:
    """Draw ``sprite`` on the 4×3 road ``corners`` (top left, top right, bottom right, bottom left, as seen
    from its front).

    Its left or right end may reach behind the camera; it is cut there.
    """  # fmt: skip
    cut = _cut_near(view, corners)
    if cut is None:
        return
    corners, start, end = cut
    target = view.project(corners)
    if not two_sided and _turned_away(target):
        return
    box = _box(target, canvas.shape[1], canvas.shape[0])
    if box is None:
        return
    warped = _warp(sprite, target, (start, end), box)
    middle = corners.mean(axis=0)
    ahead = float(middle[2]) - view.s
    smear = view.smear(middle, speed_mps) if ahead < _SMEAR_WITHIN_M else (0.0, 0.0)
    if math.hypot(*smear) >= _LEAST_SMEAR_PX:
        warped = np.asarray(cv2.filter2D(warped, -1, _line_kernel(round(smear[0] * 2), round(smear[1] * 2))), np.uint8)
    left, top, right, bottom = box
    blend(canvas[top:bottom, left:right], warped, 1 - math.exp(-ahead / HAZE_M))


def blend(window: Image, cover: Image, haze: float = 0.0) -> None:
    """Lay ``cover`` (BGRA, multiplied by coverage) over ``window`` in place, mixed with haze first."""
    alpha = cv2.cvtColor(cv2.extractChannel(cover, 3), cv2.COLOR_GRAY2BGR)
    colour = cv2.cvtColor(cover, cv2.COLOR_BGRA2BGR)
    if haze > _LEAST_HAZE:
        veil = cv2.multiply(alpha, np.full_like(alpha, HAZE_BGR), scale=1 / 255)
        colour = cv2.addWeighted(colour, 1 - haze, veil, haze, 0)
    behind = cv2.multiply(window, cv2.bitwise_not(alpha), scale=1 / 255)
    cv2.add(behind, colour, dst=window)


def _cut_near(view: View, corners: Points) -> tuple[Points, float, float] | None:
    """Return the corners ahead of the lens and which share of the picture's width they still show."""
    left, right = view.distance(corners[[0, 1]])
    if max(left, right) <= NEAR_M:
        return None
    start = (NEAR_M - left) / (right - left) if left < NEAR_M else 0.0
    end = (NEAR_M - left) / (right - left) if right < NEAR_M else 1.0
    if start == 0.0 and end == 1.0:
        return corners, start, end
    top, bottom = corners[1] - corners[0], corners[2] - corners[3]
    cut = [
        corners[0] + start * top,
        corners[0] + end * top,
        corners[3] + end * bottom,
        corners[3] + start * bottom,
    ]
    return np.array(cut), float(start), float(end)


def _turned_away(target: Points) -> bool:
    across, down = target[2] - target[0], target[3] - target[1]
    return bool(across[0] * down[1] - across[1] * down[0] <= 0)


def _box(target: Points, width: int, height: int) -> tuple[int, int, int, int] | None:
    xs, ys = target[:, 0].tolist(), target[:, 1].tolist()
    left, top, right, bottom = int(min(xs)) - 3, int(min(ys)) - 3, int(max(xs)) + 4, int(max(ys)) + 4
    box = max(0, left), max(0, top), min(width, right), min(height, bottom)
    return box if box[2] - box[0] > 1 and box[3] - box[1] > 1 else None


def _warp(sprite: Sprite, target: Points, share: tuple[float, float], box: tuple[int, int, int, int]) -> Image:
    top_left, top_right, low_right, low_left = target.tolist()
    across = max(1.0, math.dist(top_left, top_right), math.dist(low_left, low_right))
    down = max(1.0, math.dist(top_left, low_left), math.dist(top_right, low_right))
    source = sprite.level(sprite.width * (share[1] - share[0]) / across, sprite.height / down)
    height, width = source.shape[:2]
    left, right = share[0] * width - 0.5, share[1] * width - 0.5
    corners = np.array([(left, -0.5), (right, -0.5), (right, height - 0.5), (left, height - 0.5)], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, (target - box[:2]).astype(np.float32))
    size = (box[2] - box[0], box[3] - box[1])
    return np.asarray(cv2.warpPerspective(source, matrix, size, flags=cv2.INTER_LINEAR), np.uint8)


@lru_cache(maxsize=512)
def _line_kernel(half_dx: int, half_dy: int) -> NDArray[np.float32]:
    """Return a line of even weight, ``half_dx / 2`` by ``half_dy / 2`` pixels long, for motion blur."""
    dx, dy = half_dx / 2, half_dy / 2
    reach = math.ceil(max(abs(dx), abs(dy)) / 2) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    for share in np.linspace(-0.5, 0.5, 4 * reach + 1):
        x, y = reach + dx * share, reach + dy * share
        column, row = int(x), int(y)
        fx, fy = x - column, y - row
        kernel[row, column] += (1 - fx) * (1 - fy)
        kernel[row, column + 1] += fx * (1 - fy)
        kernel[row + 1, column] += (1 - fx) * fy
        kernel[row + 1, column + 1] += fx * fy
    return np.asarray(kernel / kernel.sum(), np.float32)
