"""`dashplate eval video` and `eval rides`: the whole road on real clips and rides, and fusion beside its rivals."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import cv2
import pytest

from tests.support.command_line.in_process import Here, Said
from tests.support.command_line.program import ROOT, Command, Finished

IGNORE = ROOT / "training/detector/pictures/by_eye.csv"


def rows_of(file: Path) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in json.loads(file.read_text())["rows"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("evaluation")


@pytest.fixture(scope="module")
def rides(here: Here, shared_data: Path, folder: Path) -> Said:
    """The development frames of the Romanian rides."""
    return here(
        "eval", "rides", shared_data / "detection/boxes.csv", "--split", "dev", "--match", "ro_*", "--ignore", IGNORE,
        "--draw", folder / "rides", "--json", folder / "rides.json", "--csv", folder / "rides.csv",
    )  # fmt: skip


@pytest.fixture(scope="module")
def clips(dashplate: Command, shared_data: Path, folder: Path) -> Finished:
    """The shortest clip, and one that shows no plate; the CSV says that somebody read a plate too many."""
    video = shared_data / "video"
    truth = folder / "truth.csv"
    rows = [row for row in csv.DictReader((video / "truth.csv").open()) if row["video"] == "road_gb.mp4"]
    rows.append(rows[0] | {"plate_text": "XX00XXX", "legibility": "clear"})
    with truth.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return dashplate(
        "eval", "video", truth, "--videos", video, "--video", video / "street_no_readable_plate.mp4",
        "--draw", folder / "clips", "--json", folder / "clips.json",
    )  # fmt: skip


def test_rides_reach_what_the_house_promises(rides: Said, folder: Path) -> None:
    assert rides.code == 0, rides.err
    total = rows_of(folder / "rides.json")["total"]
    assert total["plates"] == 26
    assert total["f1"] >= 0.95
    assert total["character_error"] <= 0.06
    assert total["false_confirmed"] == 0
    assert total["frames"] == 120


def test_the_rides_rows_add_up_and_the_csv_has_every_plate(rides: Said, folder: Path) -> None:
    rows = rows_of(folder / "rides.json")
    day, night, total = rows["ro_dayride_type1_002"], rows["ro_nightride_type3_001"], rows["total"]
    assert list(rows) == ["ro_dayride_type1_002", "ro_nightride_type3_001", "total"]
    for name in ("plates", "exact", "folded", "false_confirmed", "false_single", "bonus", "unjudged", "frames"):
        assert day[name] + night[name] == total[name]
    lines = list(csv.DictReader((folder / "rides.csv").open()))
    assert sum(bool(line["plate_text"]) for line in lines) == total["plates"]
    assert sum(line["verdict"] == "exact" for line in lines) == total["exact"]
    wrong = sum(line["verdict"] == "false" for line in lines)
    assert wrong == total["false_confirmed"] + total["false_single"]
    names = [path.name for path in (folder / "rides").glob("*.jpg")]
    assert sum(name.startswith("missed_") for name in names) == total["plates"] - total["folded"]
    assert sum(name.startswith("false_") for name in names) == wrong


def test_the_table_shows_the_same_numbers(rides: Said, folder: Path) -> None:
    head, *lines = rides.out.splitlines()
    assert head.split()[:6] == ["plates", "exact", "folded", "false", "single", "precision"]
    cells = {line.split()[0]: line.split()[1:] for line in lines if line}
    for name, row in rows_of(folder / "rides.json").items():
        assert cells[name][:3] == [str(row[key]) for key in ("plates", "exact", "folded")]
        assert cells[name][5:9] == [f"{row[key]:.3f}" for key in ("precision", "recall", "f1", "character_error")]
    assert "Traceback" not in rides.err


def test_a_clear_plate_is_read_at_its_time_and_nothing_where_none_is(clips: Finished, folder: Path) -> None:
    assert clips.code == 0, clips.err
    rows = rows_of(folder / "clips.json")
    road, street = rows["road_gb.mp4"], rows["street_no_readable_plate.mp4"]
    assert (road["plates"], road["exact"], road["false_confirmed"]) == (2, 1, 0)
    assert max(road["first_max_s"], road["last_max_s"]) < 0.5
    assert (street["plates"], street["false_confirmed"], street["false_single"]) == (0, 0, 0)
    assert street["f1"] is None
    assert road["times_real_time"] > 0


def test_the_plate_that_was_missed_is_drawn(clips: Finished, folder: Path) -> None:
    names = sorted(path.name for path in (folder / "clips").iterdir())
    assert names == ["missed_0001_XX00XXX_road_gb.jpg", "sheet_missed_01.jpg"]
    image = cv2.imread(str(folder / "clips" / names[0]))
    assert image is not None
    assert image.std() > 10


def test_fusion_stands_beside_its_rivals(here: Here, shared_data: Path, folder: Path) -> None:
    finished = here(
        "eval", "rides", shared_data / "detection/boxes.csv", "--match", "ro_dayride_type1_002_*", "--rivals",
        "--harm", "1", "--json", folder / "rivals.json", "--csv", folder / "rivals.csv",
    )  # fmt: skip
    assert finished.code == 0, finished.err
    rows = rows_of(folder / "rivals.json")
    assert list(rows) == [
        "best crop", "best crop, formats", "majority", "character vote", "fusion, no formats", "fusion",
    ]  # fmt: skip
    fusion, lines = rows["fusion"], list(csv.DictReader((folder / "rivals.csv").open()))
    assert len(lines) == fusion["tracklets"] >= 30
    assert all(row["tracklets"] == fusion["tracklets"] for row in rows.values())
    for name, row in rows.items():
        assert row["exact"] == sum(line[name] == line["plate_text"] for line in lines)
        assert row["wins"] - row["losses"] == row["exact"] - fusion["exact"]
        assert row["lead_from"] <= row["lead"] <= row["lead_to"]
    # The harm is hard enough to tell them apart, and a lone crop is what fusion has to beat.
    assert rows["best crop"]["exact"] < fusion["exact"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["rides", "BOXES", "--match", "mix_*"], "is no frame of a ride"),
        (["video", "BOXES"], "has no column video"),
        (["video", "TRUTH", "--videos", "."], "--videos names the videos' folder"),
        (["video", "TRUTH", "--harm", "1"], "--harm is for --rivals"),
    ],
)
def test_bad_input_costs_a_sentence(here: Here, shared_data: Path, arguments: list[str], sentence: str) -> None:
    known = {"BOXES": shared_data / "detection/boxes.csv", "TRUTH": shared_data / "video/truth.csv"}
    finished = here("eval", *(known.get(argument, argument) for argument in arguments))
    assert finished.code == 2
    finished.assert_refused(sentence)
