"""The HTTP service: tokens, and how many photographs each had read; sightings by number."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[2] / "sql"


def upgrade() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("lookup", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("scopes", JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.UniqueConstraint("name", name="uq_tokens_name"),
        sa.UniqueConstraint("lookup", name="uq_tokens_lookup"),
    )
    op.create_table(
        "token_usage",
        sa.Column("token_id", sa.BigInteger(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("photographs", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("token_id", "month", name="pk_token_usage"),
        sa.ForeignKeyConstraint(["token_id"], ["tokens.id"], ondelete="CASCADE", name="fk_token_usage_token_id"),
    )
    op.get_bind().exec_driver_sql((_SQL / "views_0008.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute("DROP VIEW plate_sightings")
    op.get_bind().exec_driver_sql((_SQL / "views_0006.sql").read_text(encoding="utf-8"))
    op.drop_table("token_usage")
    op.drop_table("tokens")
