"""The result store of this process, opened once."""

from __future__ import annotations

from functools import lru_cache

from store import Store
from workers.settings import settings


def store() -> Store:
    """The result store of the settings."""
    return _store(settings().store)


@lru_cache(maxsize=2)
def _store(where: str) -> Store:
    return Store(where)
