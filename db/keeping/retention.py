"""Deletes what was found in videos that ended long enough ago: rows first, then their files are noted for deletion.

Each chunk of videos is one transaction: whatever is interrupted leaves whole videos forgotten and whole videos kept.
The rows of the videos themselves and their segments stay, so that a job's counters and history stay true.

Where plates are watched by their hash and the key is not at hand, nobody can tell whether a plate in clear is one of
them. Videos that show such a plate wait for the key; all others go.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.findings.plate_hashing import MARK, PlateKey
from db.findings.plates import name_plates
from db.findings.stored_files import owe_sweep
from db.jobs import uploads

#: Videos of one transaction where somebody waits for it, about 5 s where each shows 300 plates; and of one that the
#: sweeper makes beside its other work.
CHUNK, SWEEPERS_CHUNK = 100, 20
#: Workers with the key purge a video within seconds; one that is due for longer waits.
WAITS_AFTER_S = 60

_LONG_AGO = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class PurgeCount:
    """What a purge removes."""

    videos: int = 0
    sightings: int = 0
    files: int = 0
    #: Of the files whose size is known; those of before 0004 are not.
    bytes: int = 0
    #: Videos that are due and stay, because only the plate key could tell whether they show a watched plate.
    waiting: int = 0
    #: Videos that were uploaded and go too, and their bytes.
    uploads: int = 0
    upload_bytes: int = 0

    def __add__(self, other: PurgeCount) -> PurgeCount:
        return PurgeCount(
            self.videos + other.videos,
            self.sightings + other.sightings,
            self.files + other.files,
            self.bytes + other.bytes,
            self.waiting + other.waiting,
            self.uploads + other.uploads,
            self.upload_bytes + other.upload_bytes,
        )


@dataclass(frozen=True, slots=True)
class PurgeScope:
    """Which videos are due, and what of them goes."""

    #: Ended this many seconds ago; None means as their job says.
    older_than_s: int | None = None
    job_id: int | None = None
    #: Sightings of watched plates stay, with what they rest on.
    keep_watched: bool = False
    #: Videos' own rows go too, and jobs that have none left.
    forget: bool = False
    #: Finds plates that are watched by their hash among those that are stored in clear.
    key: PlateKey | None = None

    @property
    def takes_uploads(self) -> bool:
        """Whether uploaded videos go: a job's own retention leaves nothing of the pictures, forgetting no file."""
        return self.forget or self.older_than_s is None


def due(db: Session, wanted: PurgeScope, after: int = 0, limit: int = CHUNK) -> list[int]:
    """The next videos that are due, by id. Purged ones are due again where something is left that has to go now."""
    values = {
        "seconds": wanted.older_than_s, "job": wanted.job_id, "keep": wanted.keep_watched, "forget": wanted.forget,
        "after": after, "limit": limit,
    }  # fmt: skip
    return list(db.scalars(_DUE, values))


@dataclass(frozen=True, slots=True)
class Place:
    """How far a look at what is due by jobs' own retention has come: behind the last video that it saw."""

    job: int = 0
    finished_at: dt.datetime = _LONG_AGO
    video: int = 0


def due_by_job(db: Session, limit: int = SWEEPERS_CHUNK, after: Place = Place()) -> list[Place]:
    """Some videos that their job's own retention has caught up with; next to nothing to ask while there are none."""
    values = {"limit": limit, "job": after.job, "ended": after.finished_at, "video": after.video}
    return [Place(row.job_id, row.finished_at, row.id) for row in db.execute(_DUE_BY_JOB, values)]


def some_watched_by_hash(db: Session) -> bool:
    """Whether a plate is watched by its hash alone."""
    return bool(db.scalar(text("SELECT EXISTS (SELECT 1 FROM watched WHERE key LIKE :mark)"), {"mark": f"{MARK}%"}))


def undecided(db: Session, ids: Sequence[int]) -> set[int]:
    """Those of these videos of which nobody without the key can tell whether they show a watched plate."""
    return set(db.scalars(_UNDECIDED, {"ids": list(ids), "mark": f"{MARK}%"}))


def count_waiting(db: Session, job_id: int | None, most: int) -> int:
    """Videos, `most` at most, whose job's retention caught up with them a while ago and that wait for the plate key."""
    values = {"job": job_id, "most": most, "grace": WAITS_AFTER_S, "mark": f"{MARK}%"}
    return int(db.scalar(_COUNT_WAITING, values) or 0)


