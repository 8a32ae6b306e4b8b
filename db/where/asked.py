"""What is asked of places over all videos: how many sightings lie where, and who keeps turning up."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from db.where.area import BOX, Area

_HEAT = text(f"SELECT * FROM heat({BOX}, :across) ORDER BY lat, lon")
_CONVOYS = text(
    """
    SELECT * FROM convoys(CAST(:days AS integer), :least_drives, :least_days, :least_apart_m,
                          CAST(:job AS bigint), :most)
    """
)


def heat(db: Session, area: Area, across: int = 64) -> Sequence[RowMapping]:
    """How many sightings a box holds, in a grid of at most `across` and one cells each way: `lat`, `lon` (a cell's
    south-western corner), `size` (its sides, degrees), `sightings`. Empty cells are left out."""
    return db.execute(_HEAT, {"box": area.values["box"], "across": across}).mappings().all()


def convoys(
    db: Session,
    days: int | None = None,
    *,
    least_drives: int = 3,
    least_days: int = 2,
    least_apart_m: float = 0.0,
    job: int | None = None,
    most: int = 100,
) -> Sequence[RowMapping]:
    """Plates that were seen in at least so many drives on at least so many days, those of most days first.

    Of drives that began in the last `days` days, or of all. `apart_m` is how far apart the outermost places are where a
    plate was seen.
    """
    values = {
        "days": days, "least_drives": least_drives, "least_days": least_days, "least_apart_m": least_apart_m,
        "job": job, "most": most,
    }  # fmt: skip
    return db.execute(_CONVOYS, values).mappings().all()
