"""A segment is looked at in bounded memory: a plate is settled when it has gone."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from pipeline.crops.select import CropOptions, CropShelf
from pipeline.detection.segment import DetectOptions, track_plates
from pipeline.records import Box, Crop, Detection, Frame, Image, MediaKind

STEP_S = 0.1
#: A plate is there for a second, and another follows half a second after the next look that misses it.
LOOKS_SEEN, LOOKS_BETWEEN = 10, 12


@pytest.fixture(autouse=True)
def others_objects_set_aside() -> Iterator[None]:
    """What other tests and libraries have made is neither collected nor counted at each look: there is much of it."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


class Road:
    """A road on which plates pass one after the other; instead of a network it knows where they are."""

    def __init__(self, plates: int, seen: int = LOOKS_SEEN) -> None:
        self._plates = plates
        self._seen = seen
        self._at = 0
        #: Shelves and crops that were alive at each look.
        self.alive: list[tuple[int, int]] = []

    def frames(self) -> Iterator[Frame]:
        rng = np.random.default_rng(1)
        image = rng.integers(0, 255, (90, 160, 3), np.uint8)
        for number in range(self._plates * (LOOKS_SEEN + LOOKS_BETWEEN)):
            yield Frame(number, number * STEP_S, image)

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        found = []
        for _ in images:
            number, look = divmod(self._at, LOOKS_SEEN + LOOKS_BETWEEN)
            self._at += 1
            x = 10.0 + 5 * look + number % 7
            found.append([Detection(Box(x, 30.0, x + 60.0, 45.0), 0.9)] if look < self._seen else [])
        gc.collect()
        # By type: some objects of other tests load what they stand for when they are asked what they are.
        held = list(map(type, gc.get_objects()))
        self.alive.append((held.count(CropShelf), held.count(Crop)))
        return found


def test_of_plates_that_are_past_only_the_best_crops_are_held() -> None:
    road = Road(plates=12)
    tracklets, looked = track_plates(
        road.frames(), road, MediaKind.VIDEO, DetectOptions(crops=CropOptions(per_tracklet=2))
    )
    assert looked == 12 * (LOOKS_SEEN + LOOKS_BETWEEN)
    assert [tracklet.index for tracklet in tracklets] == list(range(12))
    assert [tracklet.first.pts for tracklet in tracklets] == [22 * number for number in range(12)]
    assert {len(tracklet.crops) for tracklet in tracklets} == {2}
    assert max(shelves for shelves, _ in road.alive) <= 1
    assert max(crops for _, crops in road.alive) <= 2 * 12 + LOOKS_SEEN


def test_of_what_is_no_plate_nothing_is_held() -> None:
    road = Road(plates=12, seen=1)
    tracklets, _ = track_plates(road.frames(), road, MediaKind.VIDEO, DetectOptions())
    assert tracklets == ()
    assert max(crops for _, crops in road.alive) <= 1


@pytest.mark.parametrize(("kind", "seen"), [(MediaKind.VIDEO, 0), (MediaKind.PHOTO, 1)])
def test_one_look_is_enough_for_a_photograph_and_not_for_a_video(kind: MediaKind, seen: int) -> None:
    road = Road(plates=1, seen=1)
    tracklets, _ = track_plates(road.frames(), road, kind, DetectOptions())
    assert len(tracklets) == seen


def test_the_only_frame_of_a_video_is_enough() -> None:
    road = Road(plates=1)
    tracklets, looked = track_plates([next(road.frames())], road, MediaKind.VIDEO, DetectOptions())
    assert (len(tracklets), looked) == (1, 1)
