"""Threads that the process's end does not wait for."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from dashplate.service.threads import beside

_PROGRAM = """
import asyncio, time
from dashplate.service.threads import beside

async def main():
    try:
        async with asyncio.timeout(0.1):
            await beside(lambda: time.sleep(600))
    except TimeoutError:
        print("gave up")

asyncio.run(main())
"""


def test_what_it_returns_or_raises_is_heard() -> None:
    assert asyncio.run(beside(threading.current_thread)) is not threading.current_thread()
    with pytest.raises(ZeroDivisionError):
        asyncio.run(beside(lambda: 1 / 0))


def test_the_end_does_not_wait_for_it() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "gave up\n", "")
