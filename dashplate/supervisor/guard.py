"""Ends a supervisor's children when the supervisor dies, even by SIGKILL.

`python -m dashplate.supervisor.guard RECORD`: standard input is a pipe whose other end only the supervisor holds,
so it ends when the supervisor does. The kernel's own means, PR_SET_PDEATHSIG, would not do: it is Linux's
alone, it ends only the child and not a Celery pool below it, and it strikes when the *thread* that started
the child ends.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from dashplate.stack.records import ORPHAN_GRACE_S, Record


def main(record_file: Path) -> None:
    """Wait for the end of standard input, then end every child that the record names."""
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)
    while sys.stdin.buffer.read(1024):
        pass
    # After an orderly stop the supervisor has taken its record away.
    record = Record.read(record_file)
    if record is not None and record.end_children(ORPHAN_GRACE_S):
        record_file.unlink(missing_ok=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
