"""`dashplate eval rides`: frames kept as pictures, put together as rides and looked at as videos are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from evaluation.detection.truth import Picture, Selection, load_truth
from evaluation.video.processing import Pace, look_at_frames
from evaluation.video.rides import load_rides
from evaluation.video.uniques import TruePlate
from pipeline.errors import UsageError
from pipeline.records import Box, Detection, Image, Observation, Sighting
from tests.support.evaluation import PLATE, sighting


def picture(folder: Path, name: str, *plates: tuple[Box, str, str], complete: bool = True) -> Picture:
    path = folder / name
    cv2.imwrite(str(path), np.full((240, 320, 3), 90, np.uint8))
    boxes = np.array([box.as_tuple() for box, _, _ in plates], np.float32).reshape(-1, 4)
    words = tuple(word for *_, word in plates)
    texts = tuple(text for _, text, _ in plates)
    return Picture(name, path, boxes, words, np.zeros((0, 4), np.float32), complete, texts)


def test_rides_are_told_apart_and_ordered_by_the_names_numbers(tmp_path: Path) -> None:
    names = ("x_day_001_00010.png", "x_day_001_00009.png", "x_day_002_00003.png", "x_day_001_00110.png")
    rides = load_rides([picture(tmp_path, name) for name in names], fps=10)
    assert [(ride.name, [f.number for f in ride.frames]) for ride in rides] == [
        ("x_day_001", [9, 10, 110]),
        ("x_day_002", [3]),
    ]
    assert [f.time_s for f in rides[0].frames] == pytest.approx([0, 0.1, 10.1])
    assert (rides[0].duration_s, rides[1].duration_s) == (pytest.approx(10.1), 0)
    assert [(f.pts, f.image.shape) for f in rides[0].decoded()] == [(n, (240, 320, 3)) for n in (9, 10, 110)]


def test_a_name_without_number_and_a_frame_twice_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gate\.png is no frame of a ride"):
        load_rides([picture(tmp_path, "gate.png")], 1)
    with pytest.raises(UsageError, match="the same frame"):
        load_rides([picture(tmp_path, "a_1.png"), picture(tmp_path, "a_01.png")], 1)


def test_a_rides_plates_are_its_unique_texts_with_the_times_of_their_frames(tmp_path: Path) -> None:
    (ride,) = load_rides(
        [
            picture(tmp_path, "r_01.png", (PLATE, "AAA111", "blurred_known_from_track")),
            picture(tmp_path, "r_02.png", (PLATE, "AAA111", "clear"), (Box(0, 0, 40, 10), "", "unreadable")),
            picture(tmp_path, "r_05.png", (PLATE, "BBB222", "low_confidence")),
        ],
        1.0,
    )
    assert ride.plates == (TruePlate("AAA111", True, (0, 1), (1, 1)), TruePlate("BBB222", False, (4, 4), (4, 4)))
    _, place, time_s = ride.look_of(ride.plates[0])
    assert (place, time_s) == (PLATE, 1.0)


def test_only_what_lies_on_a_plate_of_known_text_is_judged_where_truth_is_not_whole(tmp_path: Path) -> None:
    untexted, aside = Box(10, 10, 60, 22), Box(250, 200, 300, 212)
    whole = picture(tmp_path, "r_1.png", (PLATE, "AAA111", "clear"), (untexted, "", "untranscribed"))
    part = picture(tmp_path, "r_2.png", (PLATE, "AAA111", "clear"), complete=False)
    (ride,) = load_rides([whole, part], 1.0)

    def unjudged(number: int, box: Box) -> bool:
        at = Observation(number, 0.0, box, 0.9)
        s = sighting("ZZZ999")
        return ride.is_unjudged(Sighting(0, s.text, None, 0.9, (), (), at, at, at, None, 2, True, ()))

    assert [unjudged(1, box) for box in (PLATE, untexted.grown(3, 1), aside)] == [False, True, False]
    assert [unjudged(2, box) for box in (PLATE.grown(4, 2), aside)] == [False, True]


def test_the_shared_csvs_texts_and_ignored_places_reach_the_ride(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    picture(tmp_path / "images", "r_1.png")
    boxes, places = tmp_path / "boxes.csv", tmp_path / "places.csv"
    boxes.write_text("image,x1,y1,x2,y2,plate_text,legibility\nr_1.png,100,100,200,125,b 12-abc,clear\n")
    places.write_text("image,x1,y1,x2,y2,what\nr_1.png,10,10,60,22,plate\n")
    (ride,) = load_rides(load_truth(boxes, None, Selection(), places), 1.0)
    assert [plate.text for plate in ride.plates] == ["B12ABC"]
    assert ride.is_unjudged(sighting("ZZZ999", 1.0, box=Box(10, 10, 60, 22)))


class OnePlate:
    """A detector that sees the same plate on every picture."""

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        return [[Detection(PLATE, 0.8)] for _ in images]


@pytest.mark.parametrize(("fps", "tracklets"), [(1.0, 3), (10.0, 1)])
def test_frames_far_apart_need_no_second_look(tmp_path: Path, fps: float, tracklets: int) -> None:
    (ride,) = load_rides([picture(tmp_path, f"r_{n}.png") for n in (1, 2, 3)], fps)
    found, looked = look_at_frames(ride.decoded(), ride.pace(), OnePlate())
    assert (len(found), looked) == (tracklets, 3)
    assert sum(len(t.observations) for t in found) == 3


def test_overlays_are_masked_as_in_a_video(tmp_path: Path) -> None:
    (ride,) = load_rides([picture(tmp_path, f"r_{n}.png") for n in (1, 2, 3)], 1.0)
    pace = Pace((240, 320, 3), 1.0, 2.0, overlays=(PLATE.grown(5, 5),))
    assert look_at_frames(ride.decoded(), pace, OnePlate())[0] == ()
