"""Dates and times in lines of text, as a reader gives them."""

from __future__ import annotations

import pytest

from pipeline.camera.on_screen.written import days_of, written


def _times(text: str) -> set[str]:
    return {
        f"{time.second // 3600:02}:{time.second // 60 % 60:02}:{time.second % 60:02}" if time.unit_s == 1 else
        f"{time.second // 3600:02}:{time.second // 60 % 60:02}"
        for time in written(text).times
    }  # fmt: skip


def _days(text: str) -> set[str]:
    return {str(day) for date in written(text).dates for day in days_of(date).values()}


@pytest.mark.parametrize(
    ("text", "days", "time"),
    [
        ("2020-05-22 08:04:34", {"2020-05-22"}, "08:04:34"),
        ("2020/05/2208:04:34", {"2020-05-22"}, "08:04:34"),
        ("20200522080434", {"2020-05-22"}, "08:04:34"),
        ("2020.05.22  8.04.34", {"2020-05-22"}, "08:04:34"),
        ("2020:05:22 08:04:34", {"2020-05-22"}, "08:04:34"),
        ("2020年5月22日 08:04:34", {"2020-05-22"}, "08:04:34"),
        ("O8:04:34 22.05.2O20", {"2020-05-22"}, "08:04:34"),
        ("22/05/2020 08:04:34 60KM/H", {"2020-05-22"}, "08:04:34"),
        ("03/05/2020 08:04:34", {"2020-05-03", "2020-03-05"}, "08:04:34"),
        ("03.05.2020 08:04:34", {"2020-05-03"}, "08:04:34"),
        ("22/05/20 08:04:34", {"2020-05-22", "2022-05-20"}, "08:04:34"),
        ("22-May-2020 08:04:34", {"2020-05-22"}, "08:04:34"),
        ("28-0CT-202008:04:34", {"2020-10-28"}, "08:04:34"),
        ("May 22, 2020 08:04:34 PM", {"2020-05-22"}, "20:04:34"),
        ("5/22/2020 12:04:34 AM", {"2020-05-22"}, "00:04:34"),
        ("2020-05-22 PM 12:04:34", {"2020-05-22"}, "12:04:34"),
        ("2020-05-22 08:04", {"2020-05-22"}, "08:04"),
        ("E 2020-05-22 08:04:34.120", {"2020-05-22"}, "08:04:34"),
    ],
)
def test_dates_and_times_are_found_however_they_are_written(text: str, days: set[str], time: str) -> None:
    assert _days(text) == days
    assert _times(text) == {time}


@pytest.mark.parametrize(
    "text",
    ["60KM/H N51.50724 W0.12758", "E-Tra truoc-14B02819T", "DASHCAM 041 KM/H", "34A-368.37", "2020-13-45 61:70:99", ""],
)
def test_other_text_has_neither_date_nor_time(text: str) -> None:
    assert not written(text).dates
    assert not written(text).times


def test_digits_of_a_date_are_no_time() -> None:
    assert _times("2026-07-21 14:59") == {"14:59"}
    assert not _times("20260721")
