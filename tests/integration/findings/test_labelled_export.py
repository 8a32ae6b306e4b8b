"""Fifty corrected crops, exported, measured and trained on, without a hand in between; and sent over HTTP's forms."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree
from zipfile import ZipFile

import cv2
import numpy as np
import pytest
from sqlalchemy import text

from db.engine import session
from db.findings.stage_results import store_frames, store_sightings
from pipeline.crops.select import cut
from pipeline.records import Box, Image, Observation, Tracklet
from store.names import frame_name
from tests.conftest import ROOT
from tests.support.annotations import check_cvat, check_label_studio
from tests.support.command_line.in_process import run_command
from tests.support.database import make_job
from tests.support.road import Road
from tests.support.tables.findings import crops_of, reading, sighting, store_readings, store_tracklets
from training.reader.pictures.drawn import drawn_plate

PLATES = 50
#: One step and some more, in a process of its own: it forks, and this one has loaded the reader's libraries.
TRAINS = """
import sys
from pathlib import Path
from training.reader.pictures.material import training_material
from training.reader.pictures.prepare import Recipe, prepare
from training.reader.schedule import Schedule
from training.reader.train import train
data, work = map(Path, sys.argv[1:])
print(len(training_material(data)["corrected"]))
prepare(data, work / "set", Recipe(samples=64, seed=5))
print(train(work / "set", work / "trained", work / "cache", Schedule(budget_s=0.5, warm_up=0.2, batch=8, threads=1)))
"""


def frames() -> list[tuple[Image, Box, str]]:
    """Pictures of a street, one plate in each, with what it says."""
    made: dict[str, tuple[Image, Box, str]] = {}
    rng = np.random.default_rng(11)
    while len(made) < PLATES:
        plate = drawn_plate(1, rng)
        if not plate.text.isascii() or plate.box.width < 100:
            continue
        image = np.full((360, 640, 3), 90, np.uint8)
        high, wide = plate.image.shape[:2]
        if wide > 600:
            continue
        image[100 : 100 + high, 20 : 20 + wide] = plate.image
        made[plate.text] = (cv2.GaussianBlur(image, (0, 0), 0.6), plate.box.shifted(20, 100), plate.text)  # type: ignore[assignment]
    return list(made.values())


@pytest.fixture
def misread(road: Road) -> tuple[int, dict[int, str]]:
    """A job whose machine read every plate's last character wrong; what each sighting truly says, by its number."""
    job, (video,) = make_job(road.url, 1)
    segment = road.segments(job)[0].id
    seen = []
    for number, (image, box, said) in enumerate(frames()):
        at = Observation(1000 * number, float(number), box, 0.8)
        crop = cut(image, at)
        assert crop is not None
        seen.append((image, Tracklet(number, (at,), (crop,)), said))
    tracklets = [tracklet for _, tracklet, _ in seen]
    crops = road.store.put_crops(job, video, 0, 1, tracklets)
    kept = {
        tracklet.first.pts: road.store.put_image(frame_name(job, video, "a", tracklet.first.pts), image)
        for image, tracklet, _ in seen
    }
    with session(road.url) as db:
        store_tracklets(db, segment, tracklets, crops)
        rows = list(crops_of(db, segment))
        wrong = [said[:-1] + ("A" if said[-1] != "A" else "B") for _, _, said in seen]
        store_readings(db, segment, {row: replace(reading(wrong[at]), best_crop=0) for at, row in enumerate(rows)})
        store_sightings(
            db, video,
            [
                replace(
                    sighting(at, wrong[at]), first=one.first, last=one.first, best=one.first,
                    crop=crops[at, 0].name, tracklets=((0, at),), confirmed=at % 2 == 0,
                )
                for at, one in enumerate(tracklets)
            ],
        )  # fmt: skip
        assert store_frames(db, video, kept) == 0
    with session(road.url) as db:
        numbers = db.scalars(text("SELECT id FROM sightings WHERE video_id = :v ORDER BY index"), {"v": video}).all()
    return job, dict(zip(numbers, (said for _, _, said in seen), strict=True))


