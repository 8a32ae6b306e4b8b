"""The crops that are read: whole, within the frame, the best ones, and not all of one moment."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.crops.select import MIN_WIDTH_PX, SPREAD_S, CropOptions, CropShelf, cut
from pipeline.records import Box, Image, Observation

WIDTH, HEIGHT = 640, 360


def seen(box: Box, time_s: float = 0.0, confidence: float = 0.9) -> Observation:
    return Observation(round(time_s * 90_000), time_s, box, confidence)


def street(blur: float = 0.0) -> Image:
    """A grey frame with a plate that fills (200, 150) to (360, 190)."""
    image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    cv2.rectangle(image, (200, 150), (360, 190), (230, 230, 230), -1)
    cv2.putText(image, "LS15 EBC", (210, 182), cv2.FONT_HERSHEY_SIMPLEX, 0.95, (20, 20, 20), 2)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), blur) if blur else image, np.uint8)


PLATE = Box(200.0, 150.0, 360.0, 190.0)


@given(st.floats(-200, 800), st.floats(-200, 500), st.floats(1, 400), st.floats(1, 200))
def test_a_crop_lies_within_the_frame_and_its_plate_within_the_crop(x: float, y: float, w: float, h: float) -> None:
    crop = cut(street(), seen(Box(x, y, x + w, y + h)))
    visible = Box(x, y, x + w, y + h).clipped(WIDTH, HEIGHT)
    if crop is None:
        assert visible.width < MIN_WIDTH_PX or visible.height < MIN_WIDTH_PX / 6
        return
    height, width = crop.image.shape[:2]
    assert visible.width <= width + 0.01
    assert visible.height <= height + 0.01
    assert 0 <= crop.plate.x1 < crop.plate.x2 <= width
    assert 0 <= crop.plate.y1 < crop.plate.y2 <= height
    assert crop.quality >= 0.0


def test_the_crop_shows_what_the_box_encloses_with_a_margin() -> None:
    image = street()
    crop = cut(image, seen(PLATE))
    assert crop is not None
    inside = crop.plate
    shown = crop.image[round(inside.y1) : round(inside.y2), round(inside.x1) : round(inside.x2)]
    assert np.array_equal(shown, image[150:190, 200:360])
    assert inside.x1 > 0
    assert inside.y1 > 0


def test_a_crop_outlives_its_frame() -> None:
    image = street()
    crop = cut(image, seen(PLATE))
    assert crop is not None
    before = crop.image.copy()
    image[:] = 0
    assert np.array_equal(crop.image, before)


@pytest.mark.parametrize("box", [Box(300, 100, 310, 104), Box(-90, 100, -10, 120), Box(700, 100, 800, 120)])
def test_what_is_too_small_or_out_of_the_frame_gives_no_crop(box: Box) -> None:
    assert cut(street(), seen(box)) is None


def test_sharp_beats_blurred_and_whole_beats_cut_off() -> None:
    sharp, blurred = cut(street(), seen(PLATE)), cut(street(blur=4), seen(PLATE))
    assert sharp is not None
    assert blurred is not None
    assert sharp.quality > 1.5 * blurred.quality
    moved = np.roll(street(), -200, axis=1)
    at_the_edge = cut(moved, seen(PLATE.shifted(-200, 0)))
    assert at_the_edge is not None
    assert at_the_edge.quality < sharp.quality


def test_the_shelf_keeps_the_best_in_bounded_number() -> None:
    shelf = CropShelf(CropOptions(per_tracklet=3, held=5))
    for i in range(30):
        shelf.offer(street(blur=0.0 if i % 10 == 4 else 5.0), seen(PLATE, time_s=i * 0.1))
    best = shelf.best()
    assert len(best) == 3
    assert sorted(round(c.observation.time_s, 1) for c in best) == [0.4, 1.4, 2.4]
    assert [c.quality for c in best] == sorted((c.quality for c in best), reverse=True)


def test_crops_of_one_moment_give_way_to_others() -> None:
    shelf = CropShelf(CropOptions(per_tracklet=3, held=14))
    for i in range(4):
        shelf.offer(street(), seen(PLATE, time_s=1.0 + i * SPREAD_S / 10))
    for time_s in (0.2, 2.0):
        shelf.offer(street(blur=0.8), seen(PLATE, time_s=time_s))
    moments = {round(crop.observation.time_s) for crop in shelf.best()}
    assert moments == {0, 1, 2}


def test_an_empty_shelf_has_no_crops() -> None:
    shelf = CropShelf(CropOptions())
    shelf.offer(street(), seen(Box(300, 100, 305, 102)))
    assert shelf.best() == ()
