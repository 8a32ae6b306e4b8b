"""Plots as SVG, drawn here: no script, and a screen reader is told the figures."""

from __future__ import annotations

from collections.abc import Sequence

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


def bars(title: str, values: Sequence[tuple[str, float]], labels: int = 5) -> Markup:
    """Columns, one a value; so many labels below, the first and the last among them. `title` says what is counted."""
    top = max((value for _, value in values), default=0) or 1
    step = _WIDTH / max(1, len(values))
    drawn = []
    for number, (label, value) in enumerate(values):
        tall = max(1.5, _HEIGHT * value / top) if value else 0.0
        drawn.append(_BAR.format((number + 0.12) * step, _HEIGHT - tall, step * 0.76, tall, label, value))
    said = ", ".join(f"{label}: {value:,.0f}" for label, value in values if value)
    return _FIGURE.format(
        f"{top:,.0f}", _WIDTH, _HEIGHT, f"{title}. {said}" if said else title, Markup("").join(drawn),
        Markup("").join(Markup("<span>{}</span>").format(label) for label in _some(values, labels)),
    )  # fmt: skip


def _some(values: Sequence[tuple[str, float]], most: int) -> list[str]:
    """Labels of so many values, evenly spread."""
    last = len(values) - 1
    count = min(most, len(values))
    return [values[round(number * last / max(1, count - 1))][0] for number in range(count)]
