"""GoPro's metadata format in tracks of kind `gpmd`: streams GPS5 and GPS9.

Source: github.com/gopro/gpmf-parser. GPSU, and GPS9's days and seconds, are UTC; GPSF is the kind of fix.
"""

from __future__ import annotations

import datetime as dt
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pipeline.camera.embedded.container.timed import Sample
from pipeline.camera.embedded.readers.reading import Reading, Stream
from pipeline.camera.embedded.readers.values import make_fix, moment
from pipeline.camera.records import Fix

NO_LOCK = "The camera had no satellite fix."
_LEVELS = 4
_MOST_ITEMS = 4096
_CLOCK = re.compile(rb"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d(?:\.\d{1,6})?)")


@dataclass
class _State:
    """What a stream says before its positions."""

    scale: tuple[float, ...] = (1.0,)
    locked: bool | None = None
    at: dt.datetime | None = None
    #: Columns of numbers: latitude, longitude, height, speeds and, in GPS9, clock and kind of fix.
    rows: list[tuple[float, ...]] = field(default_factory=list)


def read(stream: Stream) -> Reading | None:
    """A track of GPMF; None where its samples are something else."""
    samples = stream.samples
    if not samples or not any(sample.data[:4] == b"DEVC" for sample in samples[:16]):
        return None
    fixes: list[Fix] = []
    model = None
    for number, sample in enumerate(samples):
        length_s = _length_s(samples, number)
        finer: list[Fix] = []
        coarser: list[Fix] = []
        for name, state in _streams(sample.data, 0):
            model = model or name
            (finer if state.rows and len(state.rows[0]) > 7 else coarser).extend(
                _fixes(state, sample.start_s, length_s)
            )
        fixes += finer or coarser
    return Reading(fixes, "GoPro GPMF", make="GoPro", model=model)


def _length_s(samples: Sequence[Sample], number: int) -> float:
    if number + 1 < len(samples):
        return max(0.0, samples[number + 1].start_s - samples[number].start_s)
    return _length_s(samples, number - 1) if number else 1.0


def _streams(data: bytes, level: int, name: str | None = None) -> Iterator[tuple[str | None, _State]]:
    """Every stream with positions, and the name of the device that it is of."""
    state = _State()
    for key, kind, width, body in _items(data):
        if kind == 0 and level < _LEVELS:
            yield from _streams(body, level + 1, name)
        elif key == b"DVNM":
            name = body.split(b"\0")[0].decode("latin-1").strip()
            name = None if name in ("", "Camera") else name
        elif key == b"SCAL" and kind in b"sl":
            form = f">{len(body) // width if width else 0}{'h' if kind == ord('s') else 'i'}"
            scale = struct.unpack_from(form, body) if struct.calcsize(form) <= len(body) else ()
            state.scale = tuple(float(value) or 1.0 for value in scale) or (1.0,)
        elif key == b"GPSF" and len(body) >= 4:
            state.locked = body[3] in (2, 3)
        elif key == b"GPSU":
            state.at = _moment(body)
        elif key == b"GPS5" and width == 20:
            state.rows = list(struct.iter_unpack(">5i", body[: len(body) // 20 * 20]))
        elif key == b"GPS9" and width == 32:
            state.rows = list(struct.iter_unpack(">7i2H", body[: len(body) // 32 * 32]))
    if state.rows:
        yield name, state


def _items(data: bytes) -> Iterator[tuple[bytes, int, int, bytes]]:
    """Key, kind of value, bytes of one, and all of them."""
    at = 0
    for _ in range(_MOST_ITEMS):
        if at + 8 > len(data):
            return
        key, kind, width, count = struct.unpack_from(">4sBBH", data, at)
        if key == bytes(4):
            return
        yield key, kind, width, data[at + 8 : at + 8 + width * count]
        at += 8 + (width * count + 3) // 4 * 4


def _fixes(state: _State, start_s: float, length_s: float) -> Iterator[Fix]:
    for number, row in enumerate(state.rows):
        scale = (*state.scale, *[state.scale[-1]] * (len(row) - len(state.scale)))
        values = [value / unit for value, unit in zip(row, scale, strict=False)]
        within_s = length_s * number / len(state.rows)
        at, locked = state.at and state.at + dt.timedelta(seconds=within_s), state.locked
        if len(row) == 9:
            at, locked = _days(values[5], values[6]), row[8] in (2, 3)
        fix = make_fix(
            values[0],
            values[1],
            offset_s=start_s + within_s,
            at=at,
            altitude_m=values[2],
            speed_mps=values[3],
            doubt=None if locked in (True, None) else NO_LOCK,
        )
        if fix:
            yield fix


def _days(days: float, seconds: float) -> dt.datetime | None:
    """Days since 2000 and seconds since midnight, as GPS9 counts."""
    if not (0 <= days < 36_525 and 0 <= seconds <= 86_400):
        return None
    return dt.datetime(2000, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=int(days), seconds=seconds)


def _moment(text: bytes) -> dt.datetime | None:
    found = _CLOCK.match(text)
    if found is None:
        return None
    year, month, day, hour, minute = (int(found[number]) for number in range(1, 6))
    return moment(year, month, day, hour, minute, float(found[6]), utc=True)
