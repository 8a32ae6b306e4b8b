"""Fusion's rivals, crops made bad on purpose, and the table that compares them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from evaluation.detection.truth import Picture
from evaluation.rivals.degrade import harmed
from evaluation.rivals.material import GROUP_CROPS, groups_of_ride, read_crops
from evaluation.rivals.methods import (
    FUSION,
    Evidence,
    Said,
    best_crop,
    character_vote,
    fusion_methods,
    greedy,
    majority,
)
from evaluation.rivals.table import Answered, method_rows, rivals_csv, rivals_notes, rivals_table
from evaluation.video.processing import Models
from evaluation.video.rides import load_rides
from pipeline.crops.select import cut
from pipeline.formats import load_formats
from pipeline.formats.alphabet import BLANK, CLASS_OF, CLASSES, OTHER, Posterior
from pipeline.records import Box, Crop, Detection, Image, Observation
from pipeline.run import ModelConfig

MODELS = Models(ModelConfig(reader="a-reader"))


def matrix(*steps: tuple[str | int, float]) -> Posterior:
    """A step for each character, or class, with its probability; the rest is spread evenly."""
    rows = []
    for what, probability in steps:
        row = np.full(CLASSES, (1 - probability) / (CLASSES - 1), np.float32)
        row[CLASS_OF[what] if isinstance(what, str) else what] = probability
        rows.append(row)
    return np.array(rows, np.float32)


def spelled(text: str, confidence: float = 0.9) -> Posterior:
    """A blank after each character, as a trained network has it."""
    return matrix(*(step for char in text for step in ((char, confidence), (BLANK, 0.95))))


def said(text: str, confidence: float = 0.5) -> Said:
    return Said(text, (confidence,) * len(text))


def test_greedy_joins_repeats_and_leaves_out_blanks_and_junk() -> None:
    read = greedy(matrix(("A", 0.6), ("A", 0.8), (BLANK, 0.9), ("A", 0.7), (OTHER, 0.9), ("1", 0.5)))
    assert read.text == "AA1"
    assert read.confidences == pytest.approx((0.8, 0.7, 0.5))
    assert greedy(matrix((BLANK, 0.9))) == Said("", ())


def test_the_best_crop_is_the_best_that_says_anything() -> None:
    crops = [said("AB1"), said(""), said("AB2")]
    assert best_crop(crops, [0.2, 0.9, 0.3]) == "AB2"
    assert best_crop([said("")], [1.0]) == ""


def test_the_majority_counts_first_and_sums_confidence_then() -> None:
    assert majority([said("AB1", 0.4), said("AB1", 0.4), said("AB2", 0.9)]) == "AB1"
    assert majority([said("AB1", 0.4), said("AB2", 0.9)]) == "AB2"
    assert majority([said(""), said(""), said("AB2", 0.1)]) == "AB2"
    assert majority([]) == ""


def test_characters_are_voted_among_crops_of_the_commonest_length() -> None:
    right = [Said("AB1", (0.9, 0.3, 0.9)), Said("A81", (0.9, 0.4, 0.9)), Said("AB7", (0.9, 0.3, 0.4))]
    assert character_vote([*right, said("AAAA", 0.99), said("")]) == "AB1"
    assert character_vote([said("AB1", 0.4), said("AB12", 0.9)]) == "AB12"
    assert character_vote([said("")]) == ""


def test_fusion_finds_what_no_crop_says_alone_and_voters_do_not() -> None:
    # Two crops, each surely wrong in another place, and each with the truth as second choice there.
    def doubted(text: str, place: int, wrong: str, sure: float) -> Posterior:
        whole = spelled(text, 0.97)
        whole[2 * place] = matrix((wrong, sure))[0]
        whole[2 * place, CLASS_OF[text[place]]] = 1 - sure
        return whole

    evidence = Evidence((doubted("KLM4", 0, "T", 0.55), doubted("KLM4", 1, "W", 0.55)), (1.0, 1.0))
    answers = {name: method(evidence) for name, method in fusion_methods(load_formats(None)).items()}
    assert {answers["best crop"], answers["majority"]} <= {"TLM4", "KWM4"}
    assert answers["fusion, no formats"] == "KLM4"


def test_all_ways_agree_where_all_crops_do_and_are_silent_where_they_are() -> None:
    methods = fusion_methods(load_formats(None))
    assert list(methods)[-1] == FUSION
    clear = Evidence((spelled("B123XYZ"), spelled("B123XYZ")), (0.5, 0.6))
    assert {method(clear) for method in methods.values()} == {"B123XYZ"}
    blank = Evidence((matrix((BLANK, 0.999)),), (0.5,))
    assert all(len(method(blank)) <= 1 for method in methods.values())


def test_formats_alone_mend_the_best_crop() -> None:
    confused = spelled("IF14UPS")
    confused[4] = matrix(("I", 0.5))[0]
    confused[4, CLASS_OF["1"]] = 0.45
    methods = fusion_methods(load_formats(("RO",)))
    evidence = Evidence((confused,), (1.0,))
    assert (methods["best crop"](evidence), methods["best crop, formats"](evidence)) == ("IFI4UPS", "IF14UPS")


# Crops made bad.


def crop() -> Crop:
    frame = np.full((120, 320, 3), 70, np.uint8)
    cv2.rectangle(frame, (100, 40), (219, 69), (235, 235, 235), -1)
    cv2.putText(frame, "B123XYZ", (104, 63), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (10, 10, 10), 2)
    found = cut(frame, Observation(0, 0.0, Box(100.0, 40.0, 220.0, 70.0), 0.9))
    assert found is not None
    return found


def test_harm_depends_on_the_seed_alone() -> None:
    first, again, other = (harmed(crop(), np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert first.quality == again.quality
    assert np.array_equal(first.image, again.image)
    assert first.image.shape != other.image.shape or not np.array_equal(first.image, other.image)


def test_harmed_crops_are_valid_and_worse() -> None:
    whole = crop()
    bad = [harmed(whole, np.random.default_rng(seed)) for seed in range(20)]
    for each in bad:
        height, width = each.image.shape[:2]
        assert each.image.dtype == np.uint8
        assert 0 <= each.plate.x1 < each.plate.x2 <= width
        assert 0 <= each.plate.y1 < each.plate.y2 <= height
        assert each.plate.width >= 27
        assert each.plate.width / each.plate.height == pytest.approx(4.0, rel=0.15)
    assert np.mean([each.quality for each in bad]) < whole.quality
    assert np.mean([each.image.mean() for each in bad]) < whole.image.mean()


# Groups of a ride's crops.


class Lines:
    """A recogniser that notes what it is given and says the same of everything."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def probabilities(self, images: Sequence[Image], min_width_px: int = 96) -> list[Posterior]:
        self.shapes += [image.shape for image in images]
        return [spelled("AB1") for _ in images]


