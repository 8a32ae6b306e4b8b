"""Dates and times in a line of text as a reader gives it: separators may be other ones or lost, letters may be digits.

Nothing is decided here. Whatever may be a date or a time is one, in each way in which it can be read; what runs with
the video is sorted out in `running` and `dating`.
"""

from __future__ import annotations

import datetime as dt
import enum
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


class DateForm(enum.Enum):
    """How the digits of a date are laid out."""

    #: Year of four digits, month, day; month names are digits by then.
    YEAR_FIRST = "YYYYMMDD"
    #: Day and month in either order, year of four digits.
    YEAR_LAST = "xxxxYYYY"
    #: Day, month, year of four digits: dots part them, as in Europe.
    DAY_FIRST = "DDMMYYYY"
    #: Three times two digits, of which two or one may be anything.
    SHORT = "xxxxxx"
    #: Day, month, year of two digits.
    SHORT_DAY_FIRST = "DDMMYY"


@dataclass(frozen=True, slots=True)
class ShownDate:
    """A date as it is written."""

    form: DateForm
    #: As many as the form has letters.
    digits: str


@dataclass(frozen=True, slots=True)
class ShownTime:
    """A time of day as it is written."""

    #: Seconds since midnight, the seconds taken for 0 where they are not shown.
    second: int
    #: 1, or 60 where no seconds are shown: the time stands still for so long.
    unit_s: int


@dataclass(frozen=True, slots=True)
class Written:
    """What a line may say; the same thing may be read in several ways."""

    dates: frozenset[ShownDate]
    times: frozenset[ShownTime]


_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_MONTH = rf"(?P<name>{'|'.join(_MONTHS)})[A-Z]{{0,6}}"
#: What readers take for a digit among digits.
_DIGITS_FOR = str.maketrans("OQDILZSB", "00011258")
_LIKE_DIGITS = re.compile(r"(?<![A-Z])[OQDILZSB\d]*\d[OQDILZSB\d]*(?![A-Z])")
_NAMES_FOR_0 = re.compile(r"(?<![A-Z0-9])0CT(?![A-Z])")
_YEAR, _TWO, _ONE_OR_TWO = r"(?P<y>(?:19|20)\d\d)", r"\d\d", r"\d\d?"
#: Not the second digit of two alone.
_FIRST = r"(?:\d\d|(?<!\d)\d)"
_MARK, _GAP = r"\s?[-/.,_~]\s?", r"[-/.,_\s]*"
#: First with all separators, then with some of them lost, then with the month's name.
_DATES: tuple[tuple[DateForm, re.Pattern[str]], ...] = tuple(
    (form, re.compile(pattern))
    for form, pattern in (
        (DateForm.YEAR_FIRST, rf"{_YEAR}{_MARK}(?P<a>{_ONE_OR_TWO}){_MARK}(?P<b>{_TWO}|\d(?!\d))"),
        (DateForm.YEAR_FIRST, rf"{_YEAR}:(?P<a>{_TWO}):(?P<b>{_TWO})"),
        (DateForm.YEAR_FIRST, rf"{_YEAR}\s?年\s?(?P<a>{_ONE_OR_TWO})\s?月\s?(?P<b>{_ONE_OR_TWO})"),
        (DateForm.YEAR_FIRST, rf"(?<!\d){_YEAR}(?:{_MARK})?(?P<a>{_TWO})(?:{_MARK})?(?P<b>{_TWO})"),
        (DateForm.YEAR_LAST, rf"(?P<a>{_FIRST})\s?[-/,_~ ]\s?(?P<b>{_ONE_OR_TWO})\s?[-/,_~ ]\s?{_YEAR}"),
        (DateForm.YEAR_LAST, rf"(?<!\d)(?P<a>{_TWO})(?:[-/])?(?P<b>{_TWO})(?:[-/])?{_YEAR}"),
        (DateForm.DAY_FIRST, rf"(?P<a>{_FIRST})\s?\.\s?(?P<b>{_ONE_OR_TWO})\s?\.\s?{_YEAR}"),
        (DateForm.SHORT, rf"(?<!\d)(?P<y>{_TWO})[-/](?P<a>{_TWO})[-/](?P<b>{_TWO})"),
        (DateForm.SHORT_DAY_FIRST, rf"(?<!\d)(?P<a>{_TWO})\.(?P<b>{_TWO})\.(?P<y>{_TWO})"),
        (DateForm.YEAR_FIRST, rf"(?P<b>{_FIRST}){_GAP}{_MONTH}{_GAP}{_YEAR}"),
        (DateForm.YEAR_FIRST, rf"(?<!\d)(?<!\d[-/., ]){_MONTH}{_GAP}(?P<b>{_ONE_OR_TWO}){_GAP}{_YEAR}"),
        (DateForm.YEAR_FIRST, rf"{_YEAR}{_GAP}{_MONTH}{_GAP}(?P<b>{_TWO}|\d(?!\d))"),
    )
)
_COLON, _LOST = r"\s?[:;.·'’]\s?", r"\s?[:;.·'’]?\s?"
_HOUR, _SIXTY = r"(?P<h>[01]?\d|2[0-3])", r"[0-5]\d"
_HALF = r"(?:[.,]\d{1,3}(?!\d))?(?:\s?(?P<half>[AP])\.?\s?M(?![A-Z]))?"
_TIMES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?<!\d)(?<!\d[:;.·]){_HOUR}{_COLON}(?P<m>{_SIXTY}){_COLON}(?P<s>{_SIXTY}){_HALF}",
        rf"(?<!\d[:;.·])(?P<h>[01]\d|2[0-3]){_LOST}(?P<m>{_SIXTY}){_LOST}(?P<s>{_SIXTY}){_HALF}",
        rf"(?<![\d:;.]){_HOUR}:(?P<m>{_SIXTY})(?!\s?[:;.·'’\d]){_HALF}",
    )
)  # fmt: skip
_HALF_BEFORE = re.compile(r"(?P<half>[AP])\.?M\.?\s?$")
#: Longer lines are subtitles, and cost time to no end.
_LONGEST = 200


