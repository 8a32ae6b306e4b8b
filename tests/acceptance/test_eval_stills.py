"""`dashplate eval stills`: real photographs from end to end, with boxes and without."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import cv2
import pytest

from tests.support.command_line.in_process import Here, Said
from tests.support.command_line.program import ROOT


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stills")


@pytest.fixture(scope="module")
def evaluated(here: Here, shared_data: Path, folder: Path) -> Said:
    return here(
        "eval", "stills", shared_data / "detection/boxes.csv", "--split", "dev", "--match", "openalpr_*",
        "--by", "country",
        "--draw", folder / "drawn", "--csv", folder / "plates.csv", "--json", folder / "numbers.json",
    )  # fmt: skip


@pytest.fixture
def rows(evaluated: Said, folder: Path) -> dict[str, dict[str, Any]]:
    assert evaluated.code == 0, evaluated.err
    return {row["group"]: row for row in json.loads((folder / "numbers.json").read_text())["rows"]}


@pytest.fixture
def plates(rows: dict[str, dict[str, Any]], folder: Path) -> list[dict[str, str]]:
    with (folder / "plates.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_photographs_are_read(rows: dict[str, dict[str, Any]]) -> None:
    whole = rows["all"]
    assert whole["pictures"] == 57
    assert whole["found"] >= 0.98
    assert 0.9 <= whole["exact"] <= whole["folded"]
    assert whole["cer"] <= 0.03
    floors = {"US": 0.93, "EU": 0.96, "BR": 0.97}
    assert {name: rows[name]["folded"] for name, floor in floors.items() if rows[name]["folded"] < floor} == {}
    assert whole["upper_bound"], "these pictures may show plates without a box"
    assert (whole["false"], whole["ms_per_picture"] > 0) == (0, True)
    assert sum(rows[name]["plates"] for name in ("BR", "EU", "US")) == whole["plates"]


def test_the_table_shows_the_same_numbers(evaluated: Said, rows: dict[str, dict[str, Any]]) -> None:
    lines = {line.split()[0]: line.split()[1:] for line in evaluated.out.splitlines()[1:] if line}
    for name, row in rows.items():
        shares = [f"{row[key]:.3f}" for key in ("found", "exact", "folded", "cer")]
        assert lines[name][:6] == [str(row["pictures"]), str(row["plates"]), *shares]
        assert lines[name][7] == f"≤{row['precision']:.3f}"
    assert "Traceback" not in evaluated.err


def test_each_plate_leaves_with_its_verdict_and_failures_are_drawn(
    rows: dict[str, dict[str, Any]], plates: list[dict[str, str]], folder: Path
) -> None:
    known = [plate for plate in plates if plate["truth"]]
    assert len(known) == rows["all"]["plates"]
    right = [plate for plate in known if plate["verdict"] in ("exact", "folded")]
    assert len(right) / len(known) == pytest.approx(rows["all"]["folded"])
    drawn = sorted((folder / "drawn").glob("[mu]*_[0-9]*.jpg"))
    assert len(drawn) == len(known) - len(right) > 0
    image = cv2.imread(str(drawn[0]))
    assert image is not None
    assert min(image.shape[:2]) >= 300


def test_pictures_without_boxes_are_measured_by_their_texts(here: Here, shared_data: Path, folder: Path) -> None:
    finished = here(
        "eval", "stills", shared_data / "hongkong/truth.csv", "--where", "kind=image",
        "--json", folder / "hongkong.json",
    )  # fmt: skip
    assert finished.code == 0, finished.err
    (row,) = json.loads((folder / "hongkong.json").read_text())["rows"]
    assert (row["pictures"], row["plates"], row["found"]) == (6, 6, None)
    assert row["exact"] == 1.0
    assert "2 more plates count neither way" in finished.out


def test_cropping_stands_beside_ocr_of_the_whole_picture(here: Here, shared_data: Path, folder: Path) -> None:
    finished = here(
        "eval", "stills", shared_data / "hongkong/truth.csv", "--match", "31299736077*", "--match", "9cc614d5*",
        "--compare-whole", "--csv", folder / "whole.csv", "--json", folder / "whole.json",
    )  # fmt: skip
    assert finished.code == 0, finished.err
    assert "Traceback" not in finished.err
    cropped, whole = json.loads((folder / "whole.json").read_text())["rows"]
    assert (cropped["reader"], whole["reader"]) == ("plate-reader", "PaddleOCR-whole")
    assert [(row["pictures"], row["plates"], row["exact"]) for row in (cropped, whole)] == [(2, 2, 1.0)] * 2
    assert (cropped["false"], whole["false"]) == (0, 0), "of the second car's plate nothing is known"
    assert whole["ms_per_picture"] > 0
    lines = [line.split() for line in finished.out.splitlines()]
    assert [line for line in lines if "PaddleOCR-whole" in line[:1]]
    with (folder / "whole.csv").open(encoding="utf-8") as file:
        read = {(line["reader"], line["truth"]): line["text"] for line in csv.DictReader(file)}
    assert read["PaddleOCR-whole", "AM189"] == "AM189"


def test_frames_of_a_ride_are_looked_at_as_a_video_is(here: Here, shared_data: Path, folder: Path) -> None:
    finished = here(
        "eval", "stills", shared_data / "detection/boxes.csv", "--split", "dev", "--match", "ro_*7[1-6]*.jpg",
        "--ignore", ROOT / "training/detector/pictures/by_eye.csv",
        "--frames", "--json", folder / "ride.json",
    )  # fmt: skip
    assert finished.code == 0, finished.err
    told = json.loads((folder / "ride.json").read_text())
    (row,) = told["rows"]
    assert row["found"] >= 0.95
    assert row["folded"] >= 0.95
    assert row["false"] <= 1
    assert not row["upper_bound"]
    assert f"Detector threshold {told['threshold']:g}" in finished.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--match", "gone*"], "No picture of"),
        (["--limit", "1", "--country", "XX"], "XX"),
    ],
)
def test_bad_input_costs_a_sentence(here: Here, shared_data: Path, arguments: list[str], sentence: str) -> None:
    here("eval", "stills", shared_data / "detection/boxes.csv", *arguments).assert_refused(sentence)
