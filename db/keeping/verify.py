"""What a job's rows say of its files and of themselves, for `dashplate verify`: files, counters, states."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.findings.plate_hashing import PlateKey
from db.models import Job
from db.queue.outbox import AGGREGATE, PROBE
from db.states import ENDED, HELD, OPEN, JobState, SegmentState, VideoState, listed
from pipeline.job_options import JobOptions

#: Seconds by which sums of lengths may differ: floating point, added in another order.
_CLOSE_S = 0.01


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file as its row names it; size and checksum are None in rows of before 0004."""

    name: str
    size: int | None
    sha256: str | None


@dataclass(frozen=True, slots=True)
class VideoFiles:
    """What a video's rows say of the result store."""

    #: No worker writes for it any more.
    ended: bool
    files: tuple[FileRow, ...]
    #: Crops that sightings name.
    shown: frozenset[str]
    #: What it was uploaded as; no checksum is kept of that.
    uploads: tuple[FileRow, ...] = ()


def has_job(db: Session, job_id: int) -> bool:
    return bool(db.execute(text("SELECT 1 FROM jobs WHERE id = :job"), {"job": job_id}).scalar_one_or_none())


def videos_of(db: Session, job_id: int, after: int, limit: int) -> list[int]:
    """The next videos of a job, by id."""
    wanted = text("SELECT id FROM videos WHERE job_id = :job AND id > :after ORDER BY id LIMIT :limit")
    return list(db.scalars(wanted, {"job": job_id, "after": after, "limit": limit}))


def existing_videos(db: Session, job_id: int, ids: Sequence[int]) -> set[int]:
    """Those of these ids that are videos of the job."""
    wanted = text("SELECT id FROM videos WHERE job_id = :job AND id = ANY (:ids)")
    return set(db.scalars(wanted, {"job": job_id, "ids": list(ids)}))


def files_of(db: Session, video_id: int) -> VideoFiles:
    """What a video's rows say of the result store; a video that is gone has ended and names nothing."""
    ended = db.execute(text("SELECT finished_at IS NOT NULL FROM videos WHERE id = :video"), {"video": video_id})
    rows = db.execute(_FILES, {"video": video_id})
    shown = db.scalars(
        text("SELECT crop FROM sightings WHERE video_id = :video AND crop IS NOT NULL"), {"video": video_id}
    )
    return VideoFiles(
        ended.scalar_one_or_none() is not False,
        tuple(FileRow(row.name, row.size, row.sha256) for row in rows),
        frozenset(shown),
        tuple(FileRow(row.name, row.size, None) for row in db.execute(_UPLOADS, {"video": video_id})),
    )


def owed(db: Session, folders: Sequence[str]) -> tuple[str, ...]:
    """Files and folders below these folders that wait for their deletion."""
    wanted = text("SELECT name FROM deletions WHERE starts_with(name, :folder)")
    return tuple(name for folder in folders for name in db.scalars(wanted, {"folder": folder}))


def contradictions(db: Session, job_id: int) -> dict[str, list[str]]:
    """What cannot be, by kind: `counter` where a number is not what its rows give, `state`, `clear` (a readable plate).

    All of it is read in one snapshot, so that a job that is being done shows no more than one at rest.
    """
    db.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    found: dict[str, list[str]] = {}
    hashed = _is_hashed(db, job_id)
    for kind, question in _QUESTIONS:
        if kind == "clear" and not hashed:
            continue
        for sentence in db.scalars(text(question), {"job": job_id}):
            found.setdefault(kind, []).append(sentence)
    return found


def telling_sentences(db: Session, job_id: int, key: PlateKey) -> list[str]:
    """Sentences about a job's work that name one of its hashed plates. Without the key nobody could tell."""
    if not _is_hashed(db, job_id):
        return []
    hashes = set(db.scalars(_HASHES, {"job": job_id}))
    return [
        f"what is said of {place} names a plate"
        for place, said in db.execute(_SENTENCES, {"job": job_id})
        if not hashes.isdisjoint(map(key.hashed, _WORD.findall(said.upper())))
    ]


