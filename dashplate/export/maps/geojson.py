"""Sightings and tracks as GeoJSON (RFC 7946): positions are longitude and latitude, WGS 84."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from itertools import chain, pairwise
from typing import Any

from dashplate.export.maps.camera_track import CameraTrack
from dashplate.export.rows import SightingLine
from output.files import json_text
from pipeline.camera.records import Fix

#: Of degrees: a centimetre.
_DIGITS = 7


def to_geojson(rows: Iterable[SightingLine | CameraTrack]) -> Iterator[str]:
    """A FeatureCollection, a feature a line: a Point a sighting, a LineString a part of a track.

    A sighting's properties are the columns of the sightings. A line's are arrays as long as itself: `times` in ISO
    8601, seconds since the first frame, speeds and bearings. Fixes that are not believed are a MultiPoint with their
    `doubts`. A fix alone between two gaps makes no line.
    """
    yield '{"type": "FeatureCollection", "features": ['
    separator = "\n"
    for feature in chain.from_iterable(map(_features, rows)):
        yield separator + json_text(feature)
        separator = ",\n"
    yield "\n]}\n"


def _features(row: SightingLine | CameraTrack) -> Iterator[dict[str, Any]]:
    if isinstance(row, CameraTrack):
        yield from _of_track(row)
        return
    assert row.lon is not None
    assert row.lat is not None
    point = {"type": "Point", "coordinates": [row.lon, row.lat]}
    yield {"type": "Feature", "id": row.sighting, "geometry": point, "properties": asdict(row)}


def _of_track(track: CameraTrack) -> Iterator[dict[str, Any]]:
    for part in track.lines():
        for line in cut_at_antimeridian(part):
            if len(line) > 1:
                yield _feature(track, "LineString", line, {})
    if doubted := track.doubted():
        # What lies nowhere on the earth is on no map.
        shown = [fix for fix in doubted if abs(fix.lat) <= 90 and abs(fix.lon) <= 180]
        if shown:
            yield _feature(track, "MultiPoint", shown, {"doubts": [fix.doubt for fix in shown]})


def _feature(track: CameraTrack, kind: str, fixes: Sequence[Fix], more: dict[str, Any]) -> dict[str, Any]:
    places = [[round(fix.lon, _DIGITS), round(fix.lat, _DIGITS)] for fix in fixes]
    about = {
        "video": track.video,
        "camera": track.camera,
        "drive": track.drive,
        "source": track.source,
        "times": track.whens(fixes),
        "offsets_s": [_rounded(track.offset_s(fix), 3) for fix in fixes],
        "speeds_mps": [_rounded(fix.speed_mps, 2) for fix in fixes],
        "bearings_deg": [_rounded(fix.bearing_deg, 1) for fix in fixes],
    }
    return {"type": "Feature", "geometry": {"type": kind, "coordinates": places}, "properties": about | more}


def cut_at_antimeridian(line: Sequence[Fix]) -> Iterator[list[Fix]]:
    """A line in pieces that do not cross 180°, as RFC 7946 asks; where it does, both pieces get a point on it."""
    piece = list(line[:1])
    for before, after in pairwise(line):
        if abs(after.lon - before.lon) > 180:
            edge = 180.0 if before.lon > 0 else -180.0
            crossing = _crossing(before, after, edge)
            yield [*piece, crossing]
            piece = [replace(crossing, lon=-edge)]
        piece.append(after)
    yield piece


def _crossing(before: Fix, after: Fix, edge: float) -> Fix:
    way = after.lon + 2 * edge - before.lon
    share = (edge - before.lon) / way if way else 0.0
    offset_s = at = None
    if before.offset_s is not None and after.offset_s is not None:
        offset_s = before.offset_s + share * (after.offset_s - before.offset_s)
    if before.at is not None and after.at is not None:
        at = before.at + share * (after.at - before.at)
    return replace(before, lat=before.lat + share * (after.lat - before.lat), lon=edge, offset_s=offset_s, at=at)


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
