"""The tables of the work: jobs, videos, segments, video tasks, and who may move what."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import FILL, Base, enum_of
from db.states import ENDED, IN_FLIGHT, JobState, Priority, SegmentState, Stage, VideoState, listed
from pipeline.records import MediaKind, RecordedFrom


class Job(Base):
    """One submission: a set of videos and the options they are processed with."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_unfinished", "id", postgresql_where=text("finished_at IS NULL")),
        Index("ix_jobs_retained", "id", postgresql_where=text("retain_s IS NOT NULL")),
        FILL,
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str]
    options: Mapped[dict[str, Any]]
    #: The options it was submitted with, where a rerun has changed them since; else null.
    submitted: Mapped[dict[str, Any] | None]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    #: Set when the last of its videos has ended.
    finished_at: Mapped[dt.datetime | None]
    state: Mapped[JobState] = mapped_column(enum_of(JobState), server_default="running")
    #: More may come: files are being submitted, a folder is watched, videos are being retried. An open job does not
    #: finish; `db.jobs.open_lock` says who closes it.
    open: Mapped[bool] = mapped_column(server_default=text("false"))
    #: Names a submission, so that submitting it again goes on with the same job.
    key: Mapped[str | None] = mapped_column(unique=True)
    priority: Mapped[Priority] = mapped_column(enum_of(Priority), server_default="normal")
    #: What it has had of detection, and of steps on whole videos, for its weight; see `db.queue.scheduler`.
    turn: Mapped[float] = mapped_column(server_default="0")
    video_turn: Mapped[float] = mapped_column(server_default="0")
    #: Its findings and files are deleted this long after each video's end; null keeps them.
    retain_s: Mapped[int | None]
    # Counted by a trigger on `videos`; what is named after segments covers the videos that have ended.
    videos: Mapped[int] = mapped_column(server_default="0")
    videos_ended: Mapped[int] = mapped_column(server_default="0")
    videos_with_problem: Mapped[int] = mapped_column(server_default="0")
    #: Videos that have been opened or cannot be, and their segments and length.
    videos_opened: Mapped[int] = mapped_column(server_default="0")
    segments: Mapped[int] = mapped_column(server_default="0")
    footage_s: Mapped[float] = mapped_column(server_default="0")
    segments_done: Mapped[int] = mapped_column(server_default="0")
    segments_quarantined: Mapped[int] = mapped_column(server_default="0")
    footage_done_s: Mapped[float] = mapped_column(server_default="0")


