"""Lists that a service gives a page at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from dashplate.client.connection import Connection
from dashplate.service.documents import Page

T = TypeVar("T")

#: Items of a page; most lists allow 500.
_MOST = 200


def paged(connection: Connection, path: str, kind: type[Page[T]], **asked: Any) -> Iterator[T]:
    """All items of a list; a page is asked for when its first item is wanted. Raises ServiceError."""
    cursor: str | None = None
    while True:
        wanted = {"most": _MOST, **asked, **({"cursor": cursor} if cursor else {})}
        page = connection.ask("GET", path, kind, params=wanted)
        yield from page.items
        cursor = page.next
        if cursor is None:
            return