def written(text: str) -> Written:
    """All that a line may say of date and time.

    >>> sorted(time.second for time in written("2020-05-22 08:04:34").times)
    [29074]
    """
    plain = _plain(text[:_LONGEST])
    found = _dated(plain)
    # Digits of a date are no time: 21 14:59 of 2026-07-21 14:59 is not 21:14:59.
    rests = [rest for match, _ in found for rest in (plain[: match.start()], plain[match.end() :])] or [plain]
    return Written(frozenset(date for _, date in found), frozenset(time for rest in rests for time in _times(rest)))


def _dated(plain: str) -> list[tuple[re.Match[str], ShownDate]]:
    """The dates and where they stand, without those that are a part of a longer one."""
    found = [
        (match, date)
        for form, pattern in _DATES
        for match in _all(pattern, plain)
        if (date := _date(form, match.groupdict())) is not None
    ]
    return [one for one in found if not any(_is_inside(one[0].span(), other.span()) for other, _ in found)]


def _is_inside(part: tuple[int, int], whole: tuple[int, int]) -> bool:
    return part != whole and whole[0] <= part[0] and part[1] <= whole[1]


def _plain(text: str) -> str:
    """Capitals, ASCII digits and marks; letters among digits as the digits that they are."""
    folded = unicodedata.normalize("NFKC", text).upper()
    digits = _LIKE_DIGITS.sub(lambda found: found[0].translate(_DIGITS_FOR), folded)
    return _NAMES_FOR_0.sub("OCT", digits)


def _all(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """All places where a pattern fits, those that overlap too: `222020-05-22` has one date."""
    found = pattern.search(text)
    while found is not None:
        yield found
        found = pattern.search(text, found.start() + 1)


def _times(text: str) -> Iterator[ShownTime]:
    for pattern in _TIMES:
        for found in _all(pattern, text):
            parts = found.groupdict()
            half = parts["half"] or _half_before(text[: found.start()])
            time = _time(int(parts["h"]), int(parts["m"]), parts.get("s"), half)
            if time is not None:
                yield time


def _half_before(text: str) -> str | None:
    found = _HALF_BEFORE.search(text)
    return found and found["half"]


def _time(hour: int, minute: int, second: str | None, half: str | None) -> ShownTime | None:
    if half is not None:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "P" else 0)
    return ShownTime(hour * 3600 + minute * 60 + int(second or 0), 60 if second is None else 1)


def _date(form: DateForm, parts: Mapping[str, str | None]) -> ShownDate | None:
    """None where no day of any calendar reads like this, in whichever order."""
    year, name = parts["y"] or "", parts.get("name")
    first = f"{_MONTHS.index(name) + 1:02}" if name else (parts.get("a") or "").zfill(2)
    second = (parts["b"] or "").zfill(2)
    ahead = form in (DateForm.YEAR_FIRST, DateForm.SHORT)
    shown = ShownDate(form, year + first + second if ahead else first + second + year)
    return shown if days_of(shown) else None


def days_of(shown: ShownDate) -> dict[str, dt.date]:
    """The days that a date may be, by the order of its parts, such as `DMY`."""
    return {order: day for order in _ORDERS[shown.form] if (day := _day(shown.digits, order)) is not None}


#: The orders in which a form may be meant.
_ORDERS = {
    DateForm.YEAR_FIRST: ("YMD",),
    DateForm.YEAR_LAST: ("DMY", "MDY"),
    DateForm.DAY_FIRST: ("DMY",),
    DateForm.SHORT: ("YMD", "DMY", "MDY"),
    DateForm.SHORT_DAY_FIRST: ("DMY",),
}


def _day(digits: str, order: str) -> dt.date | None:
    """None where there is no such day."""
    parts: dict[str, int] = {}
    rest = digits
    for part in order:
        width = 4 if part == "Y" and len(digits) == 8 else 2
        parts[part], rest = int(rest[:width]), rest[width:]
    year = parts["Y"] if len(digits) == 8 else 2000 + parts["Y"]
    try:
        return dt.date(year, parts["M"], parts["D"])
    except ValueError:
        return None


def digits_of(day: dt.date, form: DateForm, order: str) -> str:
    """How a day is written in that form and order."""
    year = f"{day:%Y}" if len(form.value) == 8 else f"{day:%y}"
    return "".join({"Y": year, "M": f"{day:%m}", "D": f"{day:%d}"}[part] for part in order)
