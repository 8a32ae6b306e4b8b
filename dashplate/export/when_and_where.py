"""The columns of an export that say when and where: the same of a plate and of a sighting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping

from pipeline.camera.clock.zones import in_zone

#: Digits behind the point: degrees to a centimetre, the rest as finely as anybody knows it.
_DIGITS = {
    "clock_error_s": 3, "lat": 7, "lon": 7, "bearing_deg": 1, "speed_mps": 2, "place_error_m": 1,
    "country_confidence": 4,
}  # fmt: skip
_TEXTS = ("clock_from", "clock_zone", "movement", "camera", "place")
_NUMBERS = ("drive", "passing")


def when_and_where(best: RowMapping, rows: Sequence[RowMapping]) -> dict[str, Any]:
    """What a row says of the clock and the map: of all sightings when, and of the one that it shows the rest.

    Rows of `plate_sightings`. Times are ISO 8601 with the offset of the clock's zone, and without one where no zone is
    known. Sightings of which nobody knows when say nothing to it.
    """
    zone = best["clock_zone"]
    first = min((row["first_seen_at"] for row in rows if row["first_seen_at"]), default=None)
    last = max((row["last_seen_at"] for row in rows if row["last_seen_at"]), default=None)
    return {
        "first_seen_at": in_zone(first, zone).isoformat() if first else "",
        "last_seen_at": in_zone(last, zone).isoformat() if last else "",
        **{name: best[name] or "" for name in _TEXTS},
        **{name: best[name] for name in _NUMBERS},
        **{name: None if best[name] is None else round(best[name], digits) for name, digits in _DIGITS.items()},
    }
