"""What `dashplate eval stills` makes of a CSV, of plates that are found and read or not, and of readings made up."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from evaluation.detection.look import the_look
from evaluation.stills.drawing import draw, draw_failures, find_failures
from evaluation.stills.run import judge_all, stills_look
from evaluation.stills.scores import judge, table_rows
from evaluation.stills.table import as_json, notes, places_csv, stills_table
from evaluation.stills.truth import Still, load_stills
from evaluation.truth_csv import Selection, parse_where
from pipeline.detection.yolo import PHOTO_THRESHOLD, VIDEO_THRESHOLD
from pipeline.errors import ModelError, UsageError
from pipeline.records import Box
from tests.support.evaluation import ALL, ELSEWHERE, LEFT, RIGHT, judged, known, place, row_of, write_truth

BOXED = "image,x1,y1,x2,y2,plate_text,legibility,split,every_plate_boxed\n"


def test_a_line_with_a_box_is_a_plate_and_says_whether_it_counts(tmp_path: Path) -> None:
    lines = (
        "a.png,1,2,60,22,ab-12,clear,dev,1",
        "a.png,70,2,90,12,CD34,blurred_known_from_track,dev,1",
        "a.png,100,2,160,22,,untranscribed,dev,1",
        "b.png,,,,,,,dev,0",
    )
    first, second = load_stills(write_truth(tmp_path, BOXED + "\n".join(lines)), None, ALL)
    assert first.plates == (
        known("AB12", Box(1, 2, 60, 22)),
        known("CD34", Box(70, 2, 90, 12), counts=False),
        known("", Box(100, 2, 160, 22), counts=False),
    )
    assert (first.every_plate_known, second.every_plate_known) == (True, False)
    assert second.plates == ()


def test_a_line_without_boxes_holds_all_texts_of_its_picture(tmp_path: Path) -> None:
    first, second = load_stills(write_truth(tmp_path, "image,plate_text\na.png,AB 12;cd3;\nb.png,\n"), None, ALL)
    assert first.plates == (known("AB12"), known("CD3"), known("", counts=False))
    assert (first.every_plate_known, second.plates) == (True, ())


def test_what_is_not_chosen_of_a_picture_counts_neither_way(tmp_path: Path) -> None:
    lines = (
        "a.png,1,2,60,22,AB12,clear,dev,1",
        "a.png,70,2,99,12,CD34,blurred,dev,1",
        "b.png,1,2,60,22,EF5,clear,dev,1",
    )
    file = write_truth(tmp_path, BOXED + "\n".join(lines))
    (blurred,) = load_stills(file, None, Selection(where=parse_where(["legibility=blurred"])))
    assert [(p.text, p.counts) for p in blurred.plates] == [("AB12", False), ("CD34", True)]
    assert len(load_stills(file, None, Selection(limit=1))) == 1
    assert [s.groups for s in load_stills(file, None, ALL, ("prefix",))] == [{"a"}, {"b"}]


def test_places_to_ignore_are_plates_that_do_not_count(tmp_path: Path) -> None:
    file = write_truth(tmp_path, "image,plate_text\na.png,\n")
    places = tmp_path / "places.csv"
    places.write_text("image,x1,y1,x2,y2,what\na.png,20,20,80,40,doubtful\na.png,20,180,80,200,not_plate\n")
    (still,) = load_stills(file, None, ALL, ignore=places)
    assert still.plates == (known("", LEFT, counts=False),)
    one = judge(still, [place(LEFT, "AB12"), place(ELSEWHERE, "SALE50")], 5.0)
    assert [p.detection.box for p in one.false] == [ELSEWHERE]


def test_kinds_of_pictures_are_chosen_by_a_column(tmp_path: Path) -> None:
    file = write_truth(tmp_path, "image,kind,plate_text\na.png,image,AB1;\nb.png,crop,CD2\n")
    (still,) = load_stills(file, None, Selection(where=parse_where(["kind=image"])))
    assert still.path == tmp_path / "a.png"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("image,x1,y1,x2,y2\na.png,1,2,3,4\n", "no column plate_text"),
        ("image,plate_text\n", "No picture of .* is left"),
        ("image,plate_text\ngone.png,AB1\n", "Not in .*: gone.png"),
        (BOXED + "a.png,1,2,60,22,AB12;CD34,clear,dev,1\n", "line 2: a box holds one plate"),
        (BOXED + "a.png,1,2,60,x,AB12,clear,dev,1\n", "four numbers"),
        (BOXED + "a.png,1,2,60,22,AB12,clear,dev,maybe\n", "every_plate_boxed is 'maybe'"),
    ],
)
def test_what_is_wrong_with_the_truth_is_said_in_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        load_stills(write_truth(tmp_path, text), None, ALL)


def test_the_numbers_of_a_picture_by_hand() -> None:
    one = judged(
        [known("AB12", LEFT), known("CD345", RIGHT), known("EF6", Box(150, 20, 190, 35))],
        [place(LEFT, "ABI2"), place(RIGHT.shifted(4, 0), "CD3"), place(ELSEWHERE, "SALE50")],
    )
    row = row_of(one)
    assert (row.pictures, row.plates, row.false, row.ms_per_picture) == (1, 3, 1, 5.0)
    assert row.found == pytest.approx(2 / 3)
    assert (row.exact, row.folded) == (0.0, pytest.approx(1 / 3))
    assert row.cer == pytest.approx((1 + 2) / 9)
    assert row.precision == pytest.approx(1 / 3)
    assert not row.upper_bound


def test_a_loose_box_that_reads_the_plate_has_found_it_and_one_that_does_not_has_made_it_up() -> None:
    loose = LEFT.grown(40, 30)
    assert row_of(judged([known("AB12", LEFT)], [place(loose, "AB12")])).exact == 1.0
    row = row_of(judged([known("AB12", LEFT)], [place(loose, "XY9")]))
    assert (row.found, row.false, row.precision) == (0.0, 1, 0.0)


def test_the_closer_of_two_boxes_has_found_the_plate() -> None:
    one = judged([known("AB12", LEFT)], [place(LEFT.shifted(8, 0), "XX99"), place(LEFT, "AB12")])
    assert (row_of(one).exact, row_of(one).false) == (1.0, 1)
    same_text = judged([known("AB12", LEFT)], [place(LEFT.shifted(8, 0), "AB12"), place(LEFT, "AB12")])
    assert row_of(same_text).false == 0, "a text that the picture shows is explained"


def test_plates_that_do_not_count_are_neither_missed_nor_false() -> None:
    doubtful = [known("AB12", LEFT, counts=False), known("", RIGHT, counts=False)]
    row = row_of(judged(doubtful, [place(LEFT, "XY99"), place(RIGHT.shifted(30, 0), "SOLD1")]))
    assert (row.plates, row.false) == (0, 0)
    assert (row.found, row.exact, row.precision) == (None, None, None)


def test_nothing_is_false_where_more_plates_may_be_visible() -> None:
    row = row_of(judged([known("AB12", LEFT)], [place(LEFT, "AB12"), place(ELSEWHERE, "XY99")], complete=False))
    assert (row.false, row.precision, row.upper_bound) == (0, 1.0, True)


def test_texts_without_boxes_are_given_the_nearest_reading() -> None:
    one = judged([known("AM8123"), known("BABYBABY")], [place(LEFT, "AM8128"), place(RIGHT, "XW551")])
    row = row_of(one)
    assert (row.plates, row.found, row.exact, row.false) == (2, None, 0.0, 1)
    assert row.cer == pytest.approx(1 / 6), "of the plate that was found"
    assert row.precision == 0.0


def test_a_plate_of_which_nothing_is_known_explains_one_reading() -> None:
    unknown = known("", counts=False)
    readings = [place(LEFT, "AB12"), place(RIGHT, "XW551", seen=0.9), place(ELSEWHERE, "ZZ999", seen=0.5)]
    one = judged([known("AB12"), unknown], readings)
    assert [p.reading.text for p in one.false if p.reading] == ["ZZ999"], "the surer one is explained"
    assert not judged([known("AB12"), unknown, unknown], readings).false


def test_a_plate_that_is_found_and_not_legible_is_unread() -> None:
    row = row_of(judged([known("AB12", LEFT)], [place(LEFT, None)]))
    assert (row.found, row.exact, row.cer, row.precision) == (1.0, 0.0, 1.0, None)


def test_groups_and_readers_have_rows_of_their_own() -> None:
    good = judged([known("AB1", LEFT, group="US")], [place(LEFT, "AB1")])
    bad = judged([known("CD2", LEFT, group="EU")], [])
    rows = list(table_rows({"base": [good, bad], "mine": [good, good, bad]}))
    assert [(row.group, row.reader) for row in rows][:3] == [("all", "base"), ("all", "mine"), ("EU", "base")]
    table = stills_table(rows[:2])
    assert [str(column.header) for column in table.columns][:3] == ["", "reader", "pictures"]
    assert list(table.columns[5].cells) == ["0.500", "0.667"], "exact"
    assert list(stills_table([row_of(bad)]).columns[-2].cells) == ["–"]


def test_plates_of_one_picture_may_be_of_several_groups(tmp_path: Path) -> None:
    lines = ("a.png,1,2,60,22,AB12,1", "a.png,70,2,99,32,CD34,2", "a.png,1,90,60,99,,", "b.png,1,2,60,22,EF5,1")
    file = write_truth(tmp_path, "image,x1,y1,x2,y2,plate_text,rows\n" + "\n".join(lines))
    stills = load_stills(file, None, ALL, ("rows",))
    assert [(p.text, p.group) for p in stills[0].plates] == [("AB12", "one row"), ("CD34", "two rows"), ("", "–")]
    assert [s.groups for s in stills] == [{"one row", "two rows"}, {"one row"}]
    found = [judge(still, [place(Box(1, 2, 60, 22), "AB12"), place(ELSEWHERE, "XY99")], 5.0) for still in stills]
    rows = {row.group: row for row in table_rows({"r": found})}
    assert [(r.pictures, r.plates, r.found, r.false) for r in rows.values()] == [
        (2, 3, pytest.approx(2 / 3), 2),
        (2, 2, 1.0, 2),
        (1, 1, 0.0, 1),
    ]


def test_table_notes_csv_and_json_say_what_happened() -> None:
    stills = [
        judged(
            [known("AB12", LEFT), known("CO345", RIGHT)],
            [place(LEFT, None), place(RIGHT, "C0345"), place(ELSEWHERE, "X1Y")],
        ),
        judged([known("EF6"), known("", counts=False)], [place(LEFT, "GGG777")], complete=False),
    ]
    lines = list(csv.DictReader(io.StringIO(places_csv({"r": stills}))))
    assert [(line["truth"], line["text"], line["verdict"]) for line in lines] == [
        ("AB12", "", "unread"), ("CO345", "C0345", "folded"), ("", "X1Y", "false"),
        ("EF6", "", "unfound"), ("", "GGG777", "uncounted"),
    ]  # fmt: skip
    assert (lines[1]["x1"], lines[1]["detection_confidence"], lines[3]["x1"]) == ("200.0", "0.7000", "")
    look = the_look(None, None, None, photo=True, second_look_px=None)
    rows = list(table_rows({"r": stills}))
    told = json.loads(as_json(rows, look))
    assert (told["rows"][0]["plates"], told["threshold"]) == (3, PHOTO_THRESHOLD)
    said = " ".join(notes(rows, [j.still for j in stills], look))
    assert all(word in said for word in ("1 more plates count neither way", "without a box", "≤"))


def test_failures_are_drawn_where_they_are(tmp_path: Path) -> None:
    write_truth(tmp_path, "")
    plates = (known("AB12", LEFT), known("京CD3", RIGHT), known("EF6"))
    found = [place(LEFT, "AB1Z", 0.6), place(ELSEWHERE, "SALE50", 0.4)]
    one = judge(Still("a.png", tmp_path / "a.png", plates, True), found, 5.0)
    captions = {failure.kind: failure.caption for failure in find_failures(one)}
    assert captions["misread"] == "truth AB12, read AB1Z 0.60, found at 0.70"
    assert captions["false"] == "false: read SALE50 0.40, found at 0.70"
    misread = next(failure for failure in find_failures(one) if failure.kind == "misread")
    drawn = draw(misread).astype(int)
    assert (drawn[..., 1] - drawn[..., 2] > 100).any(), "the truth in green"
    assert (drawn[..., 2] - drawn[..., 1] > 100).any(), "the reading in red"

    folder = tmp_path / "drawn"
    assert draw_failures(folder, [one]) == {"unfound": 2, "misread": 1, "false": 1}
    assert sorted(path.name for path in folder.glob("[!s]*.jpg")) == [
        "false_0001_0.40_a.jpg", "misread_0001_0.60_a.jpg", "unfound_0001_0.00_a.jpg", "unfound_0002_0.00_a.jpg",
    ]  # fmt: skip
    assert len(list(folder.glob("sheet_*"))) == 3


def test_the_look_is_that_of_photographs_or_of_frames() -> None:
    assert stills_look(None, frames=False).options.threshold == PHOTO_THRESHOLD
    assert stills_look(None, frames=True).options.threshold == VIDEO_THRESHOLD


def test_weights_and_pictures_that_are_none_are_named(tmp_path: Path) -> None:
    file = write_truth(tmp_path, BOXED + "a.png,400,2,460,22,AB12,clear,dev,1\n")
    stills = load_stills(file, None, ALL)

    with pytest.raises(UsageError, match="320x240 pixels"):
        judge_all(stills, stills_look(None, frames=False), {})
    stills[0].path.write_text("no picture")
    with pytest.raises(UsageError, match="is no picture"):
        judge_all(stills, stills_look(None, frames=False), {})
    stills = load_stills(write_truth(tmp_path, "image,plate_text\na.png,AB12\n"), None, ALL)
    with pytest.raises(ModelError, match="no detector at"):
        judge_all(stills, stills_look(tmp_path / "gone.pt", frames=False), {})