def toll(db: Session, ids: Sequence[int], wanted: PurgeScope) -> PurgeCount:
    """What purging these videos would remove."""
    going = _decided(db, ids, wanted)
    kept = _kept(db, going, wanted)
    row = db.execute(_TOLL, {"ids": going, **kept.values()}).one()
    sent = uploads.toll(db, going) if wanted.takes_uploads else (0, 0)
    return PurgeCount(len(going), row.sightings, row.files, int(row.bytes), len(ids) - len(going), *sent)


def purge(db: Session, ids: Sequence[int], wanted: PurgeScope) -> PurgeCount:
    """Forget what was found in these videos; those that are being done again, or wait for the key, are left alone."""
    going = _decided(db, ids, wanted)
    waiting = len(ids) - len(going)
    videos = db.execute(_LOCK_VIDEOS, {"ids": going}).all()
    ids = [video.id for video in videos]
    kept = _kept(db, ids, wanted)
    values = {"ids": ids, **kept.values()}
    gone = db.execute(_TOLL, values).one()
    plates = list(db.scalars(_LOCK_PLATES, values))
    # Before any is forgotten: what no row names goes too, as the crop of a sighting whose tracklets were replaced.
    owe_sweep(db, ids)
    for statement in _DROPS:
        db.execute(statement, values)
    if plates:
        name_plates(db, plates)
    sent = uploads.toll(db, ids) if wanted.takes_uploads else (0, 0)
    uploads.purge(db, ids, forget=wanted.takes_uploads)
    if wanted.forget:
        bare = [video for video in videos if video.id not in kept.videos]
        db.execute(_FORGET_VIDEOS, {"ids": [video.id for video in bare]})
        db.execute(_FORGET_JOBS, {"jobs": sorted({video.job_id for video in bare})})
    db.execute(_MARK, {"ids": ids})
    return PurgeCount(len(ids), gone.sightings, gone.files, int(gone.bytes), waiting, *sent)


@dataclass(frozen=True, slots=True)
class _Kept:
    """What watched plates keep, by id; frames by number of their row."""

    videos: frozenset[int] = frozenset()
    sightings: frozenset[int] = frozenset()
    tracklets: frozenset[int] = frozenset()
    frames: frozenset[int] = frozenset()

    def values(self) -> dict[str, list[int]]:
        return {
            "kept_sightings": sorted(self.sightings),
            "kept_tracklets": sorted(self.tracklets),
            "kept_frames": sorted(self.frames),
        }


def _kept(db: Session, ids: Sequence[int], wanted: PurgeScope) -> _Kept:
    if not wanted.keep_watched:
        return _Kept()
    plates, said = _watched_by_hash(db, ids, wanted.key)
    values = {"ids": list(ids), "plates": plates, "said": said}
    rows = db.execute(_WATCHED, values).all()
    return _Kept(
        frozenset(row.video_id for row in rows),
        frozenset(row.sighting for row in rows),
        frozenset(row.tracklet for row in rows if row.tracklet is not None),
        frozenset(row.frame for row in rows if row.frame is not None),
    )


def _decided(db: Session, ids: Sequence[int], wanted: PurgeScope) -> list[int]:
    """Those of these videos of which it is known what has to stay."""
    waiting = undecided(db, ids) if wanted.keep_watched and wanted.key is None else set()
    return [video for video in ids if video not in waiting]


def _watched_by_hash(db: Session, ids: Sequence[int], key: PlateKey | None) -> tuple[list[int], list[int]]:
    """Plates in clear, of these videos, whose hash is watched, and corrections; none without the key.

    Then these videos show no plate in doubt.
    """
    hashes = set(db.scalars(_WATCHED_HASHES, {"mark": f"{MARK}%"})) if key is not None else ()
    if key is None or not hashes:
        return [], []
    values = {"ids": list(ids), "mark": f"{MARK}%"}
    plates, said = db.execute(_CLEAR_PLATES, values).all(), db.execute(_CLEAR_CORRECTIONS, values).all()
    return (
        [plate.id for plate in plates if key.hashed(plate.key) in hashes],
        [one.id for one in said if key.hashed(one.text) in hashes],
    )


