"""Watch lists, hits, and events that endpoints are told of."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[2] / "sql"
#: Of `telling_0011.sql`, in its order; `index_sightings` is that of 0009 again.
_FUNCTIONS = (
    "plate_likeness", "plate_neighbours", "watch_terms_of", "add_watch_terms", "watch_matches", "tell", "alerting",
    "same_passing", "hold_videos_of", "note_hits", "tell_sightings", "match_existing", "tell_state",
)  # fmt: skip
_FORMATS = ("dashplate", "platerecognizer", "openalpr", "frigate", "text")
_NOW = sa.func.now()


def upgrade() -> None:
    op.add_column("videos", sa.Column("recorded_at", sa.DateTime(timezone=True)))
    op.add_column("videos", sa.Column("recorded_from", _words("recordedfrom", "container", "file")))
    _create_watch_entries()
    _create_hits()
    _create_endpoints()
    _create_events()
    _create_deliveries()
    _run((_SQL / "telling_0011.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    for view in ("dead_deliveries", "watch_hits"):
        _run(f"DROP VIEW {view}")
    for table in ("jobs", "videos"):
        _run(f"DROP TRIGGER tell_state ON {table}")
    before = (_SQL / "search_0009.sql").read_text(encoding="utf-8")
    again = before[before.index("CREATE FUNCTION index_sightings") :]
    _run(again.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1))
    _run("DROP TRIGGER add_watch_terms ON watch_entries")
    for name in reversed(_FUNCTIONS):
        _run(f"DROP FUNCTION {name}")
    for table in ("deliveries", "events", "endpoints", "hits", "watch_terms", "watch_entries"):
        op.drop_table(table)
    for column in ("recorded_from", "recorded_at"):
        op.drop_column("videos", column)


def _create_watch_entries() -> None:
    op.create_table(
        "watch_entries",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("kind", _words("watchkind", "exact", "wildcard", "like"), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("plate", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("colour", sa.String()),
        sa.Column("note", sa.String()),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("alert_existing", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("matched_below", sa.BigInteger(), server_default="9223372036854775807"),
        sa.PrimaryKeyConstraint("id", name="pk_watch_entries"),
        sa.UniqueConstraint("label", "kind", "key", name="uq_watch_entries_label"),
    )
    op.create_index("ix_watch_entries_matching", "watch_entries", ["id"], postgresql_where="matched_below IS NOT NULL")
    op.create_table(
        "watch_terms",
        sa.Column("kind", sa.Text(collation="C"), nullable=False),
        sa.Column("term", sa.Text(collation="C"), nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "term", "entry_id", name="pk_watch_terms"),
        _of("watch_terms", "entry_id", "watch_entries"),
    )
    op.create_index("ix_watch_terms_entry_id", "watch_terms", ["entry_id"])


def _create_hits() -> None:
    op.create_table(
        "hits",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("video_id", sa.BigInteger(), nullable=False),
        sa.Column("sighting_id", sa.BigInteger(), nullable=False),
        sa.Column("said", sa.String(), nullable=False),
        sa.Column("winner", sa.Boolean(), nullable=False),
        sa.Column("share", sa.Float(), nullable=False),
        sa.Column("distance", sa.Float(), nullable=False),
        sa.Column("read_as", sa.String(), nullable=False),
        sa.Column("first_s", sa.Float(), nullable=False),
        sa.Column("last_s", sa.Float(), nullable=False),
        sa.Column("best_s", sa.Float(), nullable=False),
        sa.Column("existing", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_hits"),
        sa.UniqueConstraint("entry_id", "sighting_id", name="uq_hits_entry_id"),
        _of("hits", "entry_id", "watch_entries"),
        _of("hits", "video_id", "videos"),
    )
    op.create_index("ix_hits_video", "hits", ["video_id", "entry_id"])


def _create_endpoints() -> None:
    op.create_table(
        "endpoints",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("format", _words("endpointformat", *_FORMATS), nullable=False),
        sa.Column("events", ARRAY(sa.String()), nullable=False),
        sa.Column("labels", ARRAY(sa.String()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("secret", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("former_until", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True)),
        sa.Column("problem", sa.String()),
        sa.Column("holder", sa.String()),
        sa.Column("holder_until", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_endpoints"),
        sa.UniqueConstraint("name", name="uq_endpoints_name"),
    )


def _create_events() -> None:
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("uid", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("video_id", sa.BigInteger()),
        sa.Column("sighting_id", sa.BigInteger()),
        sa.Column("hit_id", sa.BigInteger()),
        sa.Column("state", sa.String()),
        sa.Column("key", sa.Text(collation="C")),
        sa.Column("first_s", sa.Float()),
        sa.Column("last_s", sa.Float()),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        _of("events", "job_id", "jobs"),
        _of("events", "video_id", "videos"),
        _of("events", "hit_id", "hits"),
    )
    op.create_index("ix_events_video", "events", ["video_id", "key"])
    op.create_index("ix_events_job", "events", ["job_id"])
    op.create_index("ix_events_hit_id", "events", ["hit_id"])


def _create_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("endpoint_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "state", _words("deliverystate", "pending", "told", "dead"), server_default="pending", nullable=False
        ),
        sa.Column("tries", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True)),
        sa.Column("tried_at", sa.DateTime(timezone=True)),
        sa.Column("status", sa.BigInteger()),
        sa.Column("problem", sa.String()),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.UniqueConstraint("event_id", "endpoint_id", name="uq_deliveries_event_id"),
        _of("deliveries", "event_id", "events"),
        _of("deliveries", "endpoint_id", "endpoints"),
        postgresql_with={"fillfactor": 75},
    )
    op.create_index(
        "ix_deliveries_due", "deliveries", ["endpoint_id", "due_at", "id"], postgresql_where="state = 'pending'"
    )
    op.create_index("ix_deliveries_dead", "deliveries", ["endpoint_id", "id"], postgresql_where="state = 'dead'")
    op.create_index("ix_deliveries_told", "deliveries", ["tried_at"], postgresql_where="state = 'told'")


def _words(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=32)


def _of(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], ondelete="CASCADE", name=f"fk_{table}_{column}")


def _run(sql: str) -> None:
    # As it stands: to the driver a percent sign would begin a parameter.
    op.get_bind().exec_driver_sql(sql, execution_options={"no_parameters": True})
