"""What `dashplate eval reading` makes of a CSV, of readings that are right and wrong, and of their confidences."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from evaluation.readers import Read, Readers, headings, read_one
from evaluation.reading.calibration import bins_of, expected_error
from evaluation.reading.curve import reliability_svg
from evaluation.reading.drawing import draw, draw_failures
from evaluation.reading.run import read_plates
from evaluation.reading.scores import Row, named, table_rows
from evaluation.reading.table import as_json, country_lines, notes, reading_table, readings_csv
from evaluation.reading.truth import LabelledPlate, Labels, load_labels, open_plates
from evaluation.truth_csv import CORNERS, Line, Selection, as_read, parse_where
from evaluation.truth_groups import group_of
from pipeline.crops.select import cut
from pipeline.errors import ModelError, UsageError
from pipeline.formats import load_formats
from pipeline.formats.alphabet import BLANK, CLASS_OF, CLASSES, Posterior
from pipeline.reading.reader import Reader
from pipeline.records import Box, Character, Crop, Image, Observation, Reading
from tests.support.evaluation import dots_of
from training.country_codes import country_of
from training.more import split_of

ALL = Selection()
NAMES = ("a.png", "b.png", "c.png")


class Says:
    """A recogniser that says of every picture what its brightness stands for; dark pictures say nothing."""

    def __init__(self, by_brightness: dict[int, str]) -> None:
        self._by_brightness = by_brightness

    def probabilities(self, images: Sequence[Image], min_width_px: int = 96) -> list[Posterior]:
        return [certain(self._by_brightness.get(round(float(image.mean())), "")) for image in images]


def certain(text: str) -> Posterior:
    """Probabilities of a text that is all but certain: a step for each character, blanks between."""
    matrix = np.full((2 * len(text) + 1, CLASSES), 0.02 / CLASSES, np.float32)
    for step in range(len(matrix)):
        matrix[step, CLASS_OF[text[step // 2]] if step % 2 else BLANK] += 0.98
    return matrix


def reader(by_brightness: dict[int, str]) -> Reader:
    return Reader(Says(by_brightness), load_formats(()))


def write_labels(folder: Path, text: str, beside: str = "crops", names: tuple[str, ...] = NAMES) -> Path:
    """A CSV, and pictures of brightness 100, 110, 120 ... in a folder beside it."""
    (folder / beside).mkdir(parents=True, exist_ok=True)
    for index, name in enumerate(names):
        cv2.imwrite(str(folder / beside / name), np.full((40, 160, 3), 100 + 10 * index, np.uint8))
    file = folder / "labels.csv"
    file.write_text(text, encoding="utf-8")
    return file


def plate(
    text: str, group: str = "", name: str = "a.png", path: Path = Path("a.png"), country: str | None = None
) -> LabelledPlate:
    return LabelledPlate(name, path, text, None, group, country=country)


def read(truth: str, said: str | None, confidence: float = 0.9, group: str = "") -> Read:
    return Read(plate(truth, group), reading(said, confidence) if said else None)


def reading(text: str, confidence: float) -> Reading:
    return Reading(text, confidence, tuple(Character(char, confidence) for char in text), (), None, 1, 1, 0)


def rows_by_group(reads: list[Read]) -> dict[str, Row]:
    return {row.group: row for row in table_rows({"r": reads})}


def test_plates_are_taken_as_the_reader_could_say_them() -> None:
    assert as_read(" ö-ab·12 3 ") == "OAB123"
    assert as_read("粤z 港") == "粤Z港"
    assert as_read("- · -") == ""
    assert as_read("29오3306") == "293306"


def test_a_csv_of_two_columns_is_enough(tmp_path: Path) -> None:
    labels = load_labels(write_labels(tmp_path, "image,plate_text\na.png,b 12-345\nb.png,\nc.png,京A1\n"), None, ALL)
    assert [(p.name, p.text, p.box) for p in labels.plates] == [("a.png", "B12345", None), ("c.png", "京A1", None)]
    assert labels.without_text == 1
    assert any("1 lines without a text" in note for note in notes(labels))


@pytest.mark.parametrize("beside", ["crops", "images", "."])
def test_pictures_are_found_beside_the_csv(tmp_path: Path, beside: str) -> None:
    (tmp_path / "crops").mkdir()
    labels = load_labels(write_labels(tmp_path, "image,plate_text\nb.png,AB1\n", beside), None, ALL)
    assert labels.plates[0].path == tmp_path / beside / "b.png"


def test_a_line_that_repeats_another_counts_once(tmp_path: Path) -> None:
    text = "image,plate_text,x1,y1,x2,y2\na.png,AB1,1,1,50,20\na.png,A-B1,1,1,50,20\na.png,AB1,60,1,99,20\n"
    labels = load_labels(write_labels(tmp_path, text), None, ALL)
    assert [p.box for p in labels.plates] == [Box(1, 1, 50, 20), Box(60, 1, 99, 20)]


def test_lines_are_chosen_by_any_column(tmp_path: Path) -> None:
    lines = ("a.png,AB1,dev,EU-NL,clear", "b.png,AB2,dev,EU-PL,blurred", "c.png,AB3,train,US,clear")
    file = write_labels(tmp_path, "image,plate_text,split,country,legibility\n" + "\n".join(lines))

    def chosen(selection: Selection) -> str:
        return "".join(p.name[0] for p in load_labels(file, None, selection).plates)

    assert chosen(Selection(split="dev")) == "ab"
    assert chosen(Selection(where=parse_where(["country=EU-*"]))) == "ab"
    assert chosen(Selection(where=parse_where(["country=EU-NL", "country=US"]))) == "ac"
    assert chosen(Selection(where=parse_where(["country=EU-*", "legibility=clear"]))) == "a"
    assert chosen(Selection(match=("[bc].png",), limit=1)) == "b"


def test_where_no_split_is_told_the_text_tells_it(tmp_path: Path) -> None:
    texts = {side: next(str(n) for n in range(100, 999) if split_of(str(n)) == side) for side in ("train", "dev")}
    file = write_labels(tmp_path, "image,plate_text\na.png,{train}\na.png,{dev}\nb.png,{dev}\n".format(**texts))
    measured = load_labels(file, None, Selection("dev")).plates
    assert [(p.name, p.text) for p in measured] == [("a.png", texts["dev"]), ("b.png", texts["dev"])]


@pytest.mark.parametrize(
    ("text", "choice", "sentence"),
    [
        ("image,text\na.png,AB1\n", {}, "no column plate_text"),
        ("image,plate_text\na.png,AB1\n", {"where": (("country", "US"),)}, "no column country"),
        ("image,plate_text\na.png,\n", {}, "No plate of .* with a text is left"),
        ("image,plate_text\na.png,AB1\n", {"match": ("z*",)}, "--match"),
        ("image,plate_text\ngone.png,AB1\n", {}, "Not in .*crops: gone.png; --images"),
        ("image,plate_text,x1,y1,x2,y2\na.png,AB1,1,2,3,\n", {}, "line 2: 1, 2, 3,  is no box"),
    ],
)
def test_what_is_wrong_with_labels_is_said_in_a_sentence(
    tmp_path: Path, text: str, choice: dict[str, tuple[str, ...]], sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        load_labels(write_labels(tmp_path, text), None, Selection(**choice))  # type: ignore[arg-type]


def test_words_that_choose_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--where clear"):
        parse_where(["clear"])
    with pytest.raises(UsageError, match="no column state"):
        load_labels(write_labels(tmp_path, "image,plate_text\na.png,AB1\n"), None, ALL, ("state",))


def test_countries_are_groups_and_their_two_row_plates_others() -> None:
    def group(by: tuple[str, ...], **cells: str) -> str:
        line = Line("", {"image": "nl/ro_1.png", "country": "EU-NL", **cells})
        return group_of(line, Path("nl/ro_1.png"), by)

    assert group(("country",)) == "EU"
    assert group(("country",), note="two-row plate; spot-checked") == "EU, two rows"
    assert group(("country",), country="", note="") == "–"
    assert group(("prefix", "country")) == "ro, EU"
    assert group(("split",), split="dev-1") == "dev-1"
    assert group(("rows", "script"), rows="2", plate_text="LEC 14") == "two rows, Latin"
    assert group(("rows", "script"), note="two-row plate", plate_text="皖A·1") == "two rows, Chinese"
    assert group(("rows", "script"), note="", plate_text="29오3306") == "one row, other letters"
    assert group(("rows", "script"), plate_text="") == "–, –", "nothing tells the rows"
    assert group(("script",), plate_text="ДК12") == "Cyrillic"
    assert group(("script",), plate_text="M-Ö 12") == "Latin"
    assert group(("script",), plate_text="") == "–"
    assert group(("box-width",), x1="10", y1="1", x2="60", y2="9") == "40–60 px"
    assert group(("box-width",), x1="10", y1="1", x2="110", y2="9") == "over 100 px"
    assert group(("box-width",)) == "–"
    assert group(("tilt",)) == "–", "nothing shows where the plate ends"
    assert group(()) == ""


@pytest.mark.parametrize(
    ("degrees", "group"), [(0, "measured under 5°"), (-10, "measured 5–15°"), (20, "measured over 15°")]
)
def test_tilt_is_measured_in_the_picture(tmp_path: Path, degrees: float, group: str) -> None:
    flat = np.array([[-100, -22], [100, -22], [100, 22], [-100, 22]])
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    corners = flat @ np.array([[cos, sin], [-sin, cos]]) + 150
    car = np.full((300, 300, 3), 70, np.uint8)
    cv2.fillPoly(car, [corners.round().astype(np.int32)], (225, 225, 225), cv2.LINE_AA)
    cv2.imwrite(str(tmp_path / "a.png"), car)
    ends = zip(CORNERS, (*corners.min(0), *corners.max(0)), strict=True)
    line = Line("", {"image": "a.png", **{name: f"{value:.1f}" for name, value in ends}})
    assert group_of(line, tmp_path / "a.png", ("tilt",)) == group
    cv2.imwrite(str(tmp_path / "b.png"), np.full((300, 300, 3), 70, np.uint8))
    assert group_of(line, tmp_path / "b.png", ("tilt",)) == "tilt not measured"


def test_a_plate_with_a_box_is_cut_out_as_the_detect_stage_does(tmp_path: Path) -> None:
    lines = ("a.png,AB1,40,10,90,25", "a.png,AB2,1,1,20,9", "a.png,AB3,,,,")
    file = write_labels(tmp_path, "image,plate_text,x1,y1,x2,y2\n" + "\n".join(lines))
    (_, crop), (_, small), (_, whole) = open_plates(load_labels(file, None, ALL).plates)
    image = np.full((40, 160, 3), 100, np.uint8)
    expected = cut(image, Observation(0, 0.0, Box(40, 10, 90, 25), 1.0))
    assert isinstance(crop, Crop)
    assert expected is not None
    assert (crop.plate, crop.image.shape) == (expected.plate, expected.image.shape)
    assert small is None
    assert isinstance(whole, np.ndarray)
    assert whole.shape == image.shape


def test_pictures_that_are_none_and_boxes_outside_are_named(tmp_path: Path) -> None:
    file = write_labels(tmp_path, "image,plate_text,x1,y1,x2,y2\na.png,AB1,400,10,450,25\n")
    labels = load_labels(file, None, ALL)
    with pytest.raises(UsageError, match="160x40 pixels, and AB1 is said to lie outside"):
        list(open_plates(labels.plates))
    labels.plates[0].path.write_text("no picture")
    with pytest.raises(UsageError, match="is no picture"):
        list(open_plates(labels.plates))


def test_several_readers_read_the_same_plates(tmp_path: Path) -> None:
    lines = ("a.png,AB1234,,,,", "b.png,CD567,10,5,150,35", "c.png,EF89,,,,")
    file = write_labels(tmp_path, "image,plate_text,x1,y1,x2,y2\n" + "\n".join(lines))
    readers = {"good": reader({100: "AB1234", 110: "CD567", 120: "EF89"}), "poor": reader({100: "AB12X4"})}
    reads = read_plates(load_labels(file, None, ALL), readers)
    assert [r.said for r in reads["good"]] == ["AB1234", "CD567", "EF89"]
    assert [r.said for r in reads["poor"]] == ["AB12X4", "", ""]
    rows = {row.reader: row for row in table_rows(reads)}
    assert (rows["good"].exact, rows["good"].cer, rows["good"].unread) == (1.0, 0.0, 0)
    assert (rows["poor"].exact, rows["poor"].unread) == (0.0, 2)
    assert rows["poor"].cer == pytest.approx((1 + 5 + 4) / 15)


def test_a_plate_too_small_to_be_cut_out_is_unread() -> None:
    assert read_one(reader({}), None) is None


def test_the_scores_by_hand() -> None:
    rows = rows_by_group(
        [
            read("AB01", "AB01", 0.9, "US"),
            read("XO1", "X0I", 0.7, "US"),
            read("KLM12345", "KLN1234", 0.4, "EU, two rows"),
            read("PQ1", None, group="EU, two rows"),
        ]
    )
    assert list(rows) == ["all", "EU, two rows", "US"]
    assert (rows["all"].plates, rows["all"].unread) == (4, 1)
    assert (rows["US"].exact, rows["US"].folded) == (0.5, 1.0)
    assert rows["US"].cer == pytest.approx(2 / 7)
    assert rows["EU, two rows"].cer == pytest.approx((2 + 3) / 11)
    assert (rows["EU, two rows"].exact, rows["EU, two rows"].confidence) == (0.0, pytest.approx(0.4))
    assert rows["all"].confidence == pytest.approx(2 / 3)
    # Each reading is alone in its bin: .1 off, .3 off, .4 off.
    assert rows["all"].ece == pytest.approx((0.1 + 0.3 + 0.4) / 3)


def test_what_nobody_read_has_no_confidence() -> None:
    row = rows_by_group([read("AB1", None)])["all"]
    assert (row.exact, row.cer, row.confidence, row.ece) == (0.0, 1.0, None, None)


def test_bins_hold_what_their_bounds_say() -> None:
    bins = bins_of([(0.0, False), (0.1, True), (0.95, True), (1.0, True), (0.97, False)])
    assert [b.readings for b in bins] == [1, 1, *[0] * 7, 3]
    assert (bins[9].low, bins[9].high) == (0.9, 1.0)
    assert bins[9].right == pytest.approx(2 / 3)
    assert expected_error(bins) == pytest.approx((0 + 0.9 + 3 * (0.97333333 - 2 / 3)) / 5)
    assert all(one.high == pytest.approx(other.low) for one, other in pairwise(bins))


def test_confidences_that_are_honest_have_no_error() -> None:
    honest = [(0.75, right) for right in (True, True, True, False)]
    assert expected_error(bins_of(honest)) == pytest.approx(0.0)
    assert expected_error(bins_of([])) is None


def test_the_curve_is_a_picture_with_a_dot_for_each_bin_and_a_line_for_each_reader() -> None:
    bins = {"<base> & co": bins_of([(0.15, False), (0.95, True)]), "_none $x$": bins_of([])}
    svg = reliability_svg(bins)
    assert svg == reliability_svg(bins)
    root = ElementTree.fromstring(svg)
    texts = [text.text or "" for text in root.iter("{http://www.w3.org/2000/svg}text")]
    low, high = dots_of(root, "<base> & co")
    assert low[0] < high[0]
    assert low[1] > high[1], "up is right"
    assert dots_of(root, "_none $x$") == []
    assert "<base> & co: 2 readings, ECE 0.100" in texts
    assert "_none $x$: 0 readings" in texts


def test_readers_are_called_by_their_folder_where_that_tells_them_apart() -> None:
    assert headings(["PP-OCRv6_small_rec", "w/plate-reader/"]) == ["PP-OCRv6_small_rec", "plate-reader"]
    assert headings(["old/reader", "new/reader"]) == ["old/reader", "new/reader"]
    with pytest.raises(UsageError, match="named twice"):
        headings(["reader", "reader"])


def test_readers_that_are_not_there_are_named() -> None:
    with pytest.raises(ModelError, match="gone/reader does not exist"):
        Readers(("gone/reader",)).load()
    with pytest.raises(UsageError, match="steam; choose one of"):
        Readers(engine="steam").load()


def test_table_csv_and_json_say_the_same() -> None:
    reads = {"base": [read("AB01", "ABO1", 0.8), read("C2D", None)], "mine": [read("AB01", "AB01"), read("C2D", "C2D")]}
    labels = Labels(tuple(r.plate for r in reads["base"]), 0)
    rows = list(table_rows(reads))
    table = reading_table(rows)
    assert [str(column.header) for column in table.columns][:3] == ["", "reader", "plates"]
    assert list(table.columns[0].cells) == ["all", ""]
    assert list(table.columns[4].cells) == ["0.000", "1.000"], "exact"
    assert len(reading_table(rows[:1]).columns) == len(table.columns) - 1, "a single reader needs no name"

    lines = list(csv.DictReader(io.StringIO(readings_csv(reads))))
    assert [(line["reader"], line["text"], line["right"]) for line in lines] == [
        ("base", "ABO1", "1"), ("base", "", "0"), ("mine", "AB01", "1"), ("mine", "C2D", "1"),
    ]  # fmt: skip
    assert lines[0]["characters"] == "0.800 0.800 0.800 0.800"
    told = json.loads(as_json(rows, labels, reads, None))
    assert [(row["reader"], row["exact"], row["folded"]) for row in told["rows"]] == [("base", 0, 0.5), ("mine", 1, 1)]
    assert sum(b["readings"] for b in told["calibration"]["base"]) == 1


def test_countries_named_are_counted_where_the_label_tells_one(tmp_path: Path) -> None:
    told = [country_of(word) for word in ("EU-NL", "SLO", "EU-D", "AE", "EU", "MIX", "", "US")]
    assert told == ["NL", "SI", "DE", "AE", None, None, None, "US"]
    file = write_labels(tmp_path, "image,plate_text,country\na.png,AB1,EU-GBJ\nb.png,AB2,EU\n")
    assert [p.country for p in load_labels(file, None, ALL).plates] == ["JE", None]

    said = [("GB", "GB"), ("GB", "FR"), ("FR", None), (None, "IT")]
    reads = [Read(plate("AB1", country=c), replace(reading("AB1", 0.9), country=r)) for c, r in said]
    reads.append(Read(plate("AB1", country="GB"), None))
    counted = named(reads)
    assert (counted.plates, counted.right, counted.wrong, counted.unnamed) == (4, 1, 1, 2)
    (line,) = country_lines({"mine": reads, "of nobody": reads[3:4]})
    assert "of 4 plates whose country is known, it names 1 right and 1 wrong; 2 get no country" in line
    counts = json.loads(as_json([], Labels((), 0), {"mine": reads}, None))
    assert counts["countries"] == {"mine": {"plates": 4, "right": 1, "wrong": 1}}


def test_plates_that_are_not_clear_are_pointed_out() -> None:
    labels = Labels((plate("AB1"), LabelledPlate("b.png", Path("b.png"), "AB2", None, "", "blurred")), 0)
    assert any("1 of these plates are not said to be clear" in note for note in notes(labels))


def test_what_was_read_wrong_is_drawn_and_nothing_else(tmp_path: Path) -> None:
    text = "image,plate_text,x1,y1,x2,y2\na.png,AB01,,,,\nb.png,CD5,30,5,130,35\nc.png,京A12,,,,\na.png,X9Y,1,1,20,9\n"
    plates = load_labels(write_labels(tmp_path, text), None, ALL).plates
    said = ("ABO1", "CB5", "京A1Z", None)
    reads = [Read(p, reading(s, 0.5) if s else None) for p, s in zip(plates, said, strict=True)]
    folder = tmp_path / "drawn"
    folder.mkdir()
    for name in ("misread_0007_0.10_old.jpg", "mine.jpg"):
        (folder / name).touch()
    assert draw_failures(folder, reads) == {"misread": 2, "unread": 1}
    assert sorted(path.name for path in folder.iterdir()) == [
        "mine.jpg",
        "misread_0001_0.50_b.jpg",
        "misread_0002_0.50_c.jpg",
        "sheet_misread_01.jpg",
        "sheet_unread_01.jpg",
        "unread_0001_0.00_a.jpg",
    ]


def test_wrong_characters_are_red_and_right_ones_green() -> None:
    picture = np.full((40, 160, 3), 100, np.uint8)

    def inks(said: str) -> tuple[bool, bool]:
        drawn = draw(read("AB12", said), picture).astype(int)
        blue, green, red = (drawn[300:, :, channel] for channel in range(3))
        return bool((red - green > 100).any()), bool((green - red - blue // 2 > 100).any())

    assert inks("XYZ") == (True, False)
    assert inks("AB1Z") == (True, True)
    assert inks("AB12") == (False, True)
    thin = draw(read("AB12", "AB1"), np.full((3, 900, 3), 100, np.uint8))
    assert thin.shape == draw(read("AB12", None), None).shape
