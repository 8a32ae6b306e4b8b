"""Plots as SVG, drawn here: no script, and a screen reader is told the figures."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from markupsafe import Markup

_WIDTH, _HEIGHT, _LABELS = 720.0, 140.0, 20.0
_BAR = Markup(
    '<rect class="bar" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="2"><title>{}: {:,.0f}</title></rect>'
)
_LABEL = Markup('<text class="label" x="{:.1f}" y="{:.0f}" text-anchor="middle">{}</text>')
#: A calendar's day and its step, and what stands beside and above.
_DAY, _STEP, _LEFT, _ABOVE = 12, 15, 30, 16
#: Shades of days, by their share of the most; and the most weeks that are drawn.
_SHADES, MOST_WEEKS = 4, 53
_CELL = Markup('<rect class="day s{}" x="{}" y="{}" width="{}" height="{}" rx="2"><title>{}: {:,}</title></rect>')
_MONTH = Markup('<text class="label" x="{}" y="11">{}</text>')


def bars(title: str, values: Sequence[tuple[str, float]], *, every: int = 1, width: float = _WIDTH) -> Markup:
    """Columns, one a value, with a label below every so-manieth; `title` says what they count."""
    top = max((value for _, value in values), default=0) or 1
    step = width / max(1, len(values))
    height = _HEIGHT - _LABELS
    drawn = []
    for number, (label, value) in enumerate(values):
        tall = max(1.0, height * value / top) if value else 0.0
        x = number * step
        drawn.append(_BAR.format(x + step * 0.12, height - tall, step * 0.76, tall, label, value))
        if number % every == 0:
            drawn.append(_LABEL.format(x + step / 2, _HEIGHT - 4, label))
    said = ", ".join(f"{label}: {value:,.0f}" for label, value in values if value)
    return Markup('<svg class="chart" viewBox="0 0 {:.0f} {:.0f}" role="img" aria-label="{}">{}</svg>').format(
        width, _HEIGHT, f"{title}. {said}" if said else title, Markup("").join(drawn)
    )


def bar(share: float) -> Markup:
    """A share of one as a bar; its figure stands beside it."""
    return Markup(
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="rest" width="100" height="8"/><rect class="part" width="{:.2f}" height="8"/></svg>'
    ).format(100 * min(1.0, max(0.0, share)))


def calendar(title: str, counts: Mapping[dt.date, int], weeks: int) -> Markup:
    """Days as squares, a column a week that begins on Monday, up to the last day that counts anything."""
    last = max(counts)
    monday = last - dt.timedelta(days=last.weekday(), weeks=weeks - 1)
    top = max(counts.values())
    drawn = []
    for place in range(7 * weeks):
        day, (week, weekday) = monday + dt.timedelta(days=place), divmod(place, 7)
        if day > last:
            break
        count = counts.get(day, 0)
        shade = -(-_SHADES * count // top)
        x, y = _LEFT + week * _STEP, _ABOVE + weekday * _STEP
        drawn.append(_CELL.format(shade, x, y, _DAY, _DAY, f"{day:%a %-d %b %Y}", count))
        if day.day == 1 or place == 0:
            drawn.append(_MONTH.format(x, f"{day:%b}"))
    drawn += [
        Markup('<text class="label" x="0" y="{}">{}</text>').format(_ABOVE + row * _STEP + 10, f"{_any(row):%a}")
        for row in (0, 2, 4)
    ]
    said = ", ".join(f"{day:%-d %b %Y}: {count:,}" for day, count in sorted(counts.items()) if day >= monday)
    return Markup('<svg class="chart calendar" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        _LEFT + weeks * _STEP, _ABOVE + 7 * _STEP, f"{title}. {said}", Markup("").join(drawn)
    )


def weeks_of(counts: Mapping[dt.date, int], least: int) -> int:
    """How many weeks a calendar of these days has."""
    first, last = min(counts), max(counts)
    return min(MOST_WEEKS, max(least, (last - first).days // 7 + 2))


def _any(weekday: int) -> dt.date:
    """Any day of that weekday, for its name."""
    return dt.date(2024, 1, 1) + dt.timedelta(days=weekday)
