"""Who asked for which plates is on record before the answer is shown, and stays there."""

from __future__ import annotations

import getpass
import json
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError
from typer.testing import Result

from bench.standin import Drive, plate_text
from dashplate.commands import privacy
from db.engine import session
from db.findings.search import index_some
from pipeline.errors import DashplateError, UsageError
from tests.support.command_line import forkserver
from tests.support.command_line.commands import invoke
from tests.support.processes import wait_until
from tests.support.road import Road, stand_in_road

DRIVE = "drive.mp4"
PLATES = [plate_text(DRIVE, number) for number in range(3)]


@pytest.fixture
def road(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Road]:
    folder = tmp_path / "data"
    with stand_in_road(database_url, folder, DASHPLATE_REDIS_URL=redis_url, DASHPLATE_USER="ada") as made:
        made.run(DRIVE)
        yield made


def _call(*words: str) -> Result:
    return invoke(*words)


def _record(road: Road) -> list[tuple[str, str, int | None]]:
    rows = road.ask("SELECT who, host, action, query, rows FROM audit ORDER BY id")
    assert {(row["who"], row["host"]) for row in rows} <= {("ada", socket.gethostname())}
    return [(row["action"], row["query"], row["rows"]) for row in rows]


def test_every_question_is_recorded_as_it_was_asked(road: Road) -> None:
    for words in (
        ("plates", f" {PLATES[0].lower()}"),
        ("plates", "*", "--limit", "2"),
        ("export", "1", "--format", "jsonl"),
        ("sql", "-c", "SELECT plate FROM unique_plates"),
        ("purge", "--older-than", "30d", "--dry-run", "--keep-watched"),
        ("watched", "add", f"{PLATES[1][:2]} {PLATES[1][2:]}"),
        ("watched", "list"),
        ("watched", "remove", PLATES[1]),
        ("status",),
    ):
        assert _call(*words).exit_code == 0, words
    assert _record(road) == [
        ("plates", f" {PLATES[0].lower()}", 1),
        ("plates", "*", 2),
        ("export", "job 1 as jsonl", 3),
        ("sql", "SELECT plate FROM unique_plates", 3),
        ("purge", "--older-than 30d --keep-watched --dry-run", 0),
        ("watched", f"add {PLATES[1]}", None),
        ("watched", "list", 1),
        ("watched", f"remove {PLATES[1]}", None),
    ]


def _begun(*words: str) -> AbstractContextManager[forkserver.Command]:
    """A command in a process of its own, which shows what comes in."""
    return forkserver.begun(*words, env={**os.environ, "DASHPLATE_PROGRESS": "1"})


@pytest.mark.parametrize("command", ["status", "submit"])
def test_plates_that_are_shown_as_they_come_in_are_recorded_before(road: Road, command: str) -> None:
    plate = plate_text("more.mp4", 1)
    if command == "submit":
        Drive(segments=2).write(road.folder / "more.mp4")
        words, job = ("submit", str(road.folder / "more.mp4"), "--wait"), 2
    else:
        job = road.submit("more.mp4")
        words = ("status", str(job), "--watch")
    with _begun(*words) as watching:
        wait_until("the record", lambda: (command, f"job {job} as it goes", None) in _record(road))
        # Until now there was no plate to be shown.
        road.open(job)
        road.read(road.detect())
        road.aggregate()
        said = watching.ended()
    assert plate in said.stdout + said.stderr
    assert len(_record(road)) == 1


def test_a_run_is_recorded(road: Road) -> None:
    Drive(segments=2).write(road.folder / "more.mp4")
    with _begun("run", str(road.folder / "more.mp4")) as running:
        said = running.ended()
    assert said.returncode == 0, said.stderr
    assert plate_text("more.mp4", 1) in said.stdout + said.stderr
    assert _record(road) == [("run", "job 2 as it goes", None)]


def test_where_nothing_is_shown_as_it_goes_nothing_is_recorded(road: Road) -> None:
    assert _call("status", "1", "--watch", "--json").exit_code == 0
    assert isinstance(_call("status", "77", "--watch").exception, UsageError)
    assert _record(road) == []


def test_a_live_view_that_cannot_be_recorded_is_not_shown(road: Road) -> None:
    job, _ = road.run("more.mp4")
    road.do("ALTER TABLE audit RENAME TO audit_away")
    try:
        assert "not answered" in str(_call("status", str(job), "--watch").exception)
    finally:
        road.do("ALTER TABLE audit_away RENAME TO audit")


def test_a_purge_is_recorded_with_what_it_took_and_leaves_no_text_to_be_searched(road: Road) -> None:
    with session(road.url) as db:
        index_some(db, 100)
    assert road.ask("SELECT key FROM spellings") != []
    road.age(1, days=31)
    assert _call("purge", "--older-than", "30d", "--yes").exit_code == 0
    assert road.ask("SELECT key FROM spellings") == road.ask("SELECT spelling_id FROM candidates") == []
    assert _record(road) == [("purge", "--older-than 30d", 1)]


