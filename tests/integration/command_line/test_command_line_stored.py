"""Hostile words and names with a database behind them: refused in a sentence, or stored; never a traceback."""

from __future__ import annotations

import json
import os
import shutil

import pytest

from bench.standin import Drive
from pipeline.errors import DashplateError
from pipeline.sources.source import source_of
from tests.support.command_line.commands import TEXTS, invoke
from tests.support.road import Road

#: A name that is no UTF-8, as old memory cards have them.
FOREIGN = os.fsdecode(b"caf\xe9.mp4")


@pytest.fixture(autouse=True)
def done(road: Road) -> None:
    road.run("drive.mp4")


def _call(*words: str) -> tuple[int, str, str]:
    """A command's exit code, what it printed and what it says of an error; all that it raises has to be ours."""
    result = invoke(*words)
    if isinstance(result.exception, DashplateError):
        return result.exception.exit_code, result.stdout, str(result.exception)
    if not isinstance(result.exception, SystemExit | None):
        raise AssertionError(words) from result.exception
    return result.exit_code, result.stdout, result.output


@pytest.mark.parametrize(
    "words",
    [("plates",), ("watched", "add"), ("watched", "remove"), ("watched", "add", "AB12", "--note"), ("sql", "-c"),
     ("audit", "--who"), ("submit", "x.mp4", "--name"), ("submit", "x.mp4", "--key"), ("submit",),
     ("submit", "--dry-run"), ("watch",), ("export", "1", "--format")],
    ids=" ".join,
)  # fmt: skip
def test_words_are_stored_or_refused(road: Road, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(road.folder)
    Drive(segments=1).write(road.folder / "x.mp4")
    for value in TEXTS:
        code, _, said = _call(*words, value)
        assert code in ((1, 2) if words[0] == "sql" else (0, 2)), (value, said)


@pytest.mark.parametrize("job", [str(2**63 - 1), "77"])
@pytest.mark.parametrize(
    "words",
    [("status",), ("status", "--watch"), ("pause",), ("resume",), ("cancel",), ("retry",), ("rerun", "--from", "read"),
     ("export",), ("verify",), ("purge", "--older-than", "1d", "--job"), ("submit", "drive.mp4", "--job"),
     ("submit", "drive.mp4", "--dry-run", "--job"), ("watch", ".", "--job")],
    ids=" ".join,
)  # fmt: skip
def test_a_job_that_is_not_there_is_said_so(
    road: Road, words: tuple[str, ...], job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(road.folder)
    code, _, said = _call(*words, job)
    assert code == 2
    assert f"no job {job}" in said


def test_the_largest_numbers_are_understood(road: Road) -> None:
    assert _call("plates", "--limit", str(10**9))[0] == 0
    assert _call("audit", "--since", "36525d")[0] == 0
    assert _call("purge", "--older-than", "36525d", "--yes")[0] == 0


def test_a_name_that_is_no_utf8_goes_all_the_way(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = road.folder / os.fsdecode(b"carte-\xe9")
    folder.mkdir()
    file = folder / FOREIGN
    Drive(segments=1).write(road.folder / "one.mp4")
    shutil.move(road.folder / "one.mp4", file)
    listed = road.folder / "list.txt"
    listed.write_bytes(os.fsencode(file) + b"\n")
    for words in (("submit", "--dry-run", str(file)), ("submit", str(folder)), ("submit", f"@{listed}"), ("status",)):
        code, _, said = _call(*words)
        assert code == 0, said
    assert _call("watch", str(folder), "--settle", "0", "--every", "0.1", "--until-idle", "0")[0] == 0
    jobs = [row["job_id"] for row in road.ask("SELECT DISTINCT job_id FROM videos WHERE path LIKE 'file://%'")]
    assert len(jobs) == 3
    for job in jobs:
        road.open(job)
    road.read(road.detect())
    road.aggregate()
    for job in jobs:
        assert _call("status", str(job))[0] == _call("export", str(job))[0] == _call("verify", str(job))[0] == 0
        (shown,) = json.loads(_call("status", str(job), "--json")[1])["files"]
        assert source_of(shown["path"]) == file
    out = road.folder / os.fsdecode(b"r\xe9sultat.csv")
    assert _call("export", str(jobs[0]), "--out", str(out))[0] == 0
    assert out.read_text().startswith("video,plate")


def test_whoever_asks_is_recorded_whatever_their_name(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHPLATE_USER", "ren\udce9\x1b[2J")
    assert _call("plates", "*")[0] == 0
    assert [row["who"] for row in road.ask("SELECT who FROM audit")] == ["ren\\udce9\\x1b[2J"]
