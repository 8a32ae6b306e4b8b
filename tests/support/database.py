"""Jobs, segments and findings for tests that need rows in a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import delete, event, func, select, text, update
from sqlalchemy.orm import Session

from db.engine import engine_for, session
from db.findings import queries
from db.jobs.submit import NewVideo, add_videos, create_job
from db.jobs.videos import end_video, split_video
from db.models import Base, Job, OutboxRow, Segment, Video
from db.queue import outbox, scheduler, segment_moves, unreachable
from db.states import JobState, Priority, SegmentState, VideoState
from pipeline.job_options import JobOptions
from pipeline.records import MediaInfo, MediaKind, SegmentSpan
from tests.support.processes import PATIENCE_S, wait_until

LEASE_S = 20.0
SILENT = "Its worker went silent."
#: Why a segment's video is away.
SAID = "a.mp4 cannot be reached."
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


def forget_job(url: str, job: int) -> None:
    """Take a job away with all that hangs on it, for those who share the database."""
    with session(url) as db:
        db.execute(delete(Job).where(Job.id == job))


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


def begun(url: str, window: int = 100, step: SegmentState = DETECTING) -> list[segment_moves.Dispatched]:
    """Take what a dispatcher sends, and begin to detect it; or detect it, and begin to read."""
    taken = take(url, window)
    for segment in taken:
        assert step is DETECTING or detect(url, segment)
        assert begin(url, segment, step)
    return taken


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


def away(url: str, segment: segment_moves.Dispatched) -> bool:
    """A worker could not reach the segment's video."""
    with session(url) as db:
        return unreachable.unreachable(db, segment.segment_id, segment.attempt, SAID)


def waits_for(url: str, job_id: int) -> str | None:
    """What is said of a job that waits for a video that is away."""
    with session(url) as db:
        return queries.waiting_for(db, job_id)


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


def delay_s(row: Segment) -> float:
    """How long a segment waits from its last move to the next attempt."""
    assert row.not_before is not None
    return (row.not_before - row.moved_at).total_seconds()


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


def overlap(
    url: str,
    first: Callable[[Session], object],
    second: Callable[[Session], object],
    rest: Callable[[Session], object] = lambda _: None,
) -> None:
    """Run `second` while `first`'s transaction is open; commit `first` when the other waits for it or is through.

    `rest` is done in `first`'s transaction before it is committed.
    """

    def other() -> None:
        with session(url) as db:
            second(db)

    with ThreadPoolExecutor(1) as pool:
        with session(url) as db:
            first(db)
            db.flush()
            through = pool.submit(other)
            wait_until("the second transaction", lambda: through.done() or waiting(url))
            rest(db)
        through.result(timeout=PATIENCE_S)


@contextmanager
def asked(url: str) -> Iterator[list[tuple[str, Any]]]:
    """The statements that are sent inside, each with its values, or with the list of them."""
    seen: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, values: Any, context: Any, many: bool) -> None:
        seen.append((statement, values))

    event.listen(engine_for(url), "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine_for(url), "before_cursor_execute", note)


def waiting(url: str) -> int:
    """How many transactions wait for a lock that another holds; asked beside the few connections that a process has."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        row = connection.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
        return int(row[0]) if row else 0


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
