"""The lists, in the data folder, of who supervises which processes, to find and end what is left over."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dashplate.stack.layout import Layout, write_private
from dashplate.stack.system import Identity, end, end_sessions

#: A supervising program first gives its workers their grace, then leaves its stack.
_SUPERVISOR_STOP_S = 45.0
#: Workers whose supervisor is dead: their messages are delivered again anyhow.
ORPHAN_GRACE_S = 3.0

_PATTERN = "processes-*.json"


@dataclass(frozen=True)
class Record:
    """One supervisor and its children."""

    supervisor: Identity
    #: What CHILD_MARK holds in the children's environments.
    mark: str
    #: By name.
    children: Mapping[str, Identity] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Replace the file at `path`."""
        document = {
            "mark": self.mark,
            "supervisor": _pair(self.supervisor),
            "children": {name: _pair(child) for name, child in self.children.items()},
        }
        write_private(path, json.dumps(document, indent=1))

    @classmethod
    def read(cls, path: Path) -> Record | None:
        """Return what the file holds; None where there is none or it is damaged."""
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            children = {name: Identity(*pair) for name, pair in document["children"].items()}
            return cls(Identity(*document["supervisor"]), document["mark"], children)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def end_children(self, grace_s: float) -> bool:
        """End all children and what they started; returns whether all are gone."""
        return end_sessions(list(self.children.values()), grace_s, self.mark)


def record_path(layout: Layout, mark: str) -> Path:
    """Return the file for the supervisor with this mark."""
    return layout.run / f"processes-{mark}.json"


def end_recorded(layout: Layout, *, supervisors_too: bool = True) -> list[str]:
    """End recorded processes whose supervisor is dead, and, if `supervisors_too`, the supervising programs.

    This program itself is spared. Returns what was ended, as words.
    """
    ended = []
    for path in sorted(layout.run.glob(_PATTERN)):
        record = Record.read(path)
        if record is None or record.supervisor.pid == os.getpid():
            continue
        if record.supervisor.alive():
            if not supervisors_too:
                continue
            end([record.supervisor], [(signal.SIGTERM, _SUPERVISOR_STOP_S)])
            ended.append(f"program {record.supervisor.pid}")
        ended += [name for name, child in record.children.items() if child.alive()]
        if record.end_children(ORPHAN_GRACE_S):
            path.unlink(missing_ok=True)
    return ended


def _pair(identity: Identity) -> list[int | str]:
    return [identity.pid, identity.born]
