"""The processes of the fleet, which are started again whatever ends them, and signals to them."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from dashplate.supervisor import Command, Supervisor
from workers.celery_app.app import CONTROL, DETECT, READ

ROOT = Path(__file__).resolve().parents[3]
#: Workers by name, with their role.
WORKERS = {
    "detect-1": DETECT, "detect-2": DETECT, "read-1": READ, "read-2": READ, "control-1": CONTROL, "control-2": CONTROL,
}  # fmt: skip
#: What tells others, and what others ask.
SENDERS, SERVICE = ("sender-1", "sender-2"), "service"
#: A dead one is started again this soon.
_RESTART_S = 0.5
_STOP_S = 3.0


class Processes:
    """Workers, senders and the service, once they are started."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._supervisor: Supervisor | None = None

    def start(self, env: Mapping[str, str], plain_store: str, service_port: int, root: Path = ROOT) -> None:
        """Start all of them with these variables, from the tree of this release or of another one.

        `plain_store` is the store's folder, for those for which it never fails.
        """
        env = {**env, "PYTHONPATH": str(root)}
        self._supervisor = Supervisor(self._folder, grace_s=_STOP_S, longest_delay_s=_RESTART_S)
        words = {
            **{name: ("worker", role) for name, role in WORKERS.items()},
            **dict.fromkeys(SENDERS, ("sender",)),
            SERVICE: ("serve", "--port", str(service_port)),
        }
        # Only workers load what makes a store fail.
        others = {**env, "DASHPLATE_STORE_DIR": plain_store}
        self._supervisor.start(
            Command(name, (sys.executable, "-m", "dashplate", *rest), env if name in WORKERS else others, cwd=root)
            for name, rest in words.items()
        )

    def stop(self) -> None:
        """End all, frozen ones too."""
        if self._supervisor is None:
            return
        for state in self._supervisor.states():
            send_signal(family_of(state.pid), signal.SIGCONT)
        self._supervisor.stop()
        self._supervisor = None

    def renew(self, name: str) -> None:
        """End one softly; the supervisor starts it again."""
        send_signal(self.family(name)[:1], signal.SIGTERM)

    def all_run(self) -> bool:
        """Whether all run, and workers have their pool; a frozen one goes on."""
        assert self._supervisor is not None
        for state in self._supervisor.states():
            family = family_of(state.pid)
            send_signal(family, signal.SIGCONT)
            if len(family) < (2 if state.name in WORKERS else 1):
                return False
        return True

    def family(self, name: str) -> list[psutil.Process]:
        """A process and its children, itself first; empty where it is just being started again."""
        assert self._supervisor is not None
        return family_of(next(state.pid for state in self._supervisor.states() if state.name == name))

    def worker_of(self, pid: int) -> str | None:
        """The worker to whose family a process belongs."""
        return next((name for name in WORKERS if any(one.pid == pid for one in self.family(name))), None)

    def restarts(self) -> int:
        """How often any was started again."""
        return sum(state.restarts for state in self._supervisor.states()) if self._supervisor else 0


def family_of(pid: int | None) -> list[psutil.Process]:
    """A process and its children, itself first; empty where there is none."""
    if pid is None:
        return []
    try:
        parent = psutil.Process(pid)
        return [parent, *sorted(parent.children(recursive=True), key=lambda child: child.pid)]
    except psutil.NoSuchProcess:
        return []


def send_signal(processes: Sequence[psutil.Process], signum: signal.Signals) -> None:
    """Send a signal to all that are still there."""
    for process in processes:
        try:
            process.send_signal(signum)
        except psutil.NoSuchProcess:
            continue
