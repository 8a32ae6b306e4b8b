"""Boxes become tracks: one plate in motion is one, and two plates stay two."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.detection.tracker import MAX_GAP_S, Track, Tracker
from pipeline.records import Box, Detection

#: Time between two looks at the standing sample rate.
STEP_S = 0.1

Path = Callable[[float], Box]


def plate_at(x: float, y: float, width: float = 80.0) -> Box:
    return Box(x, y, x + width, y + width / 4)


def follow(paths: Sequence[Path], times: Sequence[float], hidden: Sequence[float] = ()) -> list[Track]:
    """Feed the boxes that the paths give at those times; at the hidden ones nothing is seen."""
    tracker = Tracker()
    for time_s in times:
        boxes = [] if time_s in hidden else [path(time_s) for path in paths]
        tracker.update(round(time_s * 90_000), time_s, [Detection(box, 0.9) for box in boxes])
    return sorted(tracker.take_ended() + tracker.take_all(), key=lambda track: track.index)


def looks(count: int) -> list[float]:
    return [i * STEP_S for i in range(count)]


@given(st.floats(-600, 600), st.floats(-200, 200), st.floats(-0.9, 1.2), st.floats(40, 160))
def test_a_plate_in_smooth_motion_is_one_track(vx: float, vy: float, growth: float, width: float) -> None:
    def path(t: float) -> Box:
        return plate_at(600 + vx * t, 300 + vy * t, width * (1 + growth * t))

    # Faster than the first gate, nobody could tell it from another plate.
    if abs(vx) + abs(vy) + width * abs(growth) > 20 * width:
        return
    (track,) = follow([path], looks(10))
    assert len(track.observations) == 10


def test_two_plates_side_by_side_stay_two() -> None:
    tracks = follow([lambda t: plate_at(200 + 50 * t, 300), lambda t: plate_at(420 + 50 * t, 300)], looks(12))
    assert [len(t.observations) for t in tracks] == [12, 12]
    for track in tracks:
        steps = [b.box.x1 - a.box.x1 for a, b in zip(track.observations, track.observations[1:], strict=False)]
        assert all(step == pytest.approx(5.0) for step in steps)


def test_two_plates_that_pass_each_other_keep_to_their_ways() -> None:
    right, left = (lambda t: plate_at(100 + 400 * t, 300)), (lambda t: plate_at(900 - 400 * t, 330))
    tracks = follow([right, left], looks(20))
    assert [len(t.observations) for t in tracks] == [20, 20]
    assert tracks[0].last.box.x1 > tracks[0].observations[0].box.x1
    assert tracks[1].last.box.x1 < tracks[1].observations[0].box.x1


def test_a_short_gap_is_bridged_along_the_motion() -> None:
    times = looks(14)
    (track,) = follow([lambda t: plate_at(100 + 500 * t, 300)], times, hidden=times[5:9])
    assert len(track.observations) == 10


def test_a_long_gap_ends_the_track() -> None:
    times = looks(30)
    gap = times[10 : 10 + round(MAX_GAP_S / STEP_S) + 2]
    first, second = follow([lambda t: plate_at(100, 300)], times, hidden=gap)
    assert first.last.time_s < gap[0]
    assert second.observations[0].time_s > gap[-1]
    assert (first.index, second.index) == (0, 1)


def test_a_jump_and_another_size_are_another_plate() -> None:
    assert len(follow([lambda t: plate_at(100 if t < 0.45 else 900, 300)], looks(10))) == 2
    assert len(follow([lambda t: plate_at(100, 300, 60 if t < 0.45 else 200)], looks(10))) == 2


def test_every_box_joins_exactly_one_track() -> None:
    tracker = Tracker()
    for i in range(6):
        boxes = [plate_at(100 + 30 * j + 3 * i, 300 + 40 * j) for j in range(4)]
        joined = tracker.update(i * 9_000, i * STEP_S, [Detection(box, 0.5) for box in boxes])
        assert sorted(o.box.x1 for _, o in joined) == sorted(box.x1 for box in boxes)
        assert len({track.index for track, _ in joined}) == len(boxes)


def test_a_frame_without_boxes_changes_nothing() -> None:
    tracker = Tracker()
    assert tracker.update(0, 0.0, []) == []
    assert tracker.take_all() == []
