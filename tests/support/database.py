"""Jobs, segments and findings for tests that need rows in a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from alembic import command
from sqlalchemy import Connection, delete, func, select, text, update
from sqlalchemy.orm import Session

from db.engine import engine_for, session
from db.findings.store import crops_of, store_readings, store_tracklets
from db.jobs.submit import NewVideo, add_videos, create_job
from db.migrate import config
from db.models import Base, Job, Move, OutboxRow, Segment, Video
from db.queue import outbox, scheduler, segment_moves
from db.queue.videos import end_video, split_video
from db.states import JobState, Priority, SegmentState, VideoState
from pipeline.job_options import JobOptions
from pipeline.records import (
    Box,
    Candidate,
    Character,
    Crop,
    MediaInfo,
    MediaKind,
    Observation,
    Reading,
    SegmentSpan,
    Sighting,
    Tracklet,
)
from tests.support.processes import PATIENCE_S, wait_until

LEASE_S = 20.0
SILENT = "Its worker went silent."
DETECTING, READING = SegmentState.DETECTING, SegmentState.READING


#: How a video that has just been registered comes to a state.
_WAY_TO = {
    VideoState.REGISTERED: (),
    VideoState.PROCESSING: (VideoState.PROCESSING,),
    VideoState.AGGREGATING: (VideoState.PROCESSING, VideoState.AGGREGATING),
}
#: Length of each segment; its pts count milliseconds.
SEGMENT_S = 10.0


def make_job(
    url: str,
    *segments: int,
    state: VideoState = VideoState.PROCESSING,
    priority: Priority = Priority.NORMAL,
    name: str = "a tour",
    options: JobOptions | None = None,
) -> tuple[int, list[int]]:
    """A job with one video for each number, of that many pending segments; returns (job, videos)."""
    with session(url) as db:
        job_id = create_job(db, name, options or JobOptions(sample_fps=8), priority=priority)
        add_videos(db, job_id, (NewVideo(f"/cam/{i}.mp4", f"print-{i}") for i in range(len(segments))))
        videos = list(db.scalars(select(Video.id).where(Video.job_id == job_id).order_by(Video.id)))
        for video_id, count in zip(videos, segments, strict=True):
            if count and state is not VideoState.REGISTERED:
                assert split(db, video_id, count)
        for step in _WAY_TO[state]:
            unmoved = update(Video).where(Video.job_id == job_id, Video.state != step)
            db.execute(unmoved.values(state=step))
        if state is not VideoState.REGISTERED:
            db.execute(delete(OutboxRow).where(OutboxRow.job_id == job_id))
    return job_id, videos


def split(db: Session, video_id: int, count: int, problem: str | None = None, fingerprint: str | None = None) -> bool:
    """What the producer does with a video that it could open; False where it came too late."""
    info = MediaInfo(
        path=Path("/cam/any.mp4"),
        kind=MediaKind.VIDEO,
        width=1280,
        height=720,
        rotation=0,
        codec="h264",
        time_base=Fraction(1, 1000),
        start_pts=0,
        end_pts=_pts(count),
        frame_rate=30.0,
        keyframes=(0,),
        frames=300 * count,
        problem=problem,
    )
    spans = [SegmentSpan(i, _pts(i), _pts(i + 1)) for i in range(count)]
    return split_video(db, video_id, info, spans, fingerprint)


def _pts(segments: int) -> int:
    return round(1000 * SEGMENT_S * segments)


def take(url: str, window: int = 100, depth: int = 1000) -> list[segment_moves.Dispatched]:
    """What a dispatcher sends; unless told, so much may wait for detection that only the window counts."""
    with session(url) as db:
        return scheduler.take_pending(db, window, depth)


def take_steps(url: str, window: int = 100) -> list[outbox.Message]:
    with session(url) as db:
        return scheduler.take_messages(db, window)


def owed(url: str) -> list[tuple[str, int]]:
    """(kind, video) of the steps on whole videos that are not done, sent or not."""
    with session(url) as db:
        rows = db.execute(select(OutboxRow.kind, OutboxRow.key).order_by(OutboxRow.kind, OutboxRow.key))
        return [(row.kind, row.key) for row in rows]


def begin(url: str, segment: segment_moves.Dispatched, step: SegmentState, worker: str = "host:1") -> bool:
    with session(url) as db:
        return segment_moves.begin(db, segment.segment_id, segment.attempt, step, worker, LEASE_S) is not None


def detect(url: str, segment: segment_moves.Dispatched, damage: str | None = None) -> bool:
    """A detect worker's whole turn; False where its message was stale."""
    if not begin(url, segment, DETECTING):
        return False
    with session(url) as db:
        assert segment_moves.detected(db, segment.segment_id, segment.attempt, 80, damage)
    return True


