"""Time zones: by name, between two clocks, and the hours that they have twice or not at all."""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pipeline.errors import UsageError

_OFFSET = re.compile(r"(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>\d\d))?")
_UTC_NAMES = frozenset({"Z", "UTC", "GMT"})
#: What the tz database has beside names of zones: this machine's own, none, and other copies of it. Databases that are
#: asked for a time in them do not know them.
_NO_NAME = re.compile(r"(localtime|Factory|posixrules|(posix|right)/.*)", re.IGNORECASE)
_MOST_OFFSET_S = 14 * 3600
#: The offsets from UTC that are in use somewhere, in quarters of an hour: whole hours, and those few others.
_IN_USE = frozenset(range(-12 * 4, 14 * 4 + 1, 4)) | {-38, -14, -10, 14, 18, 22, 23, 26, 35, 38, 42, 51, 55}
_QUARTER_S = 900
#: So far off may a camera's clock be that tells a zone. Beyond, it is too near the middle between two zones.
MOST_CAMERA_ERROR_S = 300.0
#: How far off a moment may be that falls into an hour which its zone has twice, or not at all.
_HOUR_S = 3600.0


class Between(NamedTuple):
    """What a local clock and a moment in UTC say together."""

    zone: dt.timezone
    #: By how many seconds the local clock is ahead of the zone's time.
    ahead_s: float


class Placed(NamedTuple):
    """A local time with its offset from UTC."""

    at: dt.datetime
    #: What the zone itself leaves open, in seconds.
    error_s: float = 0.0
    #: A sentence about that.
    note: str | None = None
    #: The other moment that it may be.
    instead: dt.datetime | None = None


def names() -> list[str]:
    """All names that `zone_named` takes, in their order."""
    return sorted(name for name in available_timezones() if _NO_NAME.fullmatch(name) is None)


def zone_named(text: str) -> dt.tzinfo:
    """The zone of a name of the tz database, an offset such as `+02:00`, or `UTC`. Raises UsageError."""
    if text.upper() in _UTC_NAMES:
        return dt.UTC
    offset = _OFFSET.fullmatch(text)
    if offset is not None:
        seconds = int(offset["hours"]) * 3600 + int(offset["minutes"] or 0) * 60
        if seconds <= _MOST_OFFSET_S and int(offset["minutes"] or 0) < 60:
            return _fixed(-seconds if offset["sign"] == "-" else seconds)
    elif _NO_NAME.fullmatch(text) is None:
        try:
            return ZoneInfo(text)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
    raise UsageError(f"{text!r} is no time zone that is known here. Write it as Europe/Berlin or +02:00.")


def spelled(zone: dt.tzinfo, at: dt.datetime) -> str:
    """A zone as `zone_named` reads it: its name, or its offset at a moment."""
    if isinstance(zone, ZoneInfo) and zone.key:
        return zone.key
    offset = zone.utcoffset(at) or dt.timedelta()
    if zone is dt.UTC or (not offset and isinstance(zone, dt.timezone)):
        return "UTC"
    minutes = round(abs(offset).total_seconds() / 60)
    return f"{'-' if offset < dt.timedelta() else '+'}{minutes // 60:02}:{minutes % 60:02}"


def between(local: dt.datetime, moment: dt.datetime) -> Between | None:
    """The zone whose clock shows `local`, a naive time, at an aware moment.

    The difference is rounded to a quarter of an hour. None where no zone in use is so far from UTC, or where the clocks
    are further from a whole quarter than MOST_CAMERA_ERROR_S.
    """
    apart_s = (local - moment.astimezone(dt.UTC).replace(tzinfo=None)).total_seconds()
    quarters = round(apart_s / _QUARTER_S)
    ahead_s = apart_s - quarters * _QUARTER_S
    if quarters not in _IN_USE or abs(ahead_s) > MOST_CAMERA_ERROR_S:
        return None
    return Between(_fixed(quarters * _QUARTER_S), ahead_s)


def least_apart_s(local: dt.datetime, moment: dt.datetime) -> float:
    """How far a naive time and an aware moment are apart in the zone that brings them closest."""
    apart_s = (local - moment.astimezone(dt.UTC).replace(tzinfo=None)).total_seconds()
    return min(abs(apart_s - quarters * _QUARTER_S) for quarters in _IN_USE)


def placed(local: dt.datetime, zone: dt.tzinfo) -> Placed:
    """A naive time in a zone, and what the zone leaves open about it.

    An hour that the clocks repeat is taken for the first one; in one that they leave out, the camera's clock was not
    put forward.
    """
    first, second = local.replace(tzinfo=zone), local.replace(tzinfo=zone, fold=1)
    if first.utcoffset() == second.utcoffset():
        return Placed(pinned(first))
    said = f"{local:%Y-%m-%d %H:%M:%S}"
    if dt.datetime.fromtimestamp(first.timestamp(), zone).replace(tzinfo=None, fold=0) == local:
        note = f"{zone} has {said} twice, as its clocks were put back; the first one is taken."
        return Placed(pinned(first), _HOUR_S, note, pinned(second))
    note = f"{zone} leaves {said} out, as its clocks were put forward; the camera's was not, it is taken."
    return Placed(moved(first, zone), _HOUR_S, note, moved(second, zone))


def moved(moment: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
    """An aware moment on a zone's clock, see `pinned`."""
    return pinned(moment.astimezone(dt.UTC).astimezone(zone))


def pinned(at: dt.datetime) -> dt.datetime:
    """The same moment with its offset in place of a named zone.

    In a named zone Python counts by the clock on the wall: a night in which clocks are put back would be an hour short.
    """
    offset = at.utcoffset() or dt.timedelta()
    return at.replace(tzinfo=_fixed(round(offset.total_seconds())), fold=0)


def _fixed(seconds: int) -> dt.timezone:
    return dt.timezone(dt.timedelta(seconds=seconds)) if seconds else dt.UTC


def in_zone(moment: dt.datetime, zone: str | None) -> dt.datetime:
    """An aware moment on the clock of a zone, as `videos.clock_zone` names it.

    Without a zone it is naive, and says what it said in UTC: so the database keeps local times of who knows where. A
    zone that this machine's tz database does not know is told in UTC.

    >>> in_zone(dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC), "-03:30").isoformat()
    '2026-03-01T08:30:00-03:30'
    >>> in_zone(dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC), None).isoformat()
    '2026-03-01T12:00:00'
    """
    if zone is None:
        return moment.astimezone(dt.UTC).replace(tzinfo=None)
    return moved(moment, _known(zone))


@lru_cache(maxsize=256)
def _known(zone: str) -> dt.tzinfo:
    try:
        return zone_named(zone)
    except UsageError:
        return dt.UTC
