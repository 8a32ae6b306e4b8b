"""Drawn plates and drives: the truth must be true, and the same every time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from synthesis.drawing.patterns import PATTERNS, plain, written
from synthesis.drawing.plates import PX_PER_MM, STYLES, random_plate
from synthesis.drive import read_truth, render_drive
from synthesis.scene import DriveSpec
from synthesis.score import score
from synthesis.truth import TruePlate, true_boxes, true_plates

SHORT = DriveSpec(seed=3, duration_s=10.0, fps=30, width=1280, height=720, plates=4)


@pytest.mark.parametrize("numbering", PATTERNS)
def test_numbers_follow_their_countrys_pattern(numbering: str) -> None:
    rng = np.random.default_rng(5)
    for _ in range(100):
        assert PATTERNS[numbering][1].fullmatch(plain(written(numbering, rng)))


@pytest.mark.parametrize("name", STYLES)
def test_plates_have_their_true_proportions_and_visible_ink(name: str) -> None:
    style = STYLES[name]
    plate = random_plate(style, np.random.default_rng(2))
    assert plate.image.shape == (round(style.height_mm * PX_PER_MM), round(style.width_mm * PX_PER_MM), 3)
    paper_and_ink = np.percentile(plate.image.mean(axis=2), [2, 98])
    assert paper_and_ink[1] - paper_and_ink[0] > 80


def test_same_seed_same_plate_to_the_pixel() -> None:
    first, second = (random_plate(STYLES["DE"], np.random.default_rng(9)) for _ in range(2))
    assert first.text == second.text
    assert np.array_equal(first.image, second.image)


def test_every_plate_of_an_unhurried_drive_gets_legible() -> None:
    plates = true_plates(SHORT, true_boxes(SHORT))
    assert len({plate.text for plate in plates}) == SHORT.plates
    assert all(plate.legible for plate in plates)


def test_truth_is_the_same_for_a_seed_and_another_for_another() -> None:
    short = replace(SHORT, duration_s=4.0, plates=2)
    boxes = true_boxes(short)
    assert boxes == true_boxes(short)
    assert {box.text for box in boxes}.isdisjoint(box.text for box in true_boxes(replace(short, seed=4)))


def test_true_boxes_lie_inside_the_frame() -> None:
    boxes = true_boxes(SHORT)
    assert boxes
    for box in boxes:
        assert 0 <= box.x1 < box.x2 <= SHORT.width
        assert 0 <= box.y1 < box.y2 <= SHORT.height


def test_a_second_of_drive_decodes_to_thirty_frames_and_its_truth_reads_back(tmp_path: Path) -> None:
    done: list[float] = []
    drive = render_drive(tmp_path / "drive.mp4", duration_s=1.0, plates=1, progress=done.append)
    with av.open(str(drive.video)) as container:
        frames = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    assert len(frames) == 30
    assert frames[0].shape == (720, 1280, 3)
    assert done[-1] == 1.0
    kept = read_truth(tmp_path / "drive.truth.csv")
    assert [plate.text for plate in kept] == [plate.text for plate in drive.truth]
    assert (tmp_path / "drive.boxes.csv").read_text().startswith("frame,time_s,plate_text,x1,y1,x2,y2")


def test_score_asks_only_for_legible_plates() -> None:
    seen = TruePlate("AB12CDE", "GB", 0.0, 2.0, 1.0, 2.0, 120.0)
    missed = replace(seen, text="BAK1234")
    far = replace(seen, text="CJ12XYZ", legible_first_s=None, legible_last_s=None)
    result = score([seen, missed, far], [("AB12 CDE", 0, 1), ("CJ12XYZ", 0, 1), ("CAFE24", 3, 4)])
    assert result.true == ("AB12CDE", "BAK1234")
    assert result.found == ("AB12CDE",)
    assert result.missed == ("BAK1234",)
    assert result.false == ("CAFE24",)
