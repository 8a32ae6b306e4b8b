"""The measurement of search stores sightings anew, and therefore in no database but its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.search.command import main


def test_a_folder_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    with pytest.raises(SystemExit, match="did not make"):
        main(["--data", str(tmp_path)])
    assert [path.name for path in tmp_path.iterdir()] == ["postgres"]
