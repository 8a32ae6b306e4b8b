"""Where the camera was at a moment: between fixes, never over a gap, and how far off."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipeline.camera.records import Clock, ClockClaim, Fix, Track
from pipeline.camera.tracks.geometry import direction_deg, distance_m, half_circle, step
from pipeline.camera.tracks.place import Bounds, began_by_track, bounds, length_m, parts, place_at, places_at
from pipeline.records import RecordedFrom

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def track(*fixes: Fix, began_at: dt.datetime | None = None, tells_start: bool = True) -> Track:
    return Track(fixes, "test", began_at=began_at, tells_start=tells_start)


def clock(at: dt.datetime, error_s: float = 0.1) -> Clock:
    return Clock(ClockClaim(at, RecordedFrom.OVERLAY, error_s), None)


def after(seconds: float) -> dt.datetime:
    return NOON + dt.timedelta(seconds=seconds)


def test_between_two_fixes() -> None:
    road = track(
        Fix(50.0, 9.0, 0.0, altitude_m=100.0, speed_mps=10.0, bearing_deg=350.0),
        Fix(50.0002, 9.0, 2.0, altitude_m=104.0, speed_mps=12.0, bearing_deg=20.0),
    )
    place = place_at(road, 1.0)
    assert place is not None
    assert place.lat == pytest.approx(50.0001, abs=1e-9)
    assert place.lon == pytest.approx(9.0, abs=1e-9)
    assert place.altitude_m == 102.0
    assert place.speed_mps == 11.0
    assert place.bearing_deg == pytest.approx(5.0)
    # 5 m of the receiver, half a second at 11 m/s, and 1.5 m that the car may have left the straight line.
    assert place.error_m == pytest.approx(5 + 5.5 + 1.5)


def test_speed_and_bearing_come_from_the_positions_where_the_fixes_say_none() -> None:
    there = step(50.0, 9.0, 120.0, 30.0)
    place = place_at(track(Fix(50.0, 9.0, 0.0), Fix(*there, 2.0)), 0.5)
    assert place is not None
    assert place.speed_mps == pytest.approx(15.0, rel=1e-6)
    assert place.bearing_deg == pytest.approx(120.0, abs=0.01)


def test_a_vehicle_that_stands_has_no_bearing() -> None:
    standing = [Fix(50.0, 9.0, float(second), speed_mps=0.2, bearing_deg=211.0) for second in range(3)]
    place = place_at(track(*standing), 1.5)
    assert place is not None
    assert place.bearing_deg is None


def test_never_over_a_gap_of_more_than_five_seconds() -> None:
    road = track(*(Fix(50.0, 9.0 + second * 1e-4, float(second)) for second in (0, 1, 2, 7, 8, 13.5, 14)))
    told = {offset_s: place_at(road, offset_s) is not None for offset_s in (2.0, 4.5, 7.0, 8.0, 8.1, 9.9, 13.4, 13.5)}
    assert told == {2.0: True, 4.5: True, 7.0: True, 8.0: True, 8.1: False, 9.9: False, 13.4: False, 13.5: True}


def test_never_over_a_jump() -> None:
    road = track(Fix(50.0, 9.0, 0.0), Fix(50.0, 9.0001, 1.0), Fix(50.2, 9.0, 2.0), Fix(50.2, 9.0001, 3.0))
    assert place_at(road, 1.5) is None
    assert [len(part) for part in parts(road)] == [2, 2]
    assert length_m(road) == pytest.approx(2 * distance_m(50.1, 9.0, 50.1, 9.0001), rel=0.01)


def test_a_fix_that_is_not_believed_tells_no_place() -> None:
    road = track(Fix(50.0, 9.0, 0.0), Fix(50.1, 9.0, 2.0, doubt="wild"), Fix(50.0, 9.0004, 4.0))
    place = place_at(road, 2.0)
    assert place is not None
    assert (place.lat, place.lon) == pytest.approx((50.0, 9.0002), abs=1e-6)


def test_a_video_goes_on_for_a_moment_after_its_last_fix() -> None:
    road = track(
        Fix(50.0, 9.0, 1.0, speed_mps=20.0, bearing_deg=0.0),
        Fix(*step(50.0, 9.0, 0, 20), 2.0, speed_mps=20.0, bearing_deg=0.0),
    )
    place = place_at(road, 2.9)
    assert place is not None
    assert distance_m(50.0, 9.0, place.lat, place.lon) == pytest.approx(38.0, abs=0.1)
    before = place_at(road, 0.5)
    assert before is not None
    assert distance_m(50.0, 9.0, before.lat, before.lon) == pytest.approx(10.0, abs=0.1)
    assert before.lat < 50.0
    assert place_at(road, 3.6) is None
    assert place_at(road, -0.6) is None


def test_a_lone_fix_is_less_sure_the_further_its_moment_is() -> None:
    errors = [place.error_m if place else None for place in places_at(track(Fix(50.0, 9.0, 10.0)), [10.0, 11.0, 12.0])]
    assert errors == [5.0, 5 + 30 + 1.5, None]


def test_fixes_that_know_only_the_clock_are_placed_by_the_videos_own() -> None:
    road = track(Fix(50.0, 9.0, at=after(30), speed_mps=20.0), Fix(50.0, 9.0004, at=after(32), speed_mps=20.0))
    place = place_at(road, 11.0, clock(after(20), error_s=2.0))
    assert place is not None
    assert place.lon == pytest.approx(9.0002, abs=1e-8)
    assert place.error_m == pytest.approx(5 + 20 * 2.0 + 1.5)


def test_without_a_clock_that_compares_the_track_says_when_it_began() -> None:
    road = track(Fix(50.0, 9.0, at=after(30)), Fix(50.0, 9.0004, at=after(32)))
    for given_clock in (None, clock(NOON.replace(tzinfo=None))):
        place = place_at(road, 1.0, given_clock)
        assert place is not None
        assert place.lon == pytest.approx(9.0002, abs=1e-8)
    cut = track(*road.fixes, tells_start=False)
    assert place_at(cut, 1.0) is None
    assert place_at(cut, 1.0, clock(after(30))) is not None


def test_nothing_is_told_of_an_empty_track_or_of_no_moment() -> None:
    assert place_at(track(), 0.0) is None
    assert place_at(track(Fix(50.0, 9.0, 0.0)), math.nan) is None
    assert place_at(track(Fix(50.0, 9.0)), 0.0) is None
    assert (length_m(track()), bounds(track()), parts(track())) == (0.0, None, [])


def test_a_track_without_times_is_a_line_all_the_same() -> None:
    road = track(Fix(50.0, 9.0), Fix(50.0, 9.0001), Fix(50.3, 9.0), Fix(50.3, 9.0001))
    assert [len(part) for part in parts(road)] == [2, 2]
    assert length_m(road) == pytest.approx(14.3, abs=0.1)
    assert place_at(road, 0.0) is None


@pytest.mark.parametrize(
    ("lons", "west", "east"),
    [((9.0, 9.5, 8.5), 8.5, 9.5), ((179.9, -179.8), 179.9, -179.8), ((-170.0, 10.0), -170.0, 10.0), ((7.0,), 7.0, 7.0)],
)
def test_bounds_are_the_smallest_box(lons: Sequence[float], west: float, east: float) -> None:
    found = bounds(track(*(Fix(50.0 + index, lon) for index, lon in enumerate(lons))))
    assert found == Bounds(50.0, west, 49.0 + len(lons), east)


def test_the_start_by_fixes_that_know_both_is_their_median() -> None:
    fixes = [Fix(50.0, 9.0, 10.0 + second, after(second)) for second in range(20)]
    fixes[3] = Fix(50.0, 9.0, 13.0, after(900))
    assert began_by_track(track(*fixes)) == (after(-10), 0.5)


def test_the_start_by_fixes_that_know_only_the_clock_is_the_first_that_is_believed() -> None:
    fixes = Fix(50.0, 9.0, at=after(-500), doubt="stale"), Fix(50.0, 9.0, at=after(3)), Fix(50.0, 9.0, at=after(4))
    assert began_by_track(track(*fixes)) == (after(3), 1.0)
    # The camera wrote since 12:00 and had found its satellites three seconds later.
    assert began_by_track(track(*fixes, began_at=NOON)) == (NOON, 1.0)
    assert began_by_track(track(*fixes, began_at=after(-7200))) == (after(3), 1.0)
    assert began_by_track(track(*fixes, tells_start=False)) is None
    assert began_by_track(track(Fix(50.0, 9.0, 1.0))) is None


latitudes = st.floats(-90, 90)
longitudes = st.floats(-180, 180, exclude_max=True)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Fix, Fix]:
    """Two fixes that one vehicle can have made, anywhere: across the 180th meridian and at the poles too."""
    lat, lon = draw(latitudes), draw(longitudes)
    gap_s = draw(st.floats(0.1, 5.0))
    there = step(lat, lon, draw(st.floats(0, 360)), draw(st.floats(0, 40 * gap_s)))
    return Fix(lat, lon, 0.0), Fix(*there, gap_s)


@given(pairs(), st.floats(0, 1))
@settings(max_examples=400, deadline=None)
def test_a_place_lies_between_its_neighbours(ends: tuple[Fix, Fix], share: float) -> None:
    a, b = ends
    assert b.offset_s is not None
    place = place_at(track(a, b), b.offset_s * share)
    assert place is not None
    whole_m = distance_m(a.lat, a.lon, b.lat, b.lon)
    to_a_m = distance_m(a.lat, a.lon, place.lat, place.lon)
    to_b_m = distance_m(place.lat, place.lon, b.lat, b.lon)
    assert to_a_m + to_b_m == pytest.approx(whole_m, abs=0.01)
    assert to_a_m == pytest.approx(whole_m * share, abs=0.01)
    assert abs(place.lat) <= 90
    assert -180 <= place.lon <= 180
    assert place.error_m >= 5.0


@given(pairs(), st.floats(0, 1), st.floats(1e-4, 0.01))
@settings(max_examples=400, deadline=None)
def test_a_place_moves_without_leaps(ends: tuple[Fix, Fix], share: float, later_s: float) -> None:
    a, b = ends
    assert b.offset_s is not None
    road = track(a, b)
    places = places_at(road, [b.offset_s * share, b.offset_s * share + later_s])
    assert places[0] is not None
    assert places[1] is not None
    moved_m = distance_m(places[0].lat, places[0].lon, places[1].lat, places[1].lon)
    assert moved_m <= 40.5 * later_s + 0.01


@given(st.lists(st.floats(0, 60), min_size=2, max_size=12, unique=True), st.floats(-5, 65))
@settings(max_examples=400, deadline=None)
def test_where_the_neighbours_are_too_far_apart_there_is_no_place(moments: list[float], offset_s: float) -> None:
    moments.sort()
    assume(all(abs(offset_s - moment) > 1e-6 for moment in moments))
    road = track(*(Fix(50.0, 9.0 + moment * 1e-5, moment) for moment in moments))
    before, later = [m for m in moments if m < offset_s], [m for m in moments if m > offset_s]
    if before and later:
        assert (place_at(road, offset_s) is not None) == (later[0] - before[-1] <= 5.0)
    else:
        nearest = before[-1] if before else later[0]
        assert (place_at(road, offset_s) is not None) == (abs(offset_s - nearest) <= 1.5)


@given(latitudes, longitudes, st.floats(0, 360, exclude_max=True), st.floats(1, 1e6))
@settings(max_examples=300, deadline=None)
def test_a_step_goes_as_far_as_it_says(lat: float, lon: float, bearing: float, metres: float) -> None:
    there = step(lat, lon, bearing, metres)
    assert distance_m(lat, lon, *there) == pytest.approx(metres, rel=1e-6, abs=0.01)
    if abs(lat) < 80:
        assert half_circle(direction_deg(lat, lon, *there) - bearing) == pytest.approx(0, abs=0.1)


def test_a_camera_s_local_fixes_are_placed_by_themselves_though_its_clock_was_put_right() -> None:
    fixes = tuple(Fix(48.0 + n * 1e-4, 11.0, at=dt.datetime(2026, 5, 1, 12, 0, n)) for n in range(4))
    track = Track(fixes, "Novatek freeGPS")
    put_right = Clock(ClockClaim(dt.datetime(2026, 5, 1, 11, 59, 13), RecordedFrom.EMBEDDED, 1.0), None)
    assert place_at(track, 1.0, put_right) == place_at(track, 1.0)
    assert place_at(track, 1.0) is not None