_DUE = text(
    """
    SELECT v.id FROM videos v JOIN jobs j ON j.id = v.job_id
    WHERE v.id > :after AND v.finished_at IS NOT NULL
      AND (CAST(:job AS bigint) IS NULL OR v.job_id = :job)
      AND v.finished_at <= now() - make_interval(secs => coalesce(CAST(:seconds AS bigint), j.retain_s))
      AND (v.purged_at IS NULL
           OR (NOT :keep AND EXISTS (SELECT 1 FROM sightings s WHERE s.video_id = v.id))
           OR (:forget AND NOT EXISTS (SELECT 1 FROM sightings s WHERE s.video_id = v.id)))
      -- A job that still takes files in would take a forgotten one in again.
      AND (NOT :forget OR j.finished_at IS NOT NULL)
    ORDER BY v.id LIMIT :limit
    """
)
_DUE_BY_JOB = text(
    """
    SELECT v.job_id, v.finished_at, v.id FROM jobs j
    CROSS JOIN LATERAL (
        SELECT w.job_id, w.finished_at, w.id FROM videos w
        WHERE w.job_id = j.id AND w.purged_at IS NULL AND w.finished_at IS NOT NULL
          AND w.finished_at <= now() - make_interval(secs => j.retain_s)
          AND (w.finished_at, w.id) > (CASE WHEN j.id = :job THEN CAST(:ended AS timestamptz) ELSE '-infinity' END,
                                       CASE WHEN j.id = :job THEN CAST(:video AS bigint) ELSE 0 END)
        ORDER BY w.finished_at, w.id LIMIT :limit
    ) v
    WHERE j.retain_s IS NOT NULL AND j.id >= :job
    ORDER BY j.id, v.finished_at, v.id LIMIT :limit
    """
)
#: A plate in clear that is not watched in clear may be watched by its hash. A scalar subquery, not EXISTS: it is never
#: answered by reading all sightings.
_IN_DOUBT = """
    EXISTS (SELECT 1 FROM watched WHERE key LIKE :mark) AND (
        SELECT true FROM sightings s JOIN plates p ON p.id = s.plate_id
        WHERE s.video_id = v.id AND p.key NOT LIKE :mark
          AND NOT EXISTS (SELECT 1 FROM watched w WHERE w.key = p.key)
        LIMIT 1)
"""
_UNDECIDED = text(f"SELECT v.id FROM videos v WHERE v.id = ANY (:ids) AND {_IN_DOUBT}")
_COUNT_WAITING = text(
    f"""
    SELECT count(*) FROM (
        SELECT 1 FROM jobs j JOIN videos v ON v.job_id = j.id
        WHERE j.retain_s IS NOT NULL AND (CAST(:job AS bigint) IS NULL OR j.id = :job)
          AND v.purged_at IS NULL AND v.finished_at IS NOT NULL
          AND v.finished_at <= now() - make_interval(secs => j.retain_s + :grace)
          AND {_IN_DOUBT}
        LIMIT :most
    ) waiting
    """
)
#: A sighting once for each of its tracklets. Where a redo could not be put together, other tracklets may bear the
#: numbers of those that it rests on, and none has its crop any more: then only what says the same is taken for it.
_WATCHED = text(
    """
    SELECT s.video_id, s.id AS sighting, t.id AS tracklet, f.id AS frame
    FROM sightings s
    JOIN plates p ON p.id = s.plate_id
    LEFT JOIN LATERAL jsonb_array_elements(s.tracklets) e (pair) ON true
    LEFT JOIN segments g ON g.video_id = s.video_id AND g.index = (e.pair ->> 0)::bigint
    LEFT JOIN LATERAL (
        SELECT t.id FROM tracklets t LEFT JOIN readings r ON r.tracklet_id = t.id
        WHERE t.segment_id = g.id AND t.index = (e.pair ->> 1)::bigint AND NOT t.provisional
          AND (t.first ->> 'pts')::bigint >= s.first_pts AND (t.last ->> 'pts')::bigint <= s.last_pts
          AND (s.crop IS NULL OR r.text = s.text OR EXISTS (
              SELECT 1 FROM segments o JOIN tracklets q ON q.segment_id = o.id JOIN crops c ON c.tracklet_id = q.id
              WHERE o.video_id = s.video_id AND NOT q.provisional AND c.name = s.crop))
    ) t ON true
    LEFT JOIN LATERAL (
        SELECT id FROM frames
        WHERE video_id = s.video_id AND (pts = s.best_pts OR pts BETWEEN s.first_pts AND s.last_pts)
        ORDER BY abs(pts - s.best_pts), pts LIMIT 1
    ) f ON true
    WHERE s.video_id = ANY (:ids)
      AND (p.id = ANY (CAST(:plates AS bigint[])) OR EXISTS (SELECT 1 FROM watched w WHERE w.key = p.key)
           -- Or a person reads one there.
           OR EXISTS (SELECT 1 FROM corrections c LEFT JOIN watched w ON w.key = translate(c.text, 'OI', '01')
                      WHERE c.sighting_id = s.id AND (w.key IS NOT NULL OR c.id = ANY (CAST(:said AS bigint[])))))
    """
)
_WATCHED_HASHES = text("SELECT key FROM watched WHERE key LIKE :mark")
_CLEAR_PLATES = text(
    """
    SELECT id, key FROM plates
    WHERE id IN (SELECT plate_id FROM sightings WHERE video_id = ANY (:ids)) AND key NOT LIKE :mark
    """
)
_CLEAR_CORRECTIONS = text(
    "SELECT id, text FROM corrections WHERE video_id = ANY (:ids) AND text IS NOT NULL AND text NOT LIKE :mark"
)
_GONE_TRACKLETS = """
    SELECT t.id FROM segments g JOIN tracklets t ON t.segment_id = g.id
    WHERE g.video_id = ANY (:ids) AND t.id <> ALL (CAST(:kept_tracklets AS bigint[]))
"""
_GONE_FRAMES = "video_id = ANY (:ids) AND id <> ALL (CAST(:kept_frames AS bigint[]))"
_GONE_SIGHTINGS = "video_id = ANY (:ids) AND id <> ALL (CAST(:kept_sightings AS bigint[]))"
_TOLL = text(
    f"""
    SELECT (SELECT count(*) FROM sightings WHERE {_GONE_SIGHTINGS}) AS sightings,
           count(*) AS files, coalesce(sum(size), 0) AS bytes
    FROM (
        SELECT c.size FROM crops c WHERE c.tracklet_id IN ({_GONE_TRACKLETS})
        UNION ALL
        SELECT size FROM frames WHERE {_GONE_FRAMES}
    ) files
    """
)
#: In one order, as everywhere: whoever else locks several does so by id, plates by their keys' code points.
_LOCK_VIDEOS = text(
    "SELECT id, job_id FROM videos WHERE id = ANY (:ids) AND finished_at IS NOT NULL ORDER BY id FOR UPDATE"
)
_LOCK_PLATES = text(
    f"""
    SELECT id FROM plates WHERE id IN (SELECT plate_id FROM sightings WHERE {_GONE_SIGHTINGS})
    ORDER BY key COLLATE "C" FOR UPDATE
    """
)
#: Those of passings that a redo found no more go too.
_DROP_CORRECTIONS = text(
    """
    DELETE FROM corrections WHERE video_id = ANY (:ids)
    AND (sighting_id IS NULL OR sighting_id <> ALL (CAST(:kept_sightings AS bigint[])))
    """
)
_DROP_SIGHTINGS = text(f"DELETE FROM sightings WHERE {_GONE_SIGHTINGS}")
#: Of hits and of what was told, what is about a sighting that is gone: both name the plate.
_OF_NOTHING = "video_id = ANY (:ids) AND NOT EXISTS (SELECT 1 FROM sightings s WHERE s.id = sighting_id)"
_DROP_HITS = text(f"DELETE FROM hits WHERE {_OF_NOTHING}")
_DROP_EVENTS = text(f"DELETE FROM events WHERE kind = 'sighting' AND {_OF_NOTHING}")
_DROP_READINGS = text(f"DELETE FROM readings WHERE tracklet_id IN ({_GONE_TRACKLETS})")
_DROP_CROPS = text(f"DELETE FROM crops WHERE tracklet_id IN ({_GONE_TRACKLETS})")
_DROP_FRAMES = text(f"DELETE FROM frames WHERE {_GONE_FRAMES}")
_DROP_TRACKLETS = text(f"DELETE FROM tracklets WHERE id IN ({_GONE_TRACKLETS})")
_DROPS = (
    _DROP_CORRECTIONS, _DROP_SIGHTINGS, _DROP_HITS, _DROP_EVENTS, _DROP_FRAMES,
    _DROP_READINGS, _DROP_CROPS, _DROP_TRACKLETS,
)  # fmt: skip
_MARK = text("UPDATE videos SET purged_at = now() WHERE id = ANY (:ids)")
_FORGET_VIDEOS = text("DELETE FROM videos WHERE id = ANY (:ids)")
_FORGET_JOBS = text(
    """
    DELETE FROM jobs j WHERE id = ANY (:jobs) AND finished_at IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM videos v WHERE v.job_id = j.id)
    """
)
