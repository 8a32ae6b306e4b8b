"""`dashplate eval reading`: readers side by side on real plates, and what a person gets to see of their failures."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from pipeline.reading.recognizers import BUNDLED_MODEL
from pipeline.reading.recognizers.model_folder import bundled_folder
from tests.support.command_line.in_process import Here, Said
from tests.support.evaluation import dots_of

#: Of the development plates of every country, about a fifth.
PLATES = ("[abcu]*[37].jpg", "br_eu2/crop_[dp]*")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reading")


@pytest.fixture(scope="module")
def evaluated(here: Here, shared_data: Path, folder: Path) -> Said:
    base = bundled_folder(folder / "cache").rename(folder / "same-again")
    return here(
        "eval", "reading", shared_data / "recognition/labels.csv", "--split", "dev", "--by", "country",
        *(word for pattern in PLATES for word in ("--match", pattern)),
        "--reader", BUNDLED_MODEL, "--reader", base,
        "--draw", folder / "drawn", "--csv", folder / "read.csv", "--json", folder / "numbers.json",
        "--curve", folder / "curve.svg",
    )  # fmt: skip


@pytest.fixture
def told(evaluated: Said, folder: Path) -> dict[str, Any]:
    assert evaluated.code == 0, evaluated.err
    numbers: dict[str, Any] = json.loads((folder / "numbers.json").read_text())
    return numbers


@pytest.fixture
def read(told: dict[str, Any], folder: Path) -> list[dict[str, str]]:
    with (folder / "read.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_base_model_reads_most_plates_and_knows_which(told: dict[str, Any]) -> None:
    whole = told["rows"][0]
    assert (whole["group"], whole["reader"]) == ("all", BUNDLED_MODEL)
    assert whole["plates"] >= 40
    assert 0.6 < whole["exact"] <= whole["folded"] < 1
    assert whole["cer"] < 0.15
    assert 0.5 < whole["confidence"] < 1
    assert whole["ece"] < 0.25


def test_every_country_is_a_row_and_two_rows_are_one_too(told: dict[str, Any]) -> None:
    groups = list(dict.fromkeys(row["group"] for row in told["rows"]))
    assert groups == ["all", "AR", "BR", "CN", "EU, two rows", "US"]
    ours = [row for row in told["rows"] if row["reader"] == BUNDLED_MODEL]
    assert sum(row["plates"] for row in ours[1:]) == ours[0]["plates"] == told["plates"]


def test_the_same_model_by_another_name_reads_the_same(told: dict[str, Any]) -> None:
    rows = [{key: value for key, value in row.items() if key != "reader"} for row in told["rows"]]
    assert rows[::2] == rows[1::2]
    assert [row["reader"] for row in told["rows"][:2]] == [BUNDLED_MODEL, "same-again"]


def test_the_table_shows_the_same_numbers(evaluated: Said, told: dict[str, Any]) -> None:
    lines = [line for line in evaluated.out.splitlines() if f" {BUNDLED_MODEL} " in line and "Drawn" not in line]
    shown = [line.split()[-7:-3] for line in lines]
    ours = [row for row in told["rows"] if row["reader"] == BUNDLED_MODEL]
    assert shown == [
        [str(row["plates"]), str(row["unread"]), f"{row['exact']:.3f}", f"{row['folded']:.3f}"] for row in ours
    ]
    assert "Traceback" not in evaluated.err


def test_each_reading_leaves_with_its_characters(told: dict[str, Any], read: list[dict[str, str]]) -> None:
    assert len(read) == 2 * told["plates"]
    assert {row["group"] for row in read} == {"AR", "BR", "CN", "EU, two rows", "US"}
    for row in read:
        assert len(row["characters"].split()) == len(row["text"])
    right = sum(row["right"] == "1" for row in read if row["reader"] == BUNDLED_MODEL)
    assert right / told["plates"] == pytest.approx(told["rows"][0]["folded"])
    assert any(not row["truth"].isascii() and row["right"] == "1" for row in read), "Chinese is read"


def test_failures_are_drawn(told: dict[str, Any], read: list[dict[str, str]], folder: Path) -> None:
    drawn = folder / "drawn" / BUNDLED_MODEL
    wrong = [row for row in read if row["reader"] == BUNDLED_MODEL and row["right"] == "0"]
    assert len(list(drawn.glob("[mu]*read_[0-9]*.jpg"))) == len(wrong)
    sheet = cv2.imread(str(drawn / "sheet_misread_01.jpg"))
    assert sheet is not None
    assert np.ptp(sheet) > 100


def test_the_curve_shows_both_readers(told: dict[str, Any], folder: Path) -> None:
    svg = ElementTree.fromstring((folder / "curve.svg").read_text())
    words = " ".join(text.text or "" for text in svg.iter("{http://www.w3.org/2000/svg}text"))
    assert f"{BUNDLED_MODEL}: " in words
    assert "same-again: " in words
    for reader, some in told["calibration"].items():
        assert len(dots_of(svg, reader)) == sum(b["readings"] > 0 for b in some)


def test_the_shipped_reader_reaches_what_the_house_promises(here: Here, shared_data: Path, folder: Path) -> None:
    finished = here(
        "eval", "reading", shared_data / "recognition/labels.csv", "--split", "dev", "--by", "country",
        "--json", folder / "shipped.json",
    )  # fmt: skip
    assert finished.code == 0, finished.err
    rows = {row["group"]: row for row in json.loads((folder / "shipped.json").read_text())["rows"]}
    floors = {"US": 0.97, "CN": 0.97, "BR": 0.97, "AR": 0.9, "EU, two rows": 0.85}
    assert {name: rows[name]["folded"] for name, floor in floors.items() if rows[name]["folded"] < floor} == {}
    assert rows["all"]["ece"] <= 0.05


def test_boxes_are_cut_out_of_frames_and_time_is_compared(here: Here, shared_data: Path, folder: Path) -> None:
    finished = here(
        "eval", "reading", shared_data / "detection/boxes.csv", "--split", "dev", "--match", "openalpr_br_*",
        "--where", "legibility=clear", "--limit", "2", "--reader", BUNDLED_MODEL, "--compare-speed",
        "--json", folder / "boxes.json",
    )  # fmt: skip
    assert finished.code == 0, finished.err
    told = json.loads((folder / "boxes.json").read_text())
    assert told["rows"][0]["plates"] == 2
    assert told["rows"][0]["folded"] >= 0.5
    (speed,) = told["speed"]
    assert 0 < speed["tracklet_ratio"] < 1, "several pictures of a plate are read faster than one by one"
    assert f"{speed['crop_ratio']:.2f} of its time" in finished.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--split", "test"], "No plate of"),
        (["--limit", "1", "--reader", f"gone{os.sep}reader"], "does not exist"),
    ],
)
def test_bad_input_costs_a_sentence(here: Here, shared_data: Path, arguments: list[str], sentence: str) -> None:
    here("eval", "reading", shared_data / "recognition/labels.csv", *arguments).assert_refused(sentence)
