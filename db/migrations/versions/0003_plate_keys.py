"""Plates that differ in nothing but O and 0 or I and 1 become one; each sighting keeps what it was read as."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[2] / "sql"
#: Must stay what it was when this revision was written; `pipeline.formats.confusions.folded` may grow.
_KEY = "translate(text, 'OI', '01')"


def upgrade() -> None:
    op.add_column("sightings", sa.Column("text", sa.String()))
    op.execute("UPDATE sightings s SET text = p.text FROM plates p WHERE p.id = s.plate_id")
    op.alter_column("sightings", "text", nullable=False)

    op.add_column("plates", sa.Column("key", sa.String()))
    op.execute(f"UPDATE plates SET key = {_KEY}")
    op.alter_column("plates", "key", nullable=False)
    op.execute(
        """
        UPDATE sightings s SET plate_id = kept.id
        FROM plates p JOIN (SELECT key, min(id) AS id FROM plates GROUP BY key) kept USING (key)
        WHERE p.id = s.plate_id AND kept.id <> p.id
        """
    )
    op.execute("DELETE FROM plates p USING plates older WHERE older.key = p.key AND older.id < p.id")
    op.execute(
        """
        UPDATE plates p SET text = n.text, country = n.country FROM (
            SELECT DISTINCT ON (plate_id) plate_id, text, max(country) AS country
            FROM sightings GROUP BY plate_id, text
            ORDER BY plate_id, count(country) > 0 DESC, sum(round((confidence * reads)::numeric, 6)) DESC, text
        ) n WHERE n.plate_id = p.id
        """
    )
    op.create_unique_constraint("uq_plates_key", "plates", ["key"])
    op.drop_constraint("uq_plates_text", "plates")
    op.create_index("ix_plates_text", "plates", ["text"])
    op.get_bind().exec_driver_sql((_SQL / "views_0003.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    for view in ("plate_sightings", "unique_plates"):
        op.execute(f"DROP VIEW {view}")
    op.drop_column("sightings", "text")
    op.drop_index("ix_plates_text", "plates")
    op.drop_column("plates", "key")
    op.create_unique_constraint("uq_plates_text", "plates", ["text"])
    first_two, _ = (_SQL / "views_0001.sql").read_text(encoding="utf-8").split("CREATE VIEW job_progress")
    op.get_bind().exec_driver_sql(first_two)
