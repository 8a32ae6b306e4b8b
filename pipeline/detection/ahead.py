"""Makes the next portion of work while the last one is worked on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def one_ahead(items: Iterable[T]) -> Iterator[Iterator[T]]:
    """The items, each taken from its iterable by a thread of its own while the one before is in use.

        with one_ahead(decoded(file)) as batches:
            for batch in batches: ...

    An exception of the iterable is raised where its item would have come. On the way out the thread ends with the item
    that it is at.
    """
    source = iter(items)
    nothing = object()
    with ThreadPoolExecutor(1) as worker:

        def ahead() -> Iterator[T]:
            coming = worker.submit(next, source, nothing)
            while (item := coming.result()) is not nothing:
                coming = worker.submit(next, source, nothing)
                yield item  # type: ignore[misc]

        yield ahead()
