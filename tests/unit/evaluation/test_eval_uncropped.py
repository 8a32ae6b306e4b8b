"""What `dashplate eval stills` makes of texts that are read of a whole picture, without a detector."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from evaluation.detection.look import Look
from evaluation.stills.run import judge_all
from evaluation.stills.scores import JudgedStill, table_rows
from evaluation.stills.table import as_json, notes, places_csv, stills_table
from evaluation.stills.truth import KnownPlate, Still, load_stills
from evaluation.stills.uncropped import WHOLE, judge_whole
from evaluation.whole_image_ocr import SeenText
from pipeline.detection.yolo import Detector, DetectorOptions
from pipeline.records import Box, Detection, Image
from tests.support.evaluation import ALL, ELSEWHERE, LEFT, RIGHT, judged, known, row_of, write_truth


def seen(text: str, box: Box, confidence: float = 0.9) -> SeenText:
    return SeenText(text, box, confidence)


def read_whole(plates: list[KnownPlate], texts: list[SeenText], complete: bool = True) -> JudgedStill:
    return judge_whole(Still("a.png", Path("a.png"), tuple(plates), complete), texts, 7.0)


def false_texts(one: JudgedStill) -> list[str]:
    return [place.reading.text for place in one.false if place.reading]


class Blind(Look):
    """Finds nothing, and loads no network."""

    def detector(self, threshold: float) -> Detector:
        return NothingFound()


class NothingFound:
    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        return [[] for _ in images]


class TellsTheSame:
    """Reads the same texts in every picture."""

    def __init__(self, *texts: SeenText) -> None:
        self.texts = texts

    def read(self, image: Image) -> Sequence[SeenText]:
        return self.texts


#: Two rows of a plate without a box, and the box of a plate around both.
UPPER, LOWER, TWO_ROWS = Box(120, 100, 160, 120), Box(110, 124, 170, 144), Box(105, 95, 175, 150)


def test_what_is_read_of_a_whole_picture_by_hand() -> None:
    one = read_whole(
        [known("AM8123"), known("CO345")],
        [seen("AM 81·23", LEFT), seen("C0-345", RIGHT), seen("lidos", ELSEWHERE), seen("VN", ELSEWHERE.shifted(90, 0))],
    )
    row = row_of(one)
    assert (row.exact, row.folded, row.false, row.ms_per_picture) == (0.5, 1.0, 1, 7.0)
    assert false_texts(one) == ["LIDOS"], "VN is too short for a plate"
    assert row.precision == pytest.approx(2 / 3)


@pytest.mark.parametrize("box", [None, TWO_ROWS])
def test_a_plate_of_two_rows_may_be_two_texts(box: Box | None) -> None:
    one = read_whole([known("BABYBOY1", box)], [seen("BOY 1", LOWER), seen("SALE50", LEFT), seen("BABY", UPPER)])
    assert (row_of(one).exact, false_texts(one)) == (1.0, ["SALE50"])
    assert one.answers[0].place is not None
    assert one.answers[0].place.detection.box == Box(110, 100, 170, 144)


@pytest.mark.parametrize(
    ("upper", "lower"),
    [(UPPER.shifted(0, -40), LOWER), (UPPER.shifted(60, 0), LOWER), (LOWER, UPPER), (UPPER, UPPER.shifted(5, 3))],
)
def test_texts_that_do_not_stand_one_right_above_the_other_are_not_joined(upper: Box, lower: Box) -> None:
    one = read_whole([known("AB1234")], [seen("AB", upper), seen("1234", lower)])
    assert one.answers[0].said == "1234"


def test_texts_are_joined_only_where_that_comes_nearer_to_a_plate() -> None:
    one = read_whole([known("BABY")], [seen("BABY", UPPER), seen("SALE", LOWER)])
    assert (row_of(one).exact, false_texts(one)) == (1.0, ["SALE"])
    misread = read_whole([known("AB1234")], [seen("AB", UPPER), seen("1Z34", LOWER)])
    assert (misread.answers[0].said, misread.false) == ("AB1Z34", ())


def test_a_text_explains_one_plate_and_a_plate_one_text() -> None:
    twice = read_whole([known("AB12", LEFT), known("AB12", RIGHT)], [seen("AB12", LEFT)])
    assert row_of(twice).exact == 0.5
    elsewhere = read_whole([known("AB12", LEFT)], [seen("AB12", ELSEWHERE)])
    assert (row_of(elsewhere).found, row_of(elsewhere).exact, elsewhere.false) == (0.0, 0.0, ())
    state = Box(30, 20, 70, 26)
    framed = read_whole([known("AB12", LEFT)], [seen("TEXAS", state), seen("A812", Box(25, 28, 75, 38))])
    assert framed.answers[0].said == "A812", "the text on the plate that is nearest to its own"
    assert false_texts(framed) == ["TEXAS"]


def test_texts_on_plates_that_do_not_count_and_of_unknown_plates_are_not_false() -> None:
    uncounted = [known("", LEFT, counts=False), known("XY99", RIGHT, counts=False)]
    texts = [seen("TEXAS", Box(30, 20, 70, 24)), seen("AB12", Box(25, 28, 75, 38)), seen("XX99", RIGHT)]
    row = row_of(read_whole(uncounted, texts))
    assert (row.plates, row.false, row.exact) == (0, 0, None)
    unknown = read_whole([known("", counts=False)], [seen("XW551", LEFT, 0.8), seen("POLICE", RIGHT, 0.7)])
    assert false_texts(unknown) == ["POLICE"], "the surer one is explained"


def test_no_text_is_false_where_more_plates_may_be_visible() -> None:
    row = row_of(read_whole([known("AB12", LEFT)], [seen("SALE50", ELSEWHERE)], complete=False))
    assert (row.false, row.upper_bound) == (0, True)


def test_whole_pictures_have_rows_beside_the_readers(tmp_path: Path) -> None:
    stills = load_stills(write_truth(tmp_path, "image,plate_text\na.png,AB12\nb.png,CD34\n"), None, ALL)
    look = Blind(DetectorOptions(tmp_path))
    some = judge_all(stills, look, {}, TellsTheSame(seen("AB12", LEFT)))
    (row,) = table_rows(some)
    assert (row.reader, row.pictures, row.plates, row.exact, row.false) == (WHOLE, 2, 2, 0.5, 1)
    table = stills_table(list(table_rows({"mine": [judged([known("AB12")], [])], **some})))
    assert list(table.columns[1].cells) == ["mine", WHOLE]
    assert WHOLE in " ".join(notes([row], stills, look))
    assert json.loads(as_json([row], look))["rows"][0]["reader"] == WHOLE
    assert [line.split(",")[-1] for line in places_csv(some).splitlines()[1:]] == ["exact", "unfound", "false"]
