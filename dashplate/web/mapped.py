"""What a map shows, as `static/map/map.js` reads it: a track in its stretches, marks, and places that people named."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import RowMapping

from dashplate.web.shown import clock, file_name
from dashplate.web.texts import t
from db.models import PlaceRow
from pipeline.camera.records import Fix, Track
from pipeline.camera.tracks.place import parts

#: Fixes of a track that are drawn; a drive of an hour has 3600.
MOST_FIXES = 6000
#: Fixes that nobody believes, of which each is a cross.
_MOST_DOUBTED = 500


def track_shown(track: Track | None) -> dict[str, Any]:
    """`track`: of each stretch its fixes as latitude, longitude, second, speed (m/s) and bearing, the last three null
    where they are not known; `doubted`: latitude, longitude and why of those that are not believed."""
    if track is None:
        return {"track": [], "doubted": []}
    return tracks_shown([track])


def tracks_shown(tracks: Sequence[Track]) -> dict[str, Any]:
    """The same of several, whose seconds are each one's own."""
    stretches = [stretch for track in tracks for stretch in parts(track)]
    step = max(1, -(-sum(map(len, stretches)) // MOST_FIXES))
    doubted = [[*_place(fix), fix.doubt] for track in tracks for fix in track.fixes if fix.doubt is not None]
    return {
        "track": [[_fix(fix) for fix in _thinned(stretch, step)] for stretch in stretches],
        "doubted": doubted[:: max(1, -(-len(doubted) // _MOST_DOUBTED))],
    }


def places_shown(places: Iterable[PlaceRow]) -> list[dict[str, Any]]:
    """Circles with their names."""
    return [{"name": one.name, "lat": one.lat, "lon": one.lon, "radius_m": one.radius_m} for one in places]


def mark(row: RowMapping, text: str, *, address: bool = True, round_it: bool = False) -> dict[str, Any]:
    """A sighting with a place. `address`: it leads to its page; `round_it`: with how far off it may be and where to the
    camera went."""
    told: dict[str, Any] = {
        "id": row["sighting"],
        "lat": round(row["lat"], 7),
        "lon": round(row["lon"], 7),
        "text": text,
    }
    if address:
        told["address"] = f"/sightings/{row['sighting']}"
    if round_it:
        told |= {"error_m": row["place_error_m"], "bearing_deg": row["bearing_deg"]}
    return told


def said(row: RowMapping) -> str:
    """What a mark says of a sighting: what a person read there, else what the machine did."""
    return (row["corrected_to"] or t("common.no_plate_short")) if row["corrected"] else row["plate"]


def when_and_where(row: RowMapping) -> str:
    """The words of a mark that is one of a plate's: where, when by its camera's clock, else in which video."""
    at: dt.datetime | None = row["recorded_at"]
    if at is None:
        said = f"{file_name(row['video'])}, {clock(row['best_s'])}"
    else:
        said = f"{at.astimezone(dt.UTC):%Y-%m-%d %H:%M}{' UTC' if row['clock_zone'] else ''}"
    return f"{row['place']}, {said}" if row["place"] else said


def _thinned(stretch: list[Fix], step: int) -> list[Fix]:
    """Every so many of them, and the last."""
    kept = stretch[::step]
    return kept if kept[-1] is stretch[-1] else [*kept, stretch[-1]]


def _place(fix: Fix) -> tuple[float, float]:
    return round(fix.lat, 7), round(fix.lon, 7)


def _fix(fix: Fix) -> list[float | None]:
    rest = (fix.offset_s, 3), (fix.speed_mps, 2), (fix.bearing_deg, 1)
    return [*_place(fix), *(None if value is None else round(value, digits) for value, digits in rest)]
