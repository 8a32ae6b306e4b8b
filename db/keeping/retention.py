"""Deletes what was found in videos that ended long enough ago: rows first, then their files are noted for deletion.

Each chunk of videos is one transaction: whatever is interrupted leaves whole videos forgotten and whole videos kept.
The rows of the videos themselves and their segments stay, so that a job's counters and history stay true.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.findings.plate_hashing import PlateKey
from db.findings.plates import name_plates
from db.findings.stored_files import owe_sweep
from db.jobs import uploads
from db.keeping.kept import Kept, kept_of, undecided

#: Videos of one transaction where somebody waits for it, about 5 s where each shows 300 plates; and of one that the
#: sweeper makes beside its other work.
CHUNK, SWEEPERS_CHUNK = 100, 20


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
        jobs = {"jobs": sorted({video.job_id for video in bare})}
        db.execute(_FORGET_DRIVES, jobs)
        db.execute(_FORGET_JOBS, jobs)
    db.execute(_MARK, {"ids": ids})
    return PurgeCount(len(ids), gone.sightings, gone.files, int(gone.bytes), waiting, *sent)


def _decided(db: Session, ids: Sequence[int], wanted: PurgeScope) -> list[int]:
    """Those of these videos of which it is known what has to stay."""
    waiting = undecided(db, ids) if wanted.keep_watched and wanted.key is None else set()
    return [video for video in ids if video not in waiting]


def _kept(db: Session, ids: Sequence[int], wanted: PurgeScope) -> Kept:
    return kept_of(db, ids, wanted.key) if wanted.keep_watched else Kept()


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
#: Where a person drove, minute by minute; what is kept of a watched plate has its own place.
_DROP_TRACKS = text("DELETE FROM tracks WHERE video_id = ANY (:ids)")
_DROPS = (
    _DROP_CORRECTIONS, _DROP_SIGHTINGS, _DROP_HITS, _DROP_EVENTS, _DROP_FRAMES,
    _DROP_READINGS, _DROP_CROPS, _DROP_TRACKLETS, _DROP_TRACKS,
)  # fmt: skip
_MARK = text("UPDATE videos SET purged_at = now() WHERE id = ANY (:ids)")
_FORGET_VIDEOS = text("DELETE FROM videos WHERE id = ANY (:ids)")
_FORGET_DRIVES = text(
    """
    DELETE FROM drives d WHERE job_id = ANY (:jobs)
    AND NOT EXISTS (SELECT 1 FROM videos v WHERE v.drive_id = d.id)
    """
)
_FORGET_JOBS = text(
    """
    DELETE FROM jobs j WHERE id = ANY (:jobs) AND finished_at IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM videos v WHERE v.job_id = j.id)
    """
)
