"""A redo replaces what it has redone and nothing else: what stands of a segment, and what is found meanwhile."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_KEY = "uq_tracklets_segment_id"


def upgrade() -> None:
    for table, name in (("segments", "covered"), ("tracklets", "provisional")):
        op.add_column(table, sa.Column(name, sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.drop_constraint(_KEY, "tracklets")
    op.create_unique_constraint(_KEY, "tracklets", ["segment_id", "provisional", "index"])
    op.add_column("readings", sa.Column("best", JSONB()))
    op.execute(
        """
        UPDATE readings r SET best = c.observation
        FROM crops c WHERE c.tracklet_id = r.tracklet_id AND c.rank = r.best_crop
        """
    )
    # A segment that is being done again has readings, whatever its state.
    op.execute(
        """
        UPDATE segments SET covered = true
        WHERE state = 'done'
           OR id IN (SELECT t.segment_id FROM tracklets t JOIN readings r ON r.tracklet_id = t.id)
        """
    )


def downgrade() -> None:
    op.execute("DELETE FROM tracklets WHERE provisional")
    op.drop_column("readings", "best")
    op.drop_constraint(_KEY, "tracklets")
    for table, name in (("segments", "covered"), ("tracklets", "provisional")):
        op.drop_column(table, name)
    op.create_unique_constraint(_KEY, "tracklets", ["segment_id", "index"])
