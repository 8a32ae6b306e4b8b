"""The command: simulates workers and prints what orchestration costs them."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from bench.simulator import scale
from bench.simulator.held import Held
from bench.simulator.run import SEGMENTS, Ended, Steady, steady, to_the_end

#: Share of the workers' time that stages of a second shall have.
_LEAST_EFFICIENCY = 0.95


def main() -> None:
    """Run the command line."""
    app = typer.Typer(add_completion=False, help=__doc__)
    app.command("steady")(_steady)
    app.command("end")(_end)
    app.command("scale")(_scale)
    app()


def _steady(
    workers: Annotated[list[int], typer.Argument(help="How many, one measurement each.")],
    stage_s: Annotated[float, typer.Option(help="How long each stage takes.")] = 1.0,
    plates: Annotated[int, typer.Option(help="In each segment; with none, all workers detect.")] = 1,
    for_s: Annotated[float, typer.Option("--for", help="How long is measured.")] = 60.0,
) -> None:
    """How much of their time workers spend on their stages, while more work is waiting."""
    found = []
    for number in workers:
        found.append(steady(number, stage_s, plates, for_s, _say))
        _say(f"{number} workers: {found[-1].efficiency:.1%}")
    print(f"stages of {stage_s:g} s, {plates} plates in each segment, {for_s:.0f} s")
    print(steady_table(found))
    _conditions()
    raise typer.Exit(1 if any(one.efficiency < _LEAST_EFFICIENCY for one in found) else 0)


def _end(
    workers: int = 16,
    videos: Annotated[int, typer.Option(help=f"Of {SEGMENTS} segments each.")] = 10_000,
    plates: Annotated[int, typer.Option(min=0, max=1, help="In each segment.")] = 0,
    every_s: Annotated[float, typer.Option("--every", help="Seconds between two lines.")] = 60.0,
) -> None:
    """A whole fleet to its end, with what the servers hold meanwhile."""
    print(f"{videos * SEGMENTS} segments, {plates} plates in each, {workers} workers whose stages take no time")
    print(_HELD_HEAD)

    def look(seconds: float, done: int, held: Held) -> None:
        print(held_line(seconds, done, held), flush=True)

    ended = to_the_end(workers, videos, plates, every_s, look)
    print("\n".join(end_lines(ended)))
    _conditions()
    raise typer.Exit(1 if ended.lost or ended.again or ended.sightings_off else 0)


def _scale(cars: int = 100_000, hours: float = 2.0, plates: float = 5.0, mbit: float = 15.0) -> None:
    """A fleet on paper: what it needs, what breaks first, what it costs (docs/scale.md)."""
    for line in scale.lines(scale.Fleet(cars, hours, plates, mbit)):
        print(line)


_HELD_HEAD = (
    f"{'seconds':>8}{'segments':>10}{'Redis MB':>10}{'database MB':>13}{'segments MB':>13}{'rows':>10}{'dead rows':>11}"
    f"{'vacuums':>9}{'connections':>13}"
)


def held_line(seconds: float, done: int, held: Held) -> str:
    """One moment of a fleet."""
    return (
        f"{seconds:>8.0f}{done:>10}{held.redis_bytes / 1e6:>10.1f}{held.database_bytes / 1e6:>13.0f}"
        f"{held.segments_bytes / 1e6:>13.0f}{held.live_rows:>10}{held.dead_rows:>11}{held.vacuums:>9}"
        f"{held.connections:>13}"
    )


def steady_table(found: list[Steady]) -> str:
    """A line for each figure, a column for each number of workers."""
    rows: list[tuple[str, list[str]]] = [
        ("in their stages", [f"{one.efficiency:.1%}" for one in found]),
        ("beginning, storing, sending on", [f"{one.asking:.1%}" for one in found]),
        ("waiting for a message", [f"{max(0.0, 1 - one.efficiency - one.asking):.1%}" for one in found]),
        ("segments a second", [f"{one.segments / one.seconds:.1f}" for one in found]),
        ("connections to PostgreSQL", [str(one.held.connections) for one in found]),
        ("Redis, MB", [f"{one.held.redis_bytes / 1e6:.1f}" for one in found]),
        ("processor ms a segment", [f"{1000 * sum(one.cost.values()) / max(1, one.segments):.2f}" for one in found]),
    ]
    for part in found[0].cost:
        rows.append((f"  {part}", [f"{1000 * one.cost[part] / max(1, one.segments):.2f}" for one in found]))
    chosen = [f"{1000 * one.did.dispatch_s / max(1, one.did.dispatched):.3f}" for one in found]
    rows.append(("  of it choosing what is next", chosen))
    rows.append(
        ("segments sent at a time", [f"{one.did.dispatched / max(1, one.did.dispatches):.1f}" for one in found])
    )
    rows.append(
        ("log of PostgreSQL, kB a segment", [f"{one.log_bytes / 1e3 / max(1, one.segments):.1f}" for one in found])
    )
    lines = [f"{'workers':<32}" + "".join(f"{one.workers:>10}" for one in found)]
    return "\n".join(lines + [f"{name:<32}" + "".join(f"{value:>10}" for value in values) for name, values in rows])


def end_lines(ended: Ended) -> list[str]:
    """What came out of a whole fleet."""
    each = 1000 / max(1, ended.segments)
    spent = ", ".join(f"{part} {each * seconds:.2f}" for part, seconds in ended.cost.items())
    return [
        f"{ended.segments} segments in {ended.seconds:.0f} s, {ended.segments / ended.seconds:.0f} a second",
        f"lost {ended.lost}, sent again {ended.again}, sightings too few or too many {ended.sightings_off}",
        f"processor ms a segment, opening included: {each * sum(ended.cost.values()):.2f} ({spent})",
    ]


def _conditions() -> None:
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
