"""Tracks as rows hold them: all fixes in one value, 58 bytes each."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.models import TrackRow
from pipeline.camera.records import Fix, Track
from pipeline.camera.tracks.place import bounds, length_m

_FLOATS = ("offset_s", "lat", "lon", "altitude_m", "speed_mps", "bearing_deg")
#: A fix in `tracks.points`; a number that is not known is NaN. `at` is in microseconds since 1970: of UTC where it is
#: `zoned`, else of the camera's local time. `doubt` is the place of its sentence among the row's, from 1; 0 is none.
_POINT = np.dtype([*((name, "<f8") for name in _FLOATS), ("at", "<i8"), ("zoned", "u1"), ("doubt", "u1")])
_NO_TIME = np.iinfo(np.int64).min
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
#: Sentences that a row can tell apart; fixes with more bear the last.
_MOST_DOUBTS = 255


def store_track(db: Session, video_id: int, track: Track) -> None:
    """Store a video's track in place of an earlier one."""
    added = insert(TrackRow).values(video_id=video_id, **track_columns(track))
    values = {column.name: column for column in added.excluded if column.name != "video_id"}
    db.execute(added.on_conflict_do_update(index_elements=["video_id"], set_=values))


def track_of(db: Session, video_id: int) -> Track | None:
    """The track of a video, but for the camera's name, which `videos` has; None where it has none."""
    row = db.scalars(select(TrackRow).where(TrackRow.video_id == video_id)).one_or_none()
    if row is None:
        return None
    began_at = None if row.began_at is None else dt.datetime.fromisoformat(row.began_at)
    fixes = fixes_of(row.points, row.doubts)
    return Track(fixes, row.source, sidecar=row.sidecar, began_at=began_at, tells_start=row.tells_start)


def track_columns(track: Track) -> dict[str, Any]:
    """The columns of `tracks`, but the video."""
    points, doubts = packed(track.fixes)
    box = bounds(track)
    return {
        "source": track.source,
        "sidecar": track.sidecar,
        "began_at": track.began_at and track.began_at.isoformat(),
        "tells_start": track.tells_start,
        "points": points,
        "fixes": len(track.fixes),
        "doubts": doubts,
        **(asdict(box) if box else dict.fromkeys(("south", "west", "north", "east"))),
        "length_m": length_m(track),
    }


def packed(fixes: Sequence[Fix]) -> tuple[bytes, list[str]]:
    """The fixes as bytes, and the sentences of those that are not believed."""
    doubts = list(dict.fromkeys(fix.doubt for fix in fixes if fix.doubt is not None))[:_MOST_DOUBTS]
    numbers = {doubt: number for number, doubt in enumerate(doubts, start=1)}
    points = np.empty(len(fixes), _POINT)
    for name in _FLOATS:
        values = (getattr(fix, name) for fix in fixes)
        points[name] = [math.nan if value is None else value for value in values]
    points["at"] = [_NO_TIME if fix.at is None else _microseconds(fix.at) for fix in fixes]
    points["zoned"] = [fix.at is not None and fix.at.tzinfo is not None for fix in fixes]
    points["doubt"] = [0 if fix.doubt is None else numbers.get(fix.doubt, _MOST_DOUBTS) for fix in fixes]
    return points.tobytes(), doubts


def fixes_of(points: bytes, doubts: Sequence[str]) -> tuple[Fix, ...]:
    """What `packed` packed; times that had a zone are in UTC."""
    rows = np.frombuffer(points, _POINT)
    columns = (rows[name].tolist() for name in _POINT.names or ())
    return tuple(
        Fix(
            lat,
            lon,
            offset_s=_known(offset_s),
            at=_time(at, zoned),
            altitude_m=_known(altitude_m),
            speed_mps=_known(speed_mps),
            bearing_deg=_known(bearing_deg),
            doubt=doubts[doubt - 1] if doubt else None,
        )
        for offset_s, lat, lon, altitude_m, speed_mps, bearing_deg, at, zoned, doubt in zip(*columns, strict=True)
    )


def _microseconds(at: dt.datetime) -> int:
    return ((at if at.tzinfo is not None else at.replace(tzinfo=dt.UTC)) - _EPOCH) // _MICROSECOND


def _time(microseconds: int, zoned: int) -> dt.datetime | None:
    if microseconds == _NO_TIME:
        return None
    at = _EPOCH + microseconds * _MICROSECOND
    return at if zoned else at.replace(tzinfo=None)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
