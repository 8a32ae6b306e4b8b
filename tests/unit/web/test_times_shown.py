"""Times on pages: each says what told it."""

from __future__ import annotations

import datetime as dt

import pytest

from dashplate.web.shown import duration, seen

NOW = dt.datetime(2026, 11, 30, 10, 4, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("recorded_from", "said"),
    [("container", "by the camera's clock"), ("file", "by the date of the file"), (None, "by when it was processed")],
)
def test_a_sighting_has_the_time_of_its_recording_and_says_what_told_it(recorded_from: str | None, said: str) -> None:
    later = NOW + dt.timedelta(hours=1)
    row = {"recorded_at": NOW if recorded_from else None, "recorded_from": recorded_from, "processed_at": later}
    shown = seen(row).unescape()
    assert said in shown
    assert f'datetime="{(NOW if recorded_from else later).isoformat()}"' in shown


@pytest.mark.parametrize(("seconds", "said"), [(0.5, "< 1 s"), (0, "0 s"), (16.4, "16 s"), (3725, "1 h 2 min")])
def test_what_takes_less_than_a_second_is_not_nothing(seconds: float, said: str) -> None:
    assert duration(seconds) == said
