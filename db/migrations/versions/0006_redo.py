"""A redo replaces what it has redone and nothing else: what stands of a segment, and what is found meanwhile."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[2] / "sql"
_KEY = "uq_tracklets_segment_id"


def upgrade() -> None:
    for table, name in (("segments", "covered"), ("tracklets", "provisional")):
        op.add_column(table, sa.Column(name, sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.drop_constraint(_KEY, "tracklets")
    op.create_unique_constraint(_KEY, "tracklets", ["segment_id", "provisional", "index"])
    op.add_column("readings", sa.Column("best", JSONB()))
    op.add_column("videos", sa.Column("content", sa.String()))
    op.execute(
        """
        UPDATE readings r SET best = c.observation
        FROM crops c WHERE c.tracklet_id = r.tracklet_id AND c.rank = r.best_crop
        """
    )
    # A segment that is being done again has sightings, whatever its state.
    op.execute(
        """
        UPDATE segments SET covered = true
        WHERE state = 'done' OR (video_id, index) IN (
            SELECT s.video_id, (e.pair ->> 0)::bigint FROM sightings s, jsonb_array_elements(s.tracklets) e (pair))
        """
    )
    op.get_bind().exec_driver_sql((_SQL / "views_0006.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    sightings, _ = (_SQL / "views_0004.sql").read_text(encoding="utf-8").split("\n\n", 1)
    op.get_bind().exec_driver_sql(sightings)
    op.execute("DELETE FROM tracklets WHERE provisional")
    op.drop_column("readings", "best")
    op.drop_column("videos", "content")
    op.drop_constraint(_KEY, "tracklets")
    for table, name in (("segments", "covered"), ("tracklets", "provisional")):
        op.drop_column(table, name)
    op.create_unique_constraint(_KEY, "tracklets", ["segment_id", "index"])
