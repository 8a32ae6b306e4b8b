"""One fleet of stand-in stages for all tests of this folder: starting its workers takes seconds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.standin import Drive
from dashplate.stack import Stack
from tests.support.command_line.fleet import Fleet, running_fleet


@pytest.fixture(scope="package")
def fleet(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with running_fleet(stack, tmp_path_factory.mktemp("fleet")) as fleet:
        yield fleet


@pytest.fixture(scope="package", autouse=True)
def misbehaving(fleet: Fleet) -> int:
    """A job whose drives hang and kill; submitted first, because it takes longest."""
    bad = Drive(4, seconds=0.5, plates=1)
    fleet.drive("bad/stuck.mp4", Drive(4, seconds=0.5, plates=1, stuck=(2,)))
    fleet.drive("bad/deadly.mp4", Drive(4, seconds=0.5, plates=1, deadly=(0,)))
    fleet.drive("bad/well.mp4", bad)
    return fleet.submit(fleet.folder / "bad")
