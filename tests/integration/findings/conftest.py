"""A fleet that search is tried on."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from pipeline.records import Sighting
from tests.support.database import make_job
from tests.support.searching import random_plate, saying, store


@pytest.fixture(scope="module")
def fleet() -> list[Sighting]:
    rng = random.Random(3)
    return [
        saying(index, random_plate(rng), *{random_plate(rng) for _ in range(rng.randrange(4))})
        for index in range(400)
    ]  # fmt: skip


@pytest.fixture
def searched(database_url: str, fleet: list[Sighting]) -> str:
    _, videos = make_job(database_url, 0, 0)
    store(database_url, videos[0], fleet[:200])
    store(database_url, videos[1], [replace(one, index=one.index - 200) for one in fleet[200:]])
    return database_url
