"""Search over winners and runners-up, and what plates count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[2] / "sql"
#: What plates count: type and default.
_COUNTED: dict[str, tuple[sa.types.TypeEngine[Any], str]] = {
    "sightings": (sa.BigInteger(), "0"),
    "videos": (sa.BigInteger(), "0"),
    "reads": (sa.BigInteger(), "0"),
    "confidence": (sa.Float(), "0"),
    "confirmed": (sa.Boolean(), "false"),
}
#: Of `search_0009.sql`, in its order.
_FUNCTIONS = (
    "plate_characters", "plate_capital", "plate_key", "look_alikes", "plate_pairs", "plate_distance", "plate_swaps",
    "plate_variants", "plate_like", "spellings_fitting", "spellings_like", "may_say", "search_plates", "count_plates",
    "note_sightings", "index_sightings",
)  # fmt: skip


def upgrade() -> None:
    # What it served is served by candidates, and storing sightings was slower for it.
    op.drop_index("ix_sightings_alternatives", "sightings")
    op.create_index("ix_sightings_video", "sightings", ["video_id", "id"])
    for name, (kind, default) in _COUNTED.items():
        op.add_column("plates", sa.Column(name, kind, server_default=default, nullable=False))
    op.create_table(
        "spellings",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_spellings"),
        sa.UniqueConstraint("key", name="uq_spellings_key"),
    )
    op.create_table(
        "candidates",
        sa.Column("sighting_id", sa.BigInteger(), nullable=False),
        sa.Column("spelling_id", sa.BigInteger(), nullable=False),
        sa.Column("winner", sa.Boolean(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("country", sa.String()),
        sa.Column("video_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sighting_id", "spelling_id", name="pk_candidates"),
    )
    op.create_index(
        "ix_candidates_spelling",
        "candidates",
        ["spelling_id", "sighting_id"],
        postgresql_include=["winner", "confidence", "country", "video_id"],
    )
    op.create_table(
        "search_backlog",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("sightings", ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("plates", ARRAY(sa.BigInteger())),
        sa.PrimaryKeyConstraint("id", name="pk_search_backlog"),
    )
    _run((_SQL / "search_0009.sql").read_text(encoding="utf-8"))
    _run("CREATE INDEX ix_spellings_reverse ON spellings (reverse(key))")
    _run("CREATE INDEX ix_spellings_pairs ON spellings USING gin (plate_pairs(key)) WITH (fastupdate = off)")
    _run("CREATE INDEX ix_plates_seen ON plates (sightings DESC, text)")
    _run((_SQL / "views_0009.sql").read_text(encoding="utf-8"))
    # Counted at once; made searchable by the workers, beside their work.
    _run("SELECT count_plates(array_agg(id)) FROM plates")
    _run("INSERT INTO search_backlog (sightings) SELECT array_agg(id) FROM sightings GROUP BY id / 1000")


def downgrade() -> None:
    _run("DROP VIEW unique_plates CASCADE")
    views = (_SQL / "views_0003.sql").read_text(encoding="utf-8")
    _run(views[views.index("CREATE OR REPLACE VIEW unique_plates") :])
    for trigger in ("note_new", "note_changed", "note_gone"):
        _run(f"DROP TRIGGER {trigger} ON sightings")
    _run("DROP VIEW sighting_candidates")
    for table in ("search_backlog", "candidates", "spellings"):
        op.drop_table(table)
    for name in reversed(_FUNCTIONS):
        _run(f"DROP FUNCTION {name}")
    op.drop_index("ix_plates_seen", "plates")
    op.drop_index("ix_sightings_video", "sightings")
    for name in _COUNTED:
        op.drop_column("plates", name)
    op.create_index(
        "ix_sightings_alternatives", "sightings", ["alternatives"],
        postgresql_using="gin", postgresql_ops={"alternatives": "jsonb_path_ops"},
    )  # fmt: skip


def _run(sql: str) -> None:
    # As it stands: to the driver a percent sign would begin a parameter.
    op.get_bind().exec_driver_sql(sql, execution_options={"no_parameters": True})
