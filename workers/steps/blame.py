"""Whose fault an error is: what the surroundings lack is counted against nobody."""

from __future__ import annotations

from db.engine import is_passing, why_passing
from db.findings.plate_hashing import KeyTrouble
from store import StoreTrouble


def surroundings(error: Exception) -> str | None:
    """The sentence for an error of the store, the plate key or the database, which may pass; None for any other."""
    if isinstance(error, StoreTrouble | KeyTrouble):
        return str(error)
    return why_passing(error) if is_passing(error) else None
