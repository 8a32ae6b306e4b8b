"""A plate as a camera would have cut it: turned, in perspective, cut loosely or tightly, and small."""

from __future__ import annotations

import math

import cv2
import numpy as np

from pipeline.records import Box, Image
from training.reader.pictures.material import Labelled

Rng = np.random.Generator

#: Least height of a plate in pixels: below, nobody could read it. Wide plates, squarer ones, two rows.
_LEAST_PX, _LEAST_SQUARE_PX, _LEAST_ROWS_PX = 9.0, 14.0, 20.0
#: Largest height: what the network sees is 48 for a row.
_MOST_PX = 80.0
#: Share of pictures that keep the size that they have.
_KEPT_SIZE = 0.3
#: Standard deviations of a detector's edges, as shares of the plate's height and width, and the chance of a loose cut.
_EDGE_Y, _EDGE_X, _LOOSE = 0.06, 0.03, 0.2
#: Standard deviations of the turn, and of the lean that remains of a plate seen sideways once its line is level.
_TURN_DEGREES, _LEAN_DEGREES = 3.5, 6.0
#: How far corners move by perspective, as a share of the plate's height.
_PERSPECTIVE = 0.05


def view(plate: Labelled, rng: Rng) -> Image:
    """Cut the plate out of its picture, BGR, at the size that it has in a frame."""
    height = _frame_height(plate, rng)
    box = plate.box
    stretch = math.exp(rng.normal(0, 0.07)) * (rng.uniform(0.6, 1.0) if rng.random() < 0.12 else 1.0)
    width = max(8.0, height * box.width / box.height * stretch)
    image, corners = _shrunk(plate.image, _corners(box, rng), box.height / height)
    finer = max(1, min(3, math.ceil(_side(corners) / height)))
    size = (round(width) * finer, round(height) * finer)
    target = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, target)
    seen = cv2.warpPerspective(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if finer > 1:
        seen = cv2.resize(seen, (size[0] // finer, size[1] // finer), interpolation=cv2.INTER_AREA)
    return np.asarray(seen, np.uint8)


def _frame_height(plate: Labelled, rng: Rng) -> float:
    """Log-uniform between the least legible and the picture's own."""
    if plate.rows == 2:
        least = _LEAST_ROWS_PX
    else:
        least = _LEAST_PX if plate.box.width > 3 * plate.box.height else _LEAST_SQUARE_PX
    own = min(_MOST_PX * plate.rows, plate.box.height)
    if own <= least or rng.random() < _KEPT_SIZE:
        return own
    return float(math.exp(rng.uniform(math.log(least), math.log(own))))


def _corners(box: Box, rng: Rng) -> np.ndarray:
    """Corners of what is cut out, clockwise from the upper left, (4, 2) pixels."""
    edge_x, edge_y = rng.normal(0, _EDGE_X, 2) * box.width, rng.normal(0.01, _EDGE_Y, 2) * box.height
    if rng.random() < _LOOSE:
        edge_x += rng.uniform(0, 0.12, 2) * box.width
        edge_y += rng.uniform(0, 0.25, 2) * box.height
    x1, x2 = box.x1 - edge_x[0], box.x2 + edge_x[1]
    y1, y2 = box.y1 - edge_y[0], box.y2 + edge_y[1]
    corners = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], np.float64)
    angle = math.radians(rng.normal(0, _TURN_DEGREES))
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    centre = corners.mean(0)
    corners = (corners - centre) @ turn + centre
    lean = math.tan(math.radians(rng.normal(0, _LEAN_DEGREES))) * box.height / 2
    corners[:, 0] += np.array([lean, lean, -lean, -lean])
    corners += rng.normal(0, _PERSPECTIVE * box.height, (4, 2))
    return np.asarray(corners, np.float32)


def _shrunk(image: Image, corners: np.ndarray, factor: float) -> tuple[Image, np.ndarray]:
    """Picture and corners at about three times the size that is wanted, so that no pixel is skipped later."""
    if factor <= 3:
        return image, corners
    scale = 3 / factor
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    smaller = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    shares = np.array([size[0] / image.shape[1], size[1] / image.shape[0]], np.float32)
    return np.asarray(smaller, np.uint8), np.asarray(corners * shares, np.float32)


def _side(corners: np.ndarray) -> float:
    return float(np.linalg.norm(corners[3] - corners[0]))
