"""Tracks of timed data, such as subtitles and telemetry: where their samples lie, and when each one begins.

Source: ISO/IEC 14496-12, boxes stsd, stts, stsc, stsz, stz2, stco and co64.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import TypeVar

from pipeline.camera.embedded.container.bounded import BoundedFile
from pipeline.camera.embedded.container.boxes import Box, boxes, inside

#: Samples of one track; movements that are no positions are 200 a second, for 33 minutes.
MOST_SAMPLES = 400_000
#: Samples that are read of one track; 20 a second for a quarter of an hour. Of more, every n-th is taken.
MOST_READ_SAMPLES = 20_000
#: Bytes of one table.
MOST_TABLE_BYTES = 2 << 20
#: Bytes of the samples of one track; of more, every n-th sample is taken.
MOST_TRACK_BYTES = 6 << 20
#: Reads of one track's samples that lie apart from each other.
MOST_READS = 900
#: Larger samples are pictures and sound.
MOST_SAMPLE_BYTES = 256 << 10
#: Cameras write seven at most.
MOST_TRACKS = 12

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sample lies, and when it begins in seconds after the track's first."""

    at: int
    length: int
    start_s: float


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample's bytes, and when it begins in seconds after the track's first."""

    data: bytes
    start_s: float


@dataclass(frozen=True, slots=True)
class Chunk:
    """Samples that lie one after the other: where, how many bytes, when the first begins in seconds."""

    at: int
    length: int
    start_s: float


@dataclass(frozen=True, slots=True)
class TimedTrack:
    """A track: its handler (`vide`, `soun`, `text`, `meta`, …), its samples' kind (`avc1`, `gpmd`, …), its table."""

    handler: bytes
    kind: bytes
    table: Box
    timescale: int

    def samples(self, file: BoundedFile, lengths: frozenset[int] | None = None) -> list[Place]:
        """The places of its samples, as far as the tables make sense together; of these `lengths` only.

        Where they are more than can be read, every n-th.
        """
        sizes, clock = _sizes(file, self.table), _Clock(file, self.table, self.timescale)
        step = 1 if lengths else 1 + len(sizes) // MOST_READ_SAMPLES
        found = []
        for at, first, count in _spans(file, self.table, len(sizes)):
            starts = accumulate(sizes[first : first + count - 1], initial=at)
            for number, start in islice(enumerate(starts, first), -first % step, None, step):
                if lengths is None or sizes[number] in lengths:
                    found.append(Place(start, sizes[number], clock.start_s(number)))
        return found

    def chunks(self, file: BoundedFile) -> list[Chunk]:
        """Its chunks in the order of the table."""
        sizes, clock = _sizes(file, self.table), _Clock(file, self.table, self.timescale)
        return [
            Chunk(at, sum(sizes[first : first + count]), clock.start_s(first))
            for at, first, count in _spans(file, self.table, len(sizes))
        ]


class _Clock:
    """When samples begin, by the runs of equal durations in a track's table."""

    def __init__(self, file: BoundedFile, table: Box, timescale: int) -> None:
        self._timescale = timescale
        self._firsts, self._ticks, self._durations = [0], [0], [0]
        number = tick = 0
        for count, duration in _rows(file, table, b"stts", ">II"):
            self._firsts.append(number)
            self._ticks.append(tick)
            self._durations.append(duration)
            number, tick = number + count, tick + count * duration

    def start_s(self, number: int) -> float:
        """Seconds from the first sample to that of this number; the last duration goes on."""
        run = bisect_right(self._firsts, number) - 1
        return (self._ticks[run] + (number - self._firsts[run]) * self._durations[run]) / self._timescale


def timed_tracks(file: BoundedFile, moov: Box) -> list[TimedTrack]:
    """The tracks of a movie in its order, those with a table."""
    found = []
    traks = (box for box in boxes(file, moov.start, moov.end) if box.kind == b"trak")
    for trak, _ in zip(traks, range(MOST_TRACKS), strict=False):
        mdia = inside(file, trak, b"mdia")
        table = mdia and inside(file, mdia, b"minf", b"stbl")
        if not mdia or not table:
            continue
        handler, described = inside(file, mdia, b"hdlr"), inside(file, table, b"stsd")
        found.append(
            TimedTrack(
                handler=file.read(handler.start + 8, 4) if handler else b"",
                kind=file.read(described.start + 12, 4) if described else b"",
                table=table,
                timescale=_timescale(file, inside(file, mdia, b"mdhd")),
            )
        )
    return found


