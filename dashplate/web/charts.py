"""Plots as SVG, drawn here: no script, and a screen reader is told the figures."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from markupsafe import Markup

#: Of the drawing; the page stretches it to its own width.
_WIDTH, _HEIGHT = 700.0, 100.0
_BAR = Markup(
    '<rect class="bar" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}: {:,.0f}</title></rect>'
)
_FIGURE = Markup(
    '<figure class="chart"><div class="most">{}</div>'
    '<svg viewBox="0 0 {:.0f} {:.0f}" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    '<figcaption aria-hidden="true">{}</figcaption></figure>'
)
#: A calendar's day and its step, and what stands beside and above.
_DAY, _STEP, _LEFT, _ABOVE = 12, 15, 30, 16
#: Shades of days, by their share of the most; and the most weeks that are drawn.
_SHADES, MOST_WEEKS = 4, 53
_CELL = Markup('<rect class="day s{}" x="{}" y="{}" width="{}" height="{}" rx="2"><title>{}: {:,}</title></rect>')
_MONTH = Markup('<text class="label" x="{}" y="11">{}</text>')


def bars(title: str, values: Sequence[tuple[str, float]], every: int) -> Markup:
    """Columns, one a value, with a label below each `every`-th from the first. `title` says what is counted."""
    top = max((value for _, value in values), default=0) or 1
    step = _WIDTH / max(1, len(values))
    drawn = []
    for number, (label, value) in enumerate(values):
        tall = max(1.5, _HEIGHT * value / top) if value else 0.0
        drawn.append(_BAR.format((number + 0.12) * step, _HEIGHT - tall, step * 0.76, tall, label, value))
    said = ", ".join(f"{label}: {value:,.0f}" for label, value in values if value)
    return _FIGURE.format(
        f"{top:,.0f}", _WIDTH, _HEIGHT, f"{title}. {said}" if said else title, Markup("").join(drawn),
        Markup("").join(
            Markup("<span>{}</span>").format("" if place % every else label) for place, (label, _) in enumerate(values)
        ),
    )  # fmt: skip


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
        if day.day == 1:
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
