"""Reads every row of a job under keys that do not depend on the run, and compares two runs.

Left out are ids, times, workers, attempts, failures and losses. Names of files are compared without what is the run's
own in them: job, video and attempt.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from bench.chaos.footage import STANDING

#: Natural key → the rest of the row, by table.
Tables = Mapping[str, Mapping[str, tuple[str, ...]]]

#: Of each query, the first column is the natural key. `crops/JOB/VIDEO/SEGMENT-ATTEMPT/FILE` becomes SEGMENT/FILE.
_CROP = "regexp_replace({}, '^crops/\\d+/\\d+/(\\d+)[-/]\\d+/', '\\1/')"
_FILE = "regexp_replace(v.path, '^.*/', '')"
_SEGMENT = f"{_FILE} || ' ' || s.index"
_QUERIES: dict[str, str] = {
    "job": """
        SELECT 'job', state, open, priority, options, videos, videos_ended, videos_with_problem, videos_opened,
               segments, footage_s, segments_done, segments_quarantined, footage_done_s
        FROM jobs WHERE id = :job""",
    "videos": f"""
        SELECT {_FILE}, state, problem, damage, kind, width, height, rotation, codec, frame_rate, time_base_num,
               time_base_den, start_pts, end_pts, duration_s, timed, overlays, fingerprint, segments, segments_done,
               segments_quarantined, footage_done_s, started_at IS NULL, finished_at IS NULL, purged_at
        FROM videos v WHERE job_id = :job""",
    "segments": f"""
        SELECT {_SEGMENT}, s.start_pts, s.end_pts, s.start_s, s.end_s, s.state, s.problem, s.frames_looked, s.damage,
               s.covered, s.lease_until IS NULL
        FROM segments s JOIN videos v ON v.id = s.video_id WHERE s.job_id = :job""",
    "tracklets": f"""
        SELECT {_SEGMENT} || ' ' || t.index, t.first, t.last, t.seen, encode(t.path, 'hex'), t.provisional
        FROM tracklets t JOIN segments s ON s.id = t.segment_id JOIN videos v ON v.id = s.video_id
        WHERE s.job_id = :job""",
    "crops": f"""
        SELECT {_SEGMENT} || ' ' || t.index || ' ' || c.rank, c.observation, c.plate, c.quality,
               {_CROP.format("c.name")}, c.sha256, c.size
        FROM crops c JOIN tracklets t ON t.id = c.tracklet_id JOIN segments s ON s.id = t.segment_id
        JOIN videos v ON v.id = s.video_id WHERE s.job_id = :job""",
    "readings": f"""
        SELECT {_SEGMENT} || ' ' || t.index, r.text, r.confidence, r.characters, r.alternatives, r.country, r.reads,
               r.crops, r.best_crop, r.sealed, r.best
        FROM readings r JOIN tracklets t ON t.id = r.tracklet_id JOIN segments s ON s.id = t.segment_id
        JOIN videos v ON v.id = s.video_id WHERE s.job_id = :job""",
    # By what was seen when, not by its number: one too many is then seen to be too many.
    "sightings": f"""
        SELECT {_FILE} || ' ' || g.text || ' ' || g.first_pts, g.index, p.key, g.shown, g.country, g.confidence,
               g.characters, g.alternatives, g.first_s, g.last_s, g.best_s, g.last_pts, g.best_pts, g.x1, g.y1, g.x2,
               g.y2, g.reads, g.confirmed, {_CROP.format("g.crop")}, g.tracklets
        FROM sightings g JOIN videos v ON v.id = g.video_id JOIN plates p ON p.id = g.plate_id
        WHERE v.job_id = :job""",
    "hits": f"""
        SELECT {_FILE} || ' ' || w.kind || ' ' || w.plate || ' ' || h.read_as, h.said, h.winner, h.share, h.distance,
               h.first_s, h.last_s, h.best_s, h.existing, EXISTS (SELECT FROM sightings s WHERE s.id = h.sighting_id)
        FROM hits h JOIN watch_entries w ON w.id = h.entry_id JOIN videos v ON v.id = h.video_id
        WHERE v.job_id = :job AND w.label = '{STANDING}'""",
    "frames": f"""
        SELECT {_FILE} || ' ' || f.pts, regexp_replace(f.name, '^frames/\\d+/\\d+/\\d+-\\d+/', ''), f.sha256, f.size
        FROM frames f JOIN videos v ON v.id = f.video_id WHERE v.job_id = :job""",
    "plates": """
        SELECT p.key, p.text, p.country FROM plates p WHERE p.id IN (
            SELECT plate_id FROM sightings g JOIN videos v ON v.id = g.video_id WHERE v.job_id = :job)""",
    "outbox": "SELECT kind || ' ' || key, sends FROM outbox WHERE job_id = :job",
    "deletions": """
        SELECT name, 'owed' FROM deletions
        WHERE name LIKE 'crops/' || :job || '/%' OR name LIKE 'frames/' || :job || '/%'""",
}
_NAMED = """
    SELECT c.name, c.size, c.sha256
    FROM crops c JOIN tracklets t ON t.id = c.tracklet_id JOIN segments s ON s.id = t.segment_id WHERE s.job_id = :job
    UNION ALL
    SELECT f.name, f.size, f.sha256 FROM frames f JOIN videos v ON v.id = f.video_id WHERE v.job_id = :job
