"""Plots: what they count is told in words too, and no text of theirs becomes markup."""

from __future__ import annotations

import datetime as dt

from dashplate.web.charts import MOST_WEEKS, bar, bars, calendar, weeks_of


def test_a_calendar_ends_with_the_last_day_and_tells_its_counts() -> None:
    days = {dt.date(2026, 11, 2): 1, dt.date(2026, 11, 18): 4}
    drawn = str(calendar("<b>Days", days, weeks=3))
    assert drawn.count('class="day') == 7 + 7 + 3
    assert drawn.count('class="day s4"') == 1, "the most"
    assert drawn.count('class="day s1"') == 1
    assert "2 Nov 2026: 1, 18 Nov 2026: 4" in drawn
    assert "&lt;b&gt;Days" in drawn


def test_a_calendar_is_as_long_as_its_days_within_a_year() -> None:
    day = dt.date(2026, 11, 18)
    assert weeks_of({day: 1}, 18) == 18
    assert weeks_of({day: 1, day - dt.timedelta(weeks=30): 1}, 18) == 32
    assert weeks_of({day: 1, day - dt.timedelta(days=2000): 1}, 18) == MOST_WEEKS


def test_columns_are_labelled_below_their_own_place() -> None:
    drawn = str(bars("Hours", [(str(hour), hour) for hour in range(8)], every=3))
    below = drawn[drawn.index("<figcaption") :]
    assert [label.partition("<")[0] for label in below.split("<span>")[1:]] == ["0", "", "", "3", "", "", "6", ""]


def test_a_bar_stays_within_its_bounds() -> None:
    assert 'width="100.00"' in bar(1.7)
    assert 'width="0.00"' in bar(-1)
