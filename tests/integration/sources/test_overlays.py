"""A board on screen that looks like a plate, from the file to the plates, in one process."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import run
from pipeline.video.overlays import covered
from tests.support.branded import BOARD, BOARD_TEXT

_BOARD = BOARD_TEXT.replace(" ", "")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> run.ModelConfig:
    return run.ModelConfig(cache_dir=tmp_path_factory.mktemp("cache"))


def test_the_board_is_no_plate_and_the_cars_keep_theirs(branded: Path, config: run.ModelConfig) -> None:
    whole = run.run(branded, config, keep_overlays=True)
    masked = run.run(branded, config)
    assert whole.media.overlays == ()
    assert covered(BOARD, masked.media.overlays)
    plates = {sighting.text for sighting in whole.sightings}
    assert _BOARD in plates
    assert len(plates) >= 4, "without other plates it would not show that they are kept"
    assert {sighting.text for sighting in masked.sightings} == plates - {_BOARD}
