"""Who may move what where: one table, and a PostgreSQL that refuses everything else."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from db.engine import session
from db.models import Move
from db.queue import scheduler
from db.queue.outbox import AGGREGATE
from db.states import ENDED, HELD, IN_FLIGHT, MOVES, JobState, SegmentState, Stage, VideoState, listed
from tests.support.database import make_job, run_sql

KINDS: dict[str, type[StrEnum]] = {"job": JobState, "video": VideoState, "segment": SegmentState}
FIRST: dict[str, StrEnum] = {
    "job": JobState.RUNNING, "video": VideoState.REGISTERED, "segment": SegmentState.PENDING,
}  # fmt: skip
#: Only a person leaves an end; a job takes more files too.
WAYS_OUT = {"submit", "retry", "rerun"}
SCHEDULER = Path(__file__).parents[3] / "db" / "queue" / "scheduler.sql"


def ends(kind: str) -> list[StrEnum]:
    if kind == "job":
        return [JobState.FINISHED, JobState.CANCELLED]
    return [state for state in KINDS[kind] if state.ended]  # type: ignore[attr-defined]


def test_the_database_has_the_same_moves(database_url: str) -> None:
    with session(database_url) as db:
        rows = {(row.kind, row.before, row.after): row.mover for row in db.scalars(select(Move))}
    assert rows == MOVES


@pytest.mark.parametrize("kind", KINDS)
def test_every_state_can_be_reached_and_no_other_is_named(kind: str) -> None:
    moves = [(before, after) for of, before, after in MOVES if of == kind]
    assert {state for move in moves for state in move} == {state.value for state in KINDS[kind]}
    reached = {FIRST[kind].value}
    while new := {after for before, after in moves if before in reached} - reached:
        reached |= new
    assert reached == {state.value for state in KINDS[kind]}


@pytest.mark.parametrize("kind", KINDS)
def test_only_a_person_leaves_an_end(kind: str) -> None:
    for state in ends(kind):
        for (of, before, _), mover in MOVES.items():
            if (of, before) == (kind, state.value):
                assert set(mover.split(", ")) <= WAYS_OUT, (before, mover)
    assert not [move for move in MOVES if move[:2] == ("job", "cancelled")]
    assert not [move for move in MOVES if move[:2] == ("video", "cancelled")]


@pytest.mark.parametrize("kind", KINDS)
def test_every_unfinished_state_has_a_way_to_an_end(kind: str) -> None:
    arrives = {state.value for state in ends(kind)}
    while more := {before for of, before, after in MOVES if of == kind and after in arrives} - arrives:
        arrives |= more
    assert arrives == {state.value for state in KINDS[kind]}


@pytest.mark.parametrize("kind", KINDS)
def test_postgresql_allows_these_moves_and_refuses_all_others(database_url: str, kind: str) -> None:
    make_job(database_url, 1)
    table, states = f"{kind}s", [state.value for state in KINDS[kind]]
    for before in states:
        for after in states:
            put(database_url, table, before)
            if before == after or (kind, before, after) in MOVES:
                run_sql(database_url, f"UPDATE {table} SET state = :after", after=after)
            else:
                with pytest.raises(IntegrityError, match=f"A {kind} may not go from {before} to {after}"):
                    run_sql(database_url, f"UPDATE {table} SET state = :after", after=after)


def put(url: str, table: str, state: str) -> None:
    """A row in any state, past the trigger; the embedded role owns the table."""
    run_sql(
        url,
        f"""
        DO $$ BEGIN
            ALTER TABLE {table} DISABLE TRIGGER check_move;
            UPDATE {table} SET state = '{state}';
            ALTER TABLE {table} ENABLE TRIGGER check_move;
        END $$
        """,
    )


def test_states_in_statements_of_their_own_file_are_those_of_the_enums() -> None:
    sql = SCHEDULER.read_text(encoding="utf-8")
    known = {state.value for kind in (JobState, VideoState, SegmentState, Stage) for state in kind}
    assert set(re.findall(r"'([a-z_]+)'", sql)) - known == {AGGREGATE}
    assert set(re.findall(r"state IN (\(.*?\))", sql)) == {listed(IN_FLIGHT), listed(HELD), listed(ENDED)}


def test_segments_and_video_tasks_are_chosen_by_the_same_arithmetic() -> None:
    """Two statements, because they read other tables; how turns are given must not differ."""

    def arithmetic(statement: str) -> list[str]:
        sql = scheduler.SQL[statement].text.replace("video_turn AS turn", "turn")
        parts = (
            r"SELECT greatest\(0, max\(turn.*", r"\S+ ceil\(.* AS start", r"\S+ floor\(.* AS begun", r"j\.places - .*",
            r"\(CAST\(:weights.* AS weight", r"id \* .* AS places", r"j\.start \+ .*", r"j\.begun \+ .*",
            r"place = 1 .*clock\.turn \+ 1 / j\.weight", r"begins AND count.* AS express", r"CASE WHEN express.*",
        )  # fmt: skip
        return [found.rstrip(",") for part in parts for found in re.findall(part, sql)]

    assert arithmetic("due_segments") == arithmetic("due_video_tasks")
    assert len(arithmetic("due_segments")) >= 11
