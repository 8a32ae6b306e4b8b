"""Plates seen obliquely: their corners are found, they are turned upright, and what is no plate is left alone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.crops.rectify import find_corners, upright
from pipeline.crops.select import cut
from pipeline.crops.text_lines import plate_image
from pipeline.records import Box, Crop, Image, Observation

WIDTH, HEIGHT = 208, 44


def plate() -> Image:
    """A white plate, 208 x 44 pixels."""
    image = np.full((HEIGHT, WIDTH, 3), 225, np.uint8)
    cv2.putText(image, "B 21 GSB", (12, 34), cv2.FONT_HERSHEY_DUPLEX, 1.2, (25, 25, 25), 2, cv2.LINE_AA)
    return image


def seen_obliquely(tilt: float, lean: float, evenness: float = 1.0) -> tuple[Crop, NDArray[np.float32]]:
    """The plate turned by `tilt`, its strokes leaning by `lean` degrees against it, the right end `evenness` as high.

    Returns its crop and the true corners in it, clockwise from the top left.
    """
    x, y = WIDTH / 2, HEIGHT / 2
    flat = np.array([[-x, -y], [x, -y * evenness], [x, y * evenness], [-x, y]])
    flat[:, 0] -= flat[:, 1] * np.tan(np.radians(lean))
    cos, sin = np.cos(np.radians(tilt)), np.sin(np.radians(tilt))
    corners = (flat @ np.array([[cos, sin], [-sin, cos]]) + 200).astype(np.float32)
    source = np.array([[0, 0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]], np.float32)
    car = np.full((400, 400, 3), 70, np.uint8)
    matrix = cv2.getPerspectiveTransform(source, corners)
    cv2.warpPerspective(plate(), matrix, (400, 400), car, borderMode=cv2.BORDER_TRANSPARENT)
    car = np.asarray(cv2.GaussianBlur(car, (0, 0), 0.8), np.uint8)
    (x1, y1), (x2, y2) = corners.min(0), corners.max(0)
    box = Box(float(x1), float(y1), float(x2), float(y2))
    crop = cut(car, Observation(0, 0.0, box, 0.9))
    assert crop is not None
    return crop, (corners - corners.min(0) + [crop.plate.x1, crop.plate.y1]).astype(np.float32)


@pytest.mark.parametrize(
    ("tilt", "lean", "evenness"), [(0, 0, 1), (12, 0, 1), (-22, 0, 1), (0, 16, 1), (15, -18, 1), (-10, 8, 0.82)]
)
def test_the_corners_are_where_the_plate_ends(tilt: float, lean: float, evenness: float) -> None:
    crop, truth = seen_obliquely(tilt, lean, evenness)
    corners = find_corners(crop.image, crop.plate)
    assert corners is not None
    assert float(np.abs(corners.points - truth).max()) < 0.2 * HEIGHT
    assert corners.tilt_degrees == pytest.approx(tilt, abs=2)


@pytest.mark.parametrize(("tilt", "lean"), [(14, 0), (-20, 0), (0, 18), (12, -12)])
def test_an_oblique_plate_is_turned_upright(tilt: float, lean: float) -> None:
    turned = cv2.resize(plate_image(seen_obliquely(tilt, lean)[0]), (WIDTH, HEIGHT)).astype(np.float64)
    front = cv2.GaussianBlur(plate(), (0, 0), 0.8).astype(np.float64)
    alike = np.corrcoef(turned[4:-4, 8:-8].ravel(), front[4:-4, 8:-8].ravel())[0, 1]
    assert alike > 0.4


def test_a_plate_seen_from_the_front_stays_as_it_is() -> None:
    crop, _ = seen_obliquely(0, 0)
    box = crop.plate
    inside = crop.image[int(box.y1) : int(np.ceil(box.y2)), int(box.x1) : int(np.ceil(box.x2))]
    assert np.array_equal(plate_image(crop), inside)


def test_where_nothing_tells_sides_there_are_none() -> None:
    assert find_corners(np.full((60, 150, 3), 90, np.uint8), Box(20, 15, 130, 45)) is None


@pytest.mark.parametrize("box", [Box(0, 0, 1, 1), Box(0, 0, 40, 8), Box(10, 2, 38, 7), Box(-3, -3, 43, 12)])
def test_tiny_pictures_do_no_harm(box: Box) -> None:
    noise = np.random.default_rng(5).integers(0, 255, (9, 40, 3), dtype=np.uint8)
    corners = find_corners(noise, box)
    if corners is not None:
        assert upright(noise, corners).size > 0


def test_a_view_from_the_side_is_worth_less() -> None:
    uneven, _ = seen_obliquely(0, 0, 0.7)
    corners = find_corners(uneven.image, uneven.plate)
    assert corners is not None
    assert corners.frontality < 0.88
    tilted, _ = seen_obliquely(18, 0)
    corners = find_corners(tilted.image, tilted.plate)
    assert corners is not None
    assert corners.frontality == 1.0
