"""Processes that decode what strangers made: one a request, killed at its end or when it takes too long."""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

T = TypeVar("T")
#: What such a process has no use for: addresses with passwords, and the plate key.
_OWN = "DASHPLATE_"


class NoAnswer(Exception):
    """A process could not be started, ended before it had answered, or said nothing sensible."""


class ChildProcesses:
    """A module run as a process once a request; to be used in one event loop, and closed."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._running: set[Process] = set()

    def close(self) -> None:
        """Kill those that run."""
        for process in self._running:
            _kill(process)

    async def ask(
        self,
        wanted: object,
        hear: Callable[[asyncio.StreamReader], Awaitable[T]],
        limit_s: float,
        open_files: Sequence[int] = (),
    ) -> T:
        """Hand `wanted` to a new process, pickled, and return what `hear` makes of what it writes.

        It may also use `open_files`, which have the same numbers there. Raises TimeoutError after `limit_s` seconds,
        NoAnswer, also for what `hear` cannot read, and what else `hear` raises.
        """
        try:
            async with self._started(open_files) as process, asyncio.timeout(limit_s):
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write(pickle.dumps(wanted))
                await process.stdin.drain()
                process.stdin.close()
                return await hear(process.stdout)
        except TimeoutError:
            raise
        except (OSError, EOFError, ValueError, LookupError, TypeError) as problem:
            raise NoAnswer from problem

    @asynccontextmanager
    async def _started(self, open_files: Sequence[int]) -> AsyncIterator[Process]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", self._module, stdin=PIPE, stdout=PIPE, env=_without_secrets(),
            pass_fds=open_files,
        )  # fmt: skip
        self._running.add(process)
        try:
            yield process
        finally:
            _kill(process)
            # Its end is told once all that it has written is read.
            await process.communicate()
            self._running.discard(process)


def _kill(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()


def _without_secrets() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(_OWN)}
