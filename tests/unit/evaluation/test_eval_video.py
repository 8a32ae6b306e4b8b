"""What `dashplate eval video` and `eval rides` make of sightings that are right and wrong."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from evaluation.video.drawing import draw_wrong
from evaluation.video.footage import outcome
from evaluation.video.processing import Models, Processed
from evaluation.video.scores import row, video_rows
from evaluation.video.table import video_csv, video_json, video_notes
from evaluation.video.uniques import Outcome, TruePlate, Verdict, judge, unique_found, unique_true
from pipeline.records import Box, Character, Image, Observation, Reading, ReadTracklet, Sighting
from pipeline.run import ModelConfig
from tests.support.evaluation import PLATE, seen, sighting

MODELS = Models(ModelConfig(reader="a-reader"))


def true(text: str, first_s: float = 0.0, last_s: float = 2.0, *, clear: bool = True) -> TruePlate:
    return TruePlate(text, clear, (first_s, first_s), (last_s, last_s))


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

    def process(self, models: Models) -> Processed:
        return Processed(self.sightings, self.readings, duration_s=10.0, elapsed_s=4.0, frames=100)

    def is_unjudged(self, sighting: Sighting) -> bool:
        return sighting.best.box in self.unknown

    def image_at(self, observation: Observation) -> Image:
        return np.full((240, 320, 3), 90, np.uint8)

    def look_of(self, plate: TruePlate) -> tuple[Image, Box | None, float]:
        return np.full((240, 320, 3), 90, np.uint8), None, plate.first_s[0]

    @property
    def outcome(self) -> Outcome:
        return outcome(self, self.process(MODELS))


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
