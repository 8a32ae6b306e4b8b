"""What the shipped detector finds in pictures that it has not learnt from, in each of its exports."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import models
from tests.support.command_line.in_process import Here
from tests.support.command_line.program import ROOT

Evaluate = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def evaluate(here: Here, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Evaluate:
    """Run `dashplate eval detection` on the development split with these options; the numbers it writes."""
    file = tmp_path_factory.mktemp("detector") / "numbers.json"

    def run(*options: object) -> dict[str, Any]:
        finished = here(
            "eval", "detection", shared_data / "detection/boxes.csv", "--split", "dev",
            "--ignore", ROOT / "training/detector/pictures/by_eye.csv", "--json", file, *options,
        )  # fmt: skip
        assert finished.code == 0, finished.err
        numbers: dict[str, Any] = json.loads(file.read_text())
        return numbers

    return run


#: Rides through Romania, and near plates of three continents.
USUAL = ("--match", "ro_*", "--match", "openalpr_*", "--by", "prefix")


@pytest.fixture(scope="module")
def usual(evaluate: Evaluate) -> dict[str, Any]:
    return evaluate(*USUAL)


def row(numbers: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(row for row in numbers["rows"] if row["name"] == name)
    return found


def test_on_rides_it_misses_little_and_invents_nothing(usual: dict[str, Any]) -> None:
    assert row(usual, "ro")["pictures"] == 120
    assert row(usual, "ro")["recall"] >= 0.98
    assert row(usual, "ro")["false_per_frame"] <= 0.05


def test_near_plates_of_three_continents_are_found(evaluate: Evaluate, usual: dict[str, Any]) -> None:
    assert row(evaluate("--match", "openalpr_*", "--photo"), "all")["recall"] >= 0.97
    assert row(usual, "openalpr")["recall"] >= 0.97


def test_in_the_streets_of_the_world_most_legible_plates_are_found(evaluate: Evaluate) -> None:
    """The project wants .90; two of the 29 plates have a wrong truth, two are hidden, one has no board."""
    faint = next(row for row in evaluate("--match", "oi_*")["thresholds"] if row["threshold"] == 0.2)
    assert faint["recall_wide"] >= 0.82
    assert faint["recall"] >= 0.68


def test_a_frame_takes_little_more_than_half_the_time_of_yolo11n(evaluate: Evaluate) -> None:
    speed = evaluate("--match", "ro_*", "--limit", 8, "--compare-speed")["speed"]
    # .54 where nothing else runs; the two take turns, so that a busy machine troubles both.
    assert speed["ratio"] <= 0.7


def test_no_file_tells_where_it_was_made() -> None:
    for file in (models.MODELS_DIR / "plate-detector").rglob("*"):
        if file.suffix == ".pt":
            with zipfile.ZipFile(file) as parts:
                content = b"".join(parts.read(name) for name in parts.namelist() if name.endswith(".pkl"))
        else:
            content = file.read_bytes() if file.is_file() else b""
        assert not re.search(rb"/(tmp|home|root|work)/", content), file


def test_int8_finds_what_fp16_finds(evaluate: Evaluate, usual: dict[str, Any]) -> None:
    exact = evaluate(*USUAL, "--weights", models.plate_detector_fp16())
    assert row(usual, "all")["recall"] >= row(exact, "all")["recall"] - 0.01
    assert row(usual, "all")["ap50"] >= row(exact, "all")["ap50"] - 0.02


def test_a_second_look_can_be_taken(evaluate: Evaluate) -> None:
    numbers = evaluate("--match", "ro_*[2].jpg", "--second-look", 20)
    assert numbers["second_look_px"] == 20
    assert row(numbers, "all")["recall"] >= 0.95


def test_all_files_together_are_small_enough_for_git() -> None:
    folder = models.MODELS_DIR / "plate-detector"
    assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) < 12_000_000
    for export in (models.plate_detector_int8(), models.plate_detector_fp16(), models.plate_detector_pt()):
        assert export.exists()
