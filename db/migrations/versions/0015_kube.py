"""How much each stage has to do: the view that autoscalers ask."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[2] / "sql"


def upgrade() -> None:
    op.execute((_SQL / "views_0015.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute("DROP VIEW stage_backlog")
