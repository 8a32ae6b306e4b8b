"""Jobs, segments and findings for tests that need rows in a real PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from alembic import command
from sqlalchemy import Connection, func, select, text, update
from sqlalchemy.orm import Session

from db import moves, outbox
from db.engine import engine_for, session
from db.migrate import config
from db.models import (
    Base,
    Job,
    Segment,
    Video,
)
from db.results import (
    crops_of,
    end_video,
    store_readings,
    store_tracklets,
)
from db.submit import NewVideo, add_videos, close_if_done, create_job
from pipeline.records import (
    Box,
    Candidate,
    Character,
    Crop,
    Observation,
    Reading,
    SegmentSpan,
    SegmentState,
    Sighting,
    Tracklet,
    VideoState,
)

LEASE_S = 20.0
DETECTING, READING = SegmentState.DETECTING, SegmentState.READING


def make_job(url: str, *segments: int, state: VideoState = VideoState.PROCESSING) -> tuple[int, list[int]]:
    """A job with one video for each number, of that many pending segments; returns (job, videos)."""
    with session(url) as db:
        job_id = create_job(db, "a tour", {"sample_fps": 8})
        add_videos(db, job_id, (NewVideo(f"/cam/{i}.mp4", f"print-{i}") for i in range(len(segments))))
        videos = list(db.scalars(select(Video.id).where(Video.job_id == job_id).order_by(Video.id)))
        db.execute(update(Video).where(Video.job_id == job_id).values(state=state))
        for video_id, count in zip(videos, segments, strict=True):
            spans = [SegmentSpan(i, 1000 * i, 1000 * (i + 1)) for i in range(count)]
            moves.add_segments(db, video_id, [(s, 10.0 * s.index, 10.0 * (s.index + 1)) for s in spans])
    return job_id, videos


def take(url: str, window: int = 100) -> list[moves.Dispatched]:
    with session(url) as db:
        return moves.take_pending(db, window)


def begin(url: str, segment: moves.Dispatched, step: SegmentState, worker: str = "host:1") -> bool:
    with session(url) as db:
        return moves.begin(db, segment.segment_id, segment.attempt, step, worker, LEASE_S) is not None


def detect(url: str, segment: moves.Dispatched, damage: str | None = None) -> bool:
    """A detect worker's whole turn; False where its message was stale."""
    if not begin(url, segment, DETECTING):
        return False
    with session(url) as db:
        row = moves.hold(db, segment.segment_id, segment.attempt, DETECTING)
        assert row is not None
        moves.detected(row, 80, damage)
    return True


def finish(db: Session, segment: moves.Dispatched) -> bool:
    """What a read worker does when it stores; False where its attempt has been overtaken."""
    row = moves.hold(db, segment.segment_id, segment.attempt, READING)
    if row is not None:
        moves.finished(db, row)
    return row is not None


def fail(url: str, segment: moves.Dispatched, reason: str = "It broke.") -> bool:
    with session(url) as db:
        return moves.failed(db, segment.segment_id, segment.attempt, reason)


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
            until(lambda: through.done() or waiting(url))
        through.result(timeout=20)


def waiting(url: str) -> int:
    """How many transactions wait for a lock that another holds."""
    with session(url) as db:
        return db.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")) or 0


def until(condition: Callable[[], object], timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


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


def end(url: str, job_id: int, video_id: int) -> None:
    with session(url) as db:
        assert end_video(db, video_id, VideoState.DONE, None) == job_id
        close_if_done(db, job_id)


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


NAMES = {(0, 0): "a", (0, 1): "b", (1, 0): "c", (1, 1): "d"}


def store_all(url: str, texts: Sequence[str]) -> None:
    with session(url) as db:
        store_tracklets(db, 1, [tracklet(0), tracklet(1, 5.0)], NAMES)
        store_readings(db, dict(zip(crops_of(db, 1), map(reading, texts), strict=True)))
