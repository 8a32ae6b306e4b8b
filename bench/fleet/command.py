"""The command: measures a fleet and prints what it took."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bench.fleet.cost import PARTS
from bench.fleet.run import Asked, Measured, measure


def main() -> None:
    """Run the command line."""
    typer.run(_fleet)


def _fleet(
    videos: int = 10_000,
    segments: Annotated[int, typer.Option(help="Of each video.")] = 60,
    plates: Annotated[int, typer.Option(help="In each segment.")] = 1,
    look_ms: Annotated[float, typer.Option(help="How long detection of a segment takes.")] = 0.0,
    for_s: Annotated[
        float | None, typer.Option("--for", help="Stop so many seconds after all files are opened.", show_default=False)
    ] = None,
    out: Annotated[Path | None, typer.Option("--json", help="Write every figure here.", show_default=False)] = None,
) -> None:
    """Submit a fleet of stand-in drives to real servers and workers, and say what the control plane costs."""
    asked = Asked(videos, segments, plates, look_ms / 1000, for_s)
    found = measure(asked, lambda line: print(line, file=sys.stderr, flush=True))
    for line in lines(asked, found):
        print(line)
    missed = misses(found)
    for line in missed:
        print(f"MISSED: {line}")
    if out is not None:
        figures = {"asked": asdict(asked), "measured": asdict(found)}
        out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    raise typer.Exit(1 if missed else 0)


def misses(found: Measured) -> list[str]:
    """What is worse than the house promises, a sentence each."""
    ms = 1000 * found.cost.total_s / max(1, found.segments)
    promises = (
        ("submit, s", found.submit_s, 60.0),
        ("Redis at its peak, MB", found.redis_peak_bytes / 1e6, 64.0),
        ("control plane, processor ms a segment", ms, 5.0),
        ("start of a small job behind the fleet, s", found.small_started_s, 5.0),
    )
    said = [f"{what}: {value:.1f}, promised are {most:.0f} at most." for what, value, most in promises if value > most]
    return said + [f"{plan.name}: it reads all of {', '.join(plan.scanned)}." for plan in found.plans if plan.scanned]


def lines(asked: Asked, found: Measured) -> list[str]:
    """What was measured, with its conditions."""
    whole = asked.videos * asked.segments
    done = "to its end" if found.finished else f"of which {found.segments} were done in {found.seconds:.0f} s"
    per_ms = {part: 1000 * found.cost.seconds[part] / max(1, found.segments) for part in PARTS}
    opening_ms = {part: 1000 * found.opening.seconds[part] for part in PARTS}
    return [
        f"{asked.videos} videos of {asked.segments} segments ({whole}, {done}), {asked.plates} plates in each segment,"
        f" {1000 * asked.look_s:.0f} ms of detection",
        f"submit                      {found.submit_s:8.1f} s",
        f"all opened                  {found.open_s:8.1f} s",
        f"small job behind it starts  {found.small_started_s:8.1f} s, is done after {found.small_done_s:.1f} s",
        f"Redis, peak                 {found.redis_peak_bytes / 1e6:8.1f} MB ({found.redis_idle_bytes / 1e6:.1f} idle)",
        "",
        f"{'processor ms a segment':<28}{'doing it':>9}{'opening':>9}",
        *(f"{part:<28}{per_ms[part]:>9.2f}{opening_ms[part]:>9.2f}" for part in PARTS),
        f"{'together':<28}{sum(per_ms.values()):>9.2f}{sum(opening_ms.values()):>9.2f}",
        "",
        "plans",
        *map(str, found.plans),
        "",
        f"{os.cpu_count()} cores, load {found.load:.1f}",
    ]
