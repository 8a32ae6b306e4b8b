"""The sun's height, against times of rising, setting and noon that almanacs print."""

from __future__ import annotations

import datetime as dt

import pytest

from pipeline.camera.sun import light, sun_height_deg


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("at", "lat", "lon", "height_deg"),
    [
        pytest.param(utc(2026, 6, 21, 12, 2), 51.48, 0.0, 61.96, id="Greenwich, midsummer noon: 90 - 51.48 + 23.44"),
        pytest.param(utc(2026, 12, 21, 11, 58), 51.48, 0.0, 15.08, id="Greenwich, midwinter noon"),
        pytest.param(utc(2026, 3, 20, 12, 7), 0.0, 0.0, 89.9, id="the equator at the equinox"),
        pytest.param(utc(2026, 6, 21, 0, 0), 78.22, 15.65, 11.9, id="Svalbard at midnight"),
        pytest.param(utc(2026, 6, 21, 3, 43), 51.48, 0.0, -0.83, id="Greenwich, sunrise"),
    ],
)
def test_the_height_is_that_of_almanacs(at: dt.datetime, lat: float, lon: float, height_deg: float) -> None:
    assert sun_height_deg(at, lat, lon) == pytest.approx(height_deg, abs=0.35)


def test_zones_do_not_matter() -> None:
    east = dt.timezone(dt.timedelta(hours=9))
    assert sun_height_deg(utc(2026, 5, 1, 3).astimezone(east), 35.7, 139.7) == sun_height_deg(
        utc(2026, 5, 1, 3), 35.7, 139.7
    )


@pytest.mark.parametrize(("height_deg", "said"), [(30.0, "day"), (-0.5, "day"), (-3.0, "twilight"), (-7.0, "night")])
def test_light_is_what_people_call_it(height_deg: float, said: str) -> None:
    assert light(height_deg) == said
