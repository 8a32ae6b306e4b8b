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

from dashplate.stack import Command, Supervisor, stop
from dashplate.stack.system import identify
from tests.helpers_processes import Runner, first_line, wait_until

#: Supervises a pool: a parent and two children that shrug off SIGTERM, as a busy Celery worker does.
SUPERVISING = """
import sys, time
from pathlib import Path
from dashplate.stack import Command, Supervisor
supervisor = Supervisor(Path(sys.argv[1]))
supervisor.start([Command("pool", (sys.executable, "-c", sys.argv[2]))])
print("up", flush=True)
time.sleep(600)
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
