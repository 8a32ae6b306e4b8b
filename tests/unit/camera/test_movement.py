"""How others move is said where the picture tells, and only there."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.camera.movement import Movement, growth_of, movement_of
from pipeline.records import Box, Observation

FRAME = (1280, 720)


def seen(distance_m: Callable[[float], float], lens: float = 0.5, plate_m: float = 0.42, lasted_s: float = 2.0,
         aside_m: float = 2.0) -> list[Observation]:  # fmt: skip
    """A plate at a distance that changes with time, through a lens of so many frame widths of focal length."""
    found = []
    for step in range(int(lasted_s * 10) + 1):
        time_s = step / 10
        scale = lens * FRAME[0] / distance_m(time_s)
        x, y, width = FRAME[0] / 2 - aside_m * scale, 360 + 1.0 * scale, plate_m * scale
        found.append(Observation(step, time_s, Box(x - width / 2, y - width / 8, x + width / 2, y + width / 8), 0.9))
    return found


@pytest.mark.parametrize("lens", [0.3, 0.5, 1.1])
@pytest.mark.parametrize("plate_m", [0.305, 0.52])
@pytest.mark.parametrize(
    ("own_mps", "other_mps", "said"),
    [
        pytest.param(20.0, 20.0, {Movement.SAME_DIRECTION}, id="followed"),
        pytest.param(20.0, 24.0, {Movement.OVERTAKING}, id="overtaking"),
        pytest.param(20.0, 0.0, {None}, id="parked cars are passed as slow ones and oncoming ones are"),
        pytest.param(20.0, -20.0, {None, Movement.ONCOMING}, id="oncoming"),
        pytest.param(0.0, -10.0, {Movement.ONCOMING}, id="oncoming, seen from a standing car"),
        pytest.param(0.0, 10.0, {Movement.SAME_DIRECTION}, id="driving off"),
        pytest.param(0.0, 0.0, {Movement.STANDING}, id="both stand"),
    ],
)
def test_what_is_said_holds_whatever_lens_and_plate(
    lens: float, plate_m: float, own_mps: float, other_mps: float, said: set[Movement | None]
) -> None:
    start_m = 60.0 if other_mps < 0 else 12.0 if other_mps >= own_mps else 50.0
    lasted_s = 1.0 if other_mps < 0 else 2.0
    path = seen(lambda time_s: start_m + (other_mps - own_mps) * time_s, lens, plate_m, lasted_s)
    assert movement_of(path, FRAME, own_mps) in said


def test_a_fast_oncoming_car_close_by_is_oncoming() -> None:
    path = seen(lambda time_s: 40 - 45 * time_s, lasted_s=0.7, lens=0.3)
    assert movement_of(path, FRAME, 12.0) is Movement.ONCOMING


def test_to_a_camera_that_looks_back_what_comes_nearer_overtakes() -> None:
    path = seen(lambda time_s: 20 - 4 * time_s)
    assert movement_of(path, FRAME, 20.0, looks_back=True) is Movement.OVERTAKING


def test_without_the_own_speed_nothing_is_said() -> None:
    assert movement_of(seen(lambda time_s: 30 - 10 * time_s), FRAME, None) is None


def test_what_the_frame_cuts_off_does_not_count() -> None:
    whole = seen(lambda _: 10.0)
    cut = [Observation(99, 2.5, Box(0, 300, 9, 310), 0.9)]
    assert growth_of([*whole, *cut], FRAME) == growth_of(whole, FRAME)


def test_a_single_look_says_nothing() -> None:
    assert growth_of(seen(lambda _: 10.0)[:1], FRAME) is None
    assert growth_of(seen(lambda _: 10.0, lasted_s=0.1), FRAME) is None


@given(st.floats(-1.5, 1.5))
def test_the_growth_is_that_of_the_widths(rate: float) -> None:
    path = seen(lambda time_s: 20 * math.exp(-rate * time_s), lasted_s=1.0, aside_m=0.0)
    growth = growth_of(path, FRAME)
    assert growth is not None
    assert growth.rate == pytest.approx(rate, abs=1e-6)
