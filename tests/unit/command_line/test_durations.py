"""Spans of time as people type them."""

from __future__ import annotations

import pytest

from dashplate.typed.durations import parse_duration
from pipeline.errors import UsageError


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [("90m", 5400), ("12h", 43_200), ("30d", 2_592_000), ("1w", 604_800), (" 2D ", 172_800), ("0d", 0), ("01h", 3600)],
)
def test_a_number_and_its_unit(typed: str, seconds: int) -> None:
    assert parse_duration(typed) == seconds


@pytest.mark.parametrize("typed", ["30", "", "d", "-1d", "1.5d", "1d12h", "30 d", "30s", "1y", "٣d", "9999999999d"])
def test_what_cannot_be_told_is_refused(typed: str) -> None:
    with pytest.raises(UsageError, match=r"is no duration\. Give a whole number and its unit"):
        parse_duration(typed)


def test_more_than_a_century_is_a_slip() -> None:
    assert parse_duration("5217w") > 0
    with pytest.raises(UsageError, match="more than a century"):
        parse_duration("5218w")
