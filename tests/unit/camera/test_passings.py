"""Which sightings of a drive's clips are one passing."""

from __future__ import annotations

import datetime as dt
import random

from hypothesis import given
from hypothesis import strategies as st

from pipeline.camera.passings import Clip, Seen, passings

BEGAN = dt.datetime(2026, 3, 1, 8, tzinfo=dt.UTC)


def _at(second: float) -> dt.datetime:
    return BEGAN + dt.timedelta(seconds=second)


def clip(number: int, begin_s: float, end_s: float, camera: str | None = "front") -> Clip:
    return Clip(number, camera, _at(begin_s), _at(end_s))


def seen(number: int, of: Clip, text: str, first_s: float, last_s: float, *others: str) -> Seen:
    return Seen(number, of, text, frozenset(others), _at(first_s), _at(last_s))


FIRST, SECOND, THIRD = clip(1, 0, 60), clip(2, 60, 120), clip(3, 120, 180)
REAR = clip(4, 0, 60, "rear")


def test_a_vehicle_at_the_cut_between_two_clips_passes_once() -> None:
    assert passings([seen(7, FIRST, "AB123CD", 55, 59.5), seen(8, SECOND, "AB123CD", 60.5, 63)]) == [[7, 8]]


def test_one_that_stays_over_several_clips_passes_once() -> None:
    stays = [
        seen(5, SECOND, "AB123CD", 60, 119),
        seen(3, FIRST, "AB123CD", 50, 59),
        seen(9, THIRD, "AB123CD", 121, 130),
    ]
    assert passings(stays) == [[3, 5, 9]]


def test_one_that_comes_back_later_passes_twice() -> None:
    assert passings([seen(1, FIRST, "AB123CD", 10, 20), seen(2, SECOND, "AB123CD", 90, 95)]) == []


def test_two_sightings_of_one_clip_are_two_passings() -> None:
    """Stitching has said so."""
    assert passings([seen(1, FIRST, "AB123CD", 10, 20), seen(2, FIRST, "AB123CD", 30, 40)]) == []


def test_look_alikes_at_the_cut_are_one_vehicle() -> None:
    assert passings([seen(1, FIRST, "AB128CD", 58, 59.5), seen(2, SECOND, "AB12BCD", 60.5, 63)]) == [[1, 2]]


def test_a_letter_apart_is_another_vehicle_unless_one_reading_doubted() -> None:
    before = seen(1, FIRST, "AB123CD", 58, 59.5)
    assert passings([before, seen(2, SECOND, "AB123CX", 60.5, 63)]) == []
    assert passings([before, seen(2, SECOND, "AB193CD", 60.5, 63)]) == []
    assert passings([before, seen(2, SECOND, "AB193CD", 60.5, 63, "AB123CD")]) == [[1, 2]]


def test_look_alikes_some_time_apart_are_two_vehicles() -> None:
    assert passings([seen(1, FIRST, "AB128CD", 40, 50), seen(2, SECOND, "AB12BCD", 60, 63)]) == []


def test_front_and_rear_camera_see_one_passing() -> None:
    front, rear = seen(1, FIRST, "AB123CD", 10, 14), seen(2, REAR, "AB123CD", 40, 44)
    assert passings([front, rear]) == [[1, 2]]
    assert passings([front, seen(2, REAR, "AB123CD", 45, 50)]) == []


def test_clips_that_run_beside_each_other_are_of_two_cameras_where_nothing_names_them() -> None:
    one, beside, after = clip(1, 0, 60, None), clip(2, 1, 61, None), clip(3, 59, 119, None)
    first = seen(1, one, "AB123CD", 10, 34)
    assert passings([first, seen(2, beside, "AB123CD", 59, 60)]) == [[1, 2]]
    assert passings([first, seen(2, after, "AB123CD", 59, 60)]) == []


def test_hashes_are_the_same_or_not() -> None:
    a, b = "#" + "0" * 32, "#" + "0" * 31 + "8"
    assert passings([seen(1, FIRST, a, 58, 59), seen(2, SECOND, a, 61, 62)]) == [[1, 2]]
    assert passings([seen(1, FIRST, a, 58, 59), seen(2, SECOND, b, 61, 62)]) == []


CLIPS, TEXTS = st.sampled_from([FIRST, SECOND, REAR]), st.sampled_from(["AB123CD", "AB128CD", "AB12BCD"])


@given(st.lists(st.tuples(CLIPS, TEXTS, st.floats(0, 120)), max_size=12), st.randoms())
def test_the_order_of_the_sightings_does_not_matter(
    drawn: list[tuple[Clip, str, float]], shuffler: random.Random
) -> None:
    whole = [seen(i, of, text, begin, begin + 2) for i, (of, text, begin) in enumerate(drawn)]
    found = passings(whole)
    shuffler.shuffle(whole)
    assert passings(whole) == found
    assert all(len(group) > 1 and group == sorted(group) for group in found)
    assert len({number for group in found for number in group}) == sum(map(len, found))
