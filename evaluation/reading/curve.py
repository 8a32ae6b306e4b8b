"""Draws confidences against what came true, as an SVG: the reliability diagram."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from evaluation.reading.calibration import Bin, expected_error
from pipeline.errors import MissingDependency

#: Areas of the dot of a bin that holds all readings, and of the smallest, square points.
_LARGEST_DOT, _SMALLEST_DOT = 450.0, 12.0


def reliability_svg(bins: Mapping[str, Sequence[Bin]]) -> str:
    """The diagram of several readers: a dot for each bin with readings, as large as they are many.

    Dots below the diagonal are overconfident, dots above it shy. Raises MissingDependency.
    """
    style, figure_of = plotting()
    # Texts as texts, and the same file for the same numbers, whatever a user has set.
    with style.context(["default", {"svg.fonttype": "none", "svg.hashsalt": "dashplate", "text.parse_math": False}]):
        figure = figure_of(figsize=(5, 5 + 0.3 * len(bins)), layout="constrained")
        axes = figure.add_subplot(xlabel="confidence", ylabel="share right", xlim=(0, 1), ylim=(0, 1), aspect="equal")
        axes.plot([0, 1], [0, 1], "--", color="0.6")
        lines = []
        for name, some in bins.items():
            filled = [b for b in some if b.readings]
            sure, right = [b.confidence for b in filled], [b.right for b in filled]
            total = sum(b.readings for b in filled)
            sizes = [max(_SMALLEST_DOT, _LARGEST_DOT * b.readings / total) for b in filled]
            lines += axes.plot(sure, right)
            axes.scatter(
                sure, right, sizes, color=lines[-1].get_color(), alpha=0.5, clip_on=False, gid=f"dots of {name}"
            )
        labels = [_label(name, some) for name, some in bins.items()]
        figure.legend(lines, labels, loc="outside lower left", frameon=False)
        svg = io.StringIO()
        figure.savefig(svg, format="svg", metadata={"Date": None})
    return svg.getvalue()


def plotting() -> tuple[Any, Any]:
    """Matplotlib's styles and figures; raises MissingDependency where it is not installed."""
    try:
        from matplotlib import style
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependency(
            f"The diagram needs Matplotlib ({error}); run: pip install 'dashplate[eval]'"
        ) from error
    return style, Figure


def _label(name: str, bins: Sequence[Bin]) -> str:
    error = expected_error(bins)
    return f"{name}: {sum(b.readings for b in bins)} readings" + ("" if error is None else f", ECE {error:.3f}")
