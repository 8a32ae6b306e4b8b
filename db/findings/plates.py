"""The fleet's unique plates: one row for all texts that no picture tells apart, named by all its sightings."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from db.models import Plate, SightingRow
from pipeline.formats.confusions import folded

#: In the order of the keys' code points. DO UPDATE rather than DO NOTHING: only an updated row is locked and returned,
#: and two workers may meet on it.
_HELD = text(
    """
    INSERT INTO plates (key, text)
    SELECT key, text
    FROM unnest(CAST(:keys AS text[]), CAST(:texts AS text[])) WITH ORDINALITY wanted (key, text, place)
    ORDER BY place
    ON CONFLICT (key) DO UPDATE SET key = excluded.key RETURNING key, id
    """
)
_COUNT = text("SELECT count_plates(:ids)")


def held_plates(db: Session, video_id: int, texts: Collection[str]) -> dict[str, int]:
    """Plates by key: of `texts`, added where they are new, and of the video's sightings so far.

    Their rows are locked until the transaction ends, in the order of their keys' code points, so that two that meet
    wait and do not wait for each other.
    """
    of_video = select(SightingRow.plate_id).where(SightingRow.video_id == video_id)
    before = set(db.scalars(select(Plate.key).where(Plate.id.in_(of_video))))
    wanted = {folded(text): text for text in sorted(texts)}
    keys = sorted(before | set(wanted))
    rows = db.execute(_HELD, {"keys": keys, "texts": [wanted.get(key, key) for key in keys]})
    return {row.key: row.id for row in rows}


def name_plates(db: Session, ids: Collection[int]) -> None:
    """Name plates after what their sightings say now, and count those; a plate that has none left goes.

    The caller holds their rows.
    """
    db.execute(_COUNT, {"ids": list(ids)})
    seen = select(SightingRow.plate_id).where(SightingRow.plate_id == Plate.id).exists()
    db.execute(delete(Plate).where(Plate.id.in_(ids), ~seen))
