"""Which day a clock on screen shows, and in which order it writes day and month.

A clip's date stands still, so its looks vote, digit by digit. Where two orders give a day each, midnight within the
clip settles it, or what other sources say of the recording; otherwise nobody knows, and nothing is said.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from pipeline.camera.on_screen.running import DAY_S, Look, Run
from pipeline.camera.on_screen.written import DateForm, ShownDate, days_of, digits_of
from pipeline.camera.records import ClockClaim

#: So many looks must show the date.
LEAST_LOOKS = 2
#: What another source says supports an order where it is this near: its zone may be any.
NEAR = dt.timedelta(hours=26)


def day_of(run: Run, hints: Sequence[ClockClaim]) -> dt.date | None:
    """The day on which second 0 of the run's clock was; None where the screen does not tell it, or not surely."""
    found: dict[dt.date, float] = {}
    for form in DateForm:
        shown = [(_days_later(run, look), date) for look in run.looks for date in look.dates if date.form is form]
        if len(shown) < LEAST_LOOKS:
            continue
        for order, day in _candidates(shown):
            agreement = _agreement(shown, form, order, day)
            if agreement:
                found[day] = max(found.get(day, 0.0), agreement)
    if not found:
        return None
    # A day that explains more looks than any other; among equals, what others say.
    most = max(found.values())
    best = [day for day, agreement in found.items() if agreement == most]
    if len(best) > 1:
        best = [day for day in best if any(_near(day, run, hint) for hint in hints)]
    return best[0] if len(best) == 1 else None


def _days_later(run: Run, look: Look) -> int:
    """How many midnights have passed on the clock since its second 0."""
    return int((run.start_s + look.time_s) // DAY_S)


def _candidates(shown: Iterable[tuple[int, ShownDate]]) -> set[tuple[str, dt.date]]:
    """Orders and days that a vote over the digits makes of the dates, each brought back to day 0."""
    by_day: dict[int, list[ShownDate]] = defaultdict(list)
    for later, date in shown:
        by_day[later].append(date)
    candidates: set[tuple[str, dt.date]] = set()
    for later, dates in by_day.items():
        voted = "".join(Counter(column).most_common(1)[0][0] for column in zip(*(d.digits for d in dates), strict=True))
        for order, day in days_of(ShownDate(dates[0].form, voted)).items():
            candidates.add((order, day - dt.timedelta(days=later)))
    return candidates


def _agreement(shown: Sequence[tuple[int, ShownDate]], form: DateForm, order: str, day: dt.date) -> int:
    """Digits that are as they should be; 0 where at some place more than half of the looks say another one."""
    wanted = [digits_of(day + dt.timedelta(days=later), form, order) for later, _ in shown]
    places = [
        sum(digits[place] == date.digits[place] for digits, (_, date) in zip(wanted, shown, strict=True))
        for place in range(len(form.value))
    ]
    return sum(places) if min(places) * 2 > len(shown) else 0


def _near(day: dt.date, run: Run, hint: ClockClaim) -> bool:
    at = dt.datetime.combine(day, dt.time()) + dt.timedelta(seconds=run.start_s)
    return abs(at - hint.at.replace(tzinfo=None)) <= NEAR + dt.timedelta(seconds=hint.error_s)
