"""What the clocks of cameras are known to be off by: a YAML file that a user keeps, one entry a camera.

An entry names a make, a model, a folder or several of these, and all that it names must fit:

    - folder: van-7
      offset_s: 47              # the clock is so many seconds fast; negative where it is slow
      drift_s_per_day: 0.8      # and gains so many a day
      since: 2026-05-01         # from this day on; without it, there is no drift
      timezone: Europe/Berlin   # of the clock
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from pipeline.camera.clock.zones import zone_named
from pipeline.errors import UsageError
from pipeline.sources.source import Source
from pipeline.utc import MOST_OFFSET_S
from pipeline.yaml_text import from_yaml

_KEYS = frozenset({"make", "model", "folder", "offset_s", "drift_s_per_day", "since", "timezone"})
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class CameraClock:
    """A camera, or several, and their clock."""

    make: str | None = None
    model: str | None = None
    #: A folder's name with `*` and `?`; with a `/` in it, a pattern for the whole path.
    folder: str | None = None
    #: By how many seconds the clock was fast at `since`.
    offset_s: float = 0.0
    #: How many it gains a day.
    drift_s_per_day: float = 0.0
    #: In the clock's own time.
    since: dt.datetime | None = None
    zone: dt.tzinfo | None = None

    def fits(self, source: Source, make: str | None, model: str | None) -> bool:
        return (
            _same(self.make, make)
            and _same(self.model, model)
            and (self.folder is None or _below(source, self.folder.casefold()))
        )

    def ahead_s(self, at: dt.datetime) -> float:
        """By how many seconds the clock was fast when it showed `at`."""
        if self.since is None:
            return self.offset_s
        days = (at.replace(tzinfo=None) - self.since).total_seconds() / _DAY_S
        return self.offset_s + self.drift_s_per_day * days


def camera_clocks(file: Path) -> tuple[CameraClock, ...]:
    """The entries of a file, in its order, of which the first that fits counts. Raises UsageError."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise UsageError(f"The file of cameras {file} cannot be read: {problem}.") from problem
    return _parsed(text, str(file))


def clock_for(
    cameras: Sequence[CameraClock], source: Source, make: str | None, model: str | None
) -> CameraClock | None:
    """The first entry that fits a recording."""
    return next((camera for camera in cameras if camera.fits(source, make, model)), None)


@lru_cache(maxsize=8)
def _parsed(text: str, name: str) -> tuple[CameraClock, ...]:
    try:
        entries = from_yaml(text) or []
    except yaml.YAMLError as problem:
        raise UsageError(f"The file of cameras {name} is no YAML: {problem}") from problem
    if not isinstance(entries, list):
        raise UsageError(f"The file of cameras {name} has to be a list with an entry for each camera.")
    return tuple(_camera(entry, f"Entry {number} of {name}") for number, entry in enumerate(entries, 1))


def _camera(entry: Any, name: str) -> CameraClock:
    if not isinstance(entry, dict) or not entry.keys() <= _KEYS:
        raise UsageError(f"{name} may hold {', '.join(sorted(_KEYS))}, and nothing else.")
    if not entry.keys() & {"make", "model", "folder"}:
        raise UsageError(f"{name} names no camera: say its make, its model or its folder.")
    if "drift_s_per_day" in entry and "since" not in entry:
        raise UsageError(f"{name} has a drift, and does not say since when.")
    zone = entry.get("timezone")
    try:
        return CameraClock(
            make=_text(entry.get("make")),
            model=_text(entry.get("model")),
            folder=_text(entry.get("folder")),
            offset_s=_seconds(entry.get("offset_s", 0)),
            drift_s_per_day=_seconds(entry.get("drift_s_per_day", 0)),
            since=_moment(entry.get("since")),
            zone=None if zone is None else zone_named(str(zone)),
        )
    except (TypeError, ValueError) as problem:
        raise UsageError(f"{name} cannot be read: {problem}.") from problem


def _seconds(value: Any) -> float:
    seconds = float(value)
    if not abs(seconds) <= MOST_OFFSET_S:
        raise ValueError(f"no clock is {value} seconds off")
    return seconds


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _moment(value: object) -> dt.datetime | None:
    """YAML reads days and times by itself; what has a zone is taken as the camera's own time."""
    if value is None:
        return None
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day)
    return dt.datetime.fromisoformat(str(value)).replace(tzinfo=None)


def _same(wanted: str | None, known: str | None) -> bool:
    return wanted is None or (known is not None and wanted.casefold() == known.casefold())


def _below(source: Source, pattern: str) -> bool:
    if "/" in pattern:
        return fnmatchcase(str(source).casefold(), pattern)
    return any(fnmatchcase(folder.casefold(), pattern) for folder in source.parts[:-1])