def test_square_plates_are_read_in_two_rows() -> None:
    long, square = crop(), crop()
    square = Crop(square.observation, Box(30.0, 5.0, 70.0, 35.0), square.quality, square.image)
    reader = Lines()
    assert [m.shape[0] for m in read_crops([long, long], reader).matrices] == [6, 6]
    assert [m.shape[0] for m in read_crops([square], reader).matrices] == [13]
    assert len(reader.shapes) == 2 + 2


class Plates:
    """A detector that sees a plate at a given place, and another that nobody labelled."""

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        return [[Detection(Box(100, 40, 220, 70), 0.9), Detection(Box(10, 90, 90, 110), 0.9)] for _ in images]


def test_a_rides_crops_of_one_plate_are_grouped_by_passing(tmp_path: Path) -> None:
    numbers = (1, 2, 3, 4, 5, 6, 60, 61, 200)
    pictures = []
    for number in numbers:
        path = tmp_path / f"r_{number}.png"
        cv2.imwrite(str(path), np.full((120, 320, 3), 90, np.uint8))
        plate = np.array([[100, 40, 220, 70]], np.float32)
        pictures.append(Picture(path.name, path, plate, ("clear",), np.zeros((0, 4), np.float32), True, ("AAA111",)))
    (ride,) = load_rides(pictures, 1.0)
    groups = list(groups_of_ride(ride, Plates()))
    times = [[c.observation.time_s + 1 for c in group.crops] for group in groups]
    assert times == [[1, 2, 3], [4, 5, 6], [60, 61]]
    assert {group.texts for group in groups} == {("AAA111",)}
    assert len(groups[0].crops) == GROUP_CROPS


# The table.


def answered(text: str, **answers: str) -> Answered:
    return Answered(text, "ride", 0.0, 3, {**{"majority": text, FUSION: text}, **answers})


def test_wins_and_losses_are_paired_and_folding_counts_apart() -> None:
    rows = method_rows([
        answered("AAA111"),
        answered("BBB222", majority="BBB223"),
        answered("CCC333", fusion="CCC338"),
        answered("DDD444", majority="DDD445"),
        answered("EEE001", majority="EEEO01", fusion="EEE0O1"),
    ])  # fmt: skip
    voters, fusion = rows
    assert (voters.exact, voters.folded, voters.wins, voters.losses) == (2, 3, 1, 2)
    assert (fusion.exact, fusion.folded, fusion.wins, fusion.losses) == (3, 4, 0, 0)
    assert voters.lead == pytest.approx(-1 / 5)
    assert voters.lead_from <= voters.lead <= voters.lead_to
    assert voters.character_error == pytest.approx(3 / 30)


def test_the_interval_takes_plates_not_tracklets() -> None:
    many = [answered("AAA111", majority="X")] * 40 + [answered("BBB222")] * 40
    majority_row = method_rows(many)[0]
    # Two plates: a draw has the bad one twice, once, or never.
    assert (majority_row.lead_from, majority_row.lead, majority_row.lead_to) == (-1.0, -0.5, 0.0)


def test_table_notes_and_csv_name_every_way() -> None:
    several = [answered("AAA111"), answered("BBB222", majority="")]
    table = rivals_table(method_rows(several))
    assert table.row_count == 2
    notes = "\n".join(rivals_notes(several, MODELS))
    assert "2 tracklets of 2 plates" in notes
    assert "Fewer than 60 tracklets" in notes
    assert "a-reader" in notes
    lines = list(csv.DictReader(io.StringIO(rivals_csv(several))))
    assert [(line["plate_text"], line["majority"], line[FUSION]) for line in lines] == [
        ("AAA111", "AAA111", "AAA111"),
        ("BBB222", "", "BBB222"),
    ]
