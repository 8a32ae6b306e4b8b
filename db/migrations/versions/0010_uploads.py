"""Videos that are uploaded to the HTTP service."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "uploads",
        sa.Column("number", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("token_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String()),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("whole_at", sa.DateTime(timezone=True)),
        sa.Column("unchecked_from", sa.BigInteger()),
        sa.Column("video_id", sa.BigInteger()),
        sa.PrimaryKeyConstraint("number", name="pk_uploads"),
        sa.UniqueConstraint("id", name="uq_uploads_id"),
        sa.UniqueConstraint("key", name="uq_uploads_key"),
        sa.UniqueConstraint("path", name="uq_uploads_path"),
        sa.ForeignKeyConstraint(["token_id"], ["tokens.id"], name="fk_uploads_token_id"),
        sa.ForeignKeyConstraint(["video_id"], ["videos.id"], ondelete="SET NULL", name="fk_uploads_video_id"),
    )
    op.create_index("ix_uploads_token_id", "uploads", ["token_id", "number"])
    op.create_index("ix_uploads_expires_at", "uploads", ["expires_at"])
    op.create_index("ix_uploads_video_id", "uploads", ["video_id"])


def downgrade() -> None:
    op.drop_table("uploads")
