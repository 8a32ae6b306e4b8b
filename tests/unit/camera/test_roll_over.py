"""Receivers that have lost count of the weeks."""

from __future__ import annotations

import datetime as dt

from pipeline.camera.clock.roll_over import weeks_behind, with_weeks
from pipeline.camera.records import ClockClaim, Fix, Track
from pipeline.records import RecordedFrom

NOW = dt.datetime(2026, 3, 1, 12)
BEHIND = dt.timedelta(weeks=1024)


def track(at: dt.datetime) -> Track:
    return Track((Fix(50.0, 9.0, offset_s=0.0, at=at.replace(tzinfo=dt.UTC)),), "NMEA")


def name(at: dt.datetime) -> ClockClaim:
    return ClockClaim(at, RecordedFrom.FILENAME, 1.0)


def test_weeks_are_added_where_everything_else_dates_the_recording_so() -> None:
    old = track(NOW - BEHIND)
    assert weeks_behind(old, [name(NOW + dt.timedelta(hours=9))])
    assert with_weeks(old).fixes == track(NOW).fixes


def test_dates_that_nothing_contradicts_stay() -> None:
    assert not weeks_behind(track(NOW - BEHIND), [])
    assert not weeks_behind(track(NOW - BEHIND), [name(NOW - BEHIND)])
    assert not weeks_behind(track(NOW), [name(NOW)])


def test_dates_at_the_end_of_all_years_stay() -> None:
    late = dt.datetime(9999, 12, 31, tzinfo=dt.UTC)
    track = Track((Fix(48.0, 11.0, at=late), Fix(48.0, 11.0, at=late + dt.timedelta(seconds=1))), "GPX")
    assert not weeks_behind(track, [])
    assert with_weeks(track).fixes == track.fixes
