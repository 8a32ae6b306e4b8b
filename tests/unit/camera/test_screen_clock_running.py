"""Readings of a clock on screen against the video's time: votes, jumps, orders of dates, and what is no clock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

import pytest

from pipeline.camera.on_screen.dating import day_of
from pipeline.camera.on_screen.running import Look, Run, runs_of
from pipeline.camera.on_screen.screen_clock import without_noise
from pipeline.camera.on_screen.written import written
from pipeline.camera.records import ClockClaim
from pipeline.records import RecordedFrom

MOMENTS = [0.0, 2.3, 4.7, 7.1, 9.4, 11.8, 14.2, 16.6, 19.0, 21.3]


def _seen(texts: Sequence[tuple[float, str]]) -> list[Look]:
    return [Look(at_s, written(text).dates, written(text).times) for at_s, text in texts]


def _clock(start: dt.datetime, form: str, moments: Sequence[float] = MOMENTS) -> list[tuple[float, str]]:
    """What a clock says that stands at `start` in the first frame."""

    def at(second: float) -> dt.datetime:
        if start.tzinfo is None:
            return start + dt.timedelta(seconds=second)
        return (start.astimezone(dt.UTC) + dt.timedelta(seconds=second)).astimezone(start.tzinfo)

    return [(second, at(second).strftime(form)) for second in moments]


def _starts(texts: Sequence[tuple[float, str]], hints: Sequence[ClockClaim] = ()) -> list[dt.datetime]:
    runs = without_noise(runs_of(_seen(texts)))
    return [at for run in runs if (at := _start(run, hints)) is not None]


def _start(run: Run, hints: Sequence[ClockClaim]) -> dt.datetime | None:
    day = day_of(run, hints)
    return None if day is None else dt.datetime.combine(day, dt.time()) + dt.timedelta(seconds=run.start_s)


def _apart_s(found: Sequence[dt.datetime], start: dt.datetime) -> float:
    assert len(found) == 1
    return abs((found[0] - start).total_seconds())


@pytest.mark.parametrize("form", [
    "%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%b %d %Y %I:%M:%S %p", "%H:%M:%S %d/%m/%Y", "%Y%m%d%H%M%S",
])  # fmt: skip
@pytest.mark.parametrize("start", [
    dt.datetime(2026, 7, 21, 14, 59, 51, 400_000),
    dt.datetime(2026, 1, 31, 23, 59, 55, 700_000),
    dt.datetime(2024, 2, 28, 23, 59, 59, 100_000),
    dt.datetime(2026, 12, 31, 23, 59, 48),
    dt.datetime(2026, 10, 13, 0, 0, 0, 500_000),
    dt.datetime(2026, 10, 13, 11, 59, 50, 500_000),
])  # fmt: skip
def test_the_start_is_told_within_the_error(start: dt.datetime, form: str) -> None:
    texts = _clock(start, form)
    [run] = runs_of(_seen(texts))
    assert _apart_s(_starts(texts), start) <= run.error_s + 1e-6
    assert run.error_s <= 0.5


def _misread(change: Callable[[int, str], str], start: dt.datetime) -> list[dt.datetime]:
    texts = _clock(start, "%Y-%m-%d %H:%M:%S")
    return _starts([(at_s, change(index, text)) for index, (at_s, text) in enumerate(texts)])


@pytest.mark.parametrize("change", [
    lambda i, text: text.replace("2026", "2028") if i % 3 == 0 else text,
    lambda i, text: text[: i % 10] + "8" + text[i % 10 + 1 :] if i % 2 else text,
    lambda i, text: text[:11] + "88:88" + text[16:] if i in (0, 4, 5) else text,
    lambda i, text: text[:17] + "8" + text[18:] if i in (1, 2, 7) else text,
    lambda i, text: "" if i in (0, 3, 6, 9) else text,
    lambda i, text: text.replace(":", "").replace("-", "") if i % 2 else text,
])  # fmt: skip
def test_misread_digits_and_missing_frames_are_outvoted(change: Callable[[int, str], str]) -> None:
    start = dt.datetime(2026, 7, 21, 14, 59, 51, 400_000)
    assert _apart_s(_misread(change, start), start) < 0.6


def test_a_digit_that_is_misread_for_a_while_is_no_jump() -> None:
    start = dt.datetime(2026, 7, 21, 14, 39, 11)
    found = _misread(lambda i, text: text.replace(" 14:3", " 14:8").replace(" 14:", " 19:") if i < 4 else text, start)
    assert _apart_s(found, start) < 0.6


def test_midnight_tells_day_from_month() -> None:
    start = dt.datetime(2026, 5, 3, 23, 59, 50, 500_000)
    assert _apart_s(_starts(_clock(start, "%d/%m/%Y %H:%M:%S")), start) < 0.6
    assert _apart_s(_starts(_clock(start, "%m/%d/%Y %H:%M:%S")), start) < 0.6


def test_where_day_and_month_are_open_nothing_is_said_unless_another_source_settles_it() -> None:
    start = dt.datetime(2026, 5, 3, 12, 0, 0, 500_000)
    for form in ("%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S"):
        texts = _clock(start, form)
        assert not _starts(texts)
        hint = ClockClaim(dt.datetime(2026, 5, 3, 1, 0, tzinfo=dt.UTC), RecordedFrom.CONTAINER, 1.0)
        assert _apart_s(_starts(texts, [hint]), start) < 0.6
        other = ClockClaim(dt.datetime(2025, 1, 1), RecordedFrom.FILENAME, 1.0)
        assert not _starts(texts, [other])


def test_where_day_and_month_are_one_number_the_order_does_not_matter() -> None:
    start = dt.datetime(2026, 5, 5, 12, 0, 0, 500_000)
    assert _apart_s(_starts(_clock(start, "%d/%m/%Y %H:%M:%S")), start) < 0.6


def test_joined_recordings_have_a_clock_each_and_the_first_is_first() -> None:
    first, second = dt.datetime(2020, 5, 22, 8, 4, 34, 200_000), dt.datetime(2020, 5, 22, 8, 3, 13, 800_000)
    form = "%Y-%m-%d %H:%M:%S"
    found = _starts([*_clock(first, form, MOMENTS[:4]), *_clock(second, form, MOMENTS[4:])])
    assert [abs((at - true).total_seconds()) < 0.7 for at, true in zip(found, (first, second), strict=True)] == [
        True
    ] * 2


def test_a_clock_that_is_put_forward_tells_the_start_by_the_hour_before() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    start = dt.datetime(2026, 3, 29, 1, 59, 50, 500_000, berlin)
    found = _starts(_clock(start, "%Y-%m-%d %H:%M:%S"))
    assert abs((found[0] - start.replace(tzinfo=None)).total_seconds()) < 0.6
    assert len(found) == 2


def test_a_clock_that_is_put_forward_right_after_the_start_still_tells_it() -> None:
    start = dt.datetime(2026, 3, 29, 1, 59, 57, 500_000, ZoneInfo("Europe/Berlin"))
    for moments in ([0.0, 0.9, 1.8, 2.0, 2.7, 3.5, 4.0, 5.3], [0.0, 0.9, 1.8, 2.0, 3.5, 6.1, 9.2, 12.4, 16.0]):
        found = _starts(_clock(start, "%m/%d/%Y %I:%M:%S %p", moments))
        assert abs((found[0] - start.replace(tzinfo=None)).total_seconds()) < 0.6


def test_a_clock_without_seconds_is_told_by_the_end_of_its_minute() -> None:
    start = dt.datetime(2026, 7, 21, 14, 59, 53)
    texts = _clock(start, "%Y-%m-%d %H:%M")
    [run] = runs_of(_seen(texts))
    assert run.unit_s == 60
    assert _apart_s(_starts(texts), start) <= run.error_s < 1.3


@pytest.mark.parametrize("texts", [
    [(at_s, "2026-07-21 14:59:51") for at_s in MOMENTS],
    [(at_s, "2026-07-21 14:59") for at_s in MOMENTS],
    _clock(dt.datetime(2026, 7, 21, 14, 59, 0), "%Y-%m-%d %H:%M"),
    _clock(dt.datetime(2026, 7, 21, 14, 59, 51), "%H:%M:%S"),
    [(at_s, f"2026-07-21 {at_s:02.0f} KM/H") for at_s in MOMENTS],
    [(at_s, text) for (_, text), at_s in zip(_clock(dt.datetime(2026, 7, 21, 14), "%Y-%m-%d %H:%M:%S"),
                                             [at_s / 20 for at_s in MOMENTS], strict=True)],
    _clock(dt.datetime(2026, 7, 21, 14, 59, 51), "%Y-%m-%d %H:%M:%S", [0.0, 2.3]),
    [],
], ids=[
    "still", "still, no seconds", "no end of a minute", "no date", "speed", "time lapse", "two looks", "nothing",
])  # fmt: skip
def test_what_does_not_run_with_the_video_is_no_clock(texts: list[tuple[float, str]]) -> None:
    assert not _starts(texts)


def test_a_minute_that_ends_does_not_make_an_hour_of_the_day_of_the_month() -> None:
    start = dt.datetime(2026, 7, 21, 14, 59, 53, 400_000)
    moments = [0.0, 0.9, 1.8, 2.0, 2.6, 3.5, 4.0, 4.4, 5.3, 6.0, 6.1, 7.0, 8.0, 10.0, 12.0]
    assert _apart_s(_starts(_clock(start, "%Y-%m-%d %H:%M", moments)), start) < 0.6
