"""`docs/plates.ipynb`, executed from its first cell to its last on a database with sightings."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import cv2
import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from tests.conftest import ROOT
from tests.support.road import Road

NOTEBOOK = ROOT / "docs" / "plates.ipynb"


@pytest.fixture
def executed(road: Road, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The notebook with its outputs, after two videos."""
    road.run("front.mp4", "rear.mp4")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    # A kernel chooses where pictures go, unless it is told.
    monkeypatch.delenv("MPLBACKEND", raising=False)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    # And one more cell, which says what the frame holds.
    notebook.cells.append(nbformat.v4.new_code_cell("print(sightings[['plate', 'first_s']].to_json(orient='values'))"))
    return NotebookClient(notebook, timeout=300, kernel_name="python3").execute(cwd=str(tmp_path))


def test_the_notebook_shows_what_the_database_holds(road: Road, executed: Any) -> None:
    rows = road.ask("SELECT plate, first_s FROM plate_sightings ORDER BY video, first_s")
    assert len(rows) > 4
    told = executed.cells[-1].outputs[0].text
    assert [tuple(row) for row in json.loads(told)] == [(row["plate"], row["first_s"]) for row in rows]
    tables = [output.data["text/html"] for cell in executed.cells[:-1] for output in cell.get("outputs", ())
              if "text/html" in output.get("data", {})]  # fmt: skip
    assert len(tables) == 2
    assert all(rows[0]["plate"] in table for table in tables)


def test_the_notebook_plots_them(executed: Any) -> None:
    outputs = [output for cell in executed.cells for output in cell.get("outputs", ())]
    (picture,) = [output.data["image/png"] for output in outputs if "image/png" in output.get("data", {})]
    image = cv2.imdecode(np.frombuffer(base64.b64decode(picture), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert image.shape[1] > 500
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 100, "bars in colours, and no empty axes"


def test_that_it_was_opened_is_on_record(road: Road, executed: Any) -> None:
    assert [row["query"] for row in road.ask("SELECT query FROM audit WHERE action = 'sql'")] == ["a Python session"]


def test_it_is_kept_without_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) >= 4
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
