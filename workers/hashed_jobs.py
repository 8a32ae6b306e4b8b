"""Hashed jobs: the key for their plates, and errors without words that may hold a plate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from celery.exceptions import SoftTimeLimitExceeded
from sqlalchemy.exc import SQLAlchemyError

from db.findings.plate_hashing import MARK, PlateKey, PlateKeyError, plate_key
from db.findings.typed import is_whole
from pipeline.errors import DashplateError
from pipeline.job_options import JobOptions
from workers.settings import settings


def key_of(options: JobOptions) -> PlateKey | None:
    """The plate key that a job's plates are stored under; None where they are stored in clear.

    Raises PlateKeyError where this process has no key, or not the one that the job was submitted with.
    """
    if not options.hashed:
        return None
    key = own_key()
    if key is None:
        raise PlateKeyError("Its plates are stored as keyed hashes, and this worker has no DASHPLATE_PLATE_KEY.")
    if options.plate_key not in (None, key.name):
        raise PlateKeyError("This worker's DASHPLATE_PLATE_KEY is not the one that the job was submitted with.")
    return key


def own_key() -> PlateKey | None:
    """This process's plate key; None where none is set. Raises PlateKeyError for one that is too short."""
    secret = settings().plate_key
    return plate_key(secret.get_secret_value()) if secret and secret.get_secret_value() else None


def hashed_plate(wanted: str) -> str | None:
    """The keyed hash of a plate as `typed` spells it; None for a pattern, a hash, and where this process has no key."""
    key = None if wanted.startswith(MARK) else own_key()
    return key.hashed(wanted) if key is not None and is_whole(wanted) else None


def submitted(options: JobOptions) -> JobOptions:
    """A new job's options as they are stored: one with hashed plates remembers its key's name and keeps no pictures.

    Raises PlateKeyError where plates are to be hashed and there is no key.
    """
    if not options.hashed:
        return options
    key = own_key()
    if key is None:
        raise PlateKeyError(
            "To store plates as keyed hashes, set DASHPLATE_PLATE_KEY, here and for the workers, to a secret that"
            " you keep: without it, nobody can look a plate up any more."
        )
    return replace(options, evidence=False, plate_key=key.name)


@contextmanager
def discreet(options: JobOptions) -> Iterator[None]:
    """Where plates are hashed, an unforeseen error inside the block loses its words: they may hold a plate.

    Our own errors name no plates, and the database's are made without parameters.
    """
    try:
        yield
    except (DashplateError, SQLAlchemyError, SoftTimeLimitExceeded):
        raise
    except Exception as error:
        if not options.hashed:
            raise
        name = type(error).__name__
        raise DashplateError(f"{name}; its words are left out, because they may hold a plate.") from None
