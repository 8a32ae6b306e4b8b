"""The stages called one by one, for tests that want a worker's steps and no worker; a drive and what is seen in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.road import KEY, Road, give_key, stand_in_road
from tests.support.seen_drive import SeenDrive, see_drive


@pytest.fixture
def road(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Road]:
    with stand_in_road(database_url, tmp_path / "data", DASHPLATE_REDIS_URL=redis_url) as made:
        yield made


@pytest.fixture
def plate_key(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers and commands have the key of hashed plates."""
    give_key(monkeypatch, KEY)


@pytest.fixture(scope="session")
def seen_drive(tmp_path_factory: pytest.TempPathFactory) -> SeenDrive:
    return see_drive(tmp_path_factory.mktemp("drive"))
