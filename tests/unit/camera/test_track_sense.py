"""What is not believed in a track, and what stays believed beside it."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.camera.records import Fix, Track
from pipeline.camera.tracks import sense
from pipeline.camera.tracks.geometry import step
from pipeline.camera.tracks.place import began_by_track, parts, place_at
from pipeline.camera.tracks.sense import checked

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
SPEED_MPS = 14.0


def drive(seconds: int, start_s: int = 0, lat: float = 50.0, lon: float = 9.0) -> list[Fix]:
    """A fix a second, eastwards at 14 m/s."""
    places = [step(lat, lon, 90, SPEED_MPS * second) for second in range(start_s, start_s + seconds)]
    return [
        Fix(*place, offset_s=float(start_s + second), at=NOON + dt.timedelta(seconds=start_s + second), speed_mps=14.0)
        for second, place in enumerate(places)
    ]


def doubts(fixes: Sequence[Fix]) -> list[str | None]:
    return [fix.doubt for fix in checked(Track(tuple(fixes), "test")).fixes]


def test_a_plain_drive_is_believed() -> None:
    assert doubts(drive(120)) == [None] * 120


@pytest.mark.parametrize(
    ("lat", "lon", "doubt"),
    [
        (0.0, 0.0, sense.NOWHERE),
        (90.001, 9.0, sense.OUT_OF_RANGE),
        (50.0, -180.5, sense.OUT_OF_RANGE),
        (math.nan, 9.0, sense.NOT_A_NUMBER),
        (50.0, math.inf, sense.NOT_A_NUMBER),
        (52.0, 9.0, sense.TOO_FAR),
        (50.0, 9.0052, sense.TOO_FAR),
    ],
)
@pytest.mark.parametrize("index", [0, 1, 10, 19])
def test_one_wild_fix_does_not_condemn_its_neighbours(lat: float, lon: float, doubt: str, index: int) -> None:
    fixes = drive(20, lon=9.0 if lon != 9.0052 else 9.001)
    fixes[index] = replace(fixes[index], lat=lat, lon=lon if lon != 9.0052 else fixes[index].lon + 0.0042)
    expected = [None] * 20
    expected[index] = doubt  # type: ignore[call-overload]
    assert doubts(fixes) == expected


def test_three_wild_fixes_in_a_row_at_three_places() -> None:
    fixes = drive(30)
    for index, lat in ((10, 12.0), (11, -40.0), (12, 71.0)):
        fixes[index] = replace(fixes[index], lat=lat)
    found = doubts(fixes)
    assert [index for index, doubt in enumerate(found) if doubt] == [10, 11, 12]


def test_a_stretch_of_nonsense_longer_than_is_looked_back_over_ends_in_belief() -> None:
    fixes = drive(300)
    for index in range(100, 200):
        fixes[index] = replace(fixes[index], lat=-60.0 + index * 0.7, lon=index * 1.1)
    found = doubts(fixes)
    assert found[:100] == [None] * 100
    assert found[200:] == [None] * 100
    assert sum(doubt is not None for doubt in found[100:200]) >= 95


def test_a_jump_that_stays_is_a_jump_and_parts_the_track() -> None:
    fixes = drive(30) + drive(30, start_s=30, lat=50.3)
    assert doubts(fixes) == [None] * 60
    assert [len(part) for part in parts(Track(tuple(fixes), "test"))] == [30, 30]


def test_a_wild_fix_behind_a_jump_is_found() -> None:
    fixes = drive(60) + drive(60, start_s=60, lat=50.3)
    fixes[70] = replace(fixes[59], offset_s=70.0, at=NOON + dt.timedelta(seconds=70))
    assert [index for index, doubt in enumerate(doubts(fixes)) if doubt] == [70]


def test_of_two_fixes_that_contradict_each_other_neither_is_more_doubtful() -> None:
    fixes = [drive(1)[0], replace(drive(2)[1], lat=20.0)]
    assert doubts(fixes) == [None, None]
    assert [len(part) for part in parts(Track(tuple(fixes), "test"))] == [1, 1]


def test_a_way_that_a_vehicle_can_make_in_a_tunnel_is_believed() -> None:
    fixes = drive(10) + drive(10, start_s=190)
    assert doubts(fixes) == [None] * 20
    assert [len(part) for part in parts(Track(tuple(fixes), "test"))] == [10, 10]


def test_a_video_that_plays_time_faster_is_believed() -> None:
    fixes = [replace(fix, offset_s=second / 300) for second, fix in enumerate(drive(300)) if second % 30 == 0]
    assert doubts(fixes) == [None] * 10


@pytest.mark.parametrize("wrong_s", [-3_600, -5, 90_000])
def test_time_that_runs_back_or_leaps_ahead_and_returns(wrong_s: int) -> None:
    fixes = [replace(fix, offset_s=None) for fix in drive(20)]
    at = fixes[8].at
    assert at is not None
    fixes[8] = replace(fixes[8], at=at + dt.timedelta(seconds=wrong_s))
    found = checked(Track(tuple(fixes), "test")).fixes
    assert [fix.doubt for fix in found if fix.doubt] == [sense.RUNS_BACK]
    assert next(fix for fix in found if fix.doubt).lon == fixes[8].lon
    times = [fix.at for fix in found if fix.at is not None]
    assert times == sorted(times)


def test_a_lost_lock_repeats_itself_and_a_parked_car_may() -> None:
    last = drive(10)[9]
    lost = drive(10) + [replace(fix, lat=last.lat, lon=last.lon) for fix in drive(20, start_s=10)] + drive(9, 31)
    assert [doubt for doubt in doubts(lost) if doubt] == [sense.REPEATED] * 20
    parked = [replace(fix, lat=50.0, lon=9.0, speed_mps=0.0) for fix in drive(30)]
    assert doubts(parked) == [None] * 30


def test_ten_equal_fixes_a_second_are_no_lost_lock() -> None:
    fixes = [replace(fix, offset_s=fix.offset_s + tenth / 10) for fix in drive(10) for tenth in range(10)]  # type: ignore[operator]
    assert doubts(fixes) == [None] * 100


def test_a_clock_that_stands_still() -> None:
    fixes = drive(5)
    stuck = [replace(fixes[4], offset_s=float(5 + second), speed_mps=None) for second in range(10)]
    fixes[4] = replace(fixes[4], speed_mps=None)
    assert doubts(fixes + stuck) == [None] * 5 + [sense.STANDING_CLOCK] * 10


@pytest.mark.parametrize("change_s", [3600, -3600])
@pytest.mark.parametrize("known", [True, False])
def test_local_times_go_on_over_a_change_of_summer_time(change_s: int, known: bool) -> None:
    fixes = []
    for second, fix in enumerate(drive(60)):
        at = NOON.replace(tzinfo=None) + dt.timedelta(seconds=second + (change_s if second >= 20 else 0))
        fixes.append(replace(fix, at=at, offset_s=fix.offset_s if known else None))
    track = checked(Track(tuple(fixes), "test"))
    assert [fix.doubt for fix in track.fixes] == [None] * 60
    assert [len(part) for part in parts(track)] == [60]
    assert began_by_track(track) == (NOON.replace(tzinfo=None), 0.5 if known else 1.0)
    place = place_at(track, 30.0)
    assert place is not None
    assert place.lon == pytest.approx(fixes[30].lon)


def test_what_says_no_time_among_those_that_do() -> None:
    fixes = drive(5)
    fixes[2] = replace(fixes[2], offset_s=None, at=None)
    assert doubts(fixes) == [None, None, sense.NO_TIME, None, None]
    untimed = [replace(fix, offset_s=None, at=None) for fix in drive(5)]
    assert doubts(untimed) == [None] * 5


def test_clocks_with_and_without_a_zone_are_not_mixed() -> None:
    fixes = [replace(fix, offset_s=None) for fix in drive(5)]
    assert fixes[1].at is not None
    fixes[1] = replace(fixes[1], at=fixes[1].at.replace(tzinfo=None))
    assert [index for index, doubt in enumerate(doubts(fixes)) if doubt == sense.NO_TIME] == [1]


def test_impossible_speeds_and_bearings_are_taken_out_and_the_position_stays() -> None:
    fixes = drive(4)
    fixes[1] = replace(fixes[1], speed_mps=-3.0, bearing_deg=math.nan, altitude_m=math.inf)
    fixes[2] = replace(fixes[2], speed_mps=900.0, bearing_deg=-90.0, altitude_m=120.0)
    found = checked(Track(tuple(fixes), "test")).fixes
    assert (found[1].speed_mps, found[1].bearing_deg, found[1].altitude_m, found[1].doubt) == (None,) * 4
    assert (found[2].speed_mps, found[2].bearing_deg, found[2].altitude_m, found[2].doubt) == (None, 270.0, 120.0, None)


def test_a_doubt_that_is_there_already_stays() -> None:
    fixes = drive(5)
    fixes[3] = replace(fixes[3], doubt="Said before.")
    assert doubts(fixes) == [None, None, None, "Said before.", None]


numbers = st.one_of(st.floats(), st.floats(-200, 200))
moments = st.one_of(
    st.none(),
    st.datetimes(),
    st.datetimes(timezones=st.just(dt.UTC)),
    st.just(NOON),
    st.just(NOON.replace(tzinfo=None)),
)
any_fix = st.builds(
    Fix,
    lat=numbers,
    lon=numbers,
    offset_s=st.none() | numbers,
    at=moments,
    altitude_m=st.none() | numbers,
    speed_mps=st.none() | numbers,
    bearing_deg=st.none() | numbers,
)


@given(st.lists(any_fix, max_size=30))
@settings(max_examples=300, deadline=None)
def test_nothing_is_dropped_whatever_a_file_says(fixes: list[Fix]) -> None:
    track = checked(Track(tuple(fixes), "test"))
    assert len(track.fixes) == len(fixes)
    for part in parts(track):
        for fix in part:
            assert fix.doubt is None
            assert abs(fix.lat) <= 90
            assert abs(fix.lon) <= 180
