"""Which source says when a recording began, in which zone, and what disagrees."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.camera.clock import camera_clocks, clock_of, with_claim, zone_named
from pipeline.camera.clock.zones import MOST_CAMERA_ERROR_S
from pipeline.camera.records import ClockClaim
from pipeline.errors import UsageError
from pipeline.records import RecordedFrom

BERLIN = ZoneInfo("Europe/Berlin")
NOON = dt.datetime(2026, 7, 1, 12)


def claim(at: dt.datetime, told_by: RecordedFrom, error_s: float = 1.0) -> ClockClaim:
    return ClockClaim(at, told_by, error_s)


def utc(at: dt.datetime) -> dt.datetime:
    return at.replace(tzinfo=dt.UTC)


def later(at: dt.datetime, seconds: float) -> dt.datetime:
    return at + dt.timedelta(seconds=seconds)


def test_the_best_source_wins_whatever_the_order() -> None:
    told = [claim(utc(NOON), source) for source in RecordedFrom]
    for rank, source in enumerate(RecordedFrom):
        clock = clock_of(reversed(told[rank:]))
        assert clock is not None
        assert clock.start.told_by is source


def test_nothing_is_said_of_nothing() -> None:
    assert clock_of([]) is None


@pytest.mark.parametrize(
    "at",
    [utc(dt.datetime(1904, 1, 1)), utc(dt.datetime(1970, 1, 1)), dt.datetime(1980, 1, 6), dt.datetime(2000, 1, 1, 3),
     dt.datetime(1999, 12, 31, 14), utc(dt.datetime(2070, 1, 1)), dt.datetime.max,
     dt.datetime.min.replace(tzinfo=dt.timezone(dt.timedelta(hours=5)))],
)  # fmt: skip
def test_clocks_that_were_never_set_are_no_clocks(at: dt.datetime) -> None:
    written = claim(utc(NOON), RecordedFrom.FILE)
    clock = clock_of([claim(at, RecordedFrom.FILENAME), written], now=utc(NOON))
    assert clock is not None
    assert (clock.start, clock.others) == (written, ())


def test_a_local_time_alone_has_no_zone() -> None:
    clock = clock_of([claim(NOON, RecordedFrom.FILENAME)])
    assert clock is not None
    assert (clock.zone, clock.start.at) == (None, NOON)


def test_a_name_beside_satellites_tells_the_zone_and_its_own_error() -> None:
    clock = clock_of([
        claim(utc(NOON), RecordedFrom.GPS), claim(later(NOON, 5.75 * 3600 + 47), RecordedFrom.FILENAME),
    ])  # fmt: skip
    assert clock is not None
    assert clock.zone == "+05:45"
    assert clock.start.at.isoformat() == "2026-07-01T17:45:00+05:45"
    assert [one.at.isoformat() for one in clock.others] == ["2026-07-01T17:45:47+05:45"]
    assert "47 s ahead" in clock.notes[0]


@pytest.mark.parametrize("apart_s", [7.4 * 60, 15 * 60, 2.25 * 3600, 15 * 3600, -13 * 3600])
def test_no_zone_is_made_of_clocks_that_do_not_fit_one(apart_s: float) -> None:
    clock = clock_of([claim(utc(NOON), RecordedFrom.GPS), claim(later(NOON, apart_s), RecordedFrom.FILENAME)])
    assert clock is not None
    assert clock.zone == "UTC"
    assert [one.told_by for one in clock.others] == [RecordedFrom.FILENAME]


def test_a_container_that_reads_like_the_name_is_local_time() -> None:
    clock = clock_of([claim(NOON, RecordedFrom.FILENAME), claim(utc(later(NOON, 1)), RecordedFrom.CONTAINER)])
    assert clock is not None
    assert clock.zone is None
    assert [one.at for one in clock.agreed] == [later(NOON, 1)]


def test_a_container_in_utc_tells_the_zone_of_the_name() -> None:
    """A phone closes the file a minute after it has named it."""
    clock = clock_of([
        claim(NOON, RecordedFrom.FILENAME), claim(utc(later(NOON, 60 - 2 * 3600)), RecordedFrom.CONTAINER, 61),
    ])  # fmt: skip
    assert clock is not None
    assert (clock.zone, clock.others) == ("+02:00", ())
    assert clock.start.at.isoformat() == "2026-07-01T12:00:00+02:00"


def test_a_file_system_tells_no_zone() -> None:
    clock = clock_of([
        claim(NOON, RecordedFrom.FILENAME), claim(utc(later(NOON, -2 * 3600)), RecordedFrom.FILE, 86_400),
    ])  # fmt: skip
    assert clock is not None
    assert (clock.zone, clock.others) == (None, ())


def test_a_zone_that_was_given_puts_local_times_where_they_belong() -> None:
    told = [claim(utc(later(NOON, -7200)), RecordedFrom.GPS), claim(NOON, RecordedFrom.FILENAME)]
    clock = clock_of(told, BERLIN)
    assert clock is not None
    assert (clock.zone, clock.others) == ("Europe/Berlin", ())
    assert clock.start.at.isoformat() == "2026-07-01T12:00:00+02:00"


def test_the_zone_of_a_person_counts() -> None:
    given_at = NOON.replace(tzinfo=dt.timezone(dt.timedelta(hours=2)))
    clock = clock_of([claim(given_at, RecordedFrom.GIVEN), claim(later(NOON, -3600), RecordedFrom.FILENAME)])
    assert clock is not None
    assert clock.zone == "+02:00"
    assert [one.at.isoformat() for one in clock.others] == ["2026-07-01T11:00:00+02:00"]


def test_an_hour_that_a_zone_has_twice_is_said() -> None:
    clock = clock_of([claim(dt.datetime(2025, 10, 26, 2, 30), RecordedFrom.FILENAME)], BERLIN)
    assert clock is not None
    assert clock.start.at.isoformat() == "2025-10-26T02:30:00+02:00"
    assert clock.start.error_s == 3601
    assert "twice" in clock.notes[0]


def test_a_moment_beside_it_says_which_of_two_hours_it_was() -> None:
    moment = utc(dt.datetime(2025, 10, 26, 1, 30, 20))
    told = [claim(dt.datetime(2025, 10, 26, 2, 30), RecordedFrom.FILENAME), claim(moment, RecordedFrom.CONTAINER, 61)]
    clock = clock_of(told, BERLIN)
    assert clock is not None
    assert clock.start.at.isoformat() == "2025-10-26T02:30:00+01:00"
    assert (clock.start.error_s, clock.notes) == (1, ())


def test_an_hour_that_a_zone_leaves_out_is_said() -> None:
    clock = clock_of([claim(dt.datetime(2026, 3, 29, 2, 30), RecordedFrom.FILENAME)], BERLIN)
    assert clock is not None
    assert clock.start.at.isoformat() == "2026-03-29T03:30:00+02:00"
    assert clock.start.error_s == 3601
    assert "leaves" in clock.notes[0]


def test_time_goes_on_over_the_night_in_which_clocks_change() -> None:
    """Python adds seconds to a named zone as if its clock on the wall never changed."""
    clock = clock_of([claim(dt.datetime(2025, 10, 26, 1, 59, 30), RecordedFrom.FILENAME)], BERLIN)
    assert clock is not None
    at = clock.start.at + dt.timedelta(hours=2)
    assert at.astimezone(BERLIN).isoformat() == "2025-10-26T02:59:30+01:00"


def test_a_clock_on_screen_speaks_later() -> None:
    on_screen = claim(later(NOON, 7200), RecordedFrom.OVERLAY)
    assert with_claim(None, on_screen) == clock_of([on_screen])
    by_satellites = with_claim(clock_of([claim(utc(NOON), RecordedFrom.GPS)]), on_screen)
    assert by_satellites is not None
    assert (by_satellites.zone, by_satellites.start.told_by) == ("+02:00", RecordedFrom.GPS)
    by_name = with_claim(clock_of([claim(NOON, RecordedFrom.FILENAME)], BERLIN), claim(NOON, RecordedFrom.OVERLAY))
    assert by_name is not None
    assert (by_name.zone, len(by_name.agreed)) == ("Europe/Berlin", 1)


def test_a_zone_that_was_given_is_kept_when_the_clock_on_screen_speaks() -> None:
    on_screen = claim(later(NOON, 7200), RecordedFrom.OVERLAY)
    clock = with_claim(clock_of([claim(utc(NOON), RecordedFrom.CONTAINER)], dt.UTC), on_screen, dt.UTC)
    assert clock is not None
    assert (clock.zone, clock.start.told_by, len(clock.others)) == ("UTC", RecordedFrom.OVERLAY, 1)
    alone = with_claim(None, claim(NOON, RecordedFrom.OVERLAY), BERLIN)
    assert alone is not None
    assert alone.zone == "Europe/Berlin"


#: Files of the tz database that are no names of zones.
_NOT_EVERYWHERE = ["localtime", "Factory", "posix/Europe/Berlin", "right/UTC"]


@pytest.mark.parametrize(
    "text", ["Europe/Nowhere", "+15:00", "+02:75", "", "../etc/passwd", "2", "Berlin", *_NOT_EVERYWHERE]
)
def test_what_is_no_zone_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(UsageError, match="time zone"):
        zone_named(text)


@given(
    quarters=st.sampled_from([-48, -38, -14, 0, 4, 22, 23, 35, 51, 56]),
    error_s=st.floats(-MOST_CAMERA_ERROR_S, MOST_CAMERA_ERROR_S),
    at=st.datetimes(dt.datetime(2005, 1, 1), dt.datetime(2026, 1, 1)),
)
def test_any_zone_in_use_is_found_behind_any_camera_error(quarters: int, error_s: float, at: dt.datetime) -> None:
    local = later(at, quarters * 900 + error_s)
    clock = clock_of([claim(utc(at), RecordedFrom.GPS), claim(local, RecordedFrom.FILENAME)])
    assert clock is not None
    assert clock.start.at == utc(at)
    assert clock.start.at.utcoffset() == dt.timedelta(minutes=15 * quarters)
    assert bool(clock.others) == (abs(error_s) > 2)


@given(
    st.lists(
        st.builds(
            ClockClaim,
            st.datetimes(timezones=st.none() | st.timezones()),
            st.sampled_from(RecordedFrom),
            st.floats(0, 1e6),
        ),
        max_size=6,
    ),
    st.none() | st.timezones(),
)
def test_any_claims_give_a_clock_or_none(claims: list[ClockClaim], zone: dt.tzinfo | None) -> None:
    clock = clock_of(claims, zone)
    if clock is not None:
        assert (clock.zone is None) == (clock.start.at.tzinfo is None)
        assert len(clock.others) + len(clock.agreed) < len(claims)
        for one in (*clock.others, *clock.agreed):
            assert RecordedFrom(one.told_by) in RecordedFrom


def test_a_container_that_may_tell_the_end_of_a_long_recording_tells_no_zone() -> None:
    name = ClockClaim(dt.datetime(2026, 5, 1, 18, 0), RecordedFrom.FILENAME, 1.0)
    ended = ClockClaim(dt.datetime(2026, 5, 1, 12, 30, tzinfo=dt.UTC), RecordedFrom.CONTAINER, 1.0 + 1800)
    clock = clock_of([name, ended])
    assert clock is not None
    assert (clock.zone, clock.notes) == (None, ())


def test_what_both_sources_may_be_off_by_is_no_error_of_the_camera() -> None:
    name = ClockClaim(dt.datetime(2026, 5, 1, 18, 0), RecordedFrom.FILENAME, 1.0)
    ended = ClockClaim(dt.datetime(2026, 5, 1, 12, 1, tzinfo=dt.UTC), RecordedFrom.CONTAINER, 1.0 + 60)
    clock = clock_of([name, ended])
    assert clock is not None
    assert clock.zone == "+06:00"
    assert not any("behind" in note or "ahead" in note for note in clock.notes)


@pytest.mark.parametrize("text", [".nan", ".inf", "1.0e+300"])
def test_a_camera_that_is_off_by_no_number_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "cameras.yaml"
    file.write_text(f"- make: Viofo\n  offset_s: {text}\n")
    with pytest.raises(UsageError):
        camera_clocks(file)
