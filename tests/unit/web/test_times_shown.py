"""Times on pages: each says what told it."""

from __future__ import annotations

import datetime as dt

import pytest

from dashplate.web.shown import claim, duration, either, seen, told_by
from dashplate.web.texts import t
from pipeline.records import RecordedFrom

NOW = dt.datetime(2026, 11, 30, 10, 4, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("recorded_from", "said"),
    [("container", "by the camera's clock"), ("file", "by the date of the file"), (None, "by when it was processed")],
)
def test_a_sighting_has_the_time_of_its_recording_and_says_what_told_it(recorded_from: str | None, said: str) -> None:
    later = NOW + dt.timedelta(hours=1)
    row = {
        "recorded_at": NOW if recorded_from else None, "recorded_from": recorded_from, "processed_at": later,
        "clock_zone": "+00:00", "clock_error_s": None,
    }  # fmt: skip
    shown = seen(row).unescape()
    assert said in shown
    assert f'datetime="{(NOW if recorded_from else later).isoformat()}"' in shown


def clock(zone: str | None, told: str = "overlay", error_s: float | None = 2.0) -> dict[str, object]:
    return {"recorded_at": NOW, "recorded_from": told, "clock_zone": zone, "clock_error_s": error_s}


def test_a_time_of_no_known_zone_is_shown_as_the_camera_had_it_and_says_so() -> None:
    shown = seen(clock(None))
    assert "datetime=" not in shown
    assert "2026-11-30 10:04" in shown
    assert "camera&#39;s time" in shown
    assert "the camera's local time, zone not known" in shown.unescape()
    assert (
        told_by(clock(None)) == "by the clock on screen, as it was read, ± 2 s; the camera's local time, zone not known"
    )


def test_a_time_whose_zone_is_known_is_a_moment_and_names_the_zone() -> None:
    shown = seen(clock("+07:00", "gps")).unescape()
    assert 'datetime="2026-11-30T10:04:00+00:00"' in shown
    assert "by satellites, in the camera's track, ± 2 s; the camera's zone is +07:00" in shown
    assert told_by(clock("+00:00", "gps", None)) == "by satellites, in the camera's track; the camera's zone is UTC"


def test_of_one_of_several_clocks_only_the_zone_is_said() -> None:
    assert "datetime=" in either(NOW, True)
    assert "datetime=" not in either(NOW, False)


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("2026-11-30T21:03:05", "2026-11-30 21:03:05 (the camera's local time, zone not known)"),
        ("2026-11-30T21:03:05+07:00", "2026-11-30 14:03:05 (UTC)"),
        ("<b>", "unknown"),
    ],
)
def test_other_clocks_say_their_source(at: str, said: str) -> None:
    assert claim({"at": at, "from": "filename", "error_s": 1}) == f"{said}, by the name of the file"


def test_every_source_of_a_clock_has_its_words() -> None:
    assert all(t(f"common.times.{source}") for source in RecordedFrom)


@pytest.mark.parametrize(("seconds", "said"), [(0.5, "< 1 s"), (0, "0 s"), (16.4, "16 s"), (3725, "1 h 2 min")])
def test_what_takes_less_than_a_second_is_not_nothing(seconds: float, said: str) -> None:
    assert duration(seconds) == said
