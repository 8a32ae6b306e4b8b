"""`import dashplate` in a program: the plates that `dashplate read` and `dashplate run` find, without their servers."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

import dashplate
from tests.support.command_line.job_result import JobResult
from tests.support.command_line.program import ROOT
from workers.settings import settings


@pytest.fixture(autouse=True)
def own_data_folder(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The models' cache is that of the commands."""
    monkeypatch.setenv("DASHPLATE_DATA_DIR", str(data_dir))
    settings.cache_clear()


def test_a_video_gives_what_run_gives(the_job: JobResult, shared_data: Path) -> None:
    drive = dashplate.process_video(shared_data / "video/road_gb.mp4")
    rows = the_job.rows_of("road_gb.mp4")
    assert rows
    assert len(drive) == len(list(drive)) == sum(int(row["sightings"]) for row in rows)
    by_plate = {row["read_as"]: row for row in rows}
    for sighting in drive:
        row = by_plate[sighting.text]
        assert float(row["first_seen_s"]) <= round(sighting.first_s, 3) <= float(row["last_seen_s"])
        if row["sightings"] == "1":
            x1, y1, x2, y2 = map(round, sighting.box.as_tuple())
            found = (round(sighting.confidence, 4), sighting.shown, sighting.country or "", sighting.confirmed)
            assert found == (float(row["confidence"]), row["shown"], row["country"], row["confirmed"] == "True")
            assert [x1, y1, x2, y2] == [int(row[corner]) for corner in ("x1", "y1", "x2", "y2")]
            times = tuple(round(t, 3) for t in (sighting.first_s, sighting.last_s, sighting.best_s))
            assert times == tuple(float(row[name]) for name in ("first_seen_s", "last_seen_s", "best_frame_s"))
            assert sighting.reads == int(row["reads"])
            others = " ".join(f"{other.text}:{other.confidence:.3f}" for other in sighting.alternatives)
            assert others == row["alternatives"]
    assert drive.problem is None


def test_a_damaged_file_says_the_same(the_job: JobResult, tmp_path_factory: pytest.TempPathFactory) -> None:
    told = the_job.videos["half_road.mp4"]
    half = dashplate.process_video(told["path"])
    assert half.problem == told["problem"]
    assert {s.text for s in half} == {row["read_as"] for row in the_job.rows_of("half_road.mp4")}
    with pytest.raises(dashplate.NoVideoStream):
        dashplate.process_video(the_job.videos["audio_only.mp4"]["path"])


def test_a_photograph_in_every_form(shared_data: Path) -> None:
    file = shared_data / "hongkong/GV5679.png"
    array = np.asarray(cv2.imread(str(file)), np.uint8)
    given = [file, str(file), file.read_bytes(), array, np.asfortranarray(array)]
    results = [dashplate.read_image(image, country="HK") for image in given]
    (plate,) = results[0].plates
    assert (plate.text, plate.shown, plate.country) == ("GV5679", "GV5679", "HK")
    assert [c.char for c in plate.characters] == list("GV5679")
    assert all(0.5 < c.confidence <= 1 for c in plate.characters)
    assert (results[0].width, results[0].height) == (array.shape[1], array.shape[0])
    assert 0 <= plate.box.x1 < plate.box.x2 <= array.shape[1]
    assert all(result == results[0] for result in results)


def test_threads_take_turns_with_the_models(shared_data: Path) -> None:
    files = sorted(path for path in (shared_data / "hongkong").iterdir() if path.suffix != ".csv")
    alone = [dashplate.read_image(file) for file in files]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(dashplate.read_image, files * 3))
    assert together == alone * 3
    assert sum(len(result.plates) for result in alone) >= len(files) - 2


def test_a_program_that_imports_it_calls_nobody(guarded: dict[str, str], tmp_path: Path, shared_data: Path) -> None:
    picture = str(shared_data / "hongkong/GV5679.png")
    code = f"import dashplate; print(dashplate.read_image({picture!r}).plates[0].text)"
    env = guarded | {"NETWORK_GUARD_FILE": str(tmp_path / "calls.txt")}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.stdout == "GV5679\n", done.stderr
    assert not (tmp_path / "calls.txt").exists(), (tmp_path / "calls.txt").read_text()
