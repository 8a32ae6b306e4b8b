"""Places of a video where text stands still on screen; videos from before have none."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("videos", sa.Column("overlays", JSONB()))


def downgrade() -> None:
    op.drop_column("videos", "overlays")
