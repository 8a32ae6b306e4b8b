"""The schema of a test's database: emptied, taken back to an earlier revision, and listed."""

from __future__ import annotations

from alembic import command
from sqlalchemy import Connection, text

from db.engine import engine_for
from db.migrate import config
from db.models import Base, Move


def empty_tables(connection: Connection) -> None:
    """Empty every table but `moves`, which is part of the schema."""
    tables = ", ".join(table.name for table in Base.metadata.sorted_tables if table is not Move.__table__)
    # The audit guards itself against just this.
    connection.execute(text("ALTER TABLE audit DISABLE TRIGGER USER"))
    connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
    connection.execute(text("ALTER TABLE audit ENABLE TRIGGER USER"))


def downgrade(url: str, revision: str = "base") -> None:
    with engine_for(url).begin() as connection:
        prepared = config()
        prepared.attributes["connection"] = connection
        command.downgrade(prepared, revision)


def catalogue(connection: Connection, schema: str) -> set[str]:
    """Every column, constraint and index of a schema, as PostgreSQL spells it."""
    found = connection.execute(
        text(
            """
            SELECT concat_ws(' ', table_name, column_name, data_type, character_maximum_length, is_nullable,
                             is_identity, column_default)
            FROM information_schema.columns
            WHERE table_schema = :schema AND table_name IN (
                SELECT tablename FROM pg_tables WHERE schemaname = :schema AND tablename <> 'alembic_version')
            UNION ALL
            SELECT concat_ws(' ', conname, pg_get_constraintdef(oid)) FROM pg_constraint
            WHERE connamespace = CAST(:schema AS regnamespace) AND conname NOT LIKE 'alembic%'
            UNION ALL
            SELECT indexdef FROM pg_indexes WHERE schemaname = :schema AND indexname NOT LIKE 'alembic%'
            """
        ),
        {"schema": schema},
    )
    return {str(row[0]).replace(f"{schema}.", "") for row in found}
