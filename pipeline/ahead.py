"""Makes the next portions of work while one is worked on."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def made_ahead(items: Iterable[T], depth: int = 1) -> Iterator[Iterator[T]]:
    """The items, taken from their iterable by a thread of its own, `depth` of them ahead of the one in use.

        with made_ahead(decoded(file)) as batches:
            for batch in batches: ...

    An exception of the iterable is raised where its item would have come. On the way out the thread ends with the item
    that it is at.
    """
    source = iter(items)
    nothing = object()
    worker = ThreadPoolExecutor(1)

    def ahead() -> Iterator[T]:
        coming = deque(worker.submit(next, source, nothing) for _ in range(depth))
        while (item := coming.popleft().result()) is not nothing:
            coming.append(worker.submit(next, source, nothing))
            yield item  # type: ignore[misc]

    try:
        yield ahead()
    finally:
        worker.shutdown(cancel_futures=True)
