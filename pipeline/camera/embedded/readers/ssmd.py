"""Tracks of kind `ssmd`, where SigmaStar's kit puts a binary record a second: Neoline, iBox RoadScan, iZEEKER, Rove.

Layouts: dashcamigo's notes on real files (SigmaStar) and ExifTool's QuickTimeStream.pl (Rove). SigmaStar's clock is UTC
with a fix and local time without, and says neither year nor month; Rove's zone is not known.
"""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from pipeline.camera.embedded.readers.reading import Reading, Stream
from pipeline.camera.embedded.readers.values import KMH_MPS, KNOT_MPS, degrees, known, make_fix, moment
from pipeline.camera.records import Fix

NOT_SET = "The clock of this fix does not go with those around it: the camera was not yet sure of its satellites."
#: What stands for both angles without a fix.
_NOWHERE = struct.pack("<d", 4_294_967_295.0)
_FIX_BIT = 0x0100
#: Seconds by which a set clock and the frames may differ.
_JITTER_S = 5.0
_MONTH_S = range(28 * 86_400, 31 * 86_400 + 1, 86_400)

#: iZEEKER iD300 multiplies the latitude by the number at the second's place, the longitude by that at the minute's.
_FACTORS = bytes.fromhex(
    "0f19243f520d0c0f151f1539101d2f1a2a1a1a0c411c0c1a2e181d193617"
    "570c2e302325440c182e4c371a1c43182b2e445717384e2210301b513552"
)


@dataclass(frozen=True, slots=True)
class _Row:
    """A fix with its clock: day of the month and seconds of the day."""

    fix: Fix
    day: int
    second: int

    @property
    def lag_s(self) -> float:
        """The clock's seconds in the month, less those of the frames."""
        return self.day * 86_400 + self.second - (self.fix.offset_s or 0.0)


def read(stream: Stream) -> Reading | None:
    """SigmaStar's records of 32, 40 or 56 bytes; None where the samples are none."""
    samples = stream.samples
    if stream.kind != b"ssmd" or not samples or {len(sample.data) for sample in samples} - {32, 40, 56}:
        return None
    if not all(_is_row(sample.data) for sample in samples[:8]):
        return None
    rows = [row for sample in samples if (row := _row(sample.data, sample.start_s))]
    return Reading(_timed(rows, stream.near), "SigmaStar ssmd", make=None)


def read_rove(stream: Stream) -> Reading | None:
    """Rove R2-4K's records of 32 bytes: degrees and minutes, knots, year to second; None where they are none."""
    samples = stream.samples
    if stream.kind != b"ssmd" or not samples or any(len(sample.data) != 32 for sample in samples):
        return None
    found = []
    voids = 0
    for sample in samples:
        voids += sample.data[:8] == _NOWHERE
        lat, lon, knots, year, month, day, hour, minute, second = struct.unpack_from("<dd4xH6B", sample.data)
        at = moment(2000 + year, month, day, hour, minute, second)
        if at is not None and year < 100:
            found.append(
                make_fix(degrees(lat), degrees(lon), offset_s=sample.start_s, at=at, speed_mps=knots * KNOT_MPS)
            )
    fixes = known(found)
    return Reading(fixes, "Rove ssmd", make="Rove") if fixes or voids else None


def _is_row(data: bytes) -> bool:
    flags, day, hour, minute, second = struct.unpack_from("<H4B", data, 22)
    marked = flags & 0xFF == 0x7E and flags < 0x1000
    return bool(marked and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 60)


def _row(data: bytes, start_s: float) -> _Row | None:
    """A record's fix; None without one."""
    if not _is_row(data) or data[:8] == _NOWHERE:
        return None
    lat, lon, height, kmh, flags, day, hour, minute, second, course = struct.unpack_from("<ddiHH5B", data)
    if data[48:52] == b"KTRX":
        lat, lon = (lat - 114.712) * 10 / _FACTORS[second], (lon - 224.222) * 10 / _FACTORS[minute]
    elif not flags & _FIX_BIT:
        return None
    elif len(data) == 32:
        lat, lon = degrees(lat), degrees(lon)
    fix = make_fix(
        lat,
        lon,
        offset_s=start_s,
        altitude_m=float(height),
        speed_mps=None if kmh == 0xFFFF else kmh * KMH_MPS,
        # In steps of two degrees; zero also says that it was not measured.
        bearing_deg=course * 2 if 0 < course < 180 else None,
    )
    return _Row(fix, day, hour * 3600 + minute * 60 + second) if fix else None


def _timed(rows: Sequence[_Row], near: dt.date | None) -> list[Fix]:
    """The fixes with their moments where `near` says year and month; doubted where the clock jumps."""
    if not rows:
        return []
    usual = median(row.lag_s for row in rows)
    found = []
    for row in rows:
        apart = usual - row.lag_s
        # Behind midnight of a month's last day the clock begins again at one.
        over = any(abs(abs(apart) - month) <= _JITTER_S for month in _MONTH_S)
        fits = over or abs(apart) <= _JITTER_S
        found.append(replace(row.fix, at=_moment(row, near), doubt=None if fits else NOT_SET))
    return found


def _moment(row: _Row, near: dt.date | None) -> dt.datetime | None:
    """The row's clock on the day of that number next to `near`, which may be a local one."""
    if near is None:
        return None
    for shift in (0, -1, 1):
        date = near + dt.timedelta(days=shift)
        if date.day == row.day:
            return dt.datetime.combine(date, dt.time(), dt.UTC) + dt.timedelta(seconds=row.second)
    return None
