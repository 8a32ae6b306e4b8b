"""Draws the panels of deploy/monitoring/dashboard.json as a Prometheus answers them, without Grafana.

`python -m bench.pictures.dashboard http://127.0.0.1:9090 --minutes 10 --out docs/dashboard.png`
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any, TypeAlias

import httpx

#: Inches of a cell of the dashboard's grid of 24 columns, and dots an inch.
_CELL, _DPI = (0.42, 0.30), 72
#: Points along time that are asked for, and the window of rates.
_POINTS, _RATE = 120, "1m"
_FILE = Path(__file__).parents[2] / "deploy" / "monitoring" / "dashboard.json"
#: Steps from one unit to the next; seconds as they are.
_BYTES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
_Series: TypeAlias = tuple[str, list[tuple[float, float]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--ago", type=float, default=0.0, help="Minutes before now that the picture ends.")
    parser.add_argument("--out", type=Path, default=Path("dashboard.png"))
    given = parser.parse_args()
    draw(given.url, time.time() - given.ago * 60, given.minutes * 60, given.out)


def draw(url: str, end: float, seconds: float, out: Path) -> None:
    """The dashboard of so many seconds up to a time as a picture."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    panels = json.loads(_FILE.read_text("utf-8"))["panels"]
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    figure = pyplot.figure(figsize=(24 * _CELL[0], rows * _CELL[1]), dpi=_DPI)
    with httpx.Client(base_url=url, timeout=30) as client:
        for panel in panels:
            place = panel["gridPos"]
            box = (place["x"] / 24, 1 - (place["y"] + place["h"]) / rows, place["w"] / 24, place["h"] / rows)
            series = [one for target in panel.get("targets", ()) for one in _answered(client, target, end, seconds)]
            _PANELS[panel["type"]](figure, panel, box, series)
    figure.savefig(out)


def _answered(client: httpx.Client, target: dict[str, Any], end: float, seconds: float) -> list[_Series]:
    """(legend, points) of each series that an expression gives; times are seconds before the end."""
    asked = {"query": target["expr"].replace("$__rate_interval", _RATE), "start": end - seconds, "end": end}
    said = client.get("/api/v1/query_range", params={**asked, "step": max(1.0, seconds / _POINTS)}).raise_for_status()
    found = []
    for one in said.json()["data"]["result"]:
        legend = target["legendFormat"]
        for label, value in one["metric"].items():
            legend = legend.replace(f"{{{{{label}}}}}", value)
        found.append((legend, [(float(at) - end, float(value)) for at, value in one["values"]]))
    return found


def _row(figure: Any, panel: dict[str, Any], box: tuple[float, ...], series: list[Any]) -> None:
    figure.text(box[0] + 0.006, box[1] + box[3] / 2, panel["title"], fontsize=11, weight="bold", va="center")


def _stat(figure: Any, panel: dict[str, Any], box: tuple[float, ...], series: list[Any]) -> None:
    value = series[0][1][-1][1] if series and series[0][1] else None
    mapped = [one["options"] for one in panel["fieldConfig"]["defaults"]["mappings"]]
    words = next((one[f"{value:g}"]["text"] for one in mapped if value is not None and f"{value:g}" in one), None)
    shown = words or ("–" if value is None else _valued(value, panel["fieldConfig"]["defaults"]["unit"]))
    centre = box[0] + box[2] / 2
    figure.text(centre, box[1] + box[3] * 0.82, panel["title"], fontsize=9, ha="center", va="center")
    figure.text(centre, box[1] + box[3] * 0.40, shown, fontsize=19, ha="center", va="center", color="#1f7a3a")


def _lines(figure: Any, panel: dict[str, Any], box: tuple[float, ...], series: list[Any]) -> None:
    left, bottom, width, height = box
    axes = figure.add_axes((left + 0.045, bottom + height * 0.16, width - 0.055, height * 0.70))
    unit = panel["fieldConfig"]["defaults"]["unit"]
    for legend, points in series:
        if points:
            axes.plot([at / 60 for at, _ in points], [value for _, value in points], label=legend, linewidth=1.2)
    axes.set_title(panel["title"], fontsize=9, loc="left")
    axes.set_ylim(bottom=0)
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.25)
    axes.yaxis.set_major_formatter(lambda value, _: _valued(value, unit))
    if series:
        axes.legend(fontsize=5.5, loc="upper left", ncols=2, frameon=True, framealpha=0.7, edgecolor="none")


_PANELS = {"row": _row, "stat": _stat, "timeseries": _lines}


def _valued(value: float, unit: str) -> str:
    if unit == "bytes":
        size, name = next(((size, name) for size, name in _BYTES if value >= size), (1.0, "B"))
        return f"{value / size:.3g} {name}"
    return f"{value:.3g}{' s' if unit == 's' else ''}"


if __name__ == "__main__":
    main()
