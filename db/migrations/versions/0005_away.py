"""Videos that cannot be reached are waited for, by one segment each; what each job has had of detection."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[2] / "sql"
_PENDING, _DELAYED = "state = 'pending'", "state = 'pending' AND not_before IS NOT NULL"
_TOLD = "UPDATE moves SET mover = '{}' WHERE (kind, before, after) = ('video', 'registered', 'failed')"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("turn", sa.Double(), server_default="0", nullable=False))
    for name in ("away_since", "away_looked_at"):
        op.add_column("videos", sa.Column(name, sa.DateTime(timezone=True)))
    op.create_index("ix_videos_away", "videos", ["job_id"], postgresql_where=sa.text("away_since IS NOT NULL"))
    op.add_column("segments", sa.Column("parked", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    _index_what_waits(" AND NOT parked")
    op.drop_index("ix_outbox_due", "outbox")
    for name, tried in (("ix_outbox_due", "NULL"), ("ix_outbox_again", "NOT NULL")):
        waits = sa.text(f"sent_at IS NULL AND not_before IS {tried}")
        op.create_index(name, "outbox", ["job_id", "kind", "id"], postgresql_where=waits)
    op.create_index("ix_segments_parked", "segments", ["job_id", "video_id"], postgresql_where=sa.text("parked"))
    op.execute(_TOLD.format("sweeper, after five failures; producer, where it was away for too long"))
    op.execute(
        "INSERT INTO moves (kind, before, after, mover)"
        " VALUES ('segment', 'pending', 'quarantined', 'worker, where its video was away for too long')"
    )
    op.get_bind().exec_driver_sql((_SQL / "views_0005.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    _, progress = (_SQL / "views_0004.sql").read_text(encoding="utf-8").split("CREATE OR REPLACE VIEW job_progress")
    op.get_bind().exec_driver_sql(f"CREATE OR REPLACE VIEW job_progress{progress.partition(';')[0]}")
    op.execute("DELETE FROM moves WHERE (kind, before, after) = ('segment', 'pending', 'quarantined')")
    op.execute(_TOLD.format("sweeper, after five failures"))
    for name in ("ix_outbox_due", "ix_outbox_again"):
        op.drop_index(name, "outbox")
    op.create_index("ix_outbox_due", "outbox", ["job_id", "kind", "id"], postgresql_where=sa.text("sent_at IS NULL"))
    op.drop_index("ix_segments_parked", "segments")
    _index_what_waits("")
    op.drop_column("segments", "parked")
    op.drop_index("ix_videos_away", "videos")
    for name in ("away_since", "away_looked_at"):
        op.drop_column("videos", name)
    op.drop_column("jobs", "turn")


def _index_what_waits(but: str) -> None:
    for name in ("ix_segments_pending", "ix_segments_delayed"):
        op.drop_index(name, "segments")
    pending, delayed = sa.text(_PENDING + but), sa.text(_DELAYED + but)
    op.create_index("ix_segments_pending", "segments", ["job_id", "video_id", "index"], postgresql_where=pending)
    op.create_index("ix_segments_delayed", "segments", ["job_id"], postgresql_where=delayed)