class Video(Base):
    """One file of a job."""

    __tablename__ = "videos"
    __table_args__ = (
        UniqueConstraint("job_id", "fingerprint"),
        Index("ix_videos_open", "job_id", "id", postgresql_where=text("finished_at IS NULL")),
        # The few whose segments are being done: what a job's progress adds to its counters.
        Index("ix_videos_started", "job_id", postgresql_where=text("started_at IS NOT NULL AND finished_at IS NULL")),
        # Those that cannot be reached; none, for the most part.
        Index("ix_videos_away", "job_id", postgresql_where=text("away_since IS NOT NULL")),
        # What retention looks for.
        Index(
            "ix_videos_ended",
            "job_id",
            "finished_at",
            postgresql_where=text("finished_at IS NOT NULL AND purged_at IS NULL"),
        ),
        # What was recorded shortly before and after.
        Index("ix_videos_recorded", "job_id", "recorded_at", postgresql_where=text("recorded_at IS NOT NULL")),
        Index("ix_videos_drive", "drive_id", postgresql_where=text("drive_id IS NOT NULL")),
        # Those that have to be joined with their neighbours; none, for the most part.
        Index("ix_videos_to_join", "id", postgresql_where=text("to_join")),
        FILL,
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    path: Mapped[str]
    #: Size, time and head/tail hash: the same file submitted twice in a job is one video.
    fingerprint: Mapped[str]
    #: The same without the time, of the file as it was opened; null in rows of before 0006.
    content: Mapped[str | None]
    kind: Mapped[MediaKind | None] = mapped_column(enum_of(MediaKind))
    state: Mapped[VideoState] = mapped_column(enum_of(VideoState))
    #: What is wrong with it, in a sentence.
    problem: Mapped[str | None]
    width: Mapped[int | None]
    height: Mapped[int | None]
    rotation: Mapped[int | None]
    codec: Mapped[str | None]
    frame_rate: Mapped[float | None]
    time_base_num: Mapped[int | None]
    time_base_den: Mapped[int | None]
    start_pts: Mapped[int | None]
    end_pts: Mapped[int | None]
    duration_s: Mapped[float | None]
    #: False where the stream carries no usable time stamps: pts then number the frames.
    timed: Mapped[bool | None]
    #: Boxes of text that stands still on screen and is ignored, `[x1, y1, x2, y2]` each; null in rows of before 0002.
    overlays: Mapped[list[Any] | None]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[dt.datetime | None]
    #: When the first of its segments ended.
    started_at: Mapped[dt.datetime | None]
    #: Its segments, and how many and how much of them have ended; see `db.queue.segment_moves`.
    segments: Mapped[int] = mapped_column(server_default="0")
    segments_done: Mapped[int] = mapped_column(server_default="0")
    segments_quarantined: Mapped[int] = mapped_column(server_default="0")
    footage_done_s: Mapped[float] = mapped_column(server_default="0")
    #: What is wrong with it as the probe saw it; its part of `problem`.
    damage: Mapped[str | None]
    #: Set when retention has removed what was found in it.
    purged_at: Mapped[dt.datetime | None]
    #: A person has it opened again: the file may have been mended since its fingerprint was taken.
    reopened: Mapped[bool] = mapped_column(server_default=text("false"))
    #: Since when it cannot be reached, where its share or server is away; null once something of it was seen again.
    away_since: Mapped[dt.datetime | None]
    #: When somebody last looked in vain whether it can be reached.
    away_looked_at: Mapped[dt.datetime | None]
    #: When its recording began, as far as its file says; null where it does not, and in rows of before 0011.
    recorded_at: Mapped[dt.datetime | None]
    #: What says so.
    recorded_from: Mapped[RecordedFrom | None] = mapped_column(enum_of(RecordedFrom))
    #: Who made the camera and which one it is, where the file says so.
    make: Mapped[str | None]
    model: Mapped[str | None]
    #: Which of a vehicle's cameras: front, rear, interior.
    camera: Mapped[str | None]
    #: The zone of `recorded_at`; null where none is known: then it holds the camera's local time as if that were UTC.
    clock_zone: Mapped[str | None]
    #: How far off `recorded_at` may be, zone aside, seconds.
    clock_error_s: Mapped[float | None]
    #: What else says when, the best first: `{"at", "from", "error_s"}` each, what disagrees before what says the same;
    #: the latter with `"agrees": true`.
    clock_others: Mapped[list[Any] | None]
    #: The clock on screen was looked for, or is not wanted any more.
    screen_read: Mapped[bool] = mapped_column(server_default=text("false"))
    #: Its index was missing, and was rebuilt from its pictures.
    recovered: Mapped[bool] = mapped_column(server_default=text("false"))
    #: The drive that it is part of.
    drive_id: Mapped[int | None] = mapped_column(ForeignKey("drives.id", ondelete="SET NULL"))
    #: It ended, and has not been joined since with what was recorded before, after and beside it.
    to_join: Mapped[bool] = mapped_column(server_default=text("false"))


class Segment(Base):
    """A contiguous segment of one video: the unit of work, of retry and of progress."""

    __tablename__ = "segments"
    __table_args__ = (
        UniqueConstraint("video_id", "index"),
        CheckConstraint("end_pts > start_pts", name="span"),
        # In the order in which a job's segments go out.
        Index(
            "ix_segments_pending",
            "job_id",
            "video_id",
            "index",
            postgresql_where=text(f"state = '{SegmentState.PENDING}' AND NOT parked"),
        ),
        Index(
            "ix_segments_delayed",
            "job_id",
            postgresql_where=text(f"state = '{SegmentState.PENDING}' AND not_before IS NOT NULL AND NOT parked"),
        ),
        # Of videos that cannot be reached; none, for the most part.
        Index("ix_segments_parked", "job_id", "video_id", postgresql_where=text("parked")),
        Index("ix_segments_in_flight", "state", postgresql_where=text(f"state IN {listed(IN_FLIGHT)}")),
        # For a job's pace.
        Index("ix_segments_ended", "job_id", "moved_at", postgresql_where=text(f"state IN {listed(ENDED)}")),
        FILL,
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    video_id: Mapped[int] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"))
    index: Mapped[int]
    start_pts: Mapped[int]
    end_pts: Mapped[int]
    start_s: Mapped[float]
    end_s: Mapped[float]
    state: Mapped[SegmentState] = mapped_column(enum_of(SegmentState))
    #: Counts the times it was sent out; a message with another number is stale.
    attempt: Mapped[int] = mapped_column(server_default="0")
    #: When it last changed hands.
    moved_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    #: A worker that holds it renews this; past it, the worker counts as lost.
    lease_until: Mapped[dt.datetime | None]
    #: Host and process that hold or held it.
    worker: Mapped[str | None]
    #: Not to be sent out again before this.
    not_before: Mapped[dt.datetime | None]
    #: Why the last attempt failed, or what is damaged in the segment.
    problem: Mapped[str | None]
    frames_looked: Mapped[int | None]
    #: Its video's job: what is due is looked up by job.
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    #: What it begins with when it is sent out.
    step: Mapped[Stage] = mapped_column(enum_of(Stage, "step"), server_default="detect")
    #: Attempts that ended with an error, and attempts whose worker went silent, since it was last put back by a person.
    failures: Mapped[int] = mapped_column(server_default="0")
    losses: Mapped[int] = mapped_column(server_default="0")
    #: Its video cannot be reached, and another segment of it looks whether it is back; see `db.queue.unreachable`.
    parked: Mapped[bool] = mapped_column(server_default=text("false"))
    #: What is damaged in the segment, as detection saw it.
    damage: Mapped[str | None]
    #: It was done once: what was found then stands until the segment has been done again.
    covered: Mapped[bool] = mapped_column(server_default=text("false"))


class OutboxRow(Base):
    """A step on a whole video that is owed because a transaction committed; deleted when it is done."""

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("kind", "key"),
        # What was never tried, and what was: both get their turns.
        Index("ix_outbox_due", "job_id", "kind", "id", postgresql_where=text("sent_at IS NULL AND not_before IS NULL")),
        Index(
            "ix_outbox_again",
            "job_id",
            "kind",
            "id",
            postgresql_where=text("sent_at IS NULL AND not_before IS NOT NULL"),
        ),
        Index("ix_outbox_sent", "sent_at", postgresql_where=text("sent_at IS NOT NULL")),
        Index("ix_outbox_failing", "id", postgresql_where=text("failures > 0")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    kind: Mapped[str]
    #: The video.
    key: Mapped[int]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    sent_at: Mapped[dt.datetime | None]
    #: How often it went out.
    sends: Mapped[int] = mapped_column(server_default="0")
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    #: A worker that does it renews this; past it, the worker counts as lost.
    lease_until: Mapped[dt.datetime | None]
    #: Not to be sent out before this.
    not_before: Mapped[dt.datetime | None]
    #: How often a worker died over it or failed: a step that kills its worker every time must end too.
    failures: Mapped[int] = mapped_column(server_default="0")
    #: What went wrong last.
    problem: Mapped[str | None]
    #: Counts the times it was begun; a worker that holds another number has been overtaken.
    begins: Mapped[int] = mapped_column(server_default="0")


class Pulse(Base):
    """When the last sweep was: after a pause of everything, nobody is taken for dead before he could answer."""

    __tablename__ = "pulse"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class Move(Base):
    """A change of state that is allowed; a trigger on `jobs`, `videos` and `segments` refuses all others."""

    __tablename__ = "moves"

    #: job, video or segment.
    kind: Mapped[str] = mapped_column(primary_key=True)
    before: Mapped[str] = mapped_column(primary_key=True)
    after: Mapped[str] = mapped_column(primary_key=True)
    #: Who makes it, for people.
    mover: Mapped[str]
