"""Logs of whole drives as they were read, for the next video of their folder."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from pipeline.camera.records import MOST_FIXES, Track
from pipeline.camera.sidecars.folder import Identity
from pipeline.errors import DashplateError

#: What a log was found to hold: nothing at all, too.
Found = Track | DashplateError | None

#: Most logs that are kept, and most of their fixes together, some 60 MB.
_MOST_LOGS, _MOST_KEPT = 64, MOST_FIXES


class Remembered:
    """What was found in files, by what changes where they do; the least used go first. Any thread may ask."""

    def __init__(self) -> None:
        self._found: OrderedDict[tuple[Identity, str], Found] = OrderedDict()
        self._fixes = 0
        self._lock = Lock()

    def get(self, key: tuple[Identity, str]) -> tuple[Found] | None:
        """What was found, in a tuple; None where nobody has looked."""
        with self._lock:
            if key not in self._found:
                return None
            self._found.move_to_end(key)
            return (self._found[key],)

    def put(self, key: tuple[Identity, str], found: Found) -> None:
        with self._lock:
            self._fixes += _fixes(found) - _fixes(self._found.pop(key, None))
            self._found[key] = found
            while len(self._found) > _MOST_LOGS or (self._fixes > _MOST_KEPT and len(self._found) > 1):
                self._fixes -= _fixes(self._found.popitem(last=False)[1])


def _fixes(found: Found) -> int:
    return len(found.fixes) if isinstance(found, Track) else 0
