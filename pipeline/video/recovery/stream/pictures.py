"""Groups NAL units into access units: the pictures of a stream, in the order of decoding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pipeline.video.recovery.stream.framing import MOST_UNIT_BYTES, Unit
from pipeline.video.recovery.stream.nal import Role
from pipeline.video.recovery.stream.reading import Reading

#: Pictures of the longest recording: nine hours at 30 a second. While they are found, each takes some 250 bytes.
MOST_PICTURES = 2**20
#: A picture of more bytes, in however many slices, is none.
MOST_PICTURE_BYTES = 2 * MOST_UNIT_BYTES


class Picture(NamedTuple):
    """One access unit in the file: what an MP4 calls a sample."""

    #: Where it begins, and its bytes.
    at: int
    size: int
    #: Decoding may begin here.
    key: bool
    #: The first bytes of its first slice, from the unit's header on.
    slice_head: bytes
    #: Bytes between it and the picture before.
    gap: int = 0


class Sets:
    """Parameter sets that were met in a stream, and how often: a copy that was damaged is met once."""

    #: Distinct ones that are kept.
    _MOST = 64
    #: One that is met less often than this share of the most frequent of its kind is taken for damaged.
    _LEAST_SHARE = 0.25

    def __init__(self) -> None:
        self._first: dict[tuple[int, bytes], Unit] = {}
        self._met: Counter[tuple[int, bytes]] = Counter()

    def see(self, unit: Unit) -> None:
        key = unit.nal.kind, unit.head
        if key in self._first or len(self._first) < self._MOST:
            self._first.setdefault(key, unit)
            self._met[key] += 1

    def units(self, reading: Reading) -> Iterator[bytes]:
        """Without lengths or start codes."""
        most: Counter[int] = Counter()
        for (kind, _), count in self._met.items():
            most[kind] = max(most[kind], count)
        for key, unit in self._first.items():
            if self._met[key] >= self._LEAST_SHARE * most[key[0]]:
                data = reading.bytes(unit.at + unit.prefix, unit.size - unit.prefix)
                # Zeros after a unit belong to the next start code.
                yield data.rstrip(b"\0")


class _Open:
    """The access unit that is being put together."""

    def __init__(self, unit: Unit) -> None:
        self.at, self.end = unit.at, unit.at
        self.slice: bytes | None = None
        self.key = self.intra = self.recovers = self.sets = self.orphan = False
        self.add(unit)

    def add(self, unit: Unit) -> None:
        self.end = unit.at + unit.size
        nal = unit.nal
        self.sets |= nal.role is Role.SET
        self.recovers |= nal.recovers
        if nal.role is Role.FIRST and self.slice is None:
            self.slice, self.key, self.intra = unit.head, nal.key, nal.intra
        elif nal.role is Role.MORE and self.slice is None:
            self.orphan = True

    def begins_another(self, unit: Unit) -> bool:
        """Whether a unit belongs to the next picture."""
        if unit.at != self.end:
            return True
        return (self.slice is not None or self.orphan) and unit.nal.role in (Role.FIRST, Role.SET, Role.BEFORE)

    def picture(self, last_end: int) -> Picture | None:
        """None for what has lost its first slice, and for what is too large to be one."""
        if self.slice is None or self.orphan or self.end - self.at > MOST_PICTURE_BYTES:
            return None
        # Cameras that write no IDR pictures but the first say otherwise where one may begin.
        key = self.key or (self.intra and (self.recovers or self.sets))
        return Picture(self.at, self.end - self.at, key, self.slice, self.at - last_end)


def pictures(units: Iterable[Unit], sets: Sets) -> Iterator[Picture]:
    """The pictures of these units, and their parameter sets into `sets`."""
    last_end: int | None = None
    count = 0
    for group in _groups(units, sets):
        found = group.picture(group.at if last_end is None else last_end)
        if found is None:
            continue
        yield found
        last_end = group.end
        count += 1
        if count == MOST_PICTURES:
            return


def _groups(units: Iterable[Unit], sets: Sets) -> Iterator[_Open]:
    group: _Open | None = None
    for unit in units:
        if unit.nal.role is Role.SET:
            sets.see(unit)
        if group is None:
            group = _Open(unit)
        elif group.begins_another(unit):
            yield group
            group = _Open(unit)
        else:
            group.add(unit)
    if group is not None:
        yield group
