"""Novatek's `freeGPS ` blocks, one a second among the pictures: Viofo, Vantrue, 70mai, Akaso, Kenwood, Nextbase, …

A block begins with four bytes of size and eight of name; all offsets here count from the size. What follows depends on
maker and firmware, and is told by its structure. Layouts: sergei.nz's and EgorKin's nvtk_mp42gpx, ExifTool's
QuickTimeStream.pl (12.57 and 13.x) and the notes of dashcamigo on real files. The clock is the camera's: most makers
let it run in local time, and no layout says a zone; only blocks with an NMEA sentence say UTC.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from pipeline.camera.embedded.readers.hidden import hidden_fixes
from pipeline.camera.embedded.readers.novatek import layouts, records
from pipeline.camera.embedded.readers.reading import Reading
from pipeline.camera.records import Fix

#: None where the block is laid out otherwise; an empty list where it is laid out so and has no fix.
_Layout = Callable[[bytes], list[Fix] | None]

MAGIC = b"freeGPS "
#: As much of a block as any layout needs.
BLOCK_BYTES = 2048
#: Receivers tell a position a second; within that, blocks repeat it.
REPEATED_S = 0.9

#: Tried in this order; the first that knows the block reads it. What is hidden comes first: its bytes may look like
#: another layout's.
_LAYOUTS: tuple[_Layout, ...] = (
    hidden_fixes,
    layouts.ligogps,
    layouts.sentence,
    layouts.seventymai,
    layouts.akaso,
    layouts.doubles,
    layouts.vantrue_doubles,
    layouts.horsontech,
    layouts.unsolved,
    records.innovv,
    records.xbht,
    records.xgody,
    records.nextbase,
    layouts.floats,
    layouts.without_fix,
)

#: Layouts that one maker alone has.
_NAMED: dict[_Layout | None, tuple[str, str | None]] = {
    layouts.seventymai: ("70mai freeGPS", "70mai"),
    layouts.vantrue_doubles: ("Vantrue freeGPS", "Vantrue"),
    layouts.horsontech: ("Vantrue freeGPS", "Vantrue"),
    records.innovv: ("INNOVV freeGPS", "INNOVV"),
    records.xgody: ("LigoGPS text", None),
    records.nextbase: ("Nextbase freeGPS", "Nextbase"),
    layouts.ligogps: ("LigoGPS in freeGPS", None),
    layouts.sentence: ("NMEA in freeGPS", None),
}


def freegps_reading(blocks: Sequence[tuple[float | None, bytes]]) -> Reading | None:
    """The fixes of blocks, each with its seconds since the first frame where they are known; None without a block.

    Some cameras write a block a frame, some the same records into block after block: what repeats is one fix. Where no
    block has one, their clock tells when the recording began.
    """
    source, make = "Novatek freeGPS", None
    fixes: list[Fix] = []
    seen: set[tuple[dt.datetime | None, float, float]] = set()
    any_block = False
    began_at: dt.datetime | None = None
    for offset_s, block in blocks:
        if block[4:12] != MAGIC:
            continue
        any_block = True
        read, found = _read(block)
        if not found and began_at is None and (clock := layouts.camera_clock(block)):
            began_at = clock - dt.timedelta(seconds=offset_s or 0.0)
        if found:
            source, make = _NAMED.get(read, (source, make))
        for fix in found:
            # Several seconds in one block: their clock tells them apart, the block's place does not.
            placed = replace(fix, offset_s=offset_s if len(found) == 1 else None)
            what = fix.at, fix.lat, fix.lon
            if what not in seen if fix.at else not fixes or _is_news(placed, fixes[-1]):
                fixes.append(placed)
                seen.add(what)
    # Viofo A119 Mini 2 lets its clock jump by its zone with the first fix: what it said before is another clock.
    began_at = None if fixes else began_at
    return Reading(fixes, source, make=make, began_at=began_at) if any_block else None


def _is_news(fix: Fix, last: Fix) -> bool:
    """Whether a fix without a clock is more than the last one written again: elsewhere, or a second later."""
    if (fix.lat, fix.lon) != (last.lat, last.lon):
        return True
    return fix.offset_s is not None and last.offset_s is not None and fix.offset_s - last.offset_s >= REPEATED_S


def unit_block(unit: bytes) -> bytes:
    """A unit of a transport stream's private stream as a block: holds what a block has behind its first 16 bytes."""
    return bytes(4) + MAGIC + bytes(4) + unit[:BLOCK_BYTES]


def freegps_fixes(block: bytes) -> list[Fix] | None:
    """The fixes of one block, mostly one; none while there is no fix, None where it is no block of this kind."""
    return _read(block)[1] if block[4:12] == MAGIC else None


def freegps_blocks(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The blocks in a stretch of a file: where each begins, and its bytes up to the next one."""
    starts = [found.start() - 4 for found in re.finditer(re.escape(MAGIC), data) if found.start() >= 4]
    for start, until in pairwise([*starts, len(data)]):
        yield start, data[start : min(until, start + BLOCK_BYTES)]


def _read(block: bytes) -> tuple[_Layout | None, list[Fix]]:
    for read in _LAYOUTS:
        found = read(block)
        if found is not None:
            return read, found
    return None, []