"""
#: Every row of a job, as it stands; those that a purge leaves come first.
_OF_VIDEO = "SELECT id FROM videos WHERE job_id = :job"
_OF_SEGMENT = "SELECT id FROM segments WHERE job_id = :job"
_OF_TRACKLET = f"SELECT id FROM tracklets WHERE segment_id IN ({_OF_SEGMENT})"
_STAYS = {
    "jobs": "id = :job",
    "videos": "job_id = :job",
    "segments": "job_id = :job",
    # The states that were told.
    "events": "job_id = :job",
    "deliveries": "event_id IN (SELECT id FROM events WHERE job_id = :job)",
}
_GOES = {
    "outbox": "job_id = :job",
    "tracklets": f"segment_id IN ({_OF_SEGMENT})",
    "crops": f"tracklet_id IN ({_OF_TRACKLET})",
    "readings": f"tracklet_id IN ({_OF_TRACKLET})",
    "sightings": f"video_id IN ({_OF_VIDEO})",
    "hits": f"video_id IN ({_OF_VIDEO})",
    "events": "job_id = :job AND sighting_id IS NOT NULL",
    "frames": f"video_id IN ({_OF_VIDEO})",
    "plates": f"id IN (SELECT plate_id FROM sightings WHERE video_id IN ({_OF_VIDEO}))",
    "deletions": "name LIKE 'crops/' || :job || '/%' OR name LIKE 'frames/' || :job || '/%'",
}
#: What a killed writer was writing; swept when it is old.
_DRAFT = ".draft-"


@dataclass(frozen=True, slots=True)
class Difference:
    """In what one run's rows differ from another's; each entry is a line for people."""

    #: Rows that are missing.
    lost: tuple[str, ...] = field(default=())
    #: Rows too many.
    doubled: tuple[str, ...] = field(default=())
    #: Rows that say something else.
    changed: tuple[str, ...] = field(default=())

    @property
    def lines(self) -> tuple[str, ...]:
        return (*self.lost, *self.doubled, *self.changed)

    def __bool__(self) -> bool:
        return bool(self.lines)

    def __add__(self, other: Difference) -> Difference:
        return Difference(self.lost + other.lost, self.doubled + other.doubled, self.changed + other.changed)


def tables_of(db: Session, job_id: int) -> Tables:
    """Every row of a job. Rows with the same natural key are numbered, so that none hides the other."""
    return {name: _keyed(db.execute(text(query), {"job": job_id}).all()) for name, query in _QUERIES.items()}


def difference(expected: Tables, found: Tables) -> Difference:
    """Hold two jobs' rows against each other."""
    lost, doubled, changed = [], [], []
    for table, rows in expected.items():
        others = found[table]
        lost += [f"{table}: {key} is missing" for key in rows if key not in others]
        doubled += [f"{table}: {key} is too many" for key in others if key not in rows]
        for key in rows.keys() & others.keys():
            pairs = zip(rows[key], others[key], strict=True)
            if wrong := [f"{other} instead of {one}" for one, other in pairs if one != other]:
                changed.append(f"{table}: {key} has {', '.join(wrong)}")
    return Difference(tuple(lost), tuple(doubled), tuple(changed))


def files_difference(db: Session, job_id: int, store: Path) -> Difference:
    """Hold the files of a job in a store's folder against the rows that name them."""
    named = {name: (size, digest) for name, size, digest in db.execute(text(_NAMED), {"job": job_id})}
    # os.walk: a folder that is swept away meanwhile is no error to it.
    found = {
        Path(where, name).relative_to(store).as_posix(): Path(where, name)
        for kind in ("crops", "frames")
        for where, _, names in os.walk(store / kind / str(job_id))
        for name in names
        if not name.startswith(_DRAFT)
    }
    lost = [f"files: {name} is missing" for name in named if name not in found]
    doubled = [f"files: {name} is too many" for name in found if name not in named]
    damaged = [f"files: {name} is damaged" for name in named.keys() & found.keys() if _told(found[name]) != named[name]]
    return Difference(tuple(lost), tuple(doubled), tuple(damaged))


def left_of(db: Session, job_id: int, *, forgotten: bool) -> Difference:
    """Rows of a job that a purge should have taken along; of one that is `forgotten` none may be left."""
    wanted = {**_GOES, **_STAYS} if forgotten else _GOES
    found = {table: len(_raw(db, job_id, table, where)) for table, where in wanted.items()}
    return Difference(doubled=tuple(f"{table}: {count} rows are left" for table, count in found.items() if count))


def readable(db: Session, job_id: int, plates: Collection[str]) -> Difference:
    """Rows of a job that show one of these plates in clear."""
    shown = [
        f"{table}: a row shows {plate}"
        for table, where in {**_GOES, **_STAYS}.items()
        for row in _raw(db, job_id, table, where)
        for plate in plates
        if plate in row
    ]
    return Difference(changed=tuple(shown))


def _raw(db: Session, job_id: int, table: str, where: str) -> Sequence[str]:
    return db.scalars(text(f"SELECT to_jsonb(r)::text FROM {table} r WHERE {where}"), {"job": job_id}).all()


def _keyed(rows: Sequence[Any]) -> dict[str, tuple[str, ...]]:
    keyed: dict[str, tuple[str, ...]] = {}
    for row in sorted(rows, key=repr):
        key, number = str(row[0]), 1
        while (name := key if number == 1 else f"{key} #{number}") in keyed:
            number += 1
        keyed[name] = tuple(json.dumps(value, sort_keys=True, default=str) for value in row[1:])
    return keyed


def _told(path: Path) -> tuple[int, str]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return 0, "gone meanwhile"
    return len(data), hashlib.sha256(data).hexdigest()
