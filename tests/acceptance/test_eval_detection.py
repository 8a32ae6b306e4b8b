"""`dashplate eval detection`: the shipped detector on real pictures, and what a person gets to see of its mistakes."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.detection.yolo import VIDEO_THRESHOLD
from tests.support.command_line.in_process import Here, Said
from tests.support.command_line.program import ROOT

#: Of the 120 development frames of the Romanian rides, every fifth: by day and by night.
FRAMES = "ro_*[27].jpg"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("evaluation")


@pytest.fixture(scope="module")
def truth(shared_data: Path, folder: Path) -> Path:
    """The shared truth, and one more picture whose plate is said to hang in its upper left corner."""
    file = folder / "boxes.csv"
    shutil.copy(shared_data / "detection/boxes.csv", file)
    shutil.copytree(
        shared_data / "detection/images", folder / "images", copy_function=lambda a, b: Path(b).symlink_to(a)
    )
    with (shared_data / "detection/boxes.csv").open() as text:
        row = next(row for row in csv.DictReader(text) if row["split"] == "dev" and row["legibility"] == "clear")
    shutil.copy(shared_data / "detection/images" / row["image"], folder / "images/moved_a.jpg")
    row |= {"image": "moved_a.jpg", "x1": "10", "y1": "10", "x2": "60", "y2": "25"}
    with file.open("a", newline="") as text:
        csv.DictWriter(text, row).writerow(row)
    return file


@pytest.fixture(scope="module")
def evaluated(here: Here, truth: Path, folder: Path) -> Said:
    return here(
        "eval", "detection", truth, "--split", "dev", "--match", FRAMES, "--match", "moved_*", "--by", "prefix",
        "--ignore", ROOT / "training/detector/pictures/by_eye.csv",
        "--draw", folder / "drawn", "--json", folder / "numbers.json", "--csv", folder / "found.csv",
    )  # fmt: skip


@pytest.fixture
def rows(evaluated: Said, folder: Path) -> dict[str, dict[str, Any]]:
    assert evaluated.code == 0, evaluated.err
    return {row["name"]: row for row in json.loads((folder / "numbers.json").read_text())["rows"]}


def test_dashcam_plates_are_found_and_little_else(rows: dict[str, dict[str, Any]]) -> None:
    ride = rows["ro"]
    assert ride["pictures"] >= 20
    assert ride["recall"] >= 0.98
    assert ride["precision"] >= 0.93
    assert ride["ap50"] >= 0.98
    assert 0.5 < ride["ap50_95"] < ride["ap50"]
    assert ride["false_per_frame"] <= 0.1
    assert ride["ms_per_frame"] > 0


def test_the_rows_add_up(rows: dict[str, dict[str, Any]]) -> None:
    widths = ("under 40 px", "40–60 px", "60–100 px", "over 100 px")
    assert list(rows) == ["all", *widths, "day", "night", "moved", "ro"]
    assert sum(rows[name]["plates"] for name in widths) == rows["all"]["plates"]
    for parts in (("day", "night"), ("moved", "ro")):
        assert sum(rows[name]["pictures"] for name in parts) == rows["all"]["pictures"]
        assert all(rows[name]["pictures"] for name in parts)
    assert rows["moved"]["recall"] == 0


def test_the_table_shows_the_same_numbers(evaluated: Said, rows: dict[str, dict[str, Any]]) -> None:
    head, *lines = evaluated.out.splitlines()
    assert head.split() == ["pictures", "plates", "recall", "precision", "AP50", "AP50-95", "false/frame", "ms/frame"]
    cells = {line.split()[0]: line.split()[1:] for line in lines if line}
    for name in ("all", "day", "night", "ro"):
        row = rows[name]
        assert cells[name][:2] == [str(row["pictures"]), str(row["plates"])]
        assert cells[name][2:5] == [f"{row[key]:.3f}" for key in ("recall", "precision", "ap50")]
    assert f"threshold {VIDEO_THRESHOLD:g}" in evaluated.out
    assert "Traceback" not in evaluated.err


def test_misses_and_inventions_are_drawn(rows: dict[str, dict[str, Any]], folder: Path) -> None:
    names = sorted(path.name for path in (folder / "drawn").iterdir())
    misses = [name for name in names if name.startswith("miss_")]
    inventions = [name for name in names if name.startswith("invention_")]
    assert sum("moved_a" in name for name in misses) == 1
    assert any("moved_a" in name for name in inventions)
    found = rows["all"]["recall"] * rows["all"]["plates"]
    assert len(misses) == round(rows["all"]["plates"] - found)
    assert {"sheet_miss_01.jpg", "sheet_invention_01.jpg"} <= set(names)
    for name in names:
        image = cv2.imread(str(folder / "drawn" / name))
        assert image is not None
        assert min(image.shape[:2]) >= 300
        assert np.ptp(image) > 100


def test_the_boxes_found_can_be_scored_elsewhere(rows: dict[str, dict[str, Any]], folder: Path) -> None:
    with (folder / "found.csv").open() as file:
        found = list(csv.DictReader(file))
    assert list(found[0]) == ["image", "x1", "y1", "x2", "y2", "confidence"]
    assert len({row["image"] for row in found}) == rows["all"]["pictures"]
    assert min(float(row["confidence"]) for row in found) < 0.1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["boxes.csv", "--images", ".", "--limit", "5"], "and 2 more; --images names the pictures' folder."),
        (["boxes.csv", "--limit", "1", "--weights", "gone.pt"], "There is no detector at gone.pt"),
    ],
)
def test_bad_input_costs_a_sentence(here: Here, truth: Path, arguments: list[str], sentence: str) -> None:
    here("eval", "detection", *(truth if a == "boxes.csv" else a for a in arguments)).assert_refused(sentence)
