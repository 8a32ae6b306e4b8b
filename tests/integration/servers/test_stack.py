"""The embedded servers as real processes, in folders of their own."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from dashplate.commands.checks.doctor import checks
from dashplate.stack import Layout, Stack, mask_secrets, mask_url, running, stop
from dashplate.stack.postgres_server import postgres_bin
from dashplate.stack.redis_server import RedisServer, redis_binary
from dashplate.stack.system import servers_in
from pipeline.errors import MissingDependency, ServiceUnavailable, UsageError
from tests.support.processes import Runner, first_line

#: Opens a stack and stays until it is killed or told to end.
OPENER = """
import sys
from pathlib import Path
from dashplate.stack import Stack
stack = Stack.open(Path(sys.argv[1]))
print("open", stack.owned, flush=True)
sys.stdin.read()
stack.close()
"""


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One data folder for all tests that need servers: setting a cluster up is what takes long."""
    folder = tmp_path_factory.mktemp("stack") / "data"
    yield folder
    stop(folder)


def connect(stack: Stack) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(stack.database_url.replace("+psycopg", ""), autocommit=True)


def write(stack: Stack, word: str) -> None:
    client = redis.Redis.from_url(stack.redis_url)
    client.rpush("words", word)
    client.close()
    with connect(stack) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS words (word text)")
        connection.execute("INSERT INTO words VALUES (%s)", (word,))


def words(stack: Stack) -> tuple[set[str], set[object]]:
    client = redis.Redis.from_url(stack.redis_url, decode_responses=True)
    queued = {str(word) for word in client.lrange("words", 0, -1)}
    client.close()
    with connect(stack) as connection:
        return queued, {row[0] for row in connection.execute("SELECT word FROM words")}


def server_pids(data_dir: Path) -> dict[str, int]:
    state = running(data_dir)
    return state.pids if state else {}


def test_data_outlives_a_stop(data_dir: Path) -> None:
    with Stack.open(data_dir) as stack:
        assert stack.owned
        addresses = stack.redis_url, stack.database_url
        write(stack, "first")
    assert running(data_dir) is None
    with Stack.open(data_dir) as stack:
        assert (stack.redis_url, stack.database_url) == addresses
        assert all("first" in found for found in words(stack))


def test_redis_keeps_everything_and_the_role_is_no_superuser(data_dir: Path) -> None:
    with Stack.open(data_dir) as stack, connect(stack) as connection:
        client = redis.Redis.from_url(stack.redis_url, decode_responses=True)
        settings = {key: client.config_get(key)[key] for key in ("appendonly", "maxmemory-policy", "maxmemory")}
        assert settings["appendonly"] == "yes"
        assert settings["maxmemory-policy"] == "noeviction"
        assert settings["maxmemory"] != "0"
        client.close()
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
        assert connection.info.server_version // 10000 == 16
        role = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
        assert role == (False,)


def test_passwords_are_private(data_dir: Path) -> None:
    with Stack.open(data_dir) as stack:
        secrets = [url.split("://")[1].split("@")[0].split(":")[1] for url in (stack.redis_url, stack.database_url)]
        commands = [" ".join(psutil.Process(pid).cmdline()) for pid in server_pids(data_dir).values()]
        with pytest.raises(redis.AuthenticationError):
            redis.Redis.from_url(stack.redis_url.replace(secrets[0], "guess")).ping()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(stack.database_url.replace("+psycopg", "").replace(secrets[1], "guess"))
    logs = [path.read_text() for path in (data_dir / "logs").iterdir()]
    assert not [text for text in commands + logs for secret in secrets if secret in text]
    for path in data_dir.rglob("*"):
        # With an access control entry for PostgreSQL's account, the group's bits show that entry's limit.
        group_may = stat.S_IXGRP if path.is_dir() else 0
        assert path.lstat().st_mode & 0o077 & ~group_may == 0, path


