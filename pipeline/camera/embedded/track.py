"""A video file's own track: finds what readers need, asks them, and takes the best answer."""

from __future__ import annotations

import datetime as dt
import re
import struct
from collections.abc import Sequence
from dataclasses import replace
from typing import BinaryIO

from pipeline.camera.embedded.container.bounded import BoundedFile
from pipeline.camera.embedded.container.boxes import Box, boxes, inside, outermost
from pipeline.camera.embedded.container.timed import TimedTrack, evenly, read_samples, timed_tracks
from pipeline.camera.embedded.container.transport_stream import is_transport_stream, stretches
from pipeline.camera.embedded.container.unclaimed import LEAST_GAP_BYTES, Timeline, blocks_in_gaps, gaps
from pipeline.camera.embedded.exiftool import exiftool_reading
from pipeline.camera.embedded.maker import Maker, maker_of
from pipeline.camera.embedded.readers.atoms import (
    GARMIN,
    is_log,
    read_blackvue,
    read_garmin,
    read_loci,
    read_place,
    read_user_data,
)
from pipeline.camera.embedded.readers.nmea import without_idle_doubt
from pipeline.camera.embedded.readers.novatek.blocks import BLOCK_BYTES, MAGIC, freegps_blocks, unit_block
from pipeline.camera.embedded.readers.reading import Reading, Stream
from pipeline.camera.embedded.readers.values import moment, unix_moment
from pipeline.camera.embedded.registry import BLOCKS_READER, BOX_READERS, STREAM_READERS, TRAILER_READER
from pipeline.camera.records import Fix, Track

#: Of one box with a log; NMEA with two sentences a second for four hours.
MOST_LOG_BYTES = 4 << 20
#: Blocks that a list names; one a second for a quarter of an hour. Of more, every n-th is read.
MOST_BLOCKS = 900
#: Of media data that no table describes: cameras write their first block within a second.
MOST_SCAN_BYTES = 2 << 20

_NO_TRACKS = frozenset({b"vide", b"soun", b"hint", b"tmcd"})
_QUICKTIME_EPOCH_S = 2_082_844_800
_IDIT = re.compile(rb"(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)")


def embedded_track(
    file: BinaryIO, size: int, *, near: dt.date | None = None, exiftool: bool | None = None
) -> Track | None:
    """What a video file of `size` bytes says of its camera's way and clock; None where it says nothing.

    `file` is seekable and stays open; less than 11 MB of it are read, however large it is. `near` is a day next to that
    of the recording, as a file's name says it: some cameras write the day of the month alone; the container's own is
    taken where it is None. `exiftool` asks that program where nothing here knows the file; None leaves it to the
    setting `DASHPLATE_EXIFTOOL`. Bytes that make no sense give no track or the part that does; nothing is raised but
    what `file` raises.
    """
    bounded = BoundedFile(file, size)
    if is_transport_stream(bounded):
        readings, maker = _of_transport_stream(bounded), Maker()
    else:
        readings, maker = _of_boxes(bounded, near)
    readings = [replace(reading, fixes=without_idle_doubt(reading.fixes)) for reading in readings]
    best = max(readings, key=_worth, default=None)
    if best is None or not best.fixes:
        asked = exiftool_reading(file, exiftool)
        best = asked if asked and asked.fixes else best
    began_at = next((reading.began_at for reading in (best, *readings) if reading and reading.began_at), None)
    if best is None or not (best.fixes or began_at):
        return None
    return Track(
        fixes=tuple(_in_order(best.fixes)),
        source=best.source,
        make=maker.make or best.make,
        model=maker.model or best.model,
        began_at=began_at,
    )


def _worth(reading: Reading) -> tuple[int, int, int]:
    """Better is what has more fixes that are believed, then with a clock, then any."""
    believed = [fix for fix in reading.fixes if fix.doubt is None]
    return len(believed), sum(fix.at is not None for fix in believed), len(reading.fixes)


def _in_order(fixes: Sequence[Fix]) -> list[Fix]:
    """By the frames where all have their second, else by the clock where all have it, else as they stood."""
    if all(fix.offset_s is not None for fix in fixes):
        return sorted(fixes, key=lambda fix: fix.offset_s or 0.0)
    if all(fix.at is not None for fix in fixes):
        return sorted(fixes, key=lambda fix: (fix.at or dt.datetime.min).replace(tzinfo=None))
    return list(fixes)