def read_samples(file: BoundedFile, places: Sequence[Place]) -> list[Sample]:
    """The bytes of samples, evenly thinned where they are too many; neighbours are read together."""
    places = evenly([place for place in places if 0 < place.length <= MOST_SAMPLE_BYTES], MOST_READ_SAMPLES)
    total = sum(place.length for place in places)
    places = evenly(places, int(len(places) * MOST_TRACK_BYTES / total) if total > MOST_TRACK_BYTES else len(places))
    runs = evenly(list(_runs(places)), MOST_READS)
    found = []
    for run in runs:
        first = run[0].at
        data = file.read(first, run[-1].at + run[-1].length - first)
        found += [Sample(data[place.at - first :][: place.length], place.start_s) for place in run]
    return [sample for sample in found if sample.data]


def evenly(items: Sequence[_Item], most: int) -> list[_Item]:
    """At most `most` of the items, evenly from first to last."""
    if len(items) <= most:
        return list(items)
    return [items[number * len(items) // most] for number in range(most)]


def _runs(places: Sequence[Place]) -> Iterator[list[Place]]:
    """Places that follow each other in the file without a gap, at most a quarter of a megabyte."""
    run: list[Place] = []
    for place in places:
        if run and (place.at != run[-1].at + run[-1].length or place.at - run[0].at > MOST_SAMPLE_BYTES):
            yield run
            run = []
        run.append(place)
    if run:
        yield run


def _timescale(file: BoundedFile, mdhd: Box | None) -> int:
    """Ticks a second; 1 where none is said."""
    if mdhd is None:
        return 1
    longer = file.read(mdhd.start, 1) == b"\1"
    return int.from_bytes(file.read(mdhd.start + (20 if longer else 12), 4), "big") or 1


def _rows(file: BoundedFile, table: Box, kind: bytes, form: str) -> list[tuple[int, ...]]:
    """The rows of a table box; as many as are there, however many its count says."""
    box = inside(file, table, kind)
    data = box.content(file, MOST_TABLE_BYTES) if box else b""
    count = int.from_bytes(data[4:8], "big")
    width = struct.calcsize(form)
    body = data[8 : 8 + width * min(count, MOST_SAMPLES)]
    return list(struct.iter_unpack(form, body[: len(body) // width * width]))


def _offsets(file: BoundedFile, table: Box) -> list[int]:
    return [row[0] for row in _rows(file, table, b"stco", ">I") or _rows(file, table, b"co64", ">Q")]


def _sizes(file: BoundedFile, table: Box) -> list[int]:
    box = inside(file, table, b"stsz")
    if box is not None:
        data = box.content(file, MOST_TABLE_BYTES)
        each, count = int.from_bytes(data[4:8], "big"), int.from_bytes(data[8:12], "big")
        if each:
            return [each] * min(count, MOST_SAMPLES)
        body = data[12 : 12 + 4 * min(count, MOST_SAMPLES)]
        return [size for (size,) in struct.iter_unpack(">I", body[: len(body) // 4 * 4])]
    box = inside(file, table, b"stz2")
    data = box.content(file, MOST_TABLE_BYTES) if box else b""
    body, bits = data[12:], data[7] if len(data) > 7 else 0
    if bits == 4:
        return [half for byte in body for half in (byte >> 4, byte & 15)]
    return list(body) if bits == 8 else [big * 256 + little for big, little in zip(body[::2], body[1::2], strict=False)]


def _spans(file: BoundedFile, table: Box, samples: int) -> Iterator[tuple[int, int, int]]:
    """Each chunk's place, the number of its first sample, and how many it has."""
    offsets = _offsets(file, table)
    rows = _rows(file, table, b"stsc", ">III")
    firsts = [first for first, _, _ in rows]
    number = 0
    for chunk, at in enumerate(offsets, 1):
        run = bisect_right(firsts, chunk) - 1
        count = min(rows[run][1], samples - number) if run >= 0 else 0
        if count <= 0:
            return
        yield at, number, count
        number += count
