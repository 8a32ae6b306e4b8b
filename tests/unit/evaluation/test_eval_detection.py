"""What `dashplate eval detection` makes of a CSV, of boxes that are right and wrong, and of its mistakes."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from evaluation.detection.drawing import draw, draw_mistakes, find_mistakes
from evaluation.detection.look import Look, Seen, look_at, the_look
from evaluation.detection.run import boxes_csv
from evaluation.detection.scores import NIGHT_BELOW_LUMA, Judged, Row, judge, table_rows
from evaluation.detection.truth import Picture, Selection, load_truth
from pipeline.errors import ModelError, UsageError
from pipeline.records import Box, Detection, MediaKind
from pipeline.run import ModelConfig, load_detector
from training.detector.measuring.measure import COCO_IOUS, average_precision_50_95, match, of_plates, of_width
from training.more import split_of

ALL = Selection()
PLATE = (100.0, 100.0, 200.0, 120.0)


def write_truth(folder: Path, text: str, names: tuple[str, ...] = ("a.png", "b.png")) -> Path:
    (folder / "images").mkdir(exist_ok=True)
    for name in names:
        cv2.imwrite(str(folder / "images" / name), np.full((240, 320, 3), 90, np.uint8))
    file = folder / "boxes.csv"
    file.write_text(text, encoding="utf-8")
    return file


def picture(
    folder: Path, name: str, plates: list[tuple[float, ...]], *, complete: bool = True, group: str = ""
) -> Picture:
    path = folder / name
    cv2.imwrite(str(path), np.full((240, 320, 3), 90, np.uint8))
    boxes = np.array(plates, np.float32).reshape(-1, 4)
    groups = (group or name.split("_")[0],) * max(1, len(plates))
    return Picture(name, path, boxes, ("clear",) * len(plates), np.zeros((0, 4), np.float32), complete, groups=groups)


def seen(*found: tuple[tuple[float, ...], float], threshold: float = 0.2, luma: float = 200.0, ms: float = 5.0) -> Seen:
    ranked = tuple(Detection(Box(*box), confidence) for box, confidence in found)
    return Seen(ranked, tuple(d for d in ranked if d.confidence >= threshold), luma, ms)


def rows_by_name(judged: list[Judged]) -> dict[str, Row]:
    return {row.name: row for row in table_rows(judged)}


def test_a_csv_of_five_columns_is_enough(tmp_path: Path) -> None:
    first, second = load_truth(
        write_truth(tmp_path, "image,x1,y1,x2,y2\na.png,1,2,30,12\na.png,50,2,80,12\nb.png,,,,\n"), None, ALL
    )
    assert first.plates.tolist() == [[1, 2, 30, 12], [50, 2, 80, 12]]
    assert (first.every_plate_boxed, first.groups) == (True, ("", ""))
    assert (second.name, second.plates.shape) == ("b.png", (0, 4))


def test_pictures_are_chosen_by_split_name_and_number(tmp_path: Path) -> None:
    names = ("ro_1.png", "ro_2.png", "ro_3.png", "oi_1.png")
    lines = [f"{name},{split},1,2,30,12,1" for name, split in zip(names, ("train", "dev", "dev", "dev"), strict=True)]
    file = write_truth(tmp_path, "image,split,x1,y1,x2,y2,width\n" + "\n".join(lines), names)

    def chosen(*choice: object) -> list[str]:
        return [p.name for p in load_truth(file, None, Selection(*choice))]  # type: ignore[arg-type]

    assert chosen("dev") == ["ro_2.png", "ro_3.png", "oi_1.png"]
    assert chosen("dev", ("ro_*",)) == ["ro_2.png", "ro_3.png"]
    assert chosen(None, ("*_1.png", "oi_*")) == ["ro_1.png", "oi_1.png"]
    assert chosen("dev", (), 1) == ["ro_2.png"]


def test_where_no_split_is_told_the_texts_of_a_picture_tell_it(tmp_path: Path) -> None:
    texts = {side: next(str(n) for n in range(100, 999) if split_of(str(n)) == side) for side in ("train", "dev")}
    lines = ("a.png,{train}", "a.png,{dev}", "a.png,", "b.png,{train}")
    file = write_truth(
        tmp_path, "image,plate_text,x1,y1,x2,y2\n" + "".join(f"{line},1,2,30,12\n" for line in lines).format(**texts)
    )
    (measured,) = load_truth(file, None, Selection("dev"))
    assert (measured.name, len(measured.plates)) == ("a.png", 3), "all plates of a picture that is measured on"
    assert [p.name for p in load_truth(file, None, Selection("train"))] == ["b.png"]


def test_plates_of_a_picture_have_groups_of_their_own(tmp_path: Path) -> None:
    file = write_truth(
        tmp_path, "image,x1,y1,x2,y2,rows,country\na.png,1,2,30,12,2,IN\na.png,50,2,80,12,1,IN\nb.png,,,,,,\n"
    )
    first, second = load_truth(file, None, ALL, by=("rows", "country"))
    assert (first.groups, second.groups) == (("two rows, IN", "one row, IN"), ("–, –",))
    with pytest.raises(UsageError, match="no column ground"):
        load_truth(file, None, ALL, by=("ground",))


def test_places_to_ignore_are_all_but_those_that_are_no_plates(tmp_path: Path) -> None:
    file = write_truth(
        tmp_path, "image,x1,y1,x2,y2,every_plate_boxed,legibility\na.png,1,2,30,12,0,blurred\nb.png,1,2,30,12,1,\n"
    )
    places = tmp_path / "places.csv"
    places.write_text(
        "image,x1,y1,x2,y2,what\na.png,5,5,9,9,doubtful\na.png,6,6,9,9,not_plate\na.png,7,7,9,9,plate\nc.png,1,1,2,2,plate\n"
    )
    first, second = load_truth(file, None, ALL, places)
    assert first.ignored[:, 0].tolist() == [5, 7]
    assert (first.every_plate_boxed, first.legibility) == (False, ("blurred",))
    assert (len(second.ignored), second.every_plate_boxed) == (0, True)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("image,x1,y1,x2\na.png,1,2,30\n", "no column y2"),
        ("", "no column image, x1, y1, x2, y2"),
        ("image,x1,y1,x2,y2\na.png,1,2,thirty,12\n", "line 2: 1, 2, thirty, 12 is no box; four numbers"),
        ("image,x1,y1,x2,y2\na.png,1,2,,12\n", "four numbers"),
        ("image,x1,y1,x2,y2\na.png,1,2,30,12\na.png,30,2,1,12\n", "line 3: .* x1 < x2"),
        ("image,x1,y1,x2,y2\na.png,1,nan,30,12\n", "x1 < x2"),
        ("image,x1,y1,x2,y2,every_plate_boxed\na.png,1,2,30,12,perhaps\n", "every_plate_boxed is 'perhaps'"),
        ("image,x1,y1,x2,y2\n", "No picture of .* is left"),
        (
            "image,x1,y1,x2,y2\na.png,,,,\n" + "".join(f"{c}.png,,,,\n" for c in "cdefg"),
            "c.png, d.png, e.png and 2 more",
        ),
    ],
)
def test_what_is_wrong_with_a_csv_is_said_in_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        load_truth(write_truth(tmp_path, text), None, ALL)


def test_a_choice_that_leaves_nothing_is_refused(tmp_path: Path) -> None:
    file = write_truth(tmp_path, "image,x1,y1,x2,y2\na.png,1,2,30,12\n")
    with pytest.raises(UsageError, match="--match"):
        load_truth(file, None, Selection(match=("ro_*",)))
    with pytest.raises(UsageError, match="no column split"):
        load_truth(file, None, Selection(split="dev"))
    with pytest.raises(UsageError, match="cannot be read"):
        load_truth(tmp_path / "gone.csv", None, ALL)
    with pytest.raises(UsageError, match="no CSV in UTF-8"):
        load_truth(tmp_path / "images" / "a.png", None, ALL)


def test_average_precision_over_overlaps_by_hand() -> None:
    plates = np.array([[0, 0, 100, 20], [0, 100, 100, 120]], np.float32)
    # 72 of 100 columns; all of the plate; nothing at all, and surest.
    boxes = np.array([[0, 0, 72, 20], [0, 100, 100, 120], [200, 0, 300, 20]], np.float32)
    confidence = np.array([0.5, 0.8, 0.9], np.float32)
    ladder = [[match(boxes, confidence, plates, complete=True, right_iou=iou)] for iou in COCO_IOUS]
    # Up to .70 both are found, second and third in rank: half the area at 2/3. Above, one of two: half at 1/2.
    low, high = 0.5 * 2 / 3 + 0.5 * 2 / 3, 0.5 * 1 / 2
    assert average_precision_50_95(ladder) == pytest.approx((5 * low + 5 * high) / 10)


def test_a_width_keeps_its_plates_and_the_wrong_boxes_as_wide() -> None:
    plates = np.array([[0, 0, 39, 10], [0, 100, 100, 120]], np.float32)
    boxes = np.array([[0, 0, 41, 10], [200, 0, 300, 20], [200, 100, 230, 110]], np.float32)
    matched = match(boxes, np.array([0.9, 0.8, 0.7], np.float32), plates, complete=True)
    small, large = of_width(matched, 0, 40), of_width(matched, 100, float("inf"))
    assert small.right.tolist() == [True, False]
    assert small.found_at.tolist() == [pytest.approx(0.9)]
    assert large.right.tolist() == [False]
    assert large.found_at.tolist() == [0]


def test_plates_that_are_kept_keep_their_boxes() -> None:
    plates = np.array([[0, 0, 39, 10], [0, 100, 100, 120], [0, 200, 100, 220]], np.float32)
    boxes = np.array([[0, 200, 100, 220], [0, 0, 39, 10], [200, 0, 300, 20]], np.float32)
    matched = match(boxes, np.array([0.9, 0.8, 0.7], np.float32), plates, complete=True)
    assert matched.plate.tolist() == [2, 0, -1]
    last = of_plates(matched, np.array([False, False, True]), np.array([True, True, False]))
    assert (last.plate.tolist(), last.right.tolist(), last.found_at.tolist()) == ([0], [True], [pytest.approx(0.9)])
    rest = of_plates(matched, np.array([True, True, False]), np.array([False, False, True]))
    assert (rest.plate.tolist(), rest.found_at.tolist()) == ([0, -1], [pytest.approx(0.8), 0])


def test_the_table_tells_widths_day_night_and_collections_apart(tmp_path: Path) -> None:
    elsewhere = (10.0, 10.0, 60.0, 25.0)
    rows = rows_by_name(
        [
            judge(picture(tmp_path, "ro_1.png", [PLATE]), seen((PLATE, 0.9), (elsewhere, 0.3)), 0.5),
            judge(picture(tmp_path, "ro_2.png", [PLATE]), seen((PLATE, 0.1), luma=NIGHT_BELOW_LUMA - 1, ms=9.0), 0.5),
            judge(picture(tmp_path, "oi_1.png", [elsewhere], complete=False), seen((PLATE, 0.4), ms=7.0), 0.5),
        ]
    )
    assert list(rows) == ["all", "under 40 px", "40–60 px", "60–100 px", "over 100 px", "day", "night", "oi", "ro"]
    assert rows["all"].plates == 3
    assert rows["all"].recall == rows["all"].precision == pytest.approx(1 / 3)
    assert (rows["all"].false_per_frame, rows["all"].ms_per_frame, rows["all"].lower_bound) == (0.5, 7.0, True)
    assert (rows["over 100 px"].plates, rows["over 100 px"].recall) == (2, 0.5)
    assert (rows["40–60 px"].plates, rows["40–60 px"].recall) == (1, 0.0)
    assert (rows["under 40 px"].recall, rows["under 40 px"].ap50) == (None, None)
    assert (rows["night"].recall, rows["night"].precision) == (0.0, None)
    assert rows["night"].ap50 == pytest.approx(1.0), "the plate was found, below the threshold"
    assert (rows["oi"].false_per_frame, rows["oi"].lower_bound) == (None, True)
    assert (rows["ro"].false_per_frame, rows["ro"].lower_bound) == (0.5, False)


def test_a_group_has_its_own_plates_and_the_wrong_boxes_of_its_pictures(tmp_path: Path) -> None:
    narrow, wrong = (10.0, 10.0, 60.0, 25.0), (200.0, 200.0, 300.0, 220.0)
    both = replace(picture(tmp_path, "a.png", [narrow, PLATE]), groups=("two rows", "one row"))
    none = picture(tmp_path, "b.png", [], group="–")
    judged = [judge(both, seen((PLATE, 0.9), (wrong, 0.8)), 0.5), judge(none, seen((wrong, 0.7)), 0.5)]
    rows = {row.name: row for row in table_rows(judged, by_width=True)}
    one, two, empty = (rows[name] for name in ("one row", "two rows", "–"))
    assert (one.plates, one.recall, one.precision, one.false_per_frame) == (1, 1.0, 0.5, 1.0)
    assert (two.plates, two.recall, two.precision, two.false_per_frame) == (1, 0.0, 0.0, 1.0)
    assert (empty.pictures, empty.plates, empty.recall, empty.false_per_frame) == (1, 0, None, 1.0)
    assert (one.ap50, one.ms_per_frame) == (1.0, 5.0)
    assert (rows["two rows, 40–60 px"].plates, rows["two rows, 40–60 px"].false_per_frame) == (1, 0.0)
    assert (rows["one row, over 100 px"].recall, rows["one row, over 100 px"].ms_per_frame) == (1.0, None)


def test_the_overlap_asked_for_decides_what_is_found(tmp_path: Path) -> None:
    loose = seen(((100.0, 100.0, 172.0, 120.0), 0.9))
    truth = picture(tmp_path, "a.png", [PLATE])
    found = [rows_by_name([judge(truth, loose, iou)])["all"] for iou in (0.5, 0.75)]
    assert [row.recall for row in found] == [1.0, 0.0]
    assert [row.ap50 for row in found] == [1.0, 1.0]
    assert found[0].ap50_95 == pytest.approx(0.5)


def test_mistakes_are_drawn_where_they_are(tmp_path: Path) -> None:
    wrong = (10.0, 10.0, 60.0, 25.0)
    judged = [
        judge(picture(tmp_path, "a.png", [PLATE]), seen(((110.0, 100.0, 210.0, 120.0), 0.1), (wrong, 0.6)), 0.5),
        judge(picture(tmp_path, "b.png", [], complete=False), seen((wrong, 0.7)), 0.5),
        judge(picture(tmp_path, "c.png", [PLATE]), seen((PLATE, 0.7)), 0.5),
    ]
    miss, invention = find_mistakes(judged[0])
    assert (miss.kind, miss.place, round(miss.confidence, 3)) == ("miss", Box(*PLATE), 0.1)
    assert (invention.kind, invention.place) == ("invention", Box(*wrong))
    green, red = (draw(m).astype(int)[..., 1:] for m in (miss, invention))
    assert (green[..., 0] - green[..., 1] > 100).any()
    assert (red[..., 1] - red[..., 0] > 100).any()

    folder = tmp_path / "drawn"
    folder.mkdir()
    (folder / "miss_0009_0.10_old.jpg").touch()
    (folder / "mine.jpg").touch()
    assert draw_mistakes(folder, judged) == {"miss": 1, "invention": 1, "unboxed": 1}
    assert sorted(path.name for path in folder.iterdir()) == [
        "invention_0001_0.60_a.jpg",
        "mine.jpg",
        "miss_0001_0.10_a.jpg",
        "sheet_invention_01.jpg",
        "sheet_miss_01.jpg",
        "sheet_unboxed_01.jpg",
        "unboxed_0001_0.70_b.jpg",
    ]


def test_mistakes_at_the_edge_and_in_tiny_pictures_can_be_drawn(tmp_path: Path) -> None:
    for name, size, place in (
        ("edge.png", (240, 320), (310.0, 230.0, 330.0, 245.0)),
        ("tiny.png", (6, 9), (0.0, 0.0, 9.0, 6.0)),
        ("thin.png", (240, 320), (3.0, 4.0, 3.2, 4.1)),
        ("whole.png", (240, 320), (-5.0, -5.0, 400.0, 300.0)),
    ):
        truth = picture(tmp_path, name, [place])
        cv2.imwrite(str(truth.path), np.full((*size, 3), 90, np.uint8))
        (miss,) = find_mistakes(judge(truth, seen(), 0.5))
        assert draw(miss).std() > 0


def test_the_boxes_leave_with_all_that_was_seen(tmp_path: Path) -> None:
    judged = judge(picture(tmp_path, "a.png", [PLATE]), seen((PLATE, 0.9), ((1.0, 2.0, 30.0, 12.0), 0.03)), 0.5)
    rows = list(csv.DictReader(io.StringIO(boxes_csv([judged]))))
    assert [(row["image"], row["x1"], row["confidence"]) for row in rows] == [
        ("a.png", "100.0", "0.9000"),
        ("a.png", "1.0", "0.0300"),
    ]


def pipelines_look(kind: MediaKind = MediaKind.VIDEO, weights: Path | None = None) -> Look:
    return the_look(weights, None, None, photo=kind is MediaKind.PHOTO, second_look_px=None)


@pytest.mark.parametrize("kind", list(MediaKind))
def test_what_is_kept_is_what_the_pipeline_keeps(shared_data: Path, kind: MediaKind) -> None:
    choice = Selection("dev", ("openalpr_eu_*",), 2)
    pictures = load_truth(shared_data / "detection" / "boxes.csv", None, choice)
    look = pipelines_look(kind)
    detector = load_detector(ModelConfig(), kind)
    found = {p.name: s for p, s in look_at(pictures, look)}
    for p in pictures:
        image = cv2.imread(str(p.path))
        found_there = detector.detect([np.asarray(image, np.uint8)])[0]
        # A video's frame has others beside it, and is asked for fainter boxes than a frame that stands alone.
        pipeline = [d for d in found_there if d.confidence >= look.options.threshold]
        kept = found[p.name].kept
        assert len(kept) == len(pipeline)
        assert all(max(d.box.iou(k.box) for k in kept) > 0.95 for d in pipeline)
        assert len(found[p.name].ranked) >= len(kept)


def test_weights_that_are_none_and_files_that_are_no_pictures_are_named(tmp_path: Path) -> None:
    truth = picture(tmp_path, "a.png", [PLATE])
    weights = tmp_path / "weights.pt"
    weights.write_text("no network\n")
    with pytest.raises(ModelError, match="holds no detector"):
        list(look_at([truth], pipelines_look(weights=weights)))
    truth.path.write_text("no picture\n")
    with pytest.raises(UsageError, match="is no picture"):
        list(look_at([truth], pipelines_look()))
    outside = picture(tmp_path, "b.png", [(400.0, 10.0, 450.0, 30.0)])
    with pytest.raises(UsageError, match="320x240 pixels"):
        list(look_at([outside], pipelines_look()))
