"""Finds NAL units in the media data of a file without an index.

MP4 stores units with their length before them, a picture's units in a row. Between pictures lie sound and what cameras
add, such as blocks of positions; nothing says where. So a unit is followed to the next for as long as its bytes can be
those of one, and where they cannot, the next place is searched where they can. A place counts if another unit follows
it, or if nothing in it looks like a start code, which the content of a unit never does (H.264, clause 7.4.1).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.video.recovery.stream.nal import H264, HEAD_BYTES, Codec, Nal, Role
from pipeline.video.recovery.stream.reading import BLOCK_BYTES, Reading, Spent

#: Bytes of a length that stands before a unit; all cameras write four.
PREFIX_BYTES = 4
#: A unit of more bytes is none: a keyframe of 4K at 100 Mbit/s takes 2 MB.
MOST_UNIT_BYTES = 8 * 1024**2
#: Where no unit is known yet, one that stands alone may be so many times larger than this.
_USUAL_UNIT_BYTES = 256 * 1024
#: Bytes at the beginning of the media data from which it is learnt what units look like here.
LEARN_BYTES = 16 * 1024**2
#: First bytes of units that hold less of the bytes of all units than this are taken for chance.
_LEAST_SHARE = 0.002
#: A unit that stands alone may be so much larger than the largest so far.
_GROWTH = 4
#: What no unit contains; a long run of zeros is a hole where something was overwritten.
_NEVER = re.compile(rb"\0\0[\1\2]|(?<!\0)\0{3,63}(?!\0)")
_SLICES = frozenset({Role.FIRST, Role.MORE})
_START = b"\0\0\1"


class Unit(NamedTuple):
    """A NAL unit in the file."""

    #: Where it begins, with the length or start code before it.
    at: int
    #: Bytes, with those before it.
    size: int
    nal: Nal
    #: Its first bytes, the header first.
    head: bytes
    #: Bytes of the length or start code.
    prefix: int


@dataclass(frozen=True, slots=True)
class Learnt:
    """What the units of a file look like."""

    codec: Codec
    #: Bytes of units in the part that it was learnt from, and how many pictures begin there.
    covered: int
    pictures: int
    #: Which first bytes units have here: 256 booleans.
    first_bytes: NDArray[np.bool_]
    #: Bytes of the largest unit.
    largest: int
    #: With start codes in place of lengths.
    start_codes: bool = False

    def units(self, reading: Reading, start: int, end: int) -> Iterator[Unit]:
        """The units between two positions, in order. Damage is passed over; a search that gets too long ends early."""
        if self.start_codes:
            return _start_coded(reading, self.codec, start, end)
        return _Lengths(reading, self, start, end).units()


def learn(reading: Reading, codec: Codec, start: int, end: int) -> Learnt:
    """What units of a codec look like in the first bytes from `start` on."""
    end = min(end, start + LEARN_BYTES)
    first = Learnt(codec, 0, 0, codec.first_bytes, _USUAL_UNIT_BYTES)
    by_byte: Counter[int] = Counter()
    largest = count = 0
    for unit in first.units(reading, start, end):
        count += unit.nal.role is Role.FIRST
        by_byte[unit.head[0]] += unit.size
        largest = max(largest, unit.size)
    covered = by_byte.total()
    allowed = codec.first_bytes.copy()
    for byte in range(256):
        # Parameter sets and messages are few and small, and are never taken alone.
        if _is_slice(codec, byte):
            allowed[byte] &= by_byte[byte] > _LEAST_SHARE * covered
    return replace(first, covered=covered, pictures=count, first_bytes=allowed, largest=largest)


def learn_start_codes(reading: Reading, codec: Codec, start: int, end: int) -> Learnt:
    """The same of units with start codes; `covered` counts only what comes after parameter sets and a keyframe."""
    found = Learnt(codec, 0, 0, codec.first_bytes, MOST_UNIT_BYTES, start_codes=True)
    sets: set[int] = set()
    covered = count = 0
    for unit in found.units(reading, start, min(end, start + LEARN_BYTES)):
        if unit.nal.role is Role.SET:
            sets.add(unit.nal.kind)
        if sets.issuperset(codec.sets) and (covered or unit.nal.key):
            covered += unit.size
            count += unit.nal.role is Role.FIRST
    return replace(found, covered=covered, pictures=count)


def _is_slice(codec: Codec, byte: int) -> bool:
    return byte & 0x1F in (1, 5) if codec is H264 else byte >> 1 < 32


class _Lengths:
    """Units with lengths before them."""

    def __init__(self, reading: Reading, learnt: Learnt, start: int, end: int) -> None:
        self._reading, self._codec = reading, learnt.codec
        self._first_bytes, self._largest = learnt.first_bytes, learnt.largest
        self._start, self._end = start, end
        #: The part that was searched last, and the places in it.
        self._searched = (0, 0)
        self._places: list[int] = []

    def units(self) -> Iterator[Unit]:
        at: int | None = self._start
        try:
            while at is not None and at < self._end:
                unit = self._unit(at)
                if unit is not None and self._counts(unit):
                    self._largest = max(self._largest, unit.size)
                    yield unit
                    at = unit.at + unit.size
                else:
                    at = self._next(at + 1)
        except Spent:
            return

    def _unit(self, at: int) -> Unit | None:
        """What stands there, if it can be a unit that ends within the data."""
        head = self._reading.head(at, PREFIX_BYTES + HEAD_BYTES)
        length = int.from_bytes(head[:PREFIX_BYTES], "big")
        if not 0 < length <= MOST_UNIT_BYTES or at + PREFIX_BYTES + length > self._end:
            return None
        unit = head[PREFIX_BYTES : PREFIX_BYTES + length]
        if not unit or not self._first_bytes[unit[0]]:
            return None
        nal = self._codec.look(unit, length)
        return None if nal is None else Unit(at, PREFIX_BYTES + length, nal, unit, PREFIX_BYTES)

    def _counts(self, unit: Unit) -> bool:
        after = unit.at + unit.size
        if self._unit(after) is not None:
            return True
        if unit.nal.role not in _SLICES or unit.size > _GROWTH * self._largest:
            return False
        data = self._reading.bytes(unit.at + PREFIX_BYTES, unit.size - PREFIX_BYTES)
        return bool(data) and data[-1] != 0 and _NEVER.search(data) is None

    def _next(self, at: int) -> int | None:
        """The next place that can be a unit's; None where there is none."""
        while at < self._end:
            if not self._searched[0] <= at < self._searched[1]:
                end = min(at + BLOCK_BYTES, self._end)
                block = self._reading.bytes(at, min(end + PREFIX_BYTES + 2, self._end) - at)
                self._searched, self._places = (at, end), (at + self._candidates(block)).tolist()
            for number in range(bisect_left(self._places, at), len(self._places)):
                if self._unit(self._places[number]) is not None:
                    return self._places[number]
            at = self._searched[1]
        return None

    def _candidates(self, block: bytes) -> NDArray[np.intp]:
        """Offsets in a block at which a plausible length and a known first byte stand."""
        data = np.frombuffer(block, np.uint8)
        if len(data) <= PREFIX_BYTES:
            return np.zeros(0, np.intp)
        most = min(MOST_UNIT_BYTES, _GROWTH * self._largest) >> 16
        ends = len(data) - PREFIX_BYTES
        fits = (data[:ends] == 0) & (data[1 : ends + 1] <= most) & self._first_bytes[data[PREFIX_BYTES:]]
        return np.flatnonzero(fits)


