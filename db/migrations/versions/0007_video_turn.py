"""Jobs take turns in steps on whole videos too."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("video_turn", sa.Float(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("jobs", "video_turn")
