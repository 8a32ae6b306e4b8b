"""The simulator's arithmetic, and what it says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.simulator.command import end_lines, held_line, steady_table
from bench.simulator.counters import Counters, Sum
from bench.simulator.held import Held
from bench.simulator.run import Ended, Steady
from bench.simulator.scale import Fleet, Measured, months, needs

HELD = Held(2_000_000, 50_000_000, 20_000_000, 300, 4000, 2, 17, 9_000_000)
DID = Sum(stage_s=95.0, task_s=98.0, tasks=100, dispatch_s=0.1, dispatches=10, dispatched=50)


def test_workers_of_two_processes_count_in_one_file(tmp_path: Path) -> None:
    counters = Counters.made(tmp_path / "counters", 3)
    before = counters.sum()
    other = Counters.opened(tmp_path / "counters")
    other.stage(2, 1.5)
    other.task(2, 2.0)
    counters.dispatch(0, 0.25, 4)
    assert counters.sum().since(before) == Sum(1.5, 2.0, 1, 0.25, 1, 4)
    assert (counters.at_work, other.sum()) == (1, counters.sum())


def test_what_stages_do_not_have_is_asking_or_waiting() -> None:
    found = Steady(10, 10.0, DID, 50, {"Redis": 0.05, "PostgreSQL": 0.2}, 2_000_000, HELD)
    assert (found.efficiency, found.asking) == pytest.approx((0.95, 0.03))
    said = {
        line[:32].strip(): line[32:].split() for line in steady_table([found, replace(found, workers=20)]).splitlines()
    }
    assert said["in their stages"] == ["95.0%", "47.5%"]
    assert said["waiting for a message"] == ["2.0%", "51.0%"]
    assert said["processor ms a segment"] == ["5.00", "5.00"]
    assert said["of it choosing what is next"] == ["2.000", "2.000"]
    assert said["log of PostgreSQL, kB a segment"] == ["40.0", "40.0"]


def test_a_fleet_that_ended_says_what_was_lost() -> None:
    assert held_line(60.0, 1200, HELD).split() == ["60", "1200", "2.0", "50", "20", "4000", "300", "2", "17"]
    ended = Ended(10.0, 1000, lost=1, again=2, sightings_off=-3, cost={"Redis": 1.0, "PostgreSQL": 2.0})
    said = end_lines(ended)
    assert said[1] == "lost 1, sent again 2, sightings too few or too many -3"
    assert "3.00 (Redis 1.00, PostgreSQL 2.00)" in said[2]


def test_a_larger_fleet_breaks_the_same_part_first() -> None:
    small, large = (needs(Fleet(cars=cars)) for cars in (1_000, 100_000))
    assert [need.part for need in small] == [need.part for need in large]
    assert large[0].times == pytest.approx(100 * small[0].times)
    slower = needs(Fleet(cars=1_000), Measured(postgres_ms=1e6))
    assert slower[0].part == "PostgreSQL"


def test_what_is_sent_decides_what_a_month_costs() -> None:
    video, crops = (months(Fleet(), in_the_car=there) for there in (False, True))
    assert crops["mobile network"] < video["mobile network"] / 50
    assert {what for what in video if video[what] != crops[what]} == {"workers", "mobile network"}