def _start_coded(reading: Reading, codec: Codec, start: int, end: int) -> Iterator[Unit]:
    """Units with start codes before them; what follows a unit and is none belongs to it, as decoders pass it over."""
    open_unit: Unit | None = None
    try:
        for at in _start_codes(reading, start, end):
            head = reading.head(at + len(_START), HEAD_BYTES)
            # Its end is not known yet; sizes that a kind must have cannot be held against it.
            nal = _look_unsized(codec.look, head)
            if nal is None:
                continue
            if open_unit is not None and at - open_unit.at <= MOST_UNIT_BYTES:
                yield open_unit._replace(size=at - open_unit.at)
            open_unit = Unit(at, 0, nal, head, len(_START))
    except Spent:
        return
    if open_unit is not None and end - open_unit.at <= MOST_UNIT_BYTES:
        yield open_unit._replace(size=end - open_unit.at)


def _look_unsized(look: Callable[[bytes, int], Nal | None], head: bytes) -> Nal | None:
    """What a unit is whose end is not known: the sizes of delimiters and ends are tried beside that of a slice."""
    return next((nal for size in (1024, 3, 2, 1) if (nal := look(head[:size], size)) is not None), None)


def _start_codes(reading: Reading, start: int, end: int) -> Iterator[int]:
    for block_at in range(start, end, BLOCK_BYTES):
        block = reading.bytes(block_at, min(BLOCK_BYTES + len(_START) - 1, end - block_at))
        at = block.find(_START)
        while at >= 0:
            yield block_at + at
            at = block.find(_START, at + 1)
