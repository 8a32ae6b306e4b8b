"""What is asked of PostgreSQL: a function for each question, and what is counted from one look to the next.

One more question is one more function in `QUESTIONS`, its statement beside the others (`db/queue/monitored.sql`), and
its figures in `figures`. It may read no table from end to end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from prometheus_client.core import Metric
from sqlalchemy.orm import Session

from dashplate.metrics import figures
from db.queue import monitored
from db.states import ENDED, IN_FLIGHT, DeliveryState, JobState, SegmentState, Stage, VideoState


@dataclass
class Totals:
    """What has ended since this process began; Prometheus knows that counters begin anew with their process."""

    look: monitored.Look | None = None
    videos: Counter[str] = field(default_factory=Counter)
    segments: Counter[str] = field(default_factory=Counter)
    footage_s: float = 0.0
    failures: int = 0
    losses: int = 0

    def add(self, ended: monitored.Ended) -> None:
        for row in ended.videos:
            self.videos[row["state"]] += row["videos"]
        for row in ended.segments:
            self.segments[row["state"]] += row["segments"]
            self.failures += row["failures"]
            self.losses += row["losses"]
            if row["state"] == SegmentState.DONE:
                self.footage_s += row["footage_s"]


def _standing(db: Session, totals: Totals) -> Iterator[Metric]:
    """What is left to do."""
    jobs = {row["state"]: row for row in monitored.open_jobs(db)}
    flying = {row["state"]: row for row in monitored.in_flight(db)}
    yield figures.JOBS.by((s, jobs[s]["jobs"] if s in jobs else 0) for s in (JobState.RUNNING, JobState.PAUSED))
    for_videos = (VideoState.REGISTERED.value, "videos_registered"), ("opened", "videos_opened")
    yield figures.VIDEOS.by((state, sum(row[column] for row in jobs.values())) for state, column in for_videos)
    counts = {state.value: flying[state]["segments"] if state in flying else 0 for state in IN_FLIGHT}
    # Two statements, between which a segment may have ended.
    pending = max(0, sum(row["segments"] for row in jobs.values()) - sum(counts.values()))
    yield figures.SEGMENTS.by([(SegmentState.PENDING.value, pending), *counts.items()])
    yield figures.SEGMENTS_DELAYED.of(monitored.delayed(db, [job for row in jobs.values() for job in row["ids"]]))
    yield figures.FOOTAGE_LEFT.of(max(0.0, sum(row["footage_s"] for row in jobs.values())))
    stages = (Stage.DETECT, SegmentState.DETECTING), (Stage.READ, SegmentState.READING)
    yield figures.STAGE_OLDEST.by((stage, flying[s]["oldest_s"] if s in flying else 0.0) for stage, s in stages)


def _ended(db: Session, totals: Totals) -> Iterator[Metric]:
    """What has ended."""
    totals.look, ended = monitored.look(db, totals.look)
    totals.add(ended)
    yield figures.VIDEOS_ENDED.by((state, totals.videos[state]) for state in VideoState if state.ended)
    yield figures.SEGMENTS_ENDED.by((state, totals.segments[state]) for state in ENDED)
    yield figures.FOOTAGE_DONE.of(totals.footage_s)
    yield figures.FAILURES.of(totals.failures)
    yield figures.LOSSES.of(totals.losses)


def _away(db: Session, totals: Totals) -> Iterator[Metric]:
    """Videos that cannot be reached."""
    away = monitored.away(db)
    yield figures.VIDEOS_AWAY.of(away["videos"])
    yield figures.AWAY_LONGEST.of(away["longest_s"])


def _video_tasks(db: Session, totals: Totals) -> Iterator[Metric]:
    """Steps on whole videos."""
    tasks = monitored.video_tasks(db)
    yield figures.VIDEO_TASKS.by((state, tasks[state]) for state in ("sent", "failing"))


def _telling(db: Session, totals: Totals) -> Iterator[Metric]:
    """What endpoints are owed."""
    owed = monitored.deliveries(db)
    yield figures.DELIVERIES.by((state, owed[state]) for state in (DeliveryState.PENDING, DeliveryState.DEAD))
    yield figures.DELIVERY_OVERDUE.of(owed["overdue_s"])
    yield figures.ENDPOINTS_OFF.of(owed["switched_off"])


def _sweep(db: Session, totals: Totals) -> Iterator[Metric]:
    """Whether anybody looks for lost work."""
    age_s = monitored.sweep_age_s(db)
    if age_s is not None:
        yield figures.SWEEP_AGE.of(age_s)


def _server(db: Session, totals: Totals) -> Iterator[Metric]:
    """PostgreSQL itself."""
    said = monitored.server(db)
    yield figures.DATABASE_BYTES.of(said["bytes"])
    yield figures.CONNECTIONS.of(said["connections"])
    yield figures.MOST_CONNECTIONS.of(said["most_connections"])


QUESTIONS: tuple[Callable[[Session, Totals], Iterator[Metric]], ...] = (
    _standing, _ended, _away, _video_tasks, _telling, _sweep, _server,
)  # fmt: skip
