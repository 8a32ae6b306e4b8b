"""The fleet's unique plates: one row for all texts that no picture tells apart, named by all its sightings."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.models import Plate, SightingRow
from pipeline.formats.confusions import folded

#: The text that fits a format before one that fits none, then the one with most evidence; rounded, so that the order
#: in which sightings came does not show in the sum's last digits.
_NAMES = text(
    """
    SELECT DISTINCT ON (plate_id) plate_id, text, max(country) AS country
    FROM sightings WHERE plate_id = ANY(:ids)
    GROUP BY plate_id, text
    ORDER BY plate_id, count(country) > 0 DESC, sum(round((confidence * reads)::numeric, 6)) DESC, text
    """
)


def held_plates(db: Session, video_id: int, texts: Collection[str]) -> dict[str, int]:
    """Plates by key: of `texts`, added where they are new, and of the video's sightings so far.

    Their rows are locked until the transaction ends, in the order of their keys' code points, so that two that meet
    wait and do not wait for each other.
    """
    of_video = select(SightingRow.plate_id).where(SightingRow.video_id == video_id)
    before = set(db.scalars(select(Plate.key).where(Plate.id.in_(of_video))))
    wanted = {folded(text): text for text in sorted(texts)}
    return {key: _held(db, key, wanted.get(key, key)) for key in sorted(before | set(wanted))}


def name_plates(db: Session, ids: Collection[int]) -> None:
    """Name plates after what their sightings say now; one that has none left goes. The caller holds their rows."""
    names = db.execute(_NAMES, {"ids": list(ids)}).all()
    for plate_id, name, country in names:
        db.execute(update(Plate).where(Plate.id == plate_id).values(text=name, country=country))
    gone = set(ids) - {plate_id for plate_id, _, _ in names}
    db.execute(delete(Plate).where(Plate.id.in_(gone)))


def _held(db: Session, key: str, name: str) -> int:
    statement = insert(Plate).values(key=key, text=name)
    # DO UPDATE rather than DO NOTHING: only an updated row is locked and returned, and two workers may meet on it.
    upsert = statement.on_conflict_do_update(index_elements=["key"], set_={"key": statement.excluded.key})
    return db.execute(upsert.returning(Plate.id)).scalar_one()
