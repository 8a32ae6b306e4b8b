"""Classifies errors: infrastructure failures do not use up a segment's attempts."""

from __future__ import annotations

from db.engine import is_transient, why_unreachable
from db.findings.plate_hashing import PlateKeyError
from store import StoreError


def infrastructure_failure(error: Exception) -> str | None:
    """The sentence for an error of the store, the plate key or the database; None for any other error."""
    if isinstance(error, StoreError | PlateKeyError):
        return str(error)
    return why_unreachable(error) if is_transient(error) else None
