"""The supervisor with real processes: what dies starts again, what is stopped is gone with all its children."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import psutil
import pytest

from dashplate.stack import stop
from dashplate.stack.records import Record
from dashplate.stack.system import identify
from dashplate.supervisor import Command, Supervisor
from tests.support.processes import Runner, first_line, wait_until

#: Supervises a pool: a parent and two children that shrug off SIGTERM, as a busy Celery worker does.
SUPERVISING = """
import sys, time
from pathlib import Path
from dashplate.supervisor import Command, Supervisor
supervisor = Supervisor(Path(sys.argv[1]))
supervisor.start([Command("pool", (sys.executable, "-c", sys.argv[2]))])
print("up", flush=True)
time.sleep(600)
"""

#: Does as its input says, a line each: `full` lets no file grow any more, as a full disk does, `room` lets them again,
#: `kill` kills the child and waits for the next. After each it prints the child's pid.
ON_A_FULL_DISK = """
import os, resource, signal, sys, time
from pathlib import Path
from dashplate.supervisor import Command, Supervisor
with Supervisor(Path(sys.argv[1]), longest_delay_s=0.1) as supervisor:
    supervisor.start([Command("sleeper", (sys.executable, "-c", "import time; time.sleep(600)"))])
    for line in sys.stdin:
        child = supervisor.states()[0]
        if line == "kill\\n":
            os.kill(child.pid, signal.SIGKILL)
            while not ((now := supervisor.states()[0]).alive and now.pid != child.pid):
                time.sleep(0.01)
        else:
            most = 0 if line == "full\\n" else resource.RLIM_INFINITY
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
        print(supervisor.states()[0].pid, flush=True)
"""

POOL = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.fork(); os.fork()
os.write(1, f"pool {os.getpid()}\\n".encode())
time.sleep(600)
"""


