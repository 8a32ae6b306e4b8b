"""What root's PostgreSQL changes on the machine, an account and ways through private folders, and that it is undone."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from dashplate.stack import Stack, account, running, stop
from tests.support.command_line.in_process import run_command

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root's PostgreSQL runs under an account of its own")

_ACL = "system.posix_acl_access"


@pytest.fixture(autouse=True)
def name(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An account of this test's own: other servers on this machine run under the usual one."""
    name = f"dashplate-test-{os.getpid()}"
    monkeypatch.setattr(account, "NAME", name)
    yield name
    subprocess.run(["userdel", name], capture_output=True, check=False)


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A folder that the account may not pass, such as root's home."""
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)
    return folder


def ways(*below: Path) -> list[Path]:
    """The folders above these that have access control entries."""
    return sorted({folder for path in below for folder in path.parents if _ACL in os.listxattr(folder)})


def ask(stack: Stack) -> None:
    """Over a new connection, which loads a library from the server's folder."""
    with psycopg.connect(stack.database_url.replace("+psycopg", "")) as connection:
        connection.execute("DO $$ BEGIN PERFORM 1; END $$")


def test_ways_are_open_while_the_server_runs(private: Path, name: str) -> None:
    data = private / "data"
    before = ways(data)
    with Stack.open(data) as stack:
        ask(stack)
        found = running(data)
        assert found is not None
        assert psutil.Process(found.pids["PostgreSQL"]).username() == name
        assert private in ways(data / "postgres" / "cluster")
        assert private.stat().st_mode & stat.S_IXOTH == 0
    assert ways(data / "postgres" / "cluster") == before
    for folder in (private, data, data / "postgres"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_what_another_server_needs_stays_open(private: Path) -> None:
    one, two = (private / name for name in ("one", "two"))
    with Stack.open(one) as stays:
        Stack.open(two).close()
        assert private in ways(one / "postgres" / "cluster")
        assert ways(two / "postgres" / "cluster") == ways(two)
        ask(stays)
    assert private not in ways(one)


def test_the_account_is_removed_when_asked_for_and_made_again(private: Path, name: str) -> None:
    one, two = (private / folder for folder in ("one", "two"))
    Stack.open(two).close()
    with Stack.open(one):
        refused = run_command("down", "--forget-account", "--data", two)
        assert refused.code == 2
        assert f"PostgreSQL still runs as {name} in {one}" in refused.err
        assert pwd.getpwnam(name)
    said = run_command("down", "--forget-account", "--data", one)
    assert (said.code, said.err) == (0, "")
    assert "The account is removed." in said.out
    with pytest.raises(KeyError):
        pwd.getpwnam(name)
    cluster = one / "postgres" / "cluster"
    assert {path.stat().st_uid for path in (cluster, *cluster.rglob("*"))} == {0}
    with Stack.open(one) as stack:
        ask(stack)
    assert stop(one) == []