def test_rooms_of_an_open_data_folder_are_closed(tmp_path: Path) -> None:
    """A data folder that was there before may be open to others, with what earlier versions left open in it."""
    rooms = [tmp_path / name for name in ("redis", "postgres", "logs", "run", "store", "cache")]
    tmp_path.chmod(0o755)
    for room in rooms:
        room.mkdir(mode=0o755)
    Layout.at(tmp_path).prepare()
    assert {room: stat.S_IMODE(room.stat().st_mode) for room in rooms} == dict.fromkeys(rooms, 0o700)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_a_store_that_is_shared_on_purpose_stays_shared(tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    store.chmod(0o2770)
    Layout.at(tmp_path).prepare()
    assert stat.S_IMODE(store.stat().st_mode) == 0o2770


def test_a_second_program_joins_and_the_last_one_stops_the_servers(data_dir: Path, run_program: Runner) -> None:
    first = Stack.open(data_dir)
    pids = server_pids(data_dir)
    program = run_program(OPENER, str(data_dir))
    assert first_line(program) == "open False"
    assert server_pids(data_dir) == pids
    first.close()
    assert server_pids(data_dir) == pids
    program.communicate("")
    assert running(data_dir) is None


def test_two_programs_at_the_same_moment_start_one_stack(data_dir: Path, run_program: Runner) -> None:
    programs = [run_program(OPENER, str(data_dir)) for _ in range(2)]
    assert sorted(first_line(program) for program in programs) == ["open False", "open True"]
    assert len(servers_in(data_dir / "redis", {"redis-server", "valkey-server"})) == 1
    for program in programs:
        program.communicate("")
    assert running(data_dir) is None


def test_servers_outlive_a_killed_program_and_are_adopted(data_dir: Path, run_program: Runner) -> None:
    program = run_program(OPENER, str(data_dir))
    assert first_line(program) == "open True"
    pids = server_pids(data_dir)
    program.kill()
    program.communicate()
    with Stack.open(data_dir) as stack:
        assert stack.owned
        assert server_pids(data_dir) == pids
        write(stack, "adopted")
    assert running(data_dir) is None


def test_killed_servers_start_again_on_their_data(data_dir: Path, run_program: Runner) -> None:
    program = run_program(OPENER, str(data_dir))
    first_line(program)
    with Stack.open(data_dir) as stack:
        write(stack, "durable")
        # appendfsync everysec: the operating system has the data at once, which survives a killed process.
        victims = list(server_pids(data_dir).values())
        for pid in [program.pid, *victims]:
            os.kill(pid, signal.SIGKILL)
        program.communicate()
        # The stale pid file now names a living stranger.
        pid_file = data_dir / "postgres" / "cluster" / "postmaster.pid"
        pid_file.write_text(pid_file.read_text().replace(str(victims[1]), str(os.getppid()), 1))
    with Stack.open(data_dir) as stack:
        assert all({"first", "durable"} <= found for found in words(stack))


def test_a_hanging_redis_is_replaced_not_doubled(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashplate.stack.server._SILENT_S", 0.5)
    monkeypatch.setattr("dashplate.stack.redis_server._GREETING_TIMEOUT_S", 0.2)
    monkeypatch.setattr("dashplate.stack.redis_server.RedisServer.stop_ladder", ((signal.SIGTERM, 0.3),))
    with Stack.open(data_dir):
        hanging = server_pids(data_dir)["Redis"]
        os.kill(hanging, signal.SIGSTOP)
        with Stack.open(data_dir) as stack:
            assert "first" in words(stack)[0]
            assert [one.pid for one in servers_in(data_dir / "redis", {"redis-server"})] != [hanging]


def test_a_server_that_cannot_be_seen_is_not_doubled(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with (tmp_path / "run" / "redis.lock").open("w") as held_elsewhere:
        fcntl.flock(held_elsewhere, fcntl.LOCK_EX)
        layout = Layout.at(tmp_path)
        layout.prepare()
        with pytest.raises(ServiceUnavailable, match="another container"):
            RedisServer(layout).ensure()
    assert servers_in(tmp_path / "redis", {"redis-server"}) == []


def test_a_kept_stack_stays_until_stop(data_dir: Path) -> None:
    Stack.open(data_dir, keep=True).close()
    pids = server_pids(data_dir)
    assert pids
    with Stack.open(data_dir) as visitor:
        assert not visitor.owned
    assert server_pids(data_dir) == pids
    assert sorted(stop(data_dir)) == ["PostgreSQL", "Redis"]
    assert running(data_dir) is None
    assert stop(data_dir) == []


def test_given_addresses_start_nothing(data_dir: Path, tmp_path: Path) -> None:
    with Stack.open(data_dir) as private:
        with Stack.open(tmp_path / "other", private.redis_url, private.database_url) as stack:
            assert (stack.redis_url, stack.database_url, stack.owned) == (
                private.redis_url,
                private.database_url,
                False,
            )
            assert not (tmp_path / "other").exists()
        wrong = private.redis_url.replace("redis://:", "redis://:wrong-")
        with pytest.raises(ServiceUnavailable) as refused:
            Stack.open(tmp_path, wrong, private.database_url)
        assert "wrong-" not in str(refused.value)


@pytest.mark.parametrize(
    ("redis_url", "database_url", "error"),
    [
        ("redis://:geheim@127.0.0.1:1/0", None, ServiceUnavailable),
        ("http://:geheim@127.0.0.1:1/0", None, UsageError),
        (None, "postgresql+psycopg://me:geheim@127.0.0.1:1/x", ServiceUnavailable),
        (None, "mysql://me:geheim@127.0.0.1:1/x", UsageError),
        (None, "postgresql://me:geheim@127.0.0.1:port/x?password=geheim", ServiceUnavailable),
    ],
)
def test_a_wrong_address_gives_a_sentence_without_the_password(
    tmp_path: Path, redis_url: str | None, database_url: str | None, error: type[Exception]
) -> None:
    with pytest.raises(error) as raised:
        Stack.open(tmp_path, redis_url, database_url)
    sentence = str(raised.value)
    assert "geheim" not in sentence
    assert "***" in sentence
    assert "DASHPLATE_" in sentence
    assert raised.value.__cause__ is None


def test_masking() -> None:
    assert mask_url("redis://localhost:6379/0") == "redis://localhost:6379/0"
    assert mask_url("redis://u:a@b@host/0") == "redis://u:***@host/0"
    assert mask_url("postgresql:///x?host=h&password=a%20b") == "postgresql:///x?host=h&password=***"
    assert mask_secrets("no 'a b' or a%20b", "redis://:a%20b@host") == "no '***' or ***"


def test_the_doctor_finds_what_the_stack_needs(data_dir: Path) -> None:
    found = {check.name: check for check in checks(data_dir)}
    for name in (
        "Python",
        "packages: control",
        "packages: embedded",
        "cv2",
        "Redis",
        "PostgreSQL",
        "data folder",
    ):
        assert found[name].ok, found[name]
    assert re.search(r"a look at a frame of 720p: INT8 \d+ ms, FP16 \d+ ms", found["plate detector"].found)
    # Whether the service runs or not, nothing is missing.
    assert found["HTTP service"].ok is not False
    missing = checks(data_dir, "redis://:geheim@127.0.0.1:1/0")
    bad = next(check for check in missing if check.name == "Redis")
    assert bad.ok is False
    assert bad.mend
    assert "geheim" not in bad.found


def test_a_missing_server_names_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    for look in (redis_binary, postgres_bin):
        with pytest.raises(MissingDependency, match=r"Install one with `.*install.*`, or set DASHPLATE_"):
            look()
