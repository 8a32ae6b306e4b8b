"""What the answers about health mean: when somebody has to look, and what they are told to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dashplate.metrics.places import Broker, Room
from dashplate.web.health.asked import Answers, Database, Machine, Silent
from dashplate.web.health.judged import Look, State, looks
from db import migrate
from workers.celery_app.app import QUEUES

ROOM = Room(free_bytes=10**12, size_bytes=2 * 10**12)
HERE = {"control": 1.0, "detect": 1.0, "read": 1.0, "sender": 1.0}
IDLE = dict.fromkeys(QUEUES, 0)


def rows(**values: Any) -> Any:
    return values


WELL = Database(
    version="16.3", revision=migrate.newest(), server=rows(bytes=10**9, connections=10, most_connections=100),
    sweep_age_s=1.0, jobs=(), in_flight=(), at_work=(), delayed=0, why_delayed=(),
    away=rows(videos=0, longest_s=0.0), videos_away=(), tasks=rows(sent=0, failing=0), failing=(),
    telling=rows(pending=0, dead=0, overdue_s=0.0, switched_off=0),
    others=rows(notes=0, unsearchable=0, uploads=0, upload_bytes=0, undeleted=0),
)  # fmt: skip


def judged(
    told: Database | Silent = WELL, signs: dict[str, float | None] | None = None, queues: dict[str, int] | None = None,
    store: Room | None = ROOM, photographs: int = 0,
) -> dict[str, Look]:  # fmt: skip
    broker = Broker(IDLE | (queues or {}), 10**6, 10**9)
    machine = Machine(store, ROOM, HERE if signs is None else signs)
    return {one.key: one for one in looks(Answers(told, broker, machine), "/data/store", (photographs, 64))}


def test_a_fleet_that_is_well_wants_nobody() -> None:
    found = judged()
    assert {one.state for one in found.values()} == {State.GOOD}
    assert not any(one.do for one in found.values())


@pytest.mark.parametrize(
    ("change", "key", "state"),
    [
        ({"revision": "0001"}, "database", State.LOOK),
        ({"server": rows(bytes=1, connections=95, most_connections=100)}, "database", State.LOOK),
        ({"sweep_age_s": None}, "sweep", State.LOOK),
        ({"sweep_age_s": 30.0}, "sweep", State.LOOK),
        ({"sweep_age_s": 61.0}, "sweep", State.BAD),
        ({"in_flight": (rows(state="reading", segments=1, oldest_s=1000.0),),
          "jobs": (rows(jobs=1, segments=1, footage_s=5.0, videos_registered=0),)}, "work", State.LOOK),
        ({"away": rows(videos=2, longest_s=60.0)}, "away", State.LOOK),
        ({"away": rows(videos=2, longest_s=601.0)}, "away", State.BAD),
        ({"delayed": 3, "why_delayed": (rows(problem="The disk is full.", segments=3),)}, "delayed", State.LOOK),
        ({"tasks": rows(sent=0, failing=1)}, "failing", State.LOOK),
        ({"telling": rows(pending=9, dead=0, overdue_s=301.0, switched_off=0)}, "telling", State.BAD),
        ({"telling": rows(pending=0, dead=1, overdue_s=0.0, switched_off=0)}, "telling", State.LOOK),
        ({"others": rows(notes=1000, unsearchable=5000, uploads=0, upload_bytes=0, undeleted=0)}, "search", State.LOOK),
        ({"others": rows(notes=0, unsearchable=0, uploads=0, upload_bytes=0, undeleted=2)}, "undeleted", State.LOOK),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_what_to_do(change: dict[str, Any], key: str, state: State) -> None:
    found = judged(replace(WELL, **change))
    assert found[key].state is state
    assert found[key].do
    assert [one.key for one in found.values() if one.state is not State.GOOD] == [key]


def test_why_something_waits_is_named() -> None:
    found = judged(replace(WELL, delayed=3, why_delayed=(rows(problem="The disk is full.", segments=3),)))
    assert found["delayed"].details == ("The disk is full. (3)",)


def test_workers_are_missed_where_something_waits_for_them() -> None:
    nobody: dict[str, float | None] = dict.fromkeys(HERE, None)
    assert judged(signs=nobody)["workers"].state is State.GOOD, "they may be on other machines"
    missed = judged(signs=nobody, queues={"detect": 3})["workers"]
    assert (missed.state, "dashplate worker detect" in missed.do) == (State.BAD, True)
    busy = replace(WELL, at_work=(rows(worker="gpu:7", state="detecting", segments=2),))
    elsewhere = judged(busy, signs=nobody, queues={"detect": 3})["workers"]
    assert (elsewhere.state, elsewhere.details) == (State.GOOD, ("gpu:7 detects in 2",))
    hung = judged(signs={**nobody, "read": 600.0})["workers"]
    assert (hung.state, "read worker" in hung.do) == (State.LOOK, True)


def test_servers_and_disks_that_do_not_answer_are_bad() -> None:
    assert judged(Silent())["database"].state is State.BAD
    assert "work" not in judged(Silent())
    silent = {one.key: one for one in looks(Answers(WELL, Silent(), Silent()), "s3://bucket", (0, 64))}
    assert (silent["redis"].state, silent["store"].state) == (State.BAD, State.BAD)


@pytest.mark.parametrize(
    ("free_bytes", "state"), [(10**11, State.GOOD), (4 * 10**9, State.LOOK), (3 * 10**8, State.BAD)]
)
def test_room_runs_out(free_bytes: int, state: State) -> None:
    assert judged(store=Room(free_bytes, 10**12))["store"].state is state


def test_photographs_that_wait_as_many_as_may() -> None:
    assert judged(photographs=64)["photographs"].state is State.LOOK
