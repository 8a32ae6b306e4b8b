"""Keeps a job open while somebody adds to it: the last one to leave closes it.

Each holds a lock that PostgreSQL lets go with the connection, so a holder that is killed holds nothing any more. It
leaves the job open, and the next to add to it and to leave in order closes it.
"""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from db.engine import engine_for, retrying
from db.jobs.submit import close_job, open_job, rename_job
from pipeline.retry_policy import DATABASE_S

#: Beside it stands the job's id.
_LOCK = 0x4A4F42 << 40


class OpenLock:
    """Keeps a job open until `leave`; left by an exception, the job stays open without a holder.

    >>> with OpenLock(url, job_id) as holder:              # doctest: +SKIP
    ...     holder.leave()
    """

    def __init__(self, url: str, job_id: int) -> None:
        self._url = url
        self._job_id = job_id
        self._connection: Connection | None = None

    def __enter__(self) -> OpenLock:
        self.keep()
        return self

    def __exit__(self, *error: object) -> None:
        self._let_go()

    def keep(self, deadline_s: float = DATABASE_S) -> None:
        """Hold on: open the job, and again after the connection was cut. Raises UsageError for a cancelled job.

        Raises the database's error where it is away for longer than `deadline_s` seconds.
        """
        if self._connection is not None:
            with suppress(DBAPIError):
                self._connection.execute(text("SELECT 1"))
                return
        retrying(self._url, self._take, deadline_s)

    def leave(self, name: str | None = None) -> bool:
        """Close the job; False where another holds it, and closes it later. `name` replaces its name either way."""
        self._let_go()
        return retrying(self._url, lambda db: self._close(db, name))

    def _take(self, db: Session) -> None:
        self._let_go()
        connection = engine_for(self._url).connect().execution_options(isolation_level="AUTOCOMMIT")
        # Not back to the pool: closing it hangs up, and that is what lets the lock go.
        connection.detach()
        self._connection = connection
        # First the lock, then the mark: whoever closes in between would not know of us.
        connection.execute(text("SELECT pg_advisory_lock_shared(:key)"), {"key": _LOCK + self._job_id})
        open_job(db, self._job_id)

    def _close(self, db: Session, name: str | None) -> bool:
        if name is not None:
            rename_job(db, self._job_id, name)
        return close_unless_held(db, self._job_id)

    def _let_go(self) -> None:
        if self._connection is not None:
            with suppress(SQLAlchemyError):
                # Asked for and answered: a server takes its time to notice that somebody hung up, and `leave` would
                # take its own lock for another's.
                self._connection.execute(text("SELECT pg_advisory_unlock_shared(:key)"), {"key": _LOCK + self._job_id})
            with suppress(SQLAlchemyError):
                self._connection.close()
            self._connection = None


def close_unless_held(db: Session, job_id: int) -> bool:
    """Close a job that nobody keeps open; False where somebody does, and closes it later."""
    if not db.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _LOCK + job_id}):
        return False
    close_job(db, job_id)
    return True
