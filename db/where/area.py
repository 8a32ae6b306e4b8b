"""Areas that a search is narrowed to: a box, or what lies near a point or along a line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.errors import UsageError

#: A line of more points is made plainer before it is asked for.
MOST_POINTS = 500
#: Half of the earth's circumference: everything is nearer.
MOST_M = 20_100_000.0


@dataclass(frozen=True, slots=True)
class Area:
    """Either a box, or what lies within some metres of a point or a line; WGS 84, degrees."""

    #: South, west, north, east; west is more than east where it crosses 180°.
    box: tuple[float, float, float, float] | None = None
    #: Latitude and longitude of a point, or of each point of a line.
    path: tuple[tuple[float, float], ...] = ()
    within_m: float | None = None

    def __post_init__(self) -> None:
        """Raises UsageError for what is nowhere."""
        corners = [] if self.box is None else [self.box[:2], self.box[2:]]
        for lat, lon in (*corners, *self.path):
            if not (math.isfinite(lat) and math.isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 180):
                raise UsageError(f"{lat:g},{lon:g} is no place: latitudes go to 90°, longitudes to 180°.")
        if self.box is not None and self.box[0] > self.box[2]:
            raise UsageError("A box is given as south, west, north, east; its south lies north of its north.")
        if self.path and not 0 < (self.within_m or 0) <= MOST_M:
            raise UsageError("A distance is more than 0 and at most half around the earth.")

    @property
    def values(self) -> dict[str, Any]:
        """As the SQL functions take it."""
        flat = [float(degree) for point in self.path for degree in point]
        return {"box": self.box and list(map(float, self.box)), "path": flat or None, "within_m": self.within_m}


#: How statements name these values.
BOX, PATH = "CAST(:box AS double precision[])", "CAST(:path AS double precision[])"
NO_AREA: dict[str, Any] = {"box": None, "path": None, "within_m": None}


def near(lat: float, lon: float, radius_m: float) -> Area:
    """What lies within `radius_m` of a point."""
    return Area(path=((lat, lon),), within_m=radius_m)


def along(points: Sequence[tuple[float, float]], within_m: float) -> Area:
    """What lies within `within_m` of a line; the line is made plainer by a tenth of that, or as much as it must be.

    Raises UsageError for a line without points.
    """
    if not points:
        raise UsageError("The track has no points.")
    tolerance_m = within_m / 10
    plain = list(points)
    while len(plain := _plainer(plain, tolerance_m)) > MOST_POINTS:
        tolerance_m *= 2
    return Area(path=tuple(plain), within_m=within_m)


def _plainer(points: list[tuple[float, float]], tolerance_m: float) -> list[tuple[float, float]]:
    """Without the points that lie closer than that to the line through the others (Douglas and Peucker, 1973)."""
    kept = {0, len(points) - 1}
    stretches = [(0, len(points) - 1)]
    while stretches:
        begin, end = stretches.pop()
        away = [_metres_off(points[i], points[begin], points[end]) for i in range(begin + 1, end)]
        if away and (furthest := max(away)) > tolerance_m:
            middle = begin + 1 + away.index(furthest)
            kept.add(middle)
            stretches += [(begin, middle), (middle, end)]
    return [points[i] for i in sorted(kept)]


def _metres_off(point: tuple[float, float], start: tuple[float, float], end: tuple[float, float]) -> float:
    """From a point to a straight stretch, on a plane around it."""
    (x1, y1), (x2, y2) = _from(point, start), _from(point, end)
    length = (x2 - x1) ** 2 + (y2 - y1) ** 2
    share = 0.0 if not length else max(0.0, min(1.0, -(x1 * (x2 - x1) + y1 * (y2 - y1)) / length))
    return math.hypot(x1 + share * (x2 - x1), y1 + share * (y2 - y1))


def _from(origin: tuple[float, float], point: tuple[float, float]) -> tuple[float, float]:
    """A point in metres east and north of another."""
    east = (point[1] - origin[1] + 180) % 360 - 180
    return 111_195 * math.cos(math.radians(origin[0])) * east, 111_195 * (point[0] - origin[0])