def test_a_query_that_fails_or_ends_its_own_transaction_is_recorded_too(road: Road) -> None:
    assert isinstance(_call("sql", "-c", "SELECT nothing").exception, DashplateError)
    assert _call("sql", "-c", "DELETE FROM frames; ROLLBACK; BEGIN").exit_code == 0
    assert _record(road) == [("sql", "SELECT nothing", None), ("sql", "DELETE FROM frames; ROLLBACK; BEGIN", 0)]


def test_an_sql_shell_is_recorded_before_it_opens(road: Road, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = tmp_path / "bin"
    bench.mkdir()
    shell = bench / "psql"
    shell.write_text("#!/bin/sh\nexit 7\n")
    shell.chmod(shell.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(bench), prepend=":")
    assert _call("sql").exit_code == 7
    assert _record(road) == [("sql", "a psql session", None)]


@pytest.mark.parametrize(
    "words",
    [
        ("plates", "*"),
        ("export", "1"),
        ("sql", "-c", "SELECT plate FROM unique_plates"),
        ("sql", "-c", "DELETE FROM frames"),
        ("sql",),
        ("watched", "list"),
        ("watched", "add", PLATES[0]),
    ],
)
def test_what_cannot_be_recorded_is_not_answered(road: Road, words: tuple[str, ...]) -> None:
    road.do("ALTER TABLE audit RENAME TO audit_away")
    with session(road.url) as db:
        # A search makes it searchable first; that shows nobody anything.
        index_some(db, 100)
    try:
        before = road.dump()
        asked = _call(*words)
        assert isinstance(asked.exception, DashplateError)
        assert "could not be put on record, so it is not answered" in str(asked.exception)
        assert not any(plate in asked.stdout for plate in PLATES)
        assert road.dump() == before
    finally:
        road.do("ALTER TABLE audit_away RENAME TO audit")


def test_an_export_to_a_file_that_is_not_recorded_writes_none(road: Road, tmp_path: Path) -> None:
    road.do("ALTER TABLE audit RENAME TO audit_away")
    try:
        assert _call("export", "1", "--out", str(tmp_path / "plates.csv")).exit_code == 1
    finally:
        road.do("ALTER TABLE audit_away RENAME TO audit")
    assert not (tmp_path / "plates.csv").exists()


@pytest.mark.parametrize("harm", ["UPDATE audit SET who = 'nobody'", "DELETE FROM audit"])
def test_the_record_is_only_added_to(road: Road, harm: str) -> None:
    _call("plates", "*")
    with pytest.raises(DBAPIError, match="only added to"):
        road.do(harm)
    assert len(_record(road)) == 1


def test_the_record_is_listed_by_time_and_person(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    road.do(
        "INSERT INTO audit (at, who, host, action, query) VALUES (now() - interval '8 days', 'eve', 'x', 'sql', 'y')"
    )
    _call("plates", "B[o]LD*")
    monkeypatch.setenv("DASHPLATE_USER", "grace")
    _call("plates", "Z*")

    def listed(*options: str) -> list[tuple[str, str]]:
        lines = _call("audit", "--json", *options).stdout.splitlines()
        return [(entry["who"], entry["query"]) for entry in map(json.loads, lines)]

    assert listed() == [("eve", "y"), ("ada", "B[o]LD*"), ("grace", "Z*")]
    assert listed("--since", "7d") == [("ada", "B[o]LD*"), ("grace", "Z*")]
    assert listed("--who", "ada") == [("ada", "B[o]LD*")]
    table = _call("audit").stdout
    assert "B[o]LD*" in table
    assert "eve" in table


def test_without_a_name_the_account_is_recorded(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DASHPLATE_USER")
    _call("plates", "*")

    def nobody() -> str:
        raise KeyError("uid not found")

    account = getpass.getuser()
    monkeypatch.setattr(getpass, "getuser", nobody)
    _call("plates", "*")
    assert next(row["who"] for row in road.ask("SELECT who FROM audit ORDER BY id")) == account
    assert road.ask("SELECT who FROM audit ORDER BY id")[1]["who"].startswith("uid ")


def test_watched_plates_are_listed_with_their_notes(road: Road) -> None:
    assert _call("watched", "add", "ka-05 mx·1234", "--note", "case [7]").stdout == "KA05MX1234 is watched.\n"
    _call("watched", "add", "KAO5MX1234", "--note", "case 8")
    # O and 0 are one plate, and the newer note stands.
    entry = json.loads(_call("watched", "list", "--json").stdout)
    assert (entry["plate"], entry["note"]) == ("KAO5MX1234", "case 8")
    assert "case 8" in _call("watched", "list").stdout
    assert isinstance(_call("watched", "remove", "AB1").exception, UsageError)
    assert _call("watched", "remove", "ka05mx1234").exit_code == 0
    assert _call("watched", "list").stdout == "No plate is watched.\n"


@pytest.mark.parametrize("typed", ["*", "KA?5", "", " - ", "a%b"])
def test_a_pattern_is_no_plate_to_watch(road: Road, typed: str) -> None:
    with pytest.raises(UsageError, match="is no plate"):
        privacy.watch_plate(typed, None, None)
