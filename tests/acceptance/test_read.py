"""`dashplate read`: photographs to JSON lines, without servers."""

from __future__ import annotations

import csv
import os
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.records import Image
from tests.support.command_line.in_process import Here
from tests.support.command_line.program import Command, Finished

#: A name that is no UTF-8, as old memory cards have them.
FOREIGN = os.fsdecode(b"caf\xe9.png")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("photos")


@pytest.fixture(scope="module")
def read(dashplate: Command, shared_data: Path, folder: Path) -> Finished:
    """All of Hong Kong, a text file that calls itself a picture, one that is not there, one named in Latin-1."""
    broken = folder / "broken.jpg"
    broken.write_text("No picture, whatever its name says.\n" * 20)
    pictures = sorted(p for p in (shared_data / "hongkong").iterdir() if p.suffix != ".csv")
    foreign = folder / FOREIGN
    shutil.copy(shared_data / "hongkong/GV5679.png", foreign)
    middle = len(pictures) // 2
    paths = (*pictures[:middle], broken, folder / "gone.png", foreign, *pictures[middle:])
    return dashplate("read", *paths, "--json", "--annotate", folder / "annotated")


@pytest.fixture
def plates(read: Finished) -> dict[str, list[dict[str, Any]]]:
    """What was read, by file name."""
    return {Path(line["image"]).name: line["plates"] for line in read.lines if "plates" in line}


def picture(path: Path | str) -> Image:
    """The picture in a file; OpenCV itself cannot open every name."""
    image = cv2.imdecode(np.frombuffer(Path(path).read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None, path
    return np.asarray(image, np.uint8)


def truth(shared_data: Path, kind: str) -> dict[str, list[str]]:
    with (shared_data / "hongkong/truth.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == kind]
    return {row["image"]: [text for text in row["plate_text"].split(";") if text] for row in rows}


def test_most_photographs_are_read(plates: dict[str, list[dict[str, Any]]], shared_data: Path) -> None:
    wanted = truth(shared_data, "image")
    assert len(wanted) == 6
    right = [name for name, texts in wanted.items() if set(texts) <= {plate["text"] for plate in plates[name]}]
    assert len(right) >= 4, {name: [p["text"] for p in plates[name]] for name in wanted}


def test_plates_already_cut_out_are_read(plates: dict[str, list[dict[str, Any]]], shared_data: Path) -> None:
    for name in ("GV5679.png", FOREIGN):
        assert [plate["text"] for plate in plates[name]] == ["GV5679"]
    wanted = truth(shared_data, "crop")
    right = [name for name, texts in wanted.items() if texts == [plate["text"] for plate in plates[name]]]
    assert len(right) >= 4


def test_a_line_has_the_promised_fields(read: Finished) -> None:
    good = [line for line in read.lines if "error" not in line]
    assert sum(len(line["plates"]) for line in good) >= 8
    for line in good:
        assert (line["height"], line["width"]) == picture(line["image"]).shape[:2]
        for plate in line["plates"]:
            check_plate(plate, line["width"], line["height"])


def check_plate(plate: dict[str, Any], width: int, height: int) -> None:
    assert [c["char"] for c in plate["characters"]] == list(plate["text"])
    assert plate["country"] is None or len(plate["country"]) == 2
    x1, y1, x2, y2 = plate["box"]
    assert 0 <= x1 < x2 <= width
    assert 0 <= y1 < y2 <= height
    shares = [plate["confidence"], *(other["confidence"] for other in plate["alternatives"])]
    assert plate["text"] not in [other["text"] for other in plate["alternatives"]]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) <= 1.001
    for share in (*shares, plate["detection_confidence"], *(c["confidence"] for c in plate["characters"])):
        assert 0.0 <= share <= 1.0


def test_a_bad_picture_costs_a_sentence_and_the_exit_code_not_the_others(read: Finished, shared_data: Path) -> None:
    assert read.code == 3
    errors = {Path(line["image"]).name: line["error"] for line in read.lines if "error" in line}
    assert set(errors) == {"broken.jpg", "gone.png"}
    assert all(name in sentence and sentence.endswith(".") for name, sentence in errors.items())
    assert "Traceback" not in read.err
    names = {Path(line["image"]).name for line in read.lines}
    assert names == {*truth(shared_data, "image"), *truth(shared_data, "crop"), *errors, FOREIGN}


def test_annotated_pictures_are_written(read: Finished, folder: Path) -> None:
    good = [line for line in read.lines if "error" not in line]
    written = {path.name.split(".")[0]: picture(path) for path in (folder / "annotated").iterdir()}
    assert len(written) == len(good)
    for line in good:
        original, drawn = picture(line["image"]), written[Path(line["image"]).name.split(".")[0]]
        assert drawn.shape == original.shape
        if line["plates"]:
            assert (cv2.absdiff(drawn, original) > 100).any()


def test_pictures_of_one_name_are_all_drawn(here: Here, shared_data: Path, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        shutil.copy(shared_data / "hongkong/GV5679.png", tmp_path / folder / "x.png")
    for _ in range(2):
        assert here("read", tmp_path / "a", tmp_path / "b", "--annotate", tmp_path / "drawn").code == 0
        drawn = sorted(path.relative_to(tmp_path / "drawn") for path in (tmp_path / "drawn").rglob("*.jpg"))
        assert drawn == [Path("a/x.png.annotated.jpg"), Path("b/x.png.annotated.jpg")]


def test_nothing_is_left(read: Finished) -> None:
    assert read.left == []
