"""What `dashplate eval video` and `eval rides` make of truth, of sightings that are right and wrong, and of frames."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest

from dashplate.evaluation.detection.truth import Picture, Selection, load_truth
from dashplate.evaluation.video.clips import ClipChoice, load_clips
from dashplate.evaluation.video.drawing import draw_wrong
from dashplate.evaluation.video.footage import outcome
from dashplate.evaluation.video.rides import load_rides
from dashplate.evaluation.video.scores import row, video_rows
from dashplate.evaluation.video.table import video_csv, video_json, video_notes
from dashplate.evaluation.video.uniques import Outcome, TruePlate, Verdict, judge, unique_found, unique_true
from dashplate.evaluation.video.watching import Models, Pace, Watched, frame_at, look_at_frames
from pipeline.errors import MediaError, UsageError
from pipeline.records import Box, Character, Detection, Image, Observation, Reading, ReadTracklet, Sighting
from pipeline.road import Parts
from tests import media_files

PLATE = Box(100.0, 100.0, 200.0, 125.0)
MODELS = Models(Parts(reader="a-reader"))


def true(text: str, first_s: float = 0.0, last_s: float = 2.0, *, clear: bool = True) -> TruePlate:
    return TruePlate(text, clear, (first_s, first_s), (last_s, last_s))


def seen(time_s: float, box: Box = PLATE) -> Observation:
    return Observation(round(time_s), time_s, box, 0.8)


def sighting(
    text: str, first_s: float = 0.0, last_s: float = 2.0, *, confirmed: bool = True, box: Box = PLATE
) -> Sighting:
    chars = tuple(Character(char, 0.9) for char in text)
    first, last = seen(first_s, box), seen(last_s, box)
    return Sighting(0, text, None, 0.9, chars, (), first, last, first, None, 2, confirmed, ())


def unsure(text: str, confidence: float, time_s: float = 0.0) -> ReadTracklet:
    reading = Reading(text, confidence, tuple(Character(c, 0.9) for c in text), (), None, 1, 1, 0)
    return ReadTracklet(0, 0, seen(time_s), seen(time_s), 1, seen(time_s), None, reading)


@dataclass
class Scene:
    """Footage that somebody has already watched: a grey picture throughout."""

    plates: tuple[TruePlate, ...]
    sightings: tuple[Sighting, ...] = ()
    readings: tuple[ReadTracklet, ...] = ()
    name: str = "scene.mp4"
    #: Boxes of places whose truth nobody knows.
    unknown: list[Box] = field(default_factory=list)

    def watch(self, models: Models) -> Watched:
        return Watched(self.sightings, self.readings, duration_s=10.0, elapsed_s=4.0, frames=100)

    def is_unjudged(self, sighting: Sighting) -> bool:
        return sighting.best.box in self.unknown

    def image_at(self, observation: Observation) -> Image:
        return np.full((240, 320, 3), 90, np.uint8)

    def look_of(self, plate: TruePlate) -> tuple[Image, Box | None, float]:
        return np.full((240, 320, 3), 90, np.uint8), None, plate.first_s[0]

    @property
    def outcome(self) -> Outcome:
        return outcome(self, self.watch(MODELS))


def verdicts(scene: Scene) -> dict[str, str]:
    return {r.found.text: r.verdict.value for r in scene.outcome.reported}


def test_a_text_is_right_folded_a_bonus_or_false() -> None:
    scene = Scene(
        (true("B123XYZ"), true("IF05TAC"), true("B77HRD", clear=False)),
        tuple(map(sighting, ("B123XYZ", "1F05TAC", "B77HRD", "SCHOOL7"))),
    )
    assert verdicts(scene) == {"B123XYZ": "exact", "1F05TAC": "folded", "B77HRD": "bonus", "SCHOOL7": "false"}
    total = row("all", [scene.outcome])
    assert (total.plates, total.exact, total.folded, total.bonus, total.false_confirmed) == (2, 1, 2, 1, 1)
    assert total.precision == pytest.approx(1 / 3)
    assert total.recall == pytest.approx(1 / 2)
    assert total.f1 == pytest.approx(2 / 5)
    assert total.f1_folded == pytest.approx(4 / 5)


def test_a_hard_plate_read_wrong_is_false_and_missed_it_is_nothing() -> None:
    hard = true("YP61NEU", clear=False)
    assert verdicts(Scene((hard,), (sighting("YP61NEL"),))) == {"YP61NEL": "unjudged"}, "its truth is no surer"
    assert verdicts(Scene((hard,), (sighting("YP6INFL"),))) == {"YP6INFL": "false"}
    nothing = row("all", [Scene((hard,)).outcome])
    assert (nothing.plates, nothing.recall, nothing.f1, nothing.character_error) == (0, None, None, None)


def test_false_texts_count_apart_when_only_one_crop_says_so() -> None:
    scene = Scene((), (sighting("AAA111"), sighting("BBB222", confirmed=False), sighting("CCC333", confirmed=False)))
    total = row("all", [scene.outcome])
    assert (total.false_confirmed, total.false_single) == (1, 2)
    assert (total.precision, total.recall, total.f1) == (0.0, None, 0.0)


def test_a_vehicle_that_passes_twice_is_one_plate() -> None:
    scene = Scene(
        unique_true([true("B123XYZ", 1, 2), true("B123XYZ", 30, 32)]),
        (sighting("B123XYZ", 1.5, 2, confirmed=False), sighting("B123XYZ", 30, 31)),
    )
    (asked,) = scene.outcome.asked
    assert asked.found is not None
    assert asked.found.confirmed
    assert (asked.first_error_s, asked.last_error_s) == (0.5, 1.0)
    assert row("all", [scene.outcome]).f1 == 1.0


def test_a_second_text_that_folds_onto_a_plate_already_read_is_false() -> None:
    scene = Scene((true("B05OOO"),), (sighting("B05OOO"), sighting("B050OO")))
    assert verdicts(scene) == {"B05OOO": "exact", "B050OO": "false"}


def test_time_stamps_are_right_from_first_seen_to_first_legible() -> None:
    faint = [true("B123XYZ", time_s, time_s, clear=False) for time_s in (3, 9)]
    plates = unique_true([faint[0], true("B123XYZ", 5, 6), faint[1]])
    assert plates == (TruePlate("B123XYZ", True, (3, 5), (6, 9)),)

    def errors(first_s: float, last_s: float) -> tuple[float | None, float | None]:
        (asked,) = Scene(plates, (sighting("B123XYZ", first_s, last_s),)).outcome.asked
        return asked.first_error_s, asked.last_error_s

    assert errors(4, 7) == (0, 0)
    assert errors(2, 10) == (1, 1)
    assert errors(5.5, 5.75) == (0.5, 0.25)


def test_errors_of_time_are_of_plates_that_were_read() -> None:
    scene = Scene(
        (true("AAA111", 0, 2), true("BBB222", 4, 6), true("CCC333", 8, 9)),
        (sighting("AAA111", 1, 2), sighting("BBB222", 4, 9), sighting("CCC334", 8, 9)),
    )
    total = row("all", [scene.outcome])
    assert (total.first_mean_s, total.first_max_s) == (0.5, 1.0)
    assert (total.last_mean_s, total.last_max_s) == (1.5, 3.0)
    assert (total.times_real_time, total.frames_per_s) == (2.5, 25.0)


def test_character_error_is_of_the_nearest_text_in_text_and_time() -> None:
    plates = (true("AAA111", 0, 2), true("BBB222", 10, 12))
    near = Scene(plates, (sighting("AAA117", 0, 2), sighting("AAA177", 0, 2), sighting("BBB299", 30, 31)))
    misread, missed = near.outcome.asked
    assert misread.found is not None
    assert (misread.found.text, misread.characters_wrong) == ("AAA117", 1)
    assert (missed.found, missed.characters_wrong) == (None, 6)
    assert row("all", [near.outcome]).character_error == pytest.approx(7 / 12)


def test_one_text_misreads_one_plate_only() -> None:
    scene = Scene((true("AAA111"), true("AAA112")), (sighting("AAA113"),))
    assert sum(a.found is not None for a in scene.outcome.asked) == 1


def test_a_text_that_is_right_is_no_misreading_of_its_neighbour() -> None:
    scene = Scene((true("AAA111"), true("AAA112")), (sighting("AAA111"),))
    assert [a.characters_wrong for a in scene.outcome.asked] == [0, 6]


def test_a_missed_plate_tells_what_was_too_unsure_to_report() -> None:
    scene = Scene((true("B111TXS"),), readings=(unsure("B111TXS", 0.45), unsure("B111TX5", 0.6), unsure("ZZ", 0.9)))
    (asked,) = scene.outcome.asked
    assert asked.unreported is not None
    assert asked.unreported.reading.text == "B111TXS"
    (line,) = csv.DictReader(io.StringIO(video_csv([scene.outcome])))
    assert (line["verdict"], line["unreported_text"], line["unreported_confidence"]) == ("missed", "B111TXS", "0.450")


def test_places_of_unknown_truth_excuse_a_text_only_if_all_its_sightings_lie_there() -> None:
    elsewhere = Box(0, 0, 50, 12)
    once = Scene((), (sighting("ABC123"),), unknown=[PLATE])
    twice = Scene((), (sighting("ABC123"), sighting("ABC123", box=elsewhere)), unknown=[PLATE])
    assert (verdicts(once), verdicts(twice)) == ({"ABC123": "unjudged"}, {"ABC123": "false"})
    assert row("all", [once.outcome]).precision is None


def test_rows_are_the_clips_and_their_total() -> None:
    outcomes = [
        Scene((true("AAA111"),), (sighting("AAA111"),), name="a.mp4").outcome,
        Scene((true("BBB222"),), name="b.mp4").outcome,
    ]
    assert [(r.name, r.recall) for r in video_rows(outcomes)] == [("a.mp4", 1.0), ("b.mp4", 0.0), ("total", 0.5)]
    assert [r.name for r in video_rows(outcomes[:1])] == ["a.mp4"]


def test_files_and_notes_say_what_the_table_says() -> None:
    scene = Scene((true("AAA111"), true("CCC333", 5, 6)), (sighting("AAA111"), sighting("BBB222", confirmed=False)))
    rows, outcomes = video_rows([scene.outcome]), [scene.outcome]
    lines = list(csv.DictReader(io.StringIO(video_csv(outcomes))))
    assert [(line["verdict"], line["plate_text"], line["reported_text"]) for line in lines] == [
        ("exact", "AAA111", "AAA111"),
        ("missed", "CCC333", ""),
        ("false", "", "BBB222"),
    ]
    whole = json.loads(video_json(rows, outcomes, MODELS))
    assert (whole["reader"], whole["rows"][0]["f1"], len(whole["plates"])) == ("a-reader", 0.5, 3)
    notes = "\n".join(video_notes(rows, MODELS, ["other.mp4"]))
    assert "a-reader" in notes
    assert "other.mp4; the CSV does not name it. --others-empty" in notes


def test_what_is_wrong_is_drawn_and_old_drawings_go(tmp_path: Path) -> None:
    scene = Scene((true("AAA111"), true("BBB222")), (sighting("AAA113"), sighting("BBB222")))
    (tmp_path / "missed_0009_OLD.jpg").write_text("old")
    (tmp_path / "mine.jpg").write_text("mine")
    assert draw_wrong(tmp_path, [(scene, scene.outcome)]) == {"missed": 1, "false": 1}
    assert {path.name for path in tmp_path.iterdir()} == {
        "mine.jpg", "missed_0001_AAA111_scene.jpg", "false_0001_AAA113_scene.jpg",
        "sheet_missed_01.jpg", "sheet_false_01.jpg",
    }  # fmt: skip


def test_a_false_text_beside_a_clear_plate_of_another_name_takes_nothing_from_it() -> None:
    asked, reported = judge([true("AAA111")], unique_found([sighting("AAA111"), sighting("AAA112")]))
    assert [a.verdict for a in asked] == [Verdict.EXACT]
    assert [r.verdict for r in reported] == [Verdict.EXACT, Verdict.FALSE]


# The truth of videos.


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """A folder with two clips, and none of the truth."""
    for name in ("a.mp4", "b.mp4"):
        media_files.single_frame(tmp_path).rename(tmp_path / name)
    return tmp_path


def write_truth(folder: Path, *lines: str, columns: str = "video,plate_text,first_s,last_s,legibility") -> Path:
    file = folder / "truth.csv"
    file.write_text("\n".join([columns, *lines]) + "\n", encoding="utf-8")
    return file


def test_clips_come_with_their_plates_and_others_are_named(videos: Path) -> None:
    truth = write_truth(videos, "a.mp4,ab 12-cd,0,2.5,clear", "a.mp4,XX99,1,2,hard")
    (clip,), left_out = load_clips(truth, ClipChoice())
    assert [(p.text, p.clear, p.first_s, p.last_s) for p in clip.plates] == [
        ("AB12CD", True, (0, 0), (2.5, 2.5)),
        ("XX99", False, (1, 1), (2, 2)),
    ]
    assert left_out == ["b.mp4"]


@pytest.mark.parametrize(
    ("second_line", "plateless", "others"), [("b.mp4,,,,", (), False), ("", ("b.mp4",), False), ("", (), True)]
)
def test_videos_without_plates_are_asked_for_three_ways(
    videos: Path, second_line: str, plateless: tuple[str, ...], others: bool
) -> None:
    truth = write_truth(videos, "a.mp4,AB12,0,2,clear", *filter(None, [second_line]))
    choice = ClipChoice(plateless=tuple(videos / name for name in plateless), others_plateless=others)
    clips, left_out = load_clips(truth, choice)
    assert [(clip.name, len(clip.plates)) for clip in clips] == [("a.mp4", 1), ("b.mp4", 0)]
    assert left_out == []


def test_without_legibility_every_plate_is_clear(videos: Path) -> None:
    truth = write_truth(videos, "a.mp4,AB12,0,2", columns="video,plate_text,first_s,last_s")
    assert load_clips(truth, ClipChoice())[0][0].plates[0].clear


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("gone.mp4,AB12,0,2,clear", "Not there: gone.mp4; --videos names"),
        ("a.mp4,AB12,soon,2,clear", "line 2: first_s and last_s have to be seconds"),
        ("a.mp4,AB12,3,2,clear", "0 ≤ first_s ≤ last_s"),
        ("a.mp4,AB12,0,nan,clear", "0 ≤ first_s ≤ last_s"),
        ("a.mp4,--,0,2,clear", "a text is needed"),
        (",AB12,0,2,clear", "line 2: no video is named"),
        ("", "names no video"),
        ("still.png,AB12,0,2,clear", "is a photograph"),
    ],
)
def test_truth_that_cannot_be_used_costs_a_sentence(videos: Path, line: str, sentence: str) -> None:
    cv2.imwrite(str(videos / "still.png"), np.full((40, 60, 3), 90, np.uint8))
    with pytest.raises(UsageError, match=sentence):
        load_clips(write_truth(videos, *([line] if line else [])), ClipChoice())


def test_a_plateless_video_must_have_no_plates_and_a_broken_one_is_told_before_all_others(videos: Path) -> None:
    truth = write_truth(videos, "a.mp4,AB12,0,2,clear")
    with pytest.raises(UsageError, match=r"a\.mp4 has plates"):
        load_clips(truth, ClipChoice(plateless=(videos / "a.mp4",)))
    (videos / "b.mp4").write_bytes(b"")
    with pytest.raises(MediaError):
        load_clips(truth, ClipChoice(others_plateless=True))
    with pytest.raises(UsageError, match="no column first_s"):
        load_clips(write_truth(videos, "a.mp4,AB12", columns="video,plate_text"), ClipChoice())


def test_the_frame_of_a_time_is_the_one_shown_then(tmp_path: Path) -> None:
    path = media_files.variable_rate(tmp_path)
    frames = [frame_at(path, time_s) for time_s in (0.0, 0.5, 99.0)]
    assert frames[0].time_s == 0.0
    assert 0.0 < frames[1].time_s <= 0.5
    assert frames[2].time_s > frames[1].time_s


# Rides kept as pictures.


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
