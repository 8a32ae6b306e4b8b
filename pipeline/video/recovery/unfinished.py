"""Whether a file is a recording that was never finished, and what was made of it: found once a process."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pipeline.sources.object_versions import version
from pipeline.sources.source import Remote, Source
from pipeline.video.recovery.damage import outline
from pipeline.video.recovery.rebuild import RateFrom, Recovery, rebuild

#: Files of which it is remembered: an index of a day's video takes 40 MB, one of three minutes 100 KB.
_REMEMBERED = 4
#: Larger files elsewhere are not searched: each process that opens one would fetch all of it, some of it again.
REMOTE_BYTES = 1024**3


@dataclass(frozen=True, slots=True)
class _Known:
    found: Recovery | None
    #: Another recording may come to lie beside a file of which nothing was made.
    folder: object


_known: OrderedDict[object, _Known] = OrderedDict()
#: Two threads that want the same file wait for one search.
_searching = threading.Lock()


def unfinished(
    source: Source, file: BinaryIO, whatever_its_index: bool = False, clock_hz: int | None = None
) -> Recovery | None:
    """What was recovered of a recording without an index; None where there is one, and where nothing was found.

    `whatever_its_index` is for a file whose index is there and cannot be read; what is found then is found from then on
    without it. With `clock_hz` it has the times that an index of that clock had, whatever lies beside the file by now.
    `file` is left at its beginning. Raises OSError, and what reading a remote file raises.
    """
    size = file.seek(0, os.SEEK_END)
    where = outline(file, size)
    file.seek(0)
    if where is None or is_too_far(source, size):
        return None
    key = _identity(source, file, size)
    with _searching:
        known = _known.get(key)
        if where.indexed and not whatever_its_index:
            return None if known is None else known.found
        if known is None or not _holds(known, source, clock_hz):
            known = _known[key] = _Known(rebuild(source, file, size, where, clock_hz), _folder(source))
            while len(_known) > _REMEMBERED:
                _known.popitem(last=False)
        _known.move_to_end(key)
    file.seek(0)
    return known.found


def is_too_far(source: Source, size: int) -> bool:
    """Whether a file is elsewhere, and too large to be fetched for a search."""
    return isinstance(source, Remote) and size > REMOTE_BYTES


def _holds(known: _Known, source: Source, clock_hz: int | None) -> bool:
    if known.found is None:
        return known.folder == _folder(source)
    if clock_hz is None:
        # One who opens it for the first time is told what the rate rests on.
        return known.found.rate_from is not RateFrom.PROBE
    return known.found.clock_hz == clock_hz


def _identity(source: Source, file: BinaryIO, size: int) -> object:
    """Equal for as long as a file stays what it is."""
    if isinstance(source, Path):
        status = os.fstat(file.fileno())
        return str(source), status.st_dev, status.st_ino, size, status.st_mtime_ns
    return str(source), size, version(source.details or {})


def _folder(source: Source) -> object:
    """Equal for as long as nothing is put into a file's folder, or taken out of it."""
    if isinstance(source, Path):
        with suppress(OSError):
            return os.stat(source.parent).st_mtime_ns
    return None
