"""What the pages need: sessions, saved searches, paths of plates, and indexes of sightings that pages go by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sessions",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("token_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_sessions"),
        sa.ForeignKeyConstraint(["token_id"], ["tokens.id"], ondelete="CASCADE", name="fk_sessions_token_id"),
    )
    op.create_index("ix_sessions_token_id", "sessions", ["token_id"])
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_table(
        "saved_searches",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("token_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_saved_searches"),
        sa.UniqueConstraint("token_id", "name", name="uq_saved_searches_token_id"),
        sa.ForeignKeyConstraint(["token_id"], ["tokens.id"], ondelete="CASCADE", name="fk_saved_searches_token_id"),
    )
    op.add_column("tracklets", sa.Column("path", sa.LargeBinary(), nullable=True))
    unsure = sa.text("NOT confirmed OR shown LIKE '%?%' OR confidence < 0.8")
    op.create_index("ix_sightings_unsure", "sightings", ["id"], postgresql_where=unsure)
    narrowed_by = ["video_id", "country", "confidence"]
    op.create_index("ix_sightings_newest", "sightings", ["id"], postgresql_include=narrowed_by)
    op.create_index("ix_sightings_plate", "sightings", ["plate_id", "id"])
    op.drop_index("ix_sightings_plate_id", "sightings")


def downgrade() -> None:
    op.create_index("ix_sightings_plate_id", "sightings", ["plate_id"])
    op.drop_index("ix_sightings_plate", "sightings")
    op.drop_index("ix_sightings_newest", "sightings")
    op.drop_index("ix_sightings_unsure", "sightings")
    op.drop_column("tracklets", "path")
    op.drop_table("saved_searches")
    op.drop_table("sessions")
