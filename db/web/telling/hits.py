"""Hits with what a page shows of their sightings; and how many came in above one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import RowMapping, TextClause, text
from sqlalchemy.orm import Session

#: Whatever is counted is counted up to here.
MOST = 100
_LAST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Which hits; None and False narrow nothing."""

    label: str | None = None
    entry: int | None = None
    job: int | None = None
    #: Not those whose sighting was there before the entry.
    new: bool = False


_NARROWED = {
    "label": "h.entry_id IN (SELECT id FROM watch_entries WHERE label = :label)",
    "entry": "h.entry_id = :entry",
    "job": "h.video_id IN (SELECT id FROM videos WHERE job_id = :job)",
    "new": "NOT h.existing",
}
_PAGE = """
    SELECT w.*, j.name AS job_name, v.recorded_at + make_interval(secs => w.best_s) AS passed_at, v.recorded_from,
           v.clock_zone, v.clock_error_s,
           p.characters, p.corrected, p.crop
    FROM (SELECT h.id FROM hits h WHERE h.id < :before {narrowed} ORDER BY h.id DESC LIMIT :most) page
    JOIN watch_hits w ON w.hit = page.id
    JOIN jobs j ON j.id = w.job
    JOIN videos v ON v.id = w.video_id
    LEFT JOIN plate_sightings p ON p.sighting = w.sighting
    ORDER BY w.hit DESC
"""
_ABOVE = "SELECT count(*) FROM (SELECT FROM hits h WHERE h.id > :above {narrowed} LIMIT :most) h"


def page(db: Session, wanted: Narrowed, before: int | None, most: int) -> Sequence[RowMapping]:
    """Rows of `watch_hits`, the newest first, below the one numbered `before`, with their job's name and, where there
    still is a sighting, its characters, correction and picture."""
    values = {**asdict(wanted), "before": before or _LAST, "most": most}
    return db.execute(_statement(_PAGE, wanted), values).mappings().all()


def above(db: Session, wanted: Narrowed, hit: int) -> int:
    """How many came in after that one: up to `MOST` are counted."""
    return int(db.scalar(_statement(_ABOVE, wanted), {**asdict(wanted), "above": hit, "most": MOST}) or 0)


def job_name(db: Session, job: int) -> str | None:
    """What a job is called."""
    name: str | None = db.scalar(text("SELECT name FROM jobs WHERE id = :job"), {"job": job})
    return name


def _statement(asked: str, wanted: Narrowed) -> TextClause:
    conditions = [_NARROWED[name] for name, value in asdict(wanted).items() if value]
    return text(asked.format(narrowed="".join(f" AND {one}" for one in conditions)))