def read(url: str, segment: segment_moves.Dispatched) -> bool:
    """A read worker's whole turn; False where its message was stale."""
    if not begin(url, segment, READING):
        return False
    with session(url) as db:
        assert finish(db, segment)
    return True


def work(url: str, segment: segment_moves.Dispatched) -> None:
    """Both turns, or the reading alone where that is what was sent."""
    if not segment.only_read:
        assert detect(url, segment)
    assert read(url, segment)


def finish(db: Session, segment: segment_moves.Dispatched) -> bool:
    """What a read worker does when it stores; False where its attempt has been overtaken."""
    return segment_moves.finished(db, segment.segment_id, segment.attempt)


def fail(url: str, segment: segment_moves.Dispatched, reason: str = "It broke.", from_detect: bool = False) -> bool:
    with session(url) as db:
        return segment_moves.failed(db, segment.segment_id, segment.attempt, reason, from_detect)


def lose(url: str, segment: segment_moves.Dispatched) -> bool:
    with session(url) as db:
        return segment_moves.lost_attempt(db, segment.segment_id, segment.attempt, SILENT)


def quarantine(url: str, segment: segment_moves.Dispatched, reason: str = "It broke.") -> None:
    """Let a segment that has been taken fail until it is given up."""
    while True:
        assert begin(url, segment, READING if segment.only_read else DETECTING)
        assert fail(url, segment, reason)
        if stored(url, segment.segment_id).state is SegmentState.QUARANTINED:
            return
        no_waiting(url)
        segment = next(s for s in take(url) if s.segment_id == segment.segment_id)


def no_waiting(url: str) -> None:
    """Delays are over."""
    for table in ("segments", "outbox"):
        run_sql(url, f"UPDATE {table} SET not_before = now() - interval '1 ms' WHERE not_before IS NOT NULL")


def leases_run_out(url: str) -> None:
    for table in ("segments", "outbox"):
        run_sql(url, f"UPDATE {table} SET lease_until = now() - interval '1 s' WHERE lease_until IS NOT NULL")


def aggregate(url: str, video_id: int, state: VideoState = VideoState.DONE, problem: str | None = None) -> None:
    """What the aggregator does, without anything found."""
    with session(url) as db:
        assert outbox.begin(db, outbox.AGGREGATE, video_id, LEASE_S)
        assert end_video(db, video_id, state, problem)


def job_state(url: str, job_id: int) -> JobState:
    return job(url, job_id).state


def job(url: str, job_id: int) -> Job:
    with session(url) as db:
        return db.get_one(Job, job_id)


def video(url: str, video_id: int) -> Video:
    with session(url) as db:
        return db.get_one(Video, video_id)


def video_state(url: str, video_id: int) -> VideoState:
    return video(url, video_id).state


def segment_states(url: str, job_id: int) -> list[str]:
    """The states of a job's segments, in their order."""
    with session(url) as db:
        states = select(Segment.state).where(Segment.job_id == job_id).order_by(Segment.id)
        return [str(state) for state in db.scalars(states)]


def stored(url: str, segment_id: int) -> Segment:
    with session(url) as db:
        return db.get_one(Segment, segment_id)


def run_sql(url: str, statement: str, **values: Any) -> None:
    with session(url) as db:
        db.execute(text(statement), values)


def count(url: str, table: type[Base]) -> int:
    with session(url) as db:
        return db.scalar(select(func.count()).select_from(table)) or 0


def overlap(url: str, first: Callable[[Session], object], second: Callable[[Session], object]) -> None:
    """Run `second` while `first`'s transaction is open; commit `first` when the other waits for it or is through."""

    def other() -> None:
        with session(url) as db:
            second(db)

    with ThreadPoolExecutor(1) as pool:
        with session(url) as db:
            first(db)
            db.flush()
            through = pool.submit(other)
            wait_until("the second transaction", lambda: through.done() or waiting(url))
        through.result(timeout=PATIENCE_S)


