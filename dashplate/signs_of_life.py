"""Signs of life that workers and the sender give in the data folder of their machine, and who looks for them.

A worker is not asked over the broker: a busy one answers late, and the question itself needs a broker. Its main
process touches a file with each of Celery's heartbeats, every two seconds, which stop when the process hangs or
has lost Redis.
"""

from __future__ import annotations

import time
from pathlib import Path

from pipeline.errors import UsageError

#: Thirty missed heartbeats: a short loss of Redis passes unnoticed, a hung worker is known within a minute.
MAX_AGE_S = 60.0
WORKERS = ("control", "detect", "read")
SENDER = "sender"


def install_heartbeat(role: str, data_dir: Path) -> None:
    """Let this process, a worker's main one, give a sign of life with each of Celery's heartbeats.

    Call it before the worker starts: Celery looks for listeners once. What an earlier worker left is removed.
    """
    from celery.signals import heartbeat_sent

    _file(role, data_dir).unlink(missing_ok=True)

    def touch(**_: object) -> None:
        mark_alive(role, data_dir)

    heartbeat_sent.connect(touch, weak=False, dispatch_uid=f"{__name__}.{role}")


def mark_alive(role: str, data_dir: Path) -> None:
    """Note that the role's worker, or the sender, lives now."""
    file = _file(role, data_dir)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()


def age_of_sign_s(role: str, data_dir: Path) -> float | None:
    """Seconds since the last sign of life of the role's worker, or the sender; None where there never was one."""
    try:
        return max(0.0, time.time() - _file(role, data_dir).stat().st_mtime)
    except OSError:
        return None


def _file(role: str, data_dir: Path) -> Path:
    if role not in (*WORKERS, SENDER):
        raise UsageError(f"Say which worker: detect, read or control, not {role!r}.")
    return data_dir / "run" / "health" / role
