"""Brings a database to the newest schema; safe to run from several machines at once."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.orm import Session

from db.engine import engine_for

_MIGRATIONS = Path(__file__).parent / "migrations"
#: Key of the advisory lock under which one migrator at a time works.
_LOCK = 0x44504C54


def config() -> Config:
    """Alembic's configuration, without a file."""
    made = Config()
    # ConfigParser would take a `%` in the folder's name for a reference.
    made.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return made


def upgrade(url: str, revision: str = "head") -> None:
    """Run the migrations that the database lacks."""
    with engine_for(url).begin() as connection:
        # Neither the wait for another migrator nor a large table's new index may run into the usual limit.
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        prepared = config()
        prepared.attributes["connection"] = connection
        command.upgrade(prepared, revision)


@cache
def newest() -> str:
    """The revision that this version brings a database to."""
    return ScriptDirectory.from_config(config()).get_current_head() or ""


def revision_of(db: Session) -> str:
    """The revision that a database is at."""
    return str(db.scalar(text("SELECT version_num FROM alembic_version")))


def is_current(url: str) -> bool:
    """Whether the database has the schema of this version or of a newer one, beside which this one works on."""
    with engine_for(url).connect() as connection:
        at = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()}
    return at is not None and (at == newest() or at not in known)
