"""A service that answers as it is told, for what a real one does only in trouble."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dashplate.client import Client
from tests.support.scripted_server import ScriptedServer, serving

#: What no message and no representation may hold.
TOKEN = "dp_a-token-for-tests-only"


@pytest.fixture
def service() -> Iterator[ScriptedServer]:
    with serving(ScriptedServer()) as server:
        yield server


@pytest.fixture
def client(service: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr("dashplate.client.connection._PAUSES", lambda state: 0.0)
    with Client(service.url, TOKEN) as made:
        yield made
