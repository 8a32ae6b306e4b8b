"""Areas as people type them: `48.137,11.575,500m`, `48.1,11.4,48.2,11.7`, `track.gpx,200m`, `drive:12,200m`."""

from __future__ import annotations

import re
from pathlib import Path

from db.where.area import Area, along, near
from pipeline.errors import UsageError

#: How a corridor names a drive.
_DRIVE = re.compile(r"drive:([1-9][0-9]{0,17}),([^,]*)")
_METRES = re.compile(r"([0-9]{1,8}(?:\.[0-9]{1,3})?)(m|km)?")
#: A file of more than this is no track.
_MOST_BYTES = 64 * 1024 * 1024


def parse_metres(text: str) -> float:
    """`500m`, `2km` or `500` in metres. Raises UsageError for what is none of these."""
    found = _METRES.fullmatch(text.strip().lower())
    if found is None:
        raise UsageError(f"{text!r} is no distance. Give metres or kilometres: 500m or 2km.")
    return float(found[1]) * (1000 if found[2] == "km" else 1)


def parse_near(text: str) -> Area:
    """`LAT,LON,RADIUS`. Raises UsageError for anything else."""
    parts = text.split(",")
    if len(parts) != 3:
        raise UsageError(f"{text!r} is no circle. Give latitude, longitude and radius: 48.137,11.575,500m.")
    return near(_degrees(parts[0]), _degrees(parts[1]), parse_metres(parts[2]))


def parse_box(text: str) -> Area:
    """`SOUTH,WEST,NORTH,EAST`. Raises UsageError for anything else."""
    parts = text.split(",")
    if len(parts) != 4:
        raise UsageError(f"{text!r} is no box. Give south, west, north and east: 48.10,11.45,48.20,11.70.")
    south, west, north, east = map(_degrees, parts)
    return Area(box=(south, west, north, east))


def drive_meant(text: str) -> tuple[int, float] | None:
    """The number and the metres of `drive:12,200m`; None for what names no drive. Raises UsageError for no distance."""
    found = _DRIVE.fullmatch(text.strip())
    return None if found is None else (int(found[1]), parse_metres(found[2]))


def parse_along(text: str) -> Area:
    """`TRACK.gpx,WIDTH`: what lies no further than that from the track. Raises UsageError for what is no track."""
    # It loads what reads tracks.
    from pipeline.camera.sidecars import gpx

    name, _, width = text.rpartition(",")
    if not name:
        raise UsageError(
            f"{text!r} is no corridor. Give a GPX file or a drive, and a width: track.gpx,200m or drive:12,200m."
        )
    file, within_m = Path(name), parse_metres(width)
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise UsageError(f"{name} is too large for a track.")
        track = gpx.read(file.read_bytes())
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}.") from None
    believed = [(fix.lat, fix.lon) for fix in track.fixes if fix.doubt is None] if track else []
    if not believed:
        raise UsageError(f"{name} holds no track in GPX.")
    return along(believed, within_m)


def _degrees(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(
            f"{text!r} is no latitude or longitude. Give degrees, as 48.137; south and west are negative."
        ) from None
