"""Sightings and tracks as GPX 1.1 (https://www.topografix.com/GPX/1/1/): waypoints, and a `trk` a video.

The schema has no speed and no course. They stand in Garmin's extension for track points, version 2, which others read
too (https://www8.garmin.com/xmlschemas/TrackPointExtensionv2.xsd), and what else is known of a sighting in our own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import asdict

from dashplate.export.maps.camera_track import CameraTrack, iso, read_at
from dashplate.export.maps.markup import element, said
from dashplate.export.rows import SightingLine
from pipeline.camera.records import Fix

_BEGIN = """<?xml version="1.0" encoding="UTF-8"?>
<gpx version="1.1" creator="Dashplate" xmlns="http://www.topografix.com/GPX/1/1"
     xmlns:tpx="http://www.garmin.com/xmlschemas/TrackPointExtension/v2" xmlns:dp="urn:dashplate:sighting">
"""
#: Of degrees: a centimetre.
_DIGITS = 7


def to_gpx(rows: Iterable[SightingLine | CameraTrack]) -> Iterator[str]:
    """The file; the schema wants sightings before tracks, so they have to come so.

    Times are UTC. Where no zone is known they are the camera's local time, and have no `Z`.
    """
    yield _BEGIN
    for row in rows:
        yield from _track(row) if isinstance(row, CameraTrack) else _waypoint(row)
    yield "</gpx>\n"


def _waypoint(row: SightingLine) -> Iterator[str]:
    about = "".join(element(f"dp:{name}", value) for name, value in asdict(row).items())
    yield (
        f'<wpt lat="{row.lat:.{_DIGITS}f}" lon="{row.lon:.{_DIGITS}f}">{_time(read_at(row))}'
        f"{element('name', row.plate)}{element('src', row.video)}<extensions>{about}</extensions></wpt>\n"
    )


def _track(track: CameraTrack) -> Iterator[str]:
    yield f"<trk>{element('name', track.name)}{element('src', track.source)}\n"
    for line in track.lines():
        yield "<trkseg>\n"
        yield from (_point(track, fix) for fix in line)
        yield "</trkseg>\n"
    yield "</trk>\n"


def _point(track: CameraTrack, fix: Fix) -> str:
    height = "" if fix.altitude_m is None else element("ele", f"{fix.altitude_m:.1f}")
    return (
        f'<trkpt lat="{fix.lat:.{_DIGITS}f}" lon="{fix.lon:.{_DIGITS}f}">{height}{_time(track.when(fix))}'
        f"{_motion(fix)}</trkpt>\n"
    )


def _motion(fix: Fix) -> str:
    speed = "" if fix.speed_mps is None else element("tpx:speed", f"{fix.speed_mps:.2f}")
    course = "" if fix.bearing_deg is None else element("tpx:course", f"{fix.bearing_deg:.1f}")
    if not speed and not course:
        return ""
    return f"<extensions><tpx:TrackPointExtension>{speed}{course}</tpx:TrackPointExtension></extensions>"


def _time(moment: dt.datetime | None) -> str:
    if moment is None:
        return ""
    utc = moment if moment.tzinfo is None else moment.astimezone(dt.UTC)
    return f"<time>{said(iso(utc).replace('+00:00', 'Z'))}</time>"