def waiting(url: str) -> int:
    """How many transactions wait for a lock that another holds; asked beside the few connections that a process has."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        row = connection.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
        return int(row[0]) if row else 0


def check_counters(url: str) -> None:
    """Every counter equals a count over rows, and so does the progress view."""
    with session(url) as db:
        for name, query in _COUNTERS.items():
            wrong = db.execute(text(query)).mappings().all()
            assert not wrong, f"{name}: {[dict(row) for row in wrong]}"


_ENDED = "g.state IN ('done', 'quarantined')"
_OF_A_VIDEO = f"""
    SELECT v.id, v.job_id, v.finished_at, v.kind, v.problem, v.duration_s,
           count(g.id) AS segments,
           count(*) FILTER (WHERE g.state = 'done') AS segments_done,
           count(*) FILTER (WHERE g.state = 'quarantined') AS segments_quarantined,
           coalesce(sum(g.end_s - g.start_s) FILTER (WHERE {_ENDED}), 0) AS footage_done_s
    FROM videos v LEFT JOIN segments g ON g.video_id = v.id GROUP BY v.id
"""
#: Rows whose counters are wrong, beside what was counted.
_COUNTERS = {
    "videos": f"""
        SELECT to_jsonb(v) AS video, to_jsonb(c) AS counted
        FROM videos v JOIN ({_OF_A_VIDEO}) c ON c.id = v.id
        WHERE (v.segments, v.segments_done, v.segments_quarantined)
              <> (c.segments, c.segments_done, c.segments_quarantined)
           OR abs(v.footage_done_s - c.footage_done_s) > 1e-6
           OR (v.started_at IS NULL AND c.segments_done + c.segments_quarantined > 0)
    """,
    "jobs": f"""
        SELECT to_jsonb(j) AS job, to_jsonb(c) AS counted
        FROM jobs j JOIN (
            SELECT j.id, count(v.id) AS videos, count(v.finished_at) AS ended,
                   count(*) FILTER (WHERE v.finished_at IS NOT NULL AND v.problem IS NOT NULL) AS with_problem,
                   count(*) FILTER (WHERE v.finished_at IS NOT NULL OR v.kind IS NOT NULL) AS opened,
                   coalesce(sum(v.segments), 0) AS segments, coalesce(sum(v.duration_s), 0) AS footage_s,
                   coalesce(sum(v.segments_done) FILTER (WHERE v.finished_at IS NOT NULL), 0) AS done,
                   coalesce(sum(v.segments_quarantined) FILTER (WHERE v.finished_at IS NOT NULL), 0) AS quarantined,
                   coalesce(sum(v.footage_done_s) FILTER (WHERE v.finished_at IS NOT NULL), 0) AS footage_done_s
            FROM jobs j LEFT JOIN ({_OF_A_VIDEO}) v ON v.job_id = j.id GROUP BY j.id
        ) c ON c.id = j.id
        WHERE (j.videos, j.videos_ended, j.videos_with_problem, j.videos_opened)
              <> (c.videos, c.ended, c.with_problem, c.opened)
           OR (j.segments, j.segments_done, j.segments_quarantined) <> (c.segments, c.done, c.quarantined)
           OR abs(j.footage_s - c.footage_s) > 1e-6 OR abs(j.footage_done_s - c.footage_done_s) > 1e-6
    """,
    "progress": f"""
        SELECT to_jsonb(p) AS progress, to_jsonb(c) AS counted
        FROM job_progress p JOIN (
            SELECT j.id, coalesce(sum(v.segments_done), 0) AS done,
                   coalesce(sum(v.segments_quarantined), 0) AS quarantined,
                   coalesce(sum(v.footage_done_s), 0) AS footage_done_s,
                   (SELECT count(*) FROM segments g
                    WHERE g.job_id = j.id AND g.state = 'pending' AND (g.not_before IS NOT NULL OR g.parked)) AS delayed
            FROM jobs j LEFT JOIN ({_OF_A_VIDEO}) v ON v.job_id = j.id GROUP BY j.id
        ) c ON c.id = p.job
        WHERE (p.segments_done, p.segments_quarantined, p.segments_delayed) <> (c.done, c.quarantined, c.delayed)
           OR abs(p.footage_done_s - c.footage_done_s) > 1e-6
    """,
}


def empty_tables(connection: Connection) -> None:
    """Empty every table but `moves`, which is part of the schema."""
    tables = ", ".join(table.name for table in Base.metadata.sorted_tables if table is not Move.__table__)
    # The audit guards itself against just this.
    connection.execute(text("ALTER TABLE audit DISABLE TRIGGER USER"))
    connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
    connection.execute(text("ALTER TABLE audit ENABLE TRIGGER USER"))


def downgrade(url: str, revision: str = "base") -> None:
    with engine_for(url).begin() as connection:
        prepared = config()
        prepared.attributes["connection"] = connection
        command.downgrade(prepared, revision)


def catalogue(connection: Connection, schema: str) -> set[str]:
    """Every column, constraint and index of a schema, as PostgreSQL spells it."""
    found = connection.execute(
        text(
            """
            SELECT concat_ws(' ', table_name, column_name, data_type, character_maximum_length, is_nullable,
                             is_identity, column_default)
            FROM information_schema.columns
            WHERE table_schema = :schema AND table_name IN (
                SELECT tablename FROM pg_tables WHERE schemaname = :schema AND tablename <> 'alembic_version')
            UNION ALL
            SELECT concat_ws(' ', conname, pg_get_constraintdef(oid)) FROM pg_constraint
            WHERE connamespace = CAST(:schema AS regnamespace) AND conname NOT LIKE 'alembic%'
            UNION ALL
            SELECT indexdef FROM pg_indexes WHERE schemaname = :schema AND indexname NOT LIKE 'alembic%'
            """
        ),
        {"schema": schema},
    )
    return {str(row[0]).replace(f"{schema}.", "") for row in found}


def resend(url: str) -> int:
    with session(url) as db:
        return outbox.resend_quiet(db, 60.0)


def end(url: str, video_id: int) -> None:
    """The aggregator's last word on a video that is being aggregated."""
    with session(url) as db:
        assert end_video(db, video_id, VideoState.DONE, None)


