"""Work in threads that the process's end does not wait for: a share that hangs, a bucket that takes minutes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


async def beside(act: Callable[[], T]) -> T:
    """What `act` returns, from a thread of its own, which goes on where nobody waits for it any more.

    A thread of a pool would be waited for when the process ends. Callers bound how many there are.
    """
    future: Future[T] = Future()
    # Whoever gives up waiting does not end it.
    future.set_running_or_notify_cancel()

    def work() -> None:
        try:
            future.set_result(act())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, name="beside", daemon=True).start()
    return await asyncio.wrap_future(future)