def _of_boxes(file: BoundedFile, near: dt.date | None) -> tuple[list[Reading], Maker]:
    """All that an MP4 or QuickTime file says."""
    outer, end = outermost(file)
    readings = _of_outermost(file, outer)
    readings += _known([_of_trailer(file, outer, end)])
    moov = next((box for box in outer if box.kind == b"moov"), None)
    tracks = timed_tracks(file, moov) if moov else []
    if moov:
        readings += _of_moov(file, moov)
        near = near or _created_on(file, moov)
        for track in tracks:
            readings += _of_track(file, track, near)
    readings += _known([_of_blocks(file, outer, moov, tracks)])
    began_at = _idit(file, outer)
    if began_at:
        readings.append(Reading(source="IDIT", began_at=began_at))
    return readings, maker_of(file, outer, moov)


def _of_outermost(file: BoundedFile, outer: Sequence[Box]) -> list[Reading]:
    """Logs in boxes of their own."""
    found: list[Reading | None] = []
    for box in outer:
        if box.kind == b"udta":
            found.append(_of_user_data(file, box))
        elif box.kind in BOX_READERS:
            found.append(BOX_READERS[box.kind](box.content(file, MOST_LOG_BYTES)))
        elif box.kind in (b"free", b"skip") and box.length > 16:
            log = inside(file, box, b"gps ")
            began = inside(file, box, b"sttm")
            if log:
                began_ms = int.from_bytes(began.content(file, 8), "big") if began else 0
                found.append(read_blackvue(log.content(file, MOST_LOG_BYTES), began_ms))
    return _known(found)


def _of_trailer(file: BoundedFile, outer: Sequence[Box], end: int) -> Reading | None:
    """What lies behind the boxes, or in those that LigoGPS calls `SKIP`."""
    for box in outer:
        if box.kind in (b"SKIP", b"skip") and file.read(box.start, 3) in (b"LIG", b"LCA"):
            end = min(end, box.start)
    foot = file.read(file.size - 8, 8)
    if len(foot) == 8 and foot[:4] in (b"&&&&", b"####", b"****"):
        length = int.from_bytes(foot[4:], "big")
        end = min(end, file.size - length) if 8 < length <= min(file.size, MOST_LOG_BYTES) else end
    if not outer or file.size - end < 64:
        return None
    return TRAILER_READER(file.read(end, min(file.size - end, MOST_LOG_BYTES)))


def _of_moov(file: BoundedFile, moov: Box) -> list[Reading]:
    """Boxes among a movie's: logs, Garmin's, the one place of the recording."""
    found: list[Reading | None] = []
    user = inside(file, moov, b"udta")
    for parent in (moov, user):
        for box in boxes(file, parent.start, parent.end) if parent else ():
            if box.kind == b"uuid" and file.read(box.start, 16) == GARMIN:
                found.append(read_garmin(file.read(box.start + 16, min(box.length - 16, MOST_LOG_BYTES))))
            elif box.kind in (b"gps0", b"gdat"):
                found.append(BOX_READERS[box.kind](box.content(file, MOST_LOG_BYTES)))
            elif box.kind == b"\xa9xyz":
                found.append(read_place(box.content(file, 200)[4:].decode("latin-1")))
            elif box.kind == b"loci":
                found.append(read_loci(box.content(file, 400)))
    if user:
        found.append(_of_user_data(file, user))
    meta = inside(file, moov, b"meta")
    values = meta.content(file, 64 << 10) if meta else b""
    if b"location.ISO6709" in values and (
        place := re.search(rb"[-+]\d\d\.\d{2,8}[-+]\d{3}\.\d{2,8}[^/]{0,20}/", values)
    ):
        found.append(read_place(place[0].decode("latin-1")))
    return _known(found)


def _of_user_data(file: BoundedFile, box: Box) -> Reading | None:
    """User data that is no boxes but a camera's log; ordinary ones may hold large pictures, which are not read."""
    return read_user_data(box.content(file, MOST_LOG_BYTES)) if is_log(box.content(file, 64)) else None


