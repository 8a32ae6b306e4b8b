"""Fleets: jobs with states, counters in place of counting, evidence frames, retention, the audit, who may move what."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[2] / "sql"
_IN_FLIGHT = "state IN ('queued', 'detecting', 'detected', 'reading')"
_ENDED = "state IN ('done', 'quarantined')"
_VIDEO_STATES = (
    "registered", "processing", "aggregating",
    "done", "truncated", "unreadable", "no_video_stream", "inaccessible", "failed",
)  # fmt: skip


def upgrade() -> None:
    _views_off()
    _jobs()
    _videos()
    _segments()
    _outbox()
    _files()
    _people()
    _count_what_is_there()
    _run("moves_0004.sql")
    _run("triggers_0004.sql")
    _run("views_0004.sql", *_first_views())


def downgrade() -> None:
    op.execute("DROP VIEW job_pace")
    _views_off()
    for table in ("jobs", "videos", "segments"):
        op.execute(f"DROP TRIGGER check_move ON {table}")
    op.execute("DROP FUNCTION check_move")
    for operation in ("insert", "update", "delete"):
        op.execute(f"DROP TRIGGER count_videos_on_{operation} ON videos")
        op.execute(f"DROP FUNCTION count_videos_on_{operation}")
    for table in ("moves", "pulse", "watched", "audit", "deletions", "frames"):
        op.drop_table(table)
    op.execute("DROP FUNCTION keep_audit")
    _back_to_three()
    _run("views_0003.sql", *_first_views())


def _run(name: str, *before: str) -> None:
    for statement in (*before, (_SQL / name).read_text(encoding="utf-8")):
        op.get_bind().exec_driver_sql(statement.replace("%", "%%"))


def _first_views() -> list[str]:
    return [(_SQL / f"views_{revision}.sql").read_text(encoding="utf-8") for revision in ("0001", "0003")]


def _views_off() -> None:
    for view in ("job_progress", "unique_plates", "plate_sightings"):
        op.execute(f"DROP VIEW {view}")


def _jobs() -> None:
    states = _word("jobstate", "running", "paused", "cancelled", "finished")
    op.add_column("jobs", sa.Column("state", states, server_default="running", nullable=False))
    op.execute("UPDATE jobs SET state = 'finished' WHERE finished_at IS NOT NULL")
    op.add_column("jobs", sa.Column("open", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("jobs", sa.Column("key", sa.String()))
    op.add_column("jobs", sa.Column("submitted", postgresql.JSONB()))
    op.create_unique_constraint("uq_jobs_key", "jobs", ["key"])
    priorities = _word("priority", "low", "normal", "high")
    op.add_column("jobs", sa.Column("priority", priorities, server_default="normal", nullable=False))
    op.add_column("jobs", sa.Column("retain_s", sa.BigInteger()))
    for name in ("videos", "videos_ended", "videos_with_problem", "videos_opened"):
        op.add_column("jobs", _count(name))
    for name in ("segments", "segments_done", "segments_quarantined"):
        op.add_column("jobs", _count(name))
    for name in ("footage_s", "footage_done_s"):
        op.add_column("jobs", _seconds(name))
    op.create_index("ix_jobs_unfinished", "jobs", ["id"], postgresql_where=sa.text("finished_at IS NULL"))
    op.create_index("ix_jobs_retained", "jobs", ["id"], postgresql_where=sa.text("retain_s IS NOT NULL"))
    op.execute("ALTER TABLE jobs SET (fillfactor = 75)")


def _videos() -> None:
    op.drop_constraint("ck_videos_videostate", "videos")
    op.create_check_constraint("videostate", "videos", f"state IN {(*_VIDEO_STATES, 'cancelled')}")
    for name in ("started_at", "purged_at"):
        op.add_column("videos", sa.Column(name, sa.DateTime(timezone=True)))
    for name in ("segments", "segments_done", "segments_quarantined"):
        op.add_column("videos", _count(name))
    op.add_column("videos", _seconds("footage_done_s"))
    op.add_column("videos", sa.Column("damage", sa.String()))
    op.add_column("videos", sa.Column("reopened", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.drop_index("ix_videos_state", "videos")
    started = sa.text("started_at IS NOT NULL AND finished_at IS NULL")
    op.create_index("ix_videos_started", "videos", ["job_id"], postgresql_where=started)
    ended = sa.text("finished_at IS NOT NULL AND purged_at IS NULL")
    op.create_index("ix_videos_ended", "videos", ["job_id", "finished_at"], postgresql_where=ended)
    op.execute("ALTER TABLE videos SET (fillfactor = 75)")


def _segments() -> None:
    op.add_column("segments", sa.Column("job_id", sa.BigInteger()))
    op.execute("UPDATE segments g SET job_id = v.job_id FROM videos v WHERE v.id = g.video_id")
    op.alter_column("segments", "job_id", nullable=False)
    op.create_foreign_key("fk_segments_job_id", "segments", "jobs", ["job_id"], ["id"], ondelete="CASCADE")
    steps = _word("step", "detect", "read")
    op.add_column("segments", sa.Column("step", steps, server_default="detect", nullable=False))
    for name in ("failures", "losses"):
        op.add_column("segments", _count(name))
    op.add_column("segments", sa.Column("damage", sa.String()))
    # Each attempt but the one that stands was a failure or a loss; which of them was not noted.
    op.execute("UPDATE segments SET failures = attempt WHERE state = 'quarantined'")
    op.execute("UPDATE segments SET failures = least(attempt, 3) WHERE state = 'pending'")
    op.execute(f"UPDATE segments SET failures = least(attempt - 1, 3) WHERE {_IN_FLIGHT} AND attempt > 1")
    op.execute("UPDATE segments SET step = 'read' WHERE state IN ('detected', 'reading')")
    _tell_damage_apart()
    op.drop_index("ix_segments_pending", "segments")
    op.drop_index("ix_segments_in_flight", "segments")
    pending = sa.text("state = 'pending'")
    op.create_index("ix_segments_pending", "segments", ["job_id", "video_id", "index"], postgresql_where=pending)
    delayed = sa.text("state = 'pending' AND not_before IS NOT NULL")
    op.create_index("ix_segments_delayed", "segments", ["job_id"], postgresql_where=delayed)
    op.create_index("ix_segments_in_flight", "segments", ["state"], postgresql_where=sa.text(_IN_FLIGHT))
    op.create_index("ix_segments_ended", "segments", ["job_id", "moved_at"], postgresql_where=sa.text(_ENDED))
    op.execute("ALTER TABLE segments SET (fillfactor = 75)")


def _tell_damage_apart() -> None:
    """Up to now one column held what the probe or detection saw, and what was made of it at the end."""
    op.execute("UPDATE segments SET damage = problem WHERE state IN ('detected', 'reading', 'done')")
    op.execute(
        """
        UPDATE videos v SET damage = problem WHERE kind IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM segments g WHERE g.video_id = v.id AND g.problem IS NOT NULL AND v.finished_at IS NOT NULL)
        """
    )


def _outbox() -> None:
    op.execute(
        """
        DELETE FROM outbox o WHERE NOT EXISTS (
            SELECT 1 FROM videos v WHERE v.id = o.key
            AND v.state = CASE o.kind WHEN 'probe' THEN 'registered' ELSE 'aggregating' END)
        """
    )
    op.add_column("outbox", sa.Column("job_id", sa.BigInteger()))
    op.execute("UPDATE outbox o SET job_id = v.job_id FROM videos v WHERE v.id = o.key")
    op.alter_column("outbox", "job_id", nullable=False)
    op.create_foreign_key("fk_outbox_job_id", "outbox", "jobs", ["job_id"], ["id"], ondelete="CASCADE")
    for name in ("lease_until", "not_before"):
        op.add_column("outbox", sa.Column(name, sa.DateTime(timezone=True)))
    for name in ("failures", "begins"):
        op.add_column("outbox", _count(name))
    op.add_column("outbox", sa.Column("problem", sa.String()))
    op.drop_index("ix_outbox_unsent", "outbox")
    op.create_index("ix_outbox_due", "outbox", ["job_id", "kind", "id"], postgresql_where=sa.text("sent_at IS NULL"))
    op.create_index("ix_outbox_sent", "outbox", ["sent_at"], postgresql_where=sa.text("sent_at IS NOT NULL"))
    op.create_index("ix_outbox_failing", "outbox", ["id"], postgresql_where=sa.text("failures > 0"))


def _files() -> None:
    """What lies in the result store, and what has to leave it."""
    op.add_column("crops", sa.Column("sha256", sa.String()))
    op.add_column("crops", sa.Column("size", sa.BigInteger()))
    op.add_column("readings", sa.Column("sealed", sa.String()))
    op.create_table(
        "frames",
        _id(),
        sa.Column("video_id", sa.BigInteger(), nullable=False),
        sa.Column("pts", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["video_id"], ["videos.id"], name="fk_frames_video_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_frames"),
        sa.UniqueConstraint("video_id", "pts", name="uq_frames_video_id"),
    )
    op.create_table(
        "deletions",
        _id(),
        sa.Column("name", sa.String(), nullable=False),
        _count("tries"),
        _time("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_deletions"),
    )
    op.create_index("ix_deletions_name", "deletions", ["name"])
    op.create_index("ix_deletions_next", "deletions", ["tries", "id"])


def _people() -> None:
    """Who asked what, which plates are watched; and the two tables that the control plane keeps for itself."""
    op.create_table(
        "audit",
        _id(),
        _time("at"),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("query", sa.String(), nullable=False),
        sa.Column("rows", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_table(
        "watched",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("plate", sa.String(), nullable=False),
        sa.Column("note", sa.String()),
        _time("created_at"),
        sa.PrimaryKeyConstraint("key", name="pk_watched"),
    )
    op.create_table(
        "pulse",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        _time("at"),
        sa.PrimaryKeyConstraint("id", name="pk_pulse"),
    )
    op.create_table(
        "moves",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("before", sa.String(), nullable=False),
        sa.Column("after", sa.String(), nullable=False),
        sa.Column("mover", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "before", "after", name="pk_moves"),
    )


def _count_what_is_there() -> None:
    op.execute(
        f"""
        UPDATE videos v SET
            segments = g.segments, segments_done = g.done, segments_quarantined = g.quarantined,
            footage_done_s = g.footage_done_s, started_at = g.started_at
        FROM (
            SELECT video_id, count(*) AS segments, count(*) FILTER (WHERE state = 'done') AS done,
                   count(*) FILTER (WHERE state = 'quarantined') AS quarantined,
                   coalesce(sum(end_s - start_s) FILTER (WHERE {_ENDED}), 0) AS footage_done_s,
                   min(moved_at) FILTER (WHERE {_ENDED}) AS started_at
            FROM segments GROUP BY video_id
        ) g WHERE g.video_id = v.id
        """
    )
    op.execute(
        """
        UPDATE jobs j SET
            videos = c.videos, videos_ended = c.ended, videos_with_problem = c.with_problem, videos_opened = c.opened,
            segments = c.segments, footage_s = c.footage_s, segments_done = c.done,
            segments_quarantined = c.quarantined, footage_done_s = c.footage_done_s
        FROM (
            SELECT job_id, count(*) AS videos, count(finished_at) AS ended,
                   count(*) FILTER (WHERE finished_at IS NOT NULL AND problem IS NOT NULL) AS with_problem,
                   count(*) FILTER (WHERE finished_at IS NOT NULL OR kind IS NOT NULL) AS opened,
                   sum(segments) AS segments, coalesce(sum(duration_s), 0) AS footage_s,
                   coalesce(sum(segments_done) FILTER (WHERE finished_at IS NOT NULL), 0) AS done,
                   coalesce(sum(segments_quarantined) FILTER (WHERE finished_at IS NOT NULL), 0) AS quarantined,
                   coalesce(sum(footage_done_s) FILTER (WHERE finished_at IS NOT NULL), 0) AS footage_done_s
            FROM videos GROUP BY job_id
        ) c WHERE c.job_id = j.id
        """
    )


def _back_to_three() -> None:
    # It would go with the column that it asks for.
    op.drop_index("ix_videos_ended", "videos")
    for table, columns in {
        "readings": ("sealed",),
        "crops": ("sha256", "size"),
        "outbox": ("job_id", "lease_until", "not_before", "failures", "begins", "problem"),
        "segments": ("job_id", "step", "failures", "losses", "damage"),
        "videos": (
            "started_at", "purged_at", "segments", "segments_done", "segments_quarantined", "footage_done_s", "damage",
            "reopened",
        ),
        "jobs": (
            "state", "open", "key", "submitted", "priority", "retain_s", "videos", "videos_ended",
            "videos_with_problem", "videos_opened", "segments", "footage_s", "segments_done", "segments_quarantined",
            "footage_done_s",
        ),
    }.items():  # fmt: skip
        for column in columns:
            op.drop_column(table, column)
    op.drop_index("ix_outbox_sent", "outbox")
    op.create_index("ix_outbox_unsent", "outbox", ["id"], postgresql_where=sa.text("sent_at IS NULL"))
    pending = sa.text("state = 'pending'")
    op.create_index("ix_segments_pending", "segments", ["video_id", "index"], postgresql_where=pending)
    op.create_index("ix_videos_state", "videos", ["state"])
    op.execute("UPDATE videos SET state = 'failed' WHERE state = 'cancelled'")
    op.drop_constraint("ck_videos_videostate", "videos")
    op.create_check_constraint("videostate", "videos", f"state IN {_VIDEO_STATES}")
    op.drop_index("ix_jobs_unfinished", "jobs")
    for table in ("jobs", "videos", "segments"):
        op.execute(f"ALTER TABLE {table} RESET (fillfactor)")


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)


def _seconds(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Double(), server_default="0", nullable=False)


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False)


def _time(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False)


def _word(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=32)
