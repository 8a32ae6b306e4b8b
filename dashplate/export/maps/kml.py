"""Sightings and tracks as KML 2.2 (OGC 07-147r2), with Google's `gx:Track` where a track knows its times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict

from dashplate.export.maps.camera_track import CameraTrack, iso, read_at
from dashplate.export.maps.markup import element, said
from dashplate.export.rows import SightingLine
from pipeline.camera.records import Fix

_BEGIN = """<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2" xmlns:gx="http://www.google.com/kml/ext/2.2">
<Document>
"""
#: Of degrees: a centimetre.
_DIGITS = 7


def to_kml(rows: Iterable[SightingLine | CameraTrack]) -> Iterator[str]:
    """The file: a folder of sightings, one of tracks; they come in this order.

    Times have the offset of the clock's zone, and none where no zone is known. Lines end at gaps.
    """
    yield _BEGIN + "<Folder><name>Sightings</name>\n"
    in_tracks = False
    for row in rows:
        if isinstance(row, SightingLine):
            yield _sighting(row)
            continue
        if not in_tracks:
            yield "</Folder>\n<Folder><name>Tracks</name>\n"
            in_tracks = True
        yield from _track(row)
    yield "</Folder>\n</Document>\n</kml>\n"


def _sighting(row: SightingLine) -> str:
    moment = read_at(row)
    when = f"<TimeStamp><when>{iso(moment)}</when></TimeStamp>" if moment else ""
    about = "".join(
        f'<Data name="{name}"><value>{said(value)}</value></Data>'
        for name, value in asdict(row).items()
        if value is not None and value != ""
    )
    return (
        f"<Placemark>{element('name', row.plate)}{when}<ExtendedData>{about}</ExtendedData>"
        f"<Point><coordinates>{row.lon:.{_DIGITS}f},{row.lat:.{_DIGITS}f}</coordinates></Point></Placemark>\n"
    )


def _track(track: CameraTrack) -> Iterator[str]:
    lines = track.lines()
    if not lines:
        return
    yield f"<Placemark>{element('name', track.name)}{element('description', track.source)}\n"
    if all(track.when(fix) for line in lines for fix in line):
        # Not interpolated: nothing is drawn over a gap.
        yield "<gx:MultiTrack><gx:interpolate>0</gx:interpolate>\n"
        for line in lines:
            yield from _timed(track, line)
        yield "</gx:MultiTrack>\n"
    else:
        yield "<MultiGeometry>\n"
        yield from (_untimed(line) for line in lines)
        yield "</MultiGeometry>\n"
    yield "</Placemark>\n"


def _timed(track: CameraTrack, line: Sequence[Fix]) -> Iterator[str]:
    yield "<gx:Track>\n"
    yield from (f"<when>{when}</when>\n" for when in track.whens(line))
    yield from (f"<gx:coord>{_coordinates(fix, ' ')}</gx:coord>\n" for fix in line)
    yield "</gx:Track>\n"


def _untimed(line: Sequence[Fix]) -> str:
    kind = "LineString" if len(line) > 1 else "Point"
    return f"<{kind}><coordinates>{' '.join(_coordinates(fix, ',') for fix in line)}</coordinates></{kind}>\n"


def _coordinates(fix: Fix, separator: str) -> str:
    return separator.join((f"{fix.lon:.{_DIGITS}f}", f"{fix.lat:.{_DIGITS}f}", f"{fix.altitude_m or 0:.1f}"))
