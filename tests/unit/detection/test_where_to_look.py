"""Whole frames are looked at now and then, and in between only what is open."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest

from pipeline.detection.where_to_look import MOST_WINDOWS, Looked, Watch, batches
from pipeline.records import Box, Detection, Frame, Image

HEIGHT, WIDTH, STEP_S = 720, 1280, 0.1
#: Where plates are at each frame.
Scene = Callable[[int], list[Box]]


class Road:
    """A scene, and a detector that knows it and notes what it was shown."""

    def __init__(self, scene: Scene, frames: int) -> None:
        self.scene = scene
        self.images: list[Image] = [np.zeros((HEIGHT, WIDTH, 3), np.uint8) for _ in range(frames)]
        self.whole: list[int] = []
        self.close: list[int] = []

    def frames(self) -> Iterator[Frame]:
        return (Frame(number, number * STEP_S, image) for number, image in enumerate(self.images))

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        numbers = [next(i for i, own in enumerate(self.images) if own is image) for image in images]
        self.whole += numbers
        return [[Detection(box, 0.9) for box in self.scene(number)] for number in numbers]

    def detect_close(self, windows: Sequence[Image]) -> list[list[Detection]]:
        return [self._inside(window) for window in windows]

    def _inside(self, window: Image) -> list[Detection]:
        number = next(i for i, own in enumerate(self.images) if np.shares_memory(own, window))
        self.close.append(number)
        offset = window.__array_interface__["data"][0] - self.images[number].__array_interface__["data"][0]
        top, left = divmod(offset // 3, WIDTH)
        height, width = window.shape[:2]
        parts = [box.shifted(-left, -top).clipped(width, height) for box in self.scene(number)]
        return [Detection(part, 0.8) for part in parts if part.area > 0]

    def looked(self, size: int = 8) -> list[Looked]:
        looks = Watch(self)
        return [one for batch in batches(self.frames(), size, 10**9, sparse=True) for one in looks.at(batch)]


def plate(x: float, y: float = 300, width: float = 60) -> Box:
    return Box(x, y, x + width, y + width / 4)


def seen(looked: Sequence[Looked]) -> list[int]:
    return [one.frame.pts for one in looked if one.found]


def test_a_plate_that_stands_is_looked_at_with_whole_frames_alone() -> None:
    road = Road(lambda _: [plate(400)], frames=31)
    assert seen(road.looked()) == road.whole == list(range(0, 31, 3))
    assert road.close == []


def test_a_plate_is_seen_from_its_first_to_its_last_frame() -> None:
    road = Road(lambda number: [plate(400)] if 5 <= number <= 13 else [], frames=31)
    assert seen(road.looked()) == [5, 6, 9, 12, 13]
    assert sorted(road.close) == [4, 5, 13, 14]


@pytest.mark.parametrize("shown", [(3,), (3, 4), (4, 5, 6), (8, 9, 10)])
def test_a_plate_that_shows_briefly_is_seen_whenever_it_shows(shown: tuple[int, ...]) -> None:
    road = Road(lambda number: [plate(400 + 10 * number)] if number in shown else [], frames=31)
    assert seen(road.looked()) == list(shown)


def test_a_fast_plate_is_looked_at_on_its_way() -> None:
    road = Road(lambda number: [plate(100 + 40 * number)], frames=25)
    looked = road.looked()
    assert seen(looked) == list(range(25))
    assert [one.found[0].box for one in looked] == [plate(100 + 40 * number) for number in range(25)]
    assert len(road.close) == 16


def test_many_plates_on_the_move_are_seen_by_a_whole_look() -> None:
    road = Road(lambda number: [plate(50 + 150 * i + 30 * number, 100 + 90 * i) for i in range(6)], frames=7)
    assert all(len(one.found) == 6 > MOST_WINDOWS for one in road.looked())
    assert sorted(road.whole) == list(range(7))
    assert road.close == []


def test_what_a_window_cuts_off_is_no_plate() -> None:
    def scene(number: int) -> list[Box]:
        # The second one stands so that the windows around the first end within it.
        return [plate(300 + 40 * number), plate(490, 300, 200)]

    road = Road(scene, frames=4)
    boxes = {one.box.width for looked in road.looked() for one in looked.found}
    assert boxes <= {60.0, 200.0}


def test_what_is_looked_at_does_not_hang_on_the_size_of_a_portion() -> None:
    def scene(number: int) -> list[Box]:
        return [plate(100 + 35 * number)] * (number > 4) + [plate(900, 500)] * (number < 17)

    first = [(one.frame.pts, one.found) for one in Road(scene, 29).looked(size=1)]
    for size in (2, 3, 8, 99):
        assert [(one.frame.pts, one.found) for one in Road(scene, 29).looked(size=size)] == first


def test_frames_that_are_far_apart_are_all_looked_at() -> None:
    road = Road(lambda _: [], frames=9)
    apart = (Frame(number, number * 0.35, image) for number, image in enumerate(road.images))
    assert all(whole for batch in batches(apart, 8, 10**9, sparse=True) for _, whole in batch)


def test_pictures_of_frames_that_are_passed_over_are_never_made() -> None:
    made: list[int] = []

    class Costly(Frame):
        @property
        def image(self) -> Image:
            made.append(self.pts)
            return road.images[self.pts]

        def __init__(self, number: int) -> None:
            object.__setattr__(self, "pts", number)
            object.__setattr__(self, "time_s", number * STEP_S)

    road = Road(lambda _: [], frames=13)
    looks = Watch(road)
    for batch in batches(map(Costly, range(13)), 8, 10**9, sparse=True):
        looks.at(batch)
    assert set(made) == {0, 3, 6, 9, 12}