def sleeper(name: str = "sleeper") -> Command:
    return Command(name, (sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"))


def pool_pids(log: Path) -> list[int]:
    return [int(pid) for pid in re.findall(r"pool (\d+)\n", log.read_text())]


def session_pids(leader: int) -> set[int]:
    members = set()
    for pid in psutil.pids():
        try:
            if os.getsid(pid) == leader and identify(pid):
                members.add(pid)
        except OSError:
            continue
    return members


def test_a_killed_child_starts_again(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor.start([sleeper()])
        first = supervisor.states()[0]
        assert first.pid is not None
        os.kill(first.pid, signal.SIGKILL)
        wait_until("the restart", lambda: supervisor.states()[0].restarts == 1)
        second = supervisor.states()[0]
        assert second.alive
        assert second.pid != first.pid
        assert second.last_exit == -signal.SIGKILL
        wait_until("its word", lambda: "up" in second.log.read_text())
    assert not supervisor.states()[0].alive
    assert identify(second.pid or 0) is None
    assert not list((tmp_path / "run").glob("processes-*"))


def test_a_child_that_keeps_dying_is_started_ever_more_slowly(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor.start([Command("broken", (sys.executable, "-S", "-c", "raise SystemExit(3)"))])
        started: dict[int, datetime] = {}

        def noted() -> bool:
            state = supervisor.states()[0]
            started.setdefault(state.restarts, state.started_at)
            return state.restarts == 2

        wait_until("two restarts", noted)
        first, second, third = (started[number] for number in range(3))
        assert second - first >= timedelta(seconds=0.5)
        assert third - second >= timedelta(seconds=1.0)
        assert supervisor.states()[0].last_exit == 3


def test_stop_kills_what_ignores_sigterm_with_its_pool(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path, grace_s=0.3)
    supervisor.start([Command("pool", (sys.executable, "-c", POOL))])
    leader = supervisor.states()[0].pid
    assert leader is not None
    wait_until("the whole pool", lambda: len(session_pids(leader)) == 4)
    supervisor.stop()
    assert session_pids(leader) == set()


def test_a_pool_without_its_parent_is_ended_before_the_restart(tmp_path: Path) -> None:
    with Supervisor(tmp_path, grace_s=0.1) as supervisor:
        supervisor.start([Command("pool", (sys.executable, "-c", POOL))])
        leader = supervisor.states()[0].pid
        assert leader is not None
        wait_until("the whole pool", lambda: len(session_pids(leader)) == 4)
        os.kill(leader, signal.SIGKILL)
        wait_until("the restart", lambda: supervisor.states()[0].restarts == 1)
        assert session_pids(leader) == set()


def test_children_die_when_the_supervising_program_is_killed(tmp_path: Path, run_program: Runner) -> None:
    program = run_program(SUPERVISING, str(tmp_path), POOL)
    assert first_line(program) == "up"
    log = tmp_path / "logs" / "pool.log"
    wait_until("the whole pool", lambda: len(pool_pids(log)) == 4)
    pids = pool_pids(log)
    program.kill()
    program.communicate()
    wait_until("the pool's end", lambda: not any(identify(pid) for pid in pids))
    wait_until("the guard's end", lambda: not list((tmp_path / "run").glob("processes-*")))


def test_stop_ends_the_supervising_program_and_its_children(tmp_path: Path, run_program: Runner) -> None:
    program = run_program(SUPERVISING, str(tmp_path), "import time; time.sleep(600)")
    assert first_line(program) == "up"
    children = psutil.Process(program.pid).children()
    assert f"program {program.pid}" in stop(tmp_path)
    program.communicate()
    assert program.returncode == -signal.SIGTERM
    wait_until("the children's end", lambda: not any(identify(child.pid) for child in children))


def test_a_recycled_pid_is_never_killed(tmp_path: Path) -> None:
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "processes-x.json").write_text(
        f'{{"mark": "x", "supervisor": [{bystander.pid}, "long ago"], '
        f'"children": {{"worker": [{bystander.pid}, "long ago"]}}}}'
    )
    try:
        assert stop(tmp_path) == []
        assert bystander.poll() is None
        assert not list(folder.glob("processes-*"))
    finally:
        bystander.kill()
        bystander.wait()


def recorded_pid(data_dir: Path, name: str) -> int:
    """The process that the list on the disk has under that name."""
    [path] = (data_dir / "run").glob("processes-*")
    record = Record.read(path)
    return record.children[name].pid if record else 0


def kill_and_await_the_next(supervisor: Supervisor) -> None:
    before = supervisor.states()[0]
    assert before.pid is not None
    os.kill(before.pid, signal.SIGKILL)
    wait_until("the restart", lambda: supervisor.states()[0].pid not in (None, before.pid))


def test_a_full_disk_does_not_end_the_restarts(tmp_path: Path, run_program: Runner) -> None:
    program = run_program(ON_A_FULL_DISK, str(tmp_path))

    def do(word: str) -> int:
        assert program.stdin is not None
        program.stdin.write(f"{word}\n")
        program.stdin.flush()
        return int(first_line(program))

    pids = [do(word) for word in ("full", "kill", "kill")]
    assert len(set(pids)) == 3, "it was started again each time"
    assert recorded_pid(tmp_path, "sleeper") == pids[0], "the disk was not full"
    do("room")
    wait_until("the list to be true again", lambda: recorded_pid(tmp_path, "sleeper") == pids[-1])
    program.communicate("")
    assert program.returncode == 0


def test_a_child_whose_log_cannot_be_written_starts_and_speaks_here(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with Supervisor(tmp_path, longest_delay_s=0.1) as supervisor:
        supervisor.start([sleeper()])
        log = supervisor.states()[0].log
        log.unlink()
        log.mkdir()
        for _ in range(2):
            kill_and_await_the_next(supervisor)
            wait_until("its word", lambda: "up" in capfd.readouterr().err)
    assert caplog.text.count(f"{log} cannot be written") == 1


def test_folders_that_are_away_do_not_end_the_restarts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Supervisor(tmp_path, longest_delay_s=0.1) as supervisor:
        supervisor.start([sleeper()])
        for folder in (tmp_path / "run", tmp_path / "logs"):
            folder.rename(folder.with_suffix(".away"))
        for _ in range(2):
            kill_and_await_the_next(supervisor)
        (tmp_path / "run.away").rename(tmp_path / "run")
        pid = supervisor.states()[0].pid
        wait_until("the list to be true again", lambda: recorded_pid(tmp_path, "sleeper") == pid)
    assert caplog.text.count("The supervisor goes on") == 1
