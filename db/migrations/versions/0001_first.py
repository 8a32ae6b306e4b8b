"""The first schema: jobs, videos, segments, what was found in them, the outbox, and the views for people."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_VIEWS = Path(__file__).parents[2] / "sql" / "views_0001.sql"


def upgrade() -> None:
    _create_work()
    _create_findings()
    _create_results()
    op.get_bind().exec_driver_sql(_VIEWS.read_text(encoding="utf-8"))


def downgrade() -> None:
    for view in ("job_progress", "unique_plates", "plate_sightings"):
        op.execute(f"DROP VIEW {view}")
    for table in (
        "sightings", "plates", "readings", "crops", "tracklets", "segments", "videos", "jobs", "outbox",
    ):  # fmt: skip
        op.drop_table(table)


def _create_work() -> None:
    """What is to be done, and how far it is."""
    op.create_table(
        "jobs",
        _id(),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("options", JSONB(), nullable=False),
        _time("created_at"),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    _create_videos()
    _create_segments()
    op.create_table(
        "outbox",
        _id(),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.BigInteger(), nullable=False),
        _time("created_at"),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.Column("sends", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("kind", "key", name="uq_outbox_kind"),
    )
    op.create_index("ix_outbox_unsent", "outbox", ["id"], postgresql_where=sa.text("sent_at IS NULL"))


def _create_videos() -> None:
    states = (
        "registered", "processing", "aggregating",
        "done", "truncated", "unreadable", "no_video_stream", "inaccessible", "failed",
    )  # fmt: skip
    op.create_table(
        "videos",
        _id(),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("kind", _word("mediakind", "video", "photo")),
        sa.Column("state", _word("videostate", *states), nullable=False),
        sa.Column("problem", sa.String()),
        sa.Column("width", sa.BigInteger()),
        sa.Column("height", sa.BigInteger()),
        sa.Column("rotation", sa.BigInteger()),
        sa.Column("codec", sa.String()),
        sa.Column("frame_rate", sa.Double()),
        sa.Column("time_base_num", sa.BigInteger()),
        sa.Column("time_base_den", sa.BigInteger()),
        sa.Column("start_pts", sa.BigInteger()),
        sa.Column("end_pts", sa.BigInteger()),
        sa.Column("duration_s", sa.Double()),
        sa.Column("timed", sa.Boolean()),
        _time("created_at"),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_videos_job_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_videos"),
        sa.UniqueConstraint("job_id", "fingerprint", name="uq_videos_job_id"),
    )
    open_only = sa.text("finished_at IS NULL")
    op.create_index("ix_videos_open", "videos", ["job_id", "id"], postgresql_where=open_only)
    op.create_index("ix_videos_state", "videos", ["state"])


def _create_segments() -> None:
    in_flight = ("queued", "detecting", "detected", "reading")
    states = ("pending", *in_flight, "done", "quarantined")
    op.create_table(
        "segments",
        _id(),
        sa.Column("video_id", sa.BigInteger(), nullable=False),
        sa.Column("index", sa.BigInteger(), nullable=False),
        sa.Column("start_pts", sa.BigInteger(), nullable=False),
        sa.Column("end_pts", sa.BigInteger(), nullable=False),
        sa.Column("start_s", sa.Double(), nullable=False),
        sa.Column("end_s", sa.Double(), nullable=False),
        sa.Column("state", _word("segmentstate", *states), nullable=False),
        sa.Column("attempt", sa.BigInteger(), server_default="0", nullable=False),
        _time("moved_at"),
        sa.Column("lease_until", sa.DateTime(timezone=True)),
        sa.Column("worker", sa.String()),
        sa.Column("not_before", sa.DateTime(timezone=True)),
        sa.Column("problem", sa.String()),
        sa.Column("frames_looked", sa.BigInteger()),
        sa.CheckConstraint("end_pts > start_pts", name=op.f("ck_segments_span")),
        sa.ForeignKeyConstraint(["video_id"], ["videos.id"], name="fk_segments_video_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_segments"),
        sa.UniqueConstraint("video_id", "index", name="uq_segments_video_id"),
    )
    waiting = sa.text("state = 'pending'")
    op.create_index("ix_segments_pending", "segments", ["video_id", "index"], postgresql_where=waiting)
    flying = sa.text(f"state IN {in_flight}")
    op.create_index("ix_segments_in_flight", "segments", ["state"], postgresql_where=flying)


def _create_findings() -> None:
    """What the stages saw in one segment."""
    op.create_table(
        "tracklets",
        _id(),
        sa.Column("segment_id", sa.BigInteger(), nullable=False),
        sa.Column("index", sa.BigInteger(), nullable=False),
        sa.Column("first", JSONB(), nullable=False),
        sa.Column("last", JSONB(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["segment_id"], ["segments.id"], name="fk_tracklets_segment_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_tracklets"),
        sa.UniqueConstraint("segment_id", "index", name="uq_tracklets_segment_id"),
    )
    op.create_table(
        "crops",
        _id(),
        sa.Column("tracklet_id", sa.BigInteger(), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.Column("observation", JSONB(), nullable=False),
        sa.Column("plate", JSONB(), nullable=False),
        sa.Column("quality", sa.Double(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["tracklet_id"], ["tracklets.id"], name="fk_crops_tracklet_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_crops"),
        sa.UniqueConstraint("tracklet_id", "rank", name="uq_crops_tracklet_id"),
    )
    op.create_table(
        "readings",
        sa.Column("tracklet_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("characters", JSONB(), nullable=False),
        sa.Column("alternatives", JSONB(), nullable=False),
        sa.Column("country", sa.String()),
        sa.Column("reads", sa.BigInteger(), nullable=False),
        sa.Column("crops", sa.BigInteger(), nullable=False),
        sa.Column("best_crop", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["tracklet_id"], ["tracklets.id"], name="fk_readings_tracklet_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tracklet_id", name="pk_readings"),
    )
    op.create_index("ix_readings_number", "readings", ["number"])
    op.create_index("ix_readings_text", "readings", ["text"])


def _create_results() -> None:
    """What the aggregator makes of a whole video."""
    op.create_table(
        "plates",
        _id(),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("country", sa.String()),
        _time("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_plates"),
        sa.UniqueConstraint("text", name="uq_plates_text"),
    )
    times = [_number(name) for name in ("first_s", "last_s", "best_s")]
    stamps = (sa.Column(name, sa.BigInteger(), nullable=False) for name in ("first_pts", "last_pts", "best_pts"))
    corners = [_number(name) for name in ("x1", "y1", "x2", "y2")]
    op.create_table(
        "sightings",
        _id(),
        sa.Column("video_id", sa.BigInteger(), nullable=False),
        sa.Column("plate_id", sa.BigInteger(), nullable=False),
        sa.Column("index", sa.BigInteger(), nullable=False),
        sa.Column("shown", sa.String(), nullable=False),
        sa.Column("country", sa.String()),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("characters", JSONB(), nullable=False),
        sa.Column("alternatives", JSONB(), nullable=False),
        *times,
        *stamps,
        *corners,
        sa.Column("reads", sa.BigInteger(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("crop", sa.String()),
        sa.Column("tracklets", JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["video_id"], ["videos.id"], name="fk_sightings_video_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["plate_id"], ["plates.id"], name="fk_sightings_plate_id"),
        sa.PrimaryKeyConstraint("id", name="pk_sightings"),
        sa.UniqueConstraint("video_id", "index", name="uq_sightings_video_id"),
    )
    op.create_index("ix_sightings_plate_id", "sightings", ["plate_id"])
    op.create_index("ix_sightings_first_s", "sightings", ["first_s"])
    op.create_index(
        "ix_sightings_alternatives",
        "sightings",
        ["alternatives"],
        postgresql_using="gin",
        postgresql_ops={"alternatives": "jsonb_path_ops"},
    )


def _number(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Double(), nullable=False)


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False)


def _time(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False)


def _word(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=32)
