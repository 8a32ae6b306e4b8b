"""Plots as SVG, drawn here: no script, and a screen reader is told the figures."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

_WIDTH, _HEIGHT, _LABELS = 720.0, 140.0, 20.0
_BAR = Markup(
    '<rect class="bar" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="2"><title>{}: {:,.0f}</title></rect>'
)
_LABEL = Markup('<text class="label" x="{:.1f}" y="{:.0f}" text-anchor="middle">{}</text>')


def bars(title: str, values: Sequence[tuple[str, float]], *, every: int = 1) -> Markup:
    """Columns, one a value, with a label below every so-manieth; `title` says what they count."""
    top = max((value for _, value in values), default=0) or 1
    step = _WIDTH / max(1, len(values))
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
        _WIDTH, _HEIGHT, f"{title}. {said}" if said else title, Markup("").join(drawn)
    )
