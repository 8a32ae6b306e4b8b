"""Draws confidences against what came true, as an SVG: the reliability diagram."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from xml.sax.saxutils import escape

from evaluation.reading.calibration import Bin, expected_error

#: Sides of the diagram and its margins, pixels.
_SIDE, _LEFT, _TOP, _BELOW = 360, 56, 16, 48
#: A line of the legend.
_LEGEND_LINE = 20
#: A colour a reader; they repeat.
_COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf")
#: Radius of a bin's dot that holds all readings, and of the smallest.
_LARGEST_DOT, _SMALLEST_DOT = 12.0, 2.0


def reliability_svg(bins: Mapping[str, Sequence[Bin]]) -> str:
    """The diagram of several readers: a dot for each bin with readings, as large as they are many.

    Dots below the diagonal are overconfident, dots above it shy.
    """
    height = _TOP + _SIDE + _BELOW + _LEGEND_LINE * len(bins)
    width = _LEFT + _SIDE + 24
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        *_axes(),
    ]
    for index, (name, some) in enumerate(bins.items()):
        colour = _COLOURS[index % len(_COLOURS)]
        lines += _dots(some, colour)
        lines += _legend(name, some, colour, _TOP + _SIDE + _BELOW + _LEGEND_LINE * index)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _axes() -> Iterator[str]:
    yield f'<rect x="{_LEFT}" y="{_TOP}" width="{_SIDE}" height="{_SIDE}" fill="none" stroke="#888"/>'
    yield f'<path d="M{_at(0, 0)} L{_at(1, 1)}" stroke="#888" stroke-dasharray="4 4"/>'
    for step in range(0, 11, 2):
        x, y = _at(step / 10, step / 10).split(",")
        yield f'<text x="{x}" y="{_TOP + _SIDE + 16}" text-anchor="middle">{step / 10:.1f}</text>'
        yield f'<text x="{_LEFT - 6}" y="{y}" text-anchor="end" dy="4">{step / 10:.1f}</text>'
    yield f'<text x="{_LEFT + _SIDE / 2}" y="{_TOP + _SIDE + 34}" text-anchor="middle">confidence</text>'
    middle = _TOP + _SIDE / 2
    yield f'<text x="14" y="{middle}" text-anchor="middle" transform="rotate(-90 14 {middle})">share right</text>'


def _dots(bins: Sequence[Bin], colour: str) -> Iterator[str]:
    filled = [b for b in bins if b.readings]
    total = sum(b.readings for b in filled)
    if len(filled) > 1:
        path = " L".join(_at(b.confidence, b.right) for b in filled)
        yield f'<path d="M{path}" fill="none" stroke="{colour}"/>'
    for b in filled:
        x, y = _at(b.confidence, b.right).split(",")
        radius = max(_SMALLEST_DOT, _LARGEST_DOT * (b.readings / total) ** 0.5)
        words = f"{b.readings} readings from {b.low:.1f} to {b.high:.1f}: {b.confidence:.2f} sure, {b.right:.2f} right"
        yield (
            f'<circle cx="{x}" cy="{y}" r="{radius:.1f}" fill="{colour}" fill-opacity="0.5" stroke="{colour}">'
            f"<title>{words}</title></circle>"
        )


def _legend(name: str, bins: Sequence[Bin], colour: str, y: int) -> Iterator[str]:
    error, readings = expected_error(bins), sum(b.readings for b in bins)
    words = f"{name}: {readings} readings" + ("" if error is None else f", ECE {error:.3f}")
    yield f'<rect x="{_LEFT}" y="{y}" width="12" height="12" fill="{colour}"/>'
    yield f'<text x="{_LEFT + 18}" y="{y + 11}">{escape(words)}</text>'


def _at(confidence: float, right: float) -> str:
    return f"{_LEFT + confidence * _SIDE:.1f},{_TOP + (1 - right) * _SIDE:.1f}"
