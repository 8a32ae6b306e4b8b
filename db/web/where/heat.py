"""How many sightings lie where, in a grid over what a map shows."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.web.findings.sightings import IN_AREA, Narrowed, conditions, values_of
from db.web.in_time import in_time

#: Cells of a grid each way, at most; cells are no smaller than this, degrees: 1.7 m.
MOST_ACROSS, LEAST_SIDE = 96, 2.0**-16
#: Sightings of a plate or pattern that are counted, the newest.
MOST_OF_PLATE = 20_000
#: Whoever moves a map asks often; what takes longer is narrowed, seconds.
_MOST_S = 5.0
#: Above this latitude cells that are as high as wide in degrees would look twice as high.
_HALVED_FROM = 45.0

#: South, west, north, east, and how many.
Cell = tuple[float, float, float, float, int]

_HEAT = """
    SELECT floor(s.lat / :high) AS row, floor(s.lon / :wide) AS col, count(*) AS n
    FROM area_rows(:seen, NULL, NULL) a
    JOIN sightings s ON floor(s.lat * 200)::integer = a.cell_row AND s.lon BETWEEN a.west AND a.east
    WHERE s.lat BETWEEN a.south AND a.north{narrowed}
    GROUP BY 1, 2
"""
_OF_PLATE = """
    s.id IN (SELECT f.sighting FROM search_plates(
        :plate, hashed => :hashed, winners => true, most => :most, box => :seen) f)
"""


def heat(db: Session, box: tuple[float, float, float, float], across: int, narrowed: Narrowed) -> list[Cell]:
    """The cells of a grid over a box that hold sightings; sides are powers of two, so that a moved map keeps them.

    Raises UsageError where that takes too long.
    """
    wide, high = sides(box, across)
    wanted, values = conditions(narrowed), values_of(narrowed)
    if narrowed.plate:
        wanted.append(_OF_PLATE)
        values |= {"plate": narrowed.plate, "hashed": narrowed.hashed, "most": MOST_OF_PLATE}
    if narrowed.area:
        wanted.append(IN_AREA)
        values |= narrowed.area.values
    values |= {"seen": list(box), "wide": wide, "high": high}
    statement = text(_HEAT.format(narrowed="".join(f" AND {one}" for one in wanted)))
    with in_time(db, _MOST_S, "Counting so many sightings takes too long. Come closer, or narrow them."):
        rows = db.execute(statement, values).all()
    return [(row.row * high, row.col * wide, (row.row + 1) * high, (row.col + 1) * wide, row.n) for row in rows]


def sides(box: Sequence[float], across: int) -> tuple[float, float]:
    """How wide and how high the cells of a grid over a box are, degrees."""
    south, west, north, east = box
    wide = (east - west) % 360 or 360.0
    exact = wide / min(max(1, across), MOST_ACROSS)
    side = max(LEAST_SIDE, 2.0 ** math.ceil(math.log2(exact)))
    return side, side / 2 if abs(south + north) / 2 > _HALVED_FROM else side
