"""What a job's options say about plates that nobody may read: the key for them, and errors without words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from sqlalchemy.exc import SQLAlchemyError

from db.findings.plate_hashing import KeyTrouble, PlateKey, plate_key
from pipeline.errors import DashplateError
from workers.settings import settings


def key_of(options: Mapping[str, Any]) -> PlateKey | None:
    """The plate key that a job's plates are stored under; None where they are stored in clear.

    Raises KeyTrouble where this process has no key, or not the one that the job was submitted with.
    """
    if not options.get("hashed", False):
        return None
    key = own_key()
    if key is None:
        raise KeyTrouble("Its plates are stored as keyed hashes, and this worker has no DASHPLATE_PLATE_KEY.")
    if options.get("plate_key", key.name) != key.name:
        raise KeyTrouble("This worker's DASHPLATE_PLATE_KEY is not the one that the job was submitted with.")
    return key


def own_key() -> PlateKey | None:
    """This process's plate key; None where none is set. Raises KeyTrouble for one that is too short."""
    secret = settings().plate_key
    return plate_key(secret.get_secret_value()) if secret and secret.get_secret_value() else None


def submitted(options: Mapping[str, Any]) -> dict[str, Any]:
    """A new job's options as they are stored: one with hashed plates remembers its key's name and keeps no pictures.

    Raises KeyTrouble where plates are to be hashed and there is no key.
    """
    if not options.get("hashed", False):
        return dict(options)
    key = own_key()
    if key is None:
        raise KeyTrouble(
            "To store plates as keyed hashes, set DASHPLATE_PLATE_KEY, here and for the workers, to a secret that"
            " you keep: without it, nobody can look a plate up any more."
        )
    return {**options, "evidence": False, "plate_key": key.name}


def keeps_pictures(options: Mapping[str, Any]) -> bool:
    """Whether crops and frames outlive the end of their video. A picture shows the plate, so hashing implies no."""
    return bool(options.get("evidence", True)) and not options.get("hashed", False)


@contextmanager
def discreet(options: Mapping[str, Any]) -> Iterator[None]:
    """Where plates are hashed, an unforeseen error inside the block loses its words: they may hold a plate.

    Our own errors name no plates, and the database's are made without parameters.
    """
    try:
        yield
    except (DashplateError, SQLAlchemyError, SoftTimeLimitExceeded):
        raise
    except Exception as error:
        if not options.get("hashed", False):
            raise
        name = type(error).__name__
        raise DashplateError(f"{name}; its words are left out, because they may hold a plate.") from None
