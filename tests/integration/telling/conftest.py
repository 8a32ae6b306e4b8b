"""Senders and receivers for the tests of what is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.scripted_server import serving
from tests.support.telling import Telling
from tests.support.webhook_receiver import Receiver


@pytest.fixture
def telling(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Telling]:
    made = Telling(database_url, redis_url, tmp_path)
    try:
        yield made
    finally:
        made.end()


@pytest.fixture
def receivers() -> Iterator[Callable[[], Receiver]]:
    with ExitStack() as held:

        def make() -> Receiver:
            receiver = Receiver()
            held.enter_context(serving(receiver))
            return receiver

        yield make
