"""The debug folder: a picture of every stage of a real video, and the same results as without it."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from dashplate.commands.pictures.debug import debug_video
from output.stages import CropStages, detections_picture, reading_sheet, told, tracks_picture
from pipeline.job_options import JobOptions
from pipeline.records import Box, Candidate, Character, Crop, Detection, Observation, Reading
from synthesis.drive import render_drive
from workers.settings import Settings, using

READING = Reading(
    "AB12CDE", 0.97, tuple(Character(c, 0.99) for c in "AB12CDE"), (Candidate("A812CDE", 0.02),), "GB", 1, 1, 0
)


def test_pictures_show_what_was_found_and_leave_the_frame_alone() -> None:
    frame = np.full((360, 640, 3), 90, np.uint8)
    box = Box(100, 100, 200, 130)
    raw = detections_picture(
        frame, [Detection(box, 0.8), Detection(box.shifted(200, 0), 0.2)], [Box(0, 0, 90, 20)], 0.3
    )
    followed = tracks_picture(
        frame, {0: Observation(0, 0.0, box, 0.8), 1: Observation(0, 0.0, box.shifted(200, 0), 0.8)}
    )
    assert (frame == 90).all()
    assert (raw[100, 150] != raw[100, 350]).any(), "sure and unsure boxes have colours of their own"
    assert (followed[100, 150] != followed[100, 350]).any(), "so have tracklets"
    assert (raw[0, :90] != 90).any(), "and what is ignored is shown"


def test_a_sheet_has_a_row_for_each_crop_whatever_its_size() -> None:
    observation = Observation(0, 0.0, Box(0, 0, 100, 25), 0.9)
    crops = [
        CropStages(Crop(observation, Box(5, 5, 20, 10), 0.5, picture), picture, reading)
        for picture, reading in (
            (np.full((30, 900, 3), 50, np.uint8), READING), (np.full((90, 20, 3), 50, np.uint8), None),
        )
    ]  # fmt: skip
    sheet = reading_sheet("tracklet 1", crops, READING)
    assert (sheet == 50).all(axis=2).any(axis=1).sum() > 100
    assert told(None) == "nothing legible"
    assert reading_sheet("nothing", [], None).shape[1] == sheet.shape[1]


def test_every_stage_of_a_drive_is_in_the_folder(tmp_path: Path) -> None:
    video = tmp_path / "drive.mp4"
    drive = render_drive(video, seed=7, duration_s=3.0, plates=1)
    folder = tmp_path / "stages"
    with using(Settings(data_dir=tmp_path / "data")):
        debug_video(str(video), folder, JobOptions(), 0.0, None)
    said = json.loads((folder / "stages.json").read_text("utf-8"))
    texts = {one["text"] for one in said["sightings"]}
    assert texts == {plate.text for plate in drive.legible}
    found = {path.name: sorted(path.rglob("*.*")) for path in folder.iterdir() if path.is_dir()}
    assert set(found) == {"1-detections", "2-tracks", "3-crops", "4-plates", "5-readings"}
    most = sum(one["seen"] for one in said["tracklets"])
    assert max(one["seen"] for one in said["tracklets"]) <= len(found["2-tracks"]) <= most, "one for each frame"
    assert {path.name for path in found["2-tracks"]} <= {path.name for path in found["1-detections"]}
    crops = sum(len(one["crops"]) for one in said["tracklets"])
    assert len(found["3-crops"]) == len(found["4-plates"]) == crops > 0
    assert len(found["5-readings"]) == len(said["tracklets"])
    for path in (found["1-detections"][0], found["5-readings"][0]):
        assert cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR) is not None
    own = [crop["reading"]["text"] for one in said["tracklets"] for crop in one["crops"] if crop["reading"]]
    assert texts & set(own), "single crops say it too"