def test_fifty_corrections_are_measured_and_trained_on(
    road: Road, misread: tuple[int, dict[int, str]], tmp_path: Path
) -> None:
    job, truth = misread
    out = tmp_path / "corrected"
    run_command("export", job, "--format", "training", "--out", out).assert_refused("Nobody has corrected a sighting")
    for number, said in truth.items():
        assert run_command("correct", number, said).code == 0
    done = run_command("export", job, "--format", "training", "--out", out)
    assert (done.code, done.err) == (0, "")
    with (out / "recognition" / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["image"]: row["plate_text"] for row in rows} == {
        f"{number}.png": said for number, said in truth.items()
    }

    numbers = tmp_path / "numbers.json"
    told = run_command("eval", "reading", out / "recognition" / "labels.csv", "--json", numbers)
    assert told.code == 0, told.err
    whole = json.loads(numbers.read_text())["rows"][0]
    assert whole["plates"] == PLATES
    assert whole["folded"] > 0.5, "the boxes are where the plates are"
    told = run_command("eval", "detection", out / "detection" / "boxes.csv")
    assert told.code == 0, told.err

    argv = [sys.executable, "-c", TRAINS, str(out), str(tmp_path / "work")]
    trained = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert trained.returncode == 0, trained.stderr
    used, *_ = trained.stdout.splitlines()
    assert int(used) == sum(row["split"] == "train" for row in rows) > PLATES / 2
    assert (tmp_path / "work" / "trained" / "last.pt").is_file()


def test_annotation_tools_get_what_is_known(road: Road, misread: tuple[int, dict[int, str]], tmp_path: Path) -> None:
    job, truth = misread
    first, second, *_ = truth
    assert run_command("correct", first, truth[first]).code == 0
    assert run_command("correct", second, "--no-plate").code == 0
    done = run_command("export", job, "--format", "cvat", "--out", tmp_path / "some.zip")
    assert (done.code, done.err) == (0, "")
    with ZipFile(tmp_path / "some.zip") as packed:
        root = ElementTree.fromstring(packed.read("annotations.xml"))
    check_cvat(root)
    assert [box.attrib["label"] for box in root.iter("box")] == ["plate", "no plate"]
    done = run_command("export", job, "--format", "labelstudio", "--confirmed", "--out", tmp_path / "all")
    assert (done.code, done.err) == (0, "")
    tasks = json.loads((tmp_path / "all" / "tasks.json").read_text())
    check_label_studio(tasks, (tmp_path / "all" / "config.xml").read_text())
    # Every other sighting is confirmed, the first of the corrected ones among them.
    assert len(tasks) == PLATES / 2 + 1
    assert sum(bool(task["annotations"]) for task in tasks) == 2
    (asked,) = road.ask("SELECT query, rows FROM audit WHERE action = 'export' ORDER BY id DESC LIMIT 1")
    assert tuple(asked.values()) == (f"job {job} as labelstudio, confirmed too", PLATES / 2 + 1)


def test_what_has_no_picture_any_more_is_left_out_and_told(
    road: Road, misread: tuple[int, dict[int, str]], tmp_path: Path
) -> None:
    job, truth = misread
    first, second, *_ = truth
    for number in (first, second):
        assert run_command("correct", number, truth[number]).code == 0
    (row,) = road.ask("SELECT frame, crop FROM plate_sightings WHERE sighting = :n", n=first)
    road.store.remove(row["frame"])
    done = run_command("export", job, "--format", "yolo", "--out", tmp_path / "yolo")
    assert done.code == 0
    assert "1 sighting left out: no picture of them was kept." in done.err
    assert len(list((tmp_path / "yolo").glob("images/*/*.jpg"))) == 1
    assert run_command("export", job, "--format", "training", "--out", tmp_path / "set").err == "", "its crop is there"


@pytest.mark.usefixtures("plate_key")
def test_a_hashed_job_has_nothing_to_label(road: Road, tmp_path: Path) -> None:
    job, _ = road.run("drive.mp4", hashed=True)
    run_command("export", job, "--format", "cvat", "--out", tmp_path / "a.zip").assert_refused("stores hashes")
    assert not (tmp_path / "a.zip").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--format", "cvat"), "name a folder or a .zip with --out"),
        (("--format", "training", "--append", "--out", "a"), "Nothing can be added to training"),
        (("--confirmed",), "--confirmed chooses what is labelled"),
    ],
)
def test_what_cannot_be_meant_is_refused(words: tuple[str, ...], sentence: str) -> None:
    run_command("export", "1", *words).assert_refused(sentence)