def _is_hashed(db: Session, job_id: int) -> bool:
    return JobOptions.from_json(db.get_one(Job, job_id).options).hashed


_FILES = text(
    """
    SELECT c.name, c.size, c.sha256 FROM segments g
    JOIN tracklets t ON t.segment_id = g.id JOIN crops c ON c.tracklet_id = t.id
    WHERE g.video_id = :video
    UNION ALL
    SELECT name, size, sha256 FROM frames WHERE video_id = :video
    """
)
_UPLOADS = text("SELECT name, size FROM uploads WHERE video_id = :video AND whole_at IS NOT NULL")
_VIDEO_COUNTERS = f"""
    SELECT format('video %s: %s is %s, its segments give %s', v.id, c.name, c.said, c.given)
    FROM videos v
    CROSS JOIN LATERAL (
        SELECT count(*) AS segments, count(*) FILTER (WHERE state = '{SegmentState.DONE}') AS done,
               count(*) FILTER (WHERE state = '{SegmentState.QUARANTINED}') AS quarantined,
               coalesce(sum(end_s - start_s) FILTER (WHERE state IN {listed(ENDED)}), 0) AS footage_done_s
        FROM segments WHERE video_id = v.id
    ) g
    CROSS JOIN LATERAL (VALUES
        ('segments', v.segments::float, g.segments::float),
        ('segments_done', v.segments_done, g.done),
        ('segments_quarantined', v.segments_quarantined, g.quarantined),
        ('footage_done_s', v.footage_done_s, g.footage_done_s)
    ) c (name, said, given)
    WHERE v.job_id = :job AND abs(c.said - c.given) > {_CLOSE_S} ORDER BY v.id, c.name
"""
_JOB_COUNTERS = f"""
    SELECT format('the job: %s is %s, its videos give %s', c.name, c.said, c.given)
    FROM jobs j
    CROSS JOIN LATERAL (
        SELECT count(*) AS videos, count(finished_at) AS ended,
               count(*) FILTER (WHERE finished_at IS NOT NULL AND problem IS NOT NULL) AS with_problem,
               count(*) FILTER (WHERE finished_at IS NOT NULL OR kind IS NOT NULL) AS opened,
               coalesce(sum(segments), 0) AS segments, coalesce(sum(duration_s), 0) AS footage_s,
               coalesce(sum(segments_done) FILTER (WHERE finished_at IS NOT NULL), 0) AS done,
               coalesce(sum(segments_quarantined) FILTER (WHERE finished_at IS NOT NULL), 0) AS quarantined,
               coalesce(sum(footage_done_s) FILTER (WHERE finished_at IS NOT NULL), 0) AS footage_done_s
        FROM videos WHERE job_id = j.id
    ) v
    CROSS JOIN LATERAL (VALUES
        ('videos', j.videos::float, v.videos::float),
        ('videos_ended', j.videos_ended, v.ended),
        ('videos_with_problem', j.videos_with_problem, v.with_problem),
        ('videos_opened', j.videos_opened, v.opened),
        ('segments', j.segments, v.segments),
        ('footage_s', j.footage_s, v.footage_s),
        ('segments_done', j.segments_done, v.done),
        ('segments_quarantined', j.segments_quarantined, v.quarantined),
        ('footage_done_s', j.footage_done_s, v.footage_done_s)
    ) c (name, said, given)
    WHERE j.id = :job AND abs(c.said - c.given) > {_CLOSE_S} * greatest(1, j.videos) ORDER BY c.name
"""
_STATES = (
    f"""
    SELECT format('video %s is %s and %s', id, state,
                  CASE WHEN finished_at IS NULL THEN 'has no end' ELSE 'has ended' END)
    FROM videos WHERE job_id = :job AND (state IN {listed(OPEN)}) = (finished_at IS NOT NULL) ORDER BY id
    """,
    f"""
    SELECT format('video %s is %s, and its segment %s is %s', v.id, v.state, g.index, g.state)
    FROM videos v JOIN segments g ON g.video_id = v.id
    WHERE v.job_id = :job AND v.finished_at IS NOT NULL AND g.state NOT IN {listed(ENDED)}
      AND NOT (v.state = '{VideoState.CANCELLED}' AND g.state = '{SegmentState.PENDING}')
    ORDER BY v.id, g.index
    """,
    f"""
    SELECT format('video %s is %s, and nobody is asked to go on with it', v.id, v.state)
    FROM videos v
    WHERE v.job_id = :job AND v.state IN ('{VideoState.REGISTERED}', '{VideoState.AGGREGATING}') AND NOT EXISTS (
        SELECT 1 FROM outbox o
        WHERE o.key = v.id
              AND o.kind = CASE v.state WHEN '{VideoState.REGISTERED}' THEN '{PROBE}' ELSE '{AGGREGATE}' END)
    ORDER BY v.id
    """,
    f"""
    SELECT format('video %s is processing, and none of its %s segments is left', v.id, v.segments)
    FROM videos v
    WHERE v.job_id = :job AND v.state = '{VideoState.PROCESSING}' AND NOT EXISTS (
        SELECT 1 FROM segments g WHERE g.video_id = v.id AND g.state NOT IN {listed(ENDED)})
    ORDER BY v.id
    """,
    """
    SELECT format('video %s has ended, and %s of it is still owed', v.id, o.kind)
    FROM outbox o JOIN videos v ON v.id = o.key
    WHERE v.job_id = :job AND v.finished_at IS NOT NULL ORDER BY v.id
    """,
    f"""
    SELECT format('video %s: segment %s is %s without a lease', g.video_id, g.index, g.state)
    FROM segments g
    WHERE g.job_id = :job AND g.state IN {listed(HELD)} AND g.lease_until IS NULL ORDER BY g.video_id, g.index
    """,
    f"""
    SELECT format('the job is %s and %s', state, CASE WHEN finished_at IS NULL THEN 'has no end' ELSE 'has ended' END)
    FROM jobs WHERE id = :job AND state <> '{JobState.CANCELLED}'
          AND (state = '{JobState.FINISHED}') <> (finished_at IS NOT NULL)
    """,
    """
    SELECT format('video %s is purged, and its track is there', v.id)
    FROM videos v JOIN tracks t ON t.video_id = v.id
    WHERE v.job_id = :job AND v.purged_at IS NOT NULL ORDER BY v.id
    """,
    """
    SELECT format('the job has ended, and %s of its videos have not', count(*))
    FROM videos v JOIN jobs j ON j.id = v.job_id
    WHERE j.id = :job AND j.finished_at IS NOT NULL AND v.finished_at IS NULL HAVING count(*) > 0
    """,
)
_HASHED = "FROM jobs j JOIN videos v ON v.job_id = j.id"
#: What stands in place of a plate's text; see `db.findings.plate_hashing`.
_HASH = "^#[0-9a-f]{32}$"
#: Of a list of candidates: one whose text is no hash, or that has none.
_CLEAR_CANDIDATE = f"""'$[*] ? (!(@.text like_regex "{_HASH}"))'"""
#: States of a video after which nothing reads its pictures and sealed readings again. One that failed may be retried.
_OVER = f"v.state IN ('{VideoState.DONE}', '{VideoState.TRUNCATED}', '{VideoState.CANCELLED}')"
_CLEAR = (
    f"""
    SELECT format('video %s: sighting %s is not hashed', v.id, s.index)
    {_HASHED} JOIN sightings s ON s.video_id = v.id
    WHERE j.id = :job AND (s.text !~ '{_HASH}' OR s.shown !~ '{_HASH}' OR s.characters <> '[]')
    ORDER BY v.id, s.index
    """,
    f"""
    SELECT format('video %s: a runner-up of sighting %s is not hashed', v.id, s.index)
    {_HASHED} JOIN sightings s ON s.video_id = v.id
    WHERE j.id = :job AND jsonb_path_exists(s.alternatives, {_CLEAR_CANDIDATE}) ORDER BY v.id, s.index
    """,
    f"""
    SELECT format('video %s: the plate that sighting %s counts for is not hashed', v.id, s.index)
    {_HASHED} JOIN sightings s ON s.video_id = v.id JOIN plates p ON p.id = s.plate_id
    WHERE j.id = :job AND (p.text !~ '{_HASH}' OR p.key !~ '{_HASH}') ORDER BY v.id, s.index
    """,
    f"""
    SELECT format('video %s: what a person read at %s s is not hashed', v.id, c.best_s)
    {_HASHED} JOIN corrections c ON c.video_id = v.id
    WHERE j.id = :job AND (c.text !~ '{_HASH}' OR c.read_as !~ '{_HASH}' OR c.note IS NOT NULL) ORDER BY v.id, c.best_s
    """,
    f"""
    SELECT format('video %s: the reading of segment %s, tracklet %s, is not hashed', v.id, g.index, t.index)
    {_HASHED} JOIN segments g ON g.video_id = v.id JOIN tracklets t ON t.segment_id = g.id
    JOIN readings r ON r.tracklet_id = t.id
    WHERE j.id = :job AND (r.text !~ '{_HASH}' OR r.characters <> '[]' OR r.alternatives <> '[]')
    ORDER BY v.id, g.index, t.index
    """,
    f"""
    SELECT format('video %s: the reading of segment %s, tracklet %s, is still there for who has the key',
                  v.id, g.index, t.index)
    {_HASHED} JOIN segments g ON g.video_id = v.id JOIN tracklets t ON t.segment_id = g.id
    JOIN readings r ON r.tracklet_id = t.id
    WHERE j.id = :job AND {_OVER} AND r.sealed IS NOT NULL ORDER BY v.id, g.index, t.index
    """,
    f"""
    SELECT format('video %s: the crop %s is still there, and shows the plate', v.id, c.name)
    {_HASHED} JOIN segments g ON g.video_id = v.id JOIN tracklets t ON t.segment_id = g.id
    JOIN crops c ON c.tracklet_id = t.id
    WHERE j.id = :job AND {_OVER} ORDER BY v.id, c.name
    """,
    f"""
    SELECT format('video %s: the frame %s is there, and shows the plate', v.id, f.name)
    {_HASHED} JOIN frames f ON f.video_id = v.id WHERE j.id = :job ORDER BY v.id, f.name
    """,
)
#: Every sentence about a hashed job's work, with the place where it stands.
_SENTENCES = text(
    f"""
    SELECT format('video %s', v.id) AS place, concat_ws(' ', v.problem, v.damage) AS said {_HASHED}
    WHERE j.id = :job AND (v.problem IS NOT NULL OR v.damage IS NOT NULL)
    UNION ALL
    SELECT format('segment %s of video %s', g.index, v.id), concat_ws(' ', g.problem, g.damage) {_HASHED}
    JOIN segments g ON g.video_id = v.id WHERE j.id = :job AND (g.problem IS NOT NULL OR g.damage IS NOT NULL)
    UNION ALL
    SELECT format('a step that video %s is owed', v.id), o.problem {_HASHED}
    JOIN outbox o ON o.key = v.id AND o.job_id = j.id WHERE j.id = :job AND o.problem IS NOT NULL
    ORDER BY place
    """
)
_HASHES = text(f"SELECT DISTINCT s.text {_HASHED} JOIN sightings s ON s.video_id = v.id WHERE j.id = :job")
_WORD = re.compile(r"[^\W_]+")
_QUESTIONS = (
    ("counter", _VIDEO_COUNTERS),
    ("counter", _JOB_COUNTERS),
    *(("state", question) for question in _STATES),
    *(("clear", question) for question in _CLEAR),
)
