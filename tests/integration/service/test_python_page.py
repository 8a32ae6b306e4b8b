"""`docs/python.md`: its examples, run as they stand there, each in a process of its own."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.standin import Drive
from db.access.scopes import Scope
from tests.conftest import ROOT, SHARED_DATA
from tests.support.jobs_over_http import card
from tests.support.service import Served

PAGE = (ROOT / "docs" / "python.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
FIRST, PHOTO, VIDEO, UPLOAD, SQL = EXAMPLES


def said(served: Served, folder: Path, example: str) -> list[str]:
    """What an example prints, in a folder with the files that it names."""
    shutil.copy(SHARED_DATA / "hongkong" / "GV5679.png", folder / "car.jpg")
    if not (folder / "drive.mp4").exists():
        shutil.copy(SHARED_DATA / "video" / "road_gb.mp4", folder / "drive.mp4")
    env = served.env | {
        "DASHPLATE_URL": served.url,
        "DASHPLATE_TOKEN": served.token(Scope.READ, Scope.SUBMIT, Scope.SEARCH),
        "DASHPLATE_ROOTS": f"{served.folder}:{folder}",
    }
    here = example.replace("/videos/monday", card(served))
    done = subprocess.run([sys.executable, "-c", here], cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_first_example_is_ten_lines_that_work(working: Served, shared_data: Path, tmp_path: Path) -> None:
    plate, sighting, *_, plates = said(working, tmp_path, FIRST)
    assert plate.startswith("GV5679 ")
    assert sighting.startswith("LS15EBC 0.0 ")
    assert len(re.findall(r"'[A-Z0-9]+'", plates)) >= 2
    assert len([line for line in FIRST.splitlines() if line]) <= 10


def test_a_photograph_as_an_array(working: Served, shared_data: Path, tmp_path: Path) -> None:
    (line,) = said(working, tmp_path, PHOTO)
    assert re.fullmatch(r"GV5679 \[\('G', \d.\d+\),.*\] \(\d+, \d+, 3\)", line)


def test_a_video(working: Served, shared_data: Path, tmp_path: Path) -> None:
    about, plates = said(working, tmp_path, VIDEO)
    assert re.fullmatch(r"\d+\.\d s, whole", about)
    assert "'LS15EBC'" in plates


def test_an_upload_becomes_a_job(working: Served, shared_data: Path, tmp_path: Path) -> None:
    with working.client(Scope.ADMIN) as admin:
        if "/v1/uploads" not in admin.get("/v1/openapi.json").text:
            pytest.skip("This service takes no uploads.")
    Drive(segments=2, name="uploaded").write(tmp_path / "drive.mp4")
    lines = said(working, tmp_path, UPLOAD)
    assert lines[:3] == ["['GV5679']", "0%", "100%"]
    assert any(line.startswith("finished 1 1") for line in lines)
    assert list(tmp_path.glob("*.png"))
    assert (tmp_path / "plates.csv").read_text().startswith("video,plate,")


def test_a_data_frame(working: Served, shared_data: Path, tmp_path: Path) -> None:
    (rows,) = said(working, tmp_path, f"{SQL}\nprint(len(seen))\n")
    assert int(rows) > 0
