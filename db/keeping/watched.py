"""Plates whose sightings outlive retention."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.models import WatchedPlate

#: What was kept for the plate alone is due again: its videos count as not purged.
_DUE_AGAIN = text(
    """
    UPDATE videos SET purged_at = NULL WHERE purged_at IS NOT NULL AND id IN (
        SELECT s.video_id FROM sightings s JOIN plates p ON p.id = s.plate_id WHERE p.key = :key)
    """
)


def watch(db: Session, key: str, plate: str, note: str | None) -> None:
    """Keep a plate's sightings from now on; again with another note changes the note."""
    added = insert(WatchedPlate).values(key=key, plate=plate, note=note)
    db.execute(added.on_conflict_do_update(index_elements=["key"], set_={"plate": plate, "note": note}))


def unwatch(db: Session, key: str) -> bool:
    """Keep it no longer: what retention had left of it goes with the next purge. False where it was not watched."""
    gone = delete(WatchedPlate).where(WatchedPlate.key == key).returning(WatchedPlate.key)
    if db.execute(gone).scalar_one_or_none() is None:
        return False
    db.execute(_DUE_AGAIN, {"key": key})
    return True


def watched(db: Session) -> Sequence[WatchedPlate]:
    """All of them, by plate."""
    return db.scalars(select(WatchedPlate).order_by(WatchedPlate.plate)).all()
