"""What `dashplate eval reading` makes of a CSV, of readings that are right and wrong, and of their confidences."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from evaluation.readers import Read, read_one
from evaluation.reading.drawing import draw, draw_failures
from evaluation.reading.run import read_plates
from evaluation.reading.scores import table_rows
from evaluation.reading.table import notes
from evaluation.reading.truth import LabelledPlate, Labels, load_labels, open_plates
from evaluation.truth_csv import CORNERS, Line, Selection, as_read, parse_where
from evaluation.truth_groups import group_of
from pipeline.crops.select import cut
from pipeline.errors import UsageError
from pipeline.records import Box, Crop, Observation
from tests.support.read_plates import (
    ALL,
    plate,
    read,
    reader,
    reading,
    write_labels,
)
from training.more import split_of


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
