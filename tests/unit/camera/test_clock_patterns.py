"""What the HTTP service says of moments and zones is what it takes."""

from __future__ import annotations

import re
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashplate.service.clocks import MOMENT, ZONE
from pipeline.camera.clock import clock_options


@given(
    st.from_regex(MOMENT.replace("$", r"\Z"), fullmatch=True), st.from_regex(ZONE.replace("$", r"\Z"), fullmatch=True)
)
def test_what_fits_can_be_meant(moment: str, zone: str) -> None:
    options = clock_options(moment, zone)
    assert options.given is not None
    assert options.zone is not None


@pytest.mark.parametrize("moment", ["2024-02-29T12:00", "2026-12-31T23:59:59.5+14:00", "2026-05-01T12:00:00Z"])
def test_moments_as_people_write_them_fit(moment: str) -> None:
    assert re.fullmatch(MOMENT, moment)


@pytest.mark.parametrize("moment", ["2026-02-29T12:00", "noon", "2026-04-31T12:00", "2026-05-01", "2026-05-01T24:00"])
def test_what_is_no_moment_does_not_fit(moment: str) -> None:
    assert not re.fullmatch(MOMENT, moment)


def test_every_zone_of_the_database_fits() -> None:
    left_out = {name for name in available_timezones() if not re.fullmatch(ZONE, name)}
    # Names of a machine's own files, which no other machine knows.
    assert left_out <= {"Factory", "localtime", "posixrules"}
