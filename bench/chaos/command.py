"""`dashplate-chaos`: runs schedules of faults and says whether anything was lost or doubled."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.chaos.disturbed.fleet import ChaosFleet
from bench.chaos.run import Chaos, Outcome
from bench.chaos.schedule import Schedule, schedule_of
from pipeline.errors import DashplateError

#: Lines of a difference that are shown.
_SHOWN = 6


def chaos(
    seed: Annotated[int | None, typer.Option(help="Only the schedule of this seed.", show_default=False)] = None,
    seeds: Annotated[int, typer.Option(help="How many schedules.", min=1)] = 100,
    from_seed: Annotated[int, typer.Option(help="The first one's seed.", min=0)] = 0,
    faults: Annotated[int, typer.Option(help="At least so many faults in each.", min=1, max=12)] = 5,
    show: Annotated[bool, typer.Option("--show", help="Print the schedules and run nothing.")] = False,
    story: Annotated[bool, typer.Option("--story", help="Say what struck when, not only of a failure.")] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write every outcome here.", show_default=False)
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(help="Keep servers' data, logs and pictures in this new folder.", show_default=False)
    ] = None,
) -> None:
    """Kill, freeze, restart and flush under a running fleet; its rows must equal those of an undisturbed run."""
    wanted = [seed] if seed is not None else range(from_seed, from_seed + seeds)
    schedules = [schedule_of(number, least=faults, most=faults + 2) for number in wanted]
    if show:
        for schedule in schedules:
            sys.stdout.write(json.dumps(asdict(schedule), indent=1) + "\n")
        return
    folder = keep or Path(tempfile.mkdtemp(prefix="dashplate-chaos-"))
    try:
        with ChaosFleet(folder.resolve()) as fleet:
            outcomes = _run(Chaos(fleet), schedules, faults, story)
    except DashplateError as error:
        sys.stderr.write(f"chaos: {error}\n")
        raise typer.Exit(error.exit_code) from error
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    if json_file is not None:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_text(json.dumps([_record(one) for one in outcomes], indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(total(outcomes, faults) + "\n")
    if not all(one.identical and len(one.struck) >= faults for one in outcomes):
        raise typer.Exit(1)


def total(outcomes: list[Outcome], least: int = 5) -> str:
    """`100 schedules, 640 faults: lost 0, doubled 0`, with more where there is more to say.

    Counted are faults that struck; schedules with fewer than `least` of them are named.
    """
    count = sum(len(one.struck) for one in outcomes)
    spared = [str(one.schedule.seed) for one in outcomes if len(one.struck) < least]
    lost = sum(len(one.difference.lost) for one in outcomes)
    doubled = sum(len(one.difference.doubled) for one in outcomes)
    changed = sum(len(one.difference.changed) for one in outcomes)
    stood = sum(bool(one.standstill) for one in outcomes)
    more = "".join(f", {what} {number}" for what, number in (("changed", changed), ("not ended", stood)) if number)
    few = f"; fewer than {least} faults struck in seed {', '.join(spared)}" if spared else ""
    return f"{len(outcomes)} schedules, {count} faults: lost {lost}, doubled {doubled}{more}{few}"


def line(outcome: Outcome) -> str:
    """What is said about one schedule."""
    schedule = outcome.schedule
    seen = (
        f"{outcome.attempts} attempts more, {outcome.failures} failures, {outcome.losses} losses,"
        f" {outcome.restarts} restarts"
    )
    verdict = "identical" if outcome.identical else "DIFFERENT"
    head = f"seed {schedule.seed:3d}  {outcome.seconds:5.1f} s  {verdict}  {schedule.content}/{schedule.store}"
    wrong = [*outcome.standstill, *outcome.difference.lines]
    more = [f"  and {len(wrong) - _SHOWN} more"] if len(wrong) > _SHOWN else []
    strikes = " ".join(outcome.struck)
    return "\n".join([f"{head}  {strikes}  ({seen})", *(f"  {one}" for one in wrong[:_SHOWN]), *more])


def _run(runs: Chaos, schedules: list[Schedule], faults: int, story: bool) -> list[Outcome]:
    outcomes = []
    for schedule in schedules:
        outcome = runs.run(schedule)
        outcomes.append(outcome)
        sys.stdout.write(f"{time.strftime('%H:%M:%S')}  {line(outcome)}\n")
        if story or not outcome.identical:
            sys.stdout.write("".join(f"    {one}\n" for one in outcome.story))
        if not outcome.identical:
            more = "" if faults == 5 else f" --faults {faults}"
            sys.stdout.write(f"  again: dashplate-chaos --seed {schedule.seed}{more}\n")
        sys.stdout.flush()
    return outcomes


def _record(outcome: Outcome) -> dict[str, Any]:
    return {**asdict(outcome), "identical": outcome.identical}


def main() -> None:
    """The console command."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(chaos)
    app()