def finished_at(url: str, job_id: int) -> object:
    with session(url) as db:
        return db.get_one(Job, job_id).finished_at


def observation(time_s: float) -> Observation:
    return Observation(round(time_s * 1000), time_s, Box(10.5, 20.0, 110.5, 50.0), 0.9)


def tracklet(index: int, start_s: float = 1.0) -> Tracklet:
    seen = tuple(observation(start_s + i) for i in range(3))
    image = np.zeros((30, 100, 3), np.uint8)
    crops = tuple(Crop(seen[i], Box(5, 5, 95, 25), 1.0 - i / 10, image) for i in range(2))
    return Tracklet(index, seen, crops)


def reading(plate: str, country: str | None = "IT") -> Reading:
    return Reading(
        text=plate,
        confidence=0.93,
        characters=tuple(Character(char, 0.9) for char in plate),
        alternatives=(Candidate(plate[:-1] + "8", 0.04),),
        country=country,
        reads=2,
        crops=2,
        best_crop=1,
    )


def sighting(index: int, plate: str, country: str | None = "IT") -> Sighting:
    read = reading(plate, country)
    return Sighting(
        index=index,
        text=plate,
        country=country,
        confidence=read.confidence,
        characters=read.characters,
        alternatives=read.alternatives,
        first=observation(1.0),
        last=observation(3.0),
        best=observation(2.0),
        crop="b",
        reads=2,
        confirmed=True,
        tracklets=((0, 0), (1, 2)),
    )


@dataclass(frozen=True)
class Picture:
    """A file of the result store as its row names it."""

    name: str
    size: int = 100
    sha256: str = "0" * 64


PICTURES = {(0, 0): Picture("a"), (0, 1): Picture("b"), (1, 0): Picture("c"), (1, 1): Picture("d")}


def store_all(url: str, texts: Sequence[str]) -> None:
    with session(url) as db:
        store_tracklets(db, 1, [tracklet(0), tracklet(1, 5.0)], PICTURES)
        store_readings(db, 1, dict(zip(crops_of(db, 1), map(reading, texts), strict=True)))
