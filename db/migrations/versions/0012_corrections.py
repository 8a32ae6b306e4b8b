"""What people read beside what the machine read: kept through a redo, found by search, shown by the views."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[2] / "sql"


def upgrade() -> None:
    op.create_table(
        "corrections",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("video_id", sa.BigInteger(), nullable=False),
        sa.Column("sighting_id", sa.BigInteger()),
        sa.Column("plate_id", sa.BigInteger()),
        sa.Column("text", sa.String()),
        sa.Column("read_as", sa.String(), nullable=False),
        sa.Column("corrected_by", sa.String(), nullable=False),
        sa.Column("corrected_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("note", sa.String()),
        *(sa.Column(name, sa.Float(), nullable=False) for name in ("first_s", "last_s", "best_s")),
        *(sa.Column(name, sa.Float(), nullable=False) for name in ("x1", "y1", "x2", "y2")),
        sa.PrimaryKeyConstraint("id", name="pk_corrections"),
        sa.UniqueConstraint("sighting_id", name="uq_corrections_sighting_id"),
        sa.ForeignKeyConstraint(["video_id"], ["videos.id"], ondelete="CASCADE", name="fk_corrections_video_id"),
        sa.ForeignKeyConstraint(
            ["sighting_id"], ["sightings.id"], ondelete="SET NULL", name="fk_corrections_sighting_id"
        ),
        sa.ForeignKeyConstraint(["plate_id"], ["plates.id"], ondelete="SET NULL", name="fk_corrections_plate_id"),
    )
    op.create_index("ix_corrections_video_id", "corrections", ["video_id"])
    op.create_index("ix_corrections_plate_id", "corrections", ["plate_id"])
    _run("CREATE INDEX ix_corrections_key ON corrections (translate(text, 'OI', '01'))")
    _run((_SQL / "views_0012.sql").read_text(encoding="utf-8"))
    _run((_SQL / "search_0012.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    _run("DROP TRIGGER note_correction ON corrections")
    _run("DROP FUNCTION note_correction")
    search = (_SQL / "search_0009.sql").read_text(encoding="utf-8")
    begin, end = search.index("CREATE FUNCTION search_plates("), search.index("-- Name plates after what")
    _run(search[begin:end].replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1))
    begin, end = search.index("CREATE VIEW sighting_candidates"), search.index("-- Makes sightings that were noted")
    _run(search[begin:end].replace("CREATE VIEW", "CREATE OR REPLACE VIEW", 1))
    _run("DROP VIEW unique_plates CASCADE")
    _run((_SQL / "views_0009.sql").read_text(encoding="utf-8"))
    _run("DROP VIEW plate_sightings")
    _run((_SQL / "views_0008.sql").read_text(encoding="utf-8"))
    op.drop_table("corrections")


def _run(sql: str) -> None:
    # As it stands: to the driver a percent sign would begin a parameter.
    op.get_bind().exec_driver_sql(sql, execution_options={"no_parameters": True})