def _of_track(file: BoundedFile, track: TimedTrack, near: dt.date | None) -> list[Reading]:
    """What the readers make of a track's samples."""
    if track.handler in _NO_TRACKS:
        return []
    # Camera motion has hundreds of samples a second; those with a position alone have these lengths.
    places = track.samples(file, frozenset({28, 60}) if track.kind == b"camm" else None)
    stream = Stream(read_samples(file, places), track.kind, near)
    return _known([read(stream) for read in STREAM_READERS])


def _of_blocks(
    file: BoundedFile, outer: Sequence[Box], moov: Box | None, tracks: Sequence[TimedTrack]
) -> Reading | None:
    """`freeGPS ` blocks: those of a list, else those that are boxes, else those between the tracks' chunks."""
    blocks = evenly(_listed(file, moov) or _boxed(file, outer) or _between(file, outer, tracks), MOST_BLOCKS)
    if not blocks:
        return None
    timeline = Timeline(file, tracks)
    share = max(256, min(BLOCK_BYTES, file.left_bytes // len(blocks)))
    return BLOCKS_READER([(timeline.at(block.start), block.content(file, share)) for block in blocks])


def _listed(file: BoundedFile, moov: Box | None) -> list[Box]:
    """The blocks that a movie's `gps ` box names: where each begins, and how long it is."""
    box = inside(file, moov, b"gps ") if moov else None
    data = box.content(file, 1 << 20) if box else b""
    rows = [row for row in struct.iter_unpack(">II", data[8 : len(data) // 8 * 8]) if row[0]]
    rows = evenly(rows, MOST_BLOCKS)
    # Some firmwares name the block's name instead of its beginning.
    lead = 4 if rows and file.read(rows[0][0], 8) == MAGIC else 0
    return [
        Box(b"gps ", start - lead, start + (length if length >= LEAST_GAP_BYTES else BLOCK_BYTES))
        for start, length in rows
    ]


def _boxed(file: BoundedFile, outer: Sequence[Box]) -> list[Box]:
    """Outermost boxes that are blocks: `free` is the first half of their name, or holds them."""
    found = []
    for box in outer:
        if box.kind == b"free" and (head := file.read(box.start, 8)).startswith((b"GPS ", MAGIC)):
            found.append(Box(box.kind, box.start - (8 if head.startswith(b"GPS ") else 4), box.end))
    return found


def _between(file: BoundedFile, outer: Sequence[Box], tracks: Sequence[TimedTrack]) -> list[Box]:
    """Blocks in media data that no track names; all of them where tracks name the rest, else those at the beginning."""
    media = [box for box in outer if box.kind == b"mdat"]
    chunks = [chunk for track in tracks for chunk in track.chunks(file)]
    if chunks or not media:
        return blocks_in_gaps(file, gaps(media, chunks), MAGIC, 4, 16)
    start = media[0].start
    found = freegps_blocks(media[0].content(file, MOST_SCAN_BYTES))
    return [Box(b"mdat", start + at, start + at + len(block)) for at, block in found]


def _created_on(file: BoundedFile, moov: Box) -> dt.date | None:
    box = inside(file, moov, b"mvhd")
    data = box.content(file, 12) if box else b""
    seconds = int.from_bytes(data[4:12] if data[:1] == b"\1" else data[4:8], "big")
    at = unix_moment(seconds - _QUICKTIME_EPOCH_S, utc=True)
    return at.date() if at else None


def _idit(file: BoundedFile, outer: Sequence[Box]) -> dt.datetime | None:
    """The beginning by the camera's clock, as Ambarella's kit writes it."""
    for box in outer:
        if box.kind == b"IDIT" and (found := _IDIT.match(box.content(file, 32))):
            return moment(*(int(part) for part in found.groups()))
    return None


def _of_transport_stream(file: BoundedFile) -> list[Reading]:
    """What the beginning and the end of an MPEG transport stream say.

    Kits that hide positions write them a second time in the clear, in units of their own.
    """
    parts = list(stretches(file))
    units = [unit for part in parts for unit in part.units]
    hidden = [unit for unit in units if unit.startswith(b"LIGOGPSINFO")]
    plain = [unit for unit in units if not unit.startswith(b"LIGOGPSINFO")]
    found = [BLOCKS_READER([(None, unit_block(unit)) for unit in kind]) for kind in (hidden, plain) if kind]
    return _known([*found, *(TRAILER_READER(part.tail) for part in parts if part.tail)])


def _known(readings: Sequence[Reading | None]) -> list[Reading]:
    return [reading for reading in readings if reading is not None]
