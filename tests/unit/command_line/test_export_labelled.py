"""Labelled pictures: as `eval` and `training/` take them, and as CVAT, Label Studio and Ultralytics read them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from zipfile import ZipFile

import cv2
import numpy as np
import pytest
import yaml

from dashplate.export.labelled.cvat import write_cvat
from dashplate.export.labelled.label_studio import write_label_studio
from dashplate.export.labelled.place import Place, place
from dashplate.export.labelled.samples import Sample, samples
from dashplate.export.labelled.training import write_training
from dashplate.export.labelled.yolo import write_yolo
from evaluation.detection.truth import load_truth
from evaluation.reading.truth import load_labels, open_plates
from evaluation.truth_csv import Selection
from output.files import jpeg_bytes, png_bytes
from pipeline.errors import UsageError
from pipeline.records import Box, Crop
from store import MissingFile
from tests.support.annotations import check_cvat, check_label_studio
from training.reader.pictures.material import training_material

FRAME = jpeg_bytes(np.full((360, 640, 3), 90, np.uint8))
CROP = png_bytes(np.full((60, 140, 3), 200, np.uint8))
FILES = {"frames/1.jpg": FRAME, "frames/2.jpg": FRAME, **{f"crops/{number}.png": CROP for number in range(1, 6)}}


def fetch(name: str) -> bytes:
    if name not in FILES:
        raise MissingFile(name)
    return FILES[name]


def row(number: int, read_as: str, corrected: str | None, pts: int, **changes: Any) -> dict[str, Any]:
    found = {
        "job": 7, "video_id": 3, "video": "/cam/a & b <1>.mp4", "sighting": number, "best_pts": pts, "frame_pts": pts,
        "read_as": read_as, "corrected": corrected, "country": "GB", "confidence": 0.91, "detection_confidence": 0.8,
        "x1": 100.0 + 100 * number, "y1": 50.0, "x2": 200.0 + 100 * number, "y2": 80.0,
        "crop": f"crops/{number}.png", "crop_plate": [15.0, 10.0, 125.0, 50.0], "frame": f"frames/{pts}.jpg",
    }  # fmt: skip
    return found | changes


def found() -> Iterator[Sample]:
    """A frame with a corrected plate, a confirmed one and a sign; another whose edge runs through a plate; one gone."""
    rows: Any = [
        row(1, "AB12CDE", "AB12CDF", 1),
        row(2, "XY34ZZZ", None, 1),
        row(3, "SALE50", "", 1, country=None),
        row(4, "KA05MX1234", "KA05MX1284", 2, x1=-5.0, x2=60.0, crop_plate=None),
        row(5, "QQ99QQQ", "QQ99QQ0", 3, crop=None),
    ]
    return samples(rows, fetch)


def written(out: Path, write: Callable[[Place], int]) -> int:
    with place(out) as target:
        return write(target)


# What eval and training take.


def test_eval_and_training_take_it(tmp_path: Path) -> None:
    out = tmp_path / "set"
    assert written(out, lambda target: write_training(target, found())) == 4, "of one no picture is left"
    labels = load_labels(out / "recognition" / "labels.csv", None, Selection())
    assert [(plate.name, plate.text) for plate in labels.plates] == [
        ("1.png", "AB12CDF"), ("2.png", "XY34ZZZ"), ("4.png", "KA05MX1284"),
    ]  # fmt: skip
    assert labels.without_text == 1, "what is no plate"
    shown = [show for _, show in open_plates(labels.plates)]
    assert isinstance(shown[0], Crop)
    assert shown[0].plate.width == 110
    pictures = load_truth(out / "detection" / "boxes.csv", None, Selection())
    assert [(picture.texts, picture.every_plate_boxed) for picture in pictures] == [
        (("AB12CDF", "XY34ZZZ"), False), (("KA05MX1284",), False),
    ]  # fmt: skip
    assert pictures[1].plates[0].tolist() == [0, 50, 60, 80], "no further than the frame"


def test_the_reader_is_trained_on_it(tmp_path: Path) -> None:
    out = tmp_path / "set"
    every = [f"AB{number:02}CDE" for number in range(40)]
    rows: Any = [row(1, "X", text, 1, sighting=100 + at) for at, text in enumerate(every)] + [row(3, "SALE50", "", 1)]
    written(out, lambda target: write_training(target, samples(rows, fetch)))
    with (out / "recognition" / "labels.csv").open() as file:
        split = {cells["plate_text"]: cells["split"] for cells in csv.DictReader(file)}
    kept = {text for text in every if split[text] == "train"}
    assert 20 < len(kept) < 40, "some are for measuring"
    material = training_material(out)
    assert {plate.text for plate in material["corrected"]} == kept
    assert material["corrected"][0].box == Box(15, 10, 125, 50)
    signs = [plate.text for plate in material.get("none", [])]
    assert signs == ([""] if split[""] == "train" else [])


def test_all_passings_of_a_plate_are_on_one_side(tmp_path: Path) -> None:
    rows: Any = [row(1, "X", text, pts, sighting=pts) for pts, text in enumerate(["AB0I", "ABO1", "AB01"], start=1)]
    splits = {label.split for sample in samples(rows, fetch) for label in sample.labels}
    assert len(splits) == 1


# Annotation tools.


def test_cvat_reads_it(tmp_path: Path) -> None:
    out = tmp_path / "cvat.zip"
    assert written(out, lambda target: write_cvat(target, found(), "a <tour> & \x1b[2J")) == 4
    with ZipFile(out) as packed:
        assert packed.testzip() is None
        root = ElementTree.fromstring(packed.read("annotations.xml"))
        check_cvat(root)
        assert {f"images/{image.attrib['name']}" for image in root.findall("image")} | {"annotations.xml"} == set(
            packed.namelist()
        )
        assert packed.read("images/7-3-1.jpg") == FRAME
    first = root.findall("image")[0]
    told = [(box.attrib["label"], box.attrib["source"], [part.text for part in box]) for box in first]
    assert told == [
        ("plate", "manual", ["AB12CDF", "AB12CDE", "GB"]), ("plate", "auto", ["XY34ZZZ", "XY34ZZZ", "GB"]),
        ("no plate", "manual", ["SALE50"]),
    ]  # fmt: skip
    assert [first[0].attrib[corner] for corner in ("xtl", "ytl", "xbr", "ybr")] == [
        "200.00",
        "50.00",
        "300.00",
        "80.00",
    ]


def test_label_studio_reads_it(tmp_path: Path) -> None:
    out = tmp_path / "studio"
    assert written(out, lambda target: write_label_studio(target, found(), "dashplate")) == 4
    tasks = json.loads((out / "tasks.json").read_text())
    check_label_studio(tasks, (out / "config.xml").read_text())
    assert [task["data"]["image"] for task in tasks] == [
        "/data/local-files/?d=images/7-3-1.jpg", "/data/local-files/?d=images/7-3-2.jpg",
    ]  # fmt: skip
    assert (out / "images" / "7-3-2.jpg").read_bytes() == FRAME

    def texts(said: Any) -> list[str]:
        return [part["value"]["text"][0] for part in said["result"] if part["type"] == "textarea"]

    (annotation,), (prediction,) = tasks[0]["annotations"], tasks[0]["predictions"]
    assert texts(annotation) == ["AB12CDF"], "what a person reads; the sign is none"
    assert texts(prediction) == ["AB12CDE", "XY34ZZZ", "SALE50"]
    assert prediction["score"] == 0.91
    value = annotation["result"][0]["value"]
    assert [value[name] for name in ("x", "y", "width", "height")] == pytest.approx([31.25, 13.8889, 15.625, 8.3333])


def test_ultralytics_reads_it(tmp_path: Path) -> None:
    out = tmp_path / "yolo"
    assert written(out, lambda target: write_yolo(target, found())) == 4
    about = yaml.safe_load((out / "data.yaml").read_text())
    assert about["names"] == {0: "plate"}
    for folder in (about["train"], about["val"]):
        assert (out / folder).is_dir(), "Ultralytics wants both"
    images = {file.stem: file for file in out.glob("images/*/*.jpg")}
    assert set(images) == {"7-3-1", "7-3-2"}
    lines = {file.stem: file.read_text().splitlines() for file in out.glob("labels/*/*.txt")}
    assert {name: len(some) for name, some in lines.items()} == {"7-3-1": 2, "7-3-2": 1}, "the sign is no plate"
    assert images["7-3-1"].parent.name == next(out.glob("labels/*/7-3-1.txt")).parent.name
    number, *shares = lines["7-3-2"][0].split()
    x, y, width, height = (float(share) for share in shares)
    assert number == "0"
    assert [x * 640, y * 360, width * 640, height * 360] == pytest.approx([30, 65, 60, 30], abs=0.01)


# The place.


def test_a_folder_is_there_once_it_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "new" / "set"

    def half(target: Place) -> int:
        target.put("a/b.txt", b"half")
        raise RuntimeError("The database went away.")

    with pytest.raises(RuntimeError):
        written(out, half)
    assert list((tmp_path / "new").iterdir()) == []
    written(out, lambda target: target.put("a/b.txt", b"whole") or 0)
    assert (out / "a" / "b.txt").read_bytes() == b"whole"
    with pytest.raises(UsageError, match="is there already"):
        written(out, lambda target: 0)
    assert (out / "a" / "b.txt").read_bytes() == b"whole"


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    written(tmp_path / "empty", lambda target: target.put("a.txt", b"whole") or 0)
    assert (tmp_path / "empty" / "a.txt").read_bytes() == b"whole"


def test_the_same_rows_give_the_same_zip(tmp_path: Path) -> None:
    for name in ("a.zip", "b.zip"):
        written(tmp_path / name, lambda target: write_training(target, found()))
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with ZipFile(io.BytesIO((tmp_path / "a.zip").read_bytes())) as packed:
        image = cv2.imdecode(np.frombuffer(packed.read("recognition/crops/1.png"), np.uint8), cv2.IMREAD_COLOR)
        assert image is not None
        assert image.shape == (60, 140, 3)
