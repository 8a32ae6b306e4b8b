"""The fleet benchmark's arithmetic and what it says."""

from __future__ import annotations

import os
import subprocess
import sys

from bench.fleet.command import lines, misses
from bench.fleet.cost import PARTS, Cost, cost
from bench.fleet.plans import Plan
from bench.fleet.run import Asked, Measured

ASKED = Asked(videos=100, segments=60, plates=1, look_s=0.0, for_s=None)


def measured(**changes: object) -> Measured:
    found = Measured(
        submit_s=9.0,
        open_s=30.0,
        small_started_s=0.2,
        small_done_s=1.0,
        redis_peak_bytes=2_500_000,
        redis_idle_bytes=900_000,
        segments=1000,
        seconds=10.0,
        cost=Cost(dict.fromkeys(PARTS, 1.0)),
        opening=Cost(dict.fromkeys(PARTS, 0.0001)),
        plans=[Plan("whose turn", 0.2, 30, (), ("ix_segments_pending",))],
    )
    for name, value in changes.items():
        setattr(found, name, value)
    return found


def test_what_keeps_its_promises_is_not_called_missed() -> None:
    assert misses(measured()) == []
    said = "\n".join(lines(ASKED, measured()))
    assert "6000" in said
    assert "together                         4.00     0.40" in said


def test_each_promise_that_is_missed_is_named() -> None:
    slow = measured(
        submit_s=61.0,
        redis_peak_bytes=65_000_000,
        cost=Cost(dict.fromkeys(PARTS, 2.0)),
        small_started_s=5.1,
        plans=[Plan("whose turn", 9.0, 600_000, ("segments",), ())],
    )
    assert [line.partition(":")[0] for line in misses(slow)] == [
        "submit, s",
        "Redis at its peak, MB",
        "control plane, processor ms a segment",
        "start of a small job behind the fleet, s",
        "whose turn",
    ]


def test_costs_are_what_processes_used_with_their_ended_children() -> None:
    before = cost(os.getpid(), os.getpid(), [])
    subprocess.run([sys.executable, "-c", "sum(range(5_000_000))"], check=True)
    used = cost(os.getpid(), os.getpid(), []).since(before)
    assert used.seconds["Redis"] > 0.05
    assert used.seconds["worker processes"] == 0
