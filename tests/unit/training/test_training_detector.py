"""The detector's training code: what it cuts, how it scores, and that a picture's truth follows its pixels."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from training.detector.measuring.measure import (
    average_precision,
    match,
    overlaps,
    recall_by_width,
    score,
)
from training.detector.networks import CANDIDATES, SHIPPED
from training.detector.pictures import photos
from training.detector.pictures.clutter import (
    draw_blank_board,
    draw_lit_sign,
    draw_logo,
    draw_overlay,
    draw_phone_number,
    draw_sign,
    draw_sticker,
)
from training.detector.pictures.crops import LEAST_VISIBLE, Sample, anywhere, around_plate, leaned
from training.detector.pictures.degrade import harm
from training.detector.pictures.feed import collate, mosaic
from training.detector.pictures.glass import behind_glass
from training.detector.pictures.paste import hide_partly, paste_plate, replace_plates
from training.detector.pictures.photos import Photo, load_photos, no_boxes
from training.detector.pictures.plates import PlateMaker, invented
from training.more import split_of

RED = (0, 0, 255)


def photo_with_plate(folder: Path, box: tuple[int, int, int, int], *, complete: bool = True) -> Photo:
    """A grey street with one red plate, so that a crop's box can be checked against its red pixels."""
    image = np.full((720, 1280, 3), 90, np.uint8)
    cv2.rectangle(image, box[:2], (box[2] - 1, box[3] - 1), RED, -1)
    path = folder / f"ro_{'_'.join(map(str, box))}.png"
    cv2.imwrite(str(path), image)
    return Photo(path, "ro", "train", complete, np.array([box], np.float32))


def red_box(image: np.ndarray) -> np.ndarray:
    ys, xs = np.nonzero((image[..., 2] > 180) & (image[..., 0] < 60))
    return np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1], np.float32)


@pytest.mark.parametrize("seed", range(20))
def test_a_crop_holds_its_plate_where_the_box_says(tmp_path: Path, seed: int) -> None:
    photo = photo_with_plate(tmp_path, (500, 300, 640, 340))
    sample = around_plate(photo, (320, 320), np.random.default_rng(seed))
    assert sample.image.shape == (320, 320, 3)
    assert len(sample.boxes) == 1
    assert np.abs(sample.boxes[0] - red_box(sample.image)).max() <= 2.5


def test_crops_reach_from_far_cars_to_close_ups(tmp_path: Path) -> None:
    photo = photo_with_plate(tmp_path, (500, 300, 700, 350))
    rng = np.random.default_rng(1)
    widths = [float(np.ptp(around_plate(photo, (320, 320), rng).boxes[0, [0, 2]])) for _ in range(200)]
    assert min(widths) < 25
    assert max(widths) > 240


def test_a_window_never_shows_a_plate_that_its_truth_does_not_tell(tmp_path: Path) -> None:
    photo = photo_with_plate(tmp_path, (560, 330, 720, 380))
    for seed in range(200):
        sample = anywhere(photo, (320, 320), np.random.default_rng(seed))
        red = int(((sample.image[..., 2] > 180) & (sample.image[..., 0] < 60)).sum())
        told = sum(float((x2 - x1) * (y2 - y1)) for x1, y1, x2, y2 in sample.boxes)
        assert red <= told + 0.05 * told + 400 * (1 - LEAST_VISIBLE)


def test_harm_keeps_the_shape_and_follows_the_seed() -> None:
    image = np.random.default_rng(0).integers(0, 255, (64, 96, 3)).astype(np.uint8)
    for seed in range(40):
        once, twice = (harm(image.copy(), np.random.default_rng(seed)) for _ in range(2))
        assert once.shape == image.shape
        assert once.dtype == np.uint8
        assert np.array_equal(once, twice)


CLUTTER = (draw_overlay, draw_sign, draw_phone_number, draw_sticker, draw_blank_board, draw_lit_sign, draw_logo)


def test_pasted_plates_and_clutter_leave_known_plates_alone() -> None:
    rng = np.random.default_rng(3)
    known = np.array([[100, 100, 220, 160]], np.float32)
    for _ in range(40):
        image = np.full((320, 320, 3), 50, np.uint8)
        boxes = paste_plate(image, known, np.full((60, 200, 3), 240, np.uint8), 60, rng)
        for draw in CLUTTER:
            draw(image, boxes, rng)
        assert overlaps(boxes[1:], known).sum() == 0
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2:] <= 320).all()
        assert (image[100:160, 100:220] == 50).all()


def test_another_plate_hangs_where_the_old_one_did_and_its_box_says_where() -> None:
    red = np.zeros((40, 160, 3), np.uint8)
    red[..., 2] = 255
    replaced = 0
    for seed in range(30):
        image = np.full((320, 320, 3), 90, np.uint8)
        image[120:160, 100:220] = (255, 255, 255)
        old = Sample(image, np.array([[100, 120, 220, 160]], np.float32))
        new = replace_plates(old, lambda _: red, np.random.default_rng(seed))
        assert (old.image[130, 110] == 255).all(), "the picture it was given stays as it was"
        ink = new.image[..., 2].astype(int) - new.image[..., 0] > 60
        if len(new.boxes):
            replaced += 1
            rows, columns = np.nonzero(ink)
            seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert np.abs(new.boxes[0] - seen).max() <= 3
            assert overlaps(new.boxes, old.boxes).max() > 0.15
        else:
            assert not ink.any()
        outside = new.image[:50]
        assert (outside == 90).all()
    assert 15 < replaced < 30, "some plates are only taken off"


def test_some_plates_are_turned_as_on_motorcycles_and_their_boxes_hold_them() -> None:
    red = np.zeros((40, 160, 3), np.uint8)
    red[..., 2] = 255
    squarest = 9.0
    for seed in range(120):
        image = np.full((320, 320, 3), 50, np.uint8)
        boxes = paste_plate(image, no_boxes(), red, 120, np.random.default_rng(seed))
        if len(boxes):
            x1, y1, x2, y2 = boxes[0]
            squarest = min(squarest, (x2 - x1) / (y2 - y1))
            ink = image[..., 2].astype(int) - image[..., 0] > 100
            ink[int(y1) - 2 : int(y2) + 3, int(x1) - 2 : int(x2) + 3] = False
            assert not ink.any()
    assert squarest < 1.7, "a plate of 4 by 1, turned by thirty degrees and more"


def test_a_plate_behind_glass_keeps_its_box_and_some_of_its_contrast() -> None:
    for seed in range(40):
        image = np.full((200, 320, 3), 60, np.uint8)
        image[80:120, 100:220] = 240
        boxes = np.array([[100, 80, 220, 120]], np.float32)
        once, twice = (behind_glass(Sample(image, boxes), np.random.default_rng(seed)) for _ in range(2))
        assert np.array_equal(once.image, twice.image)
        assert np.array_equal(once.boxes, boxes)
        assert once.image.shape == image.shape
        plate, beside = once.image[80:120, 100:220].mean(), once.image[80:120, 60:100].mean()
        assert plate - beside > 20
        assert (once.image != image).any()


def test_scenes_of_the_second_wave_stand_on_the_side_of_their_plates(tmp_path: Path) -> None:
    texts = {side: next(str(n) for n in range(100, 999) if split_of(str(n)) == side) for side in ("train", "dev")}
    rows = [
        ("a.jpg", "1,2,30,12", texts["train"], "1"),
        ("b.jpg", "1,2,30,12", texts["train"], "1"),
        ("b.jpg", "40,2,70,32", texts["dev"], "2"),
        ("c.jpg", ",,,", "", ""),
    ]
    (tmp_path / "detection").mkdir()
    (tmp_path / "detection" / "boxes.csv").write_text("image,split,x1,y1,x2,y2,every_plate_boxed\n")
    (tmp_path / "more").mkdir()
    lines = [f"scenes/{name},{box},{text},{count},,0,scene\n" for name, box, text, count in rows]
    head = "image,x1,y1,x2,y2,plate_text,rows,country,every_plate_boxed,kind\n"
    (tmp_path / "more" / "labels.csv").write_text(head + "".join(lines))
    found = {photo.path.name: photo for side in ("train", "dev") for photo in load_photos(tmp_path, side)}
    assert (found["a.jpg"].split, found["a.jpg"].group, found["a.jpg"].every_plate_boxed) == ("train", "more", False)
    assert (found["b.jpg"].split, found["b.jpg"].group, len(found["b.jpg"].boxes)) == ("dev", "more-rows", 2)
    assert (found["c.jpg"].group, len(found["c.jpg"].boxes), found["c.jpg"].every_plate_boxed) == ("none", 0, True)


def test_a_hidden_plate_keeps_its_box_and_most_of_its_face() -> None:
    for seed in range(30):
        image = np.full((320, 320, 3), 90, np.uint8)
        image[120:160, 100:220] = 255
        boxes = np.array([[100, 120, 220, 160]], np.float32)
        hidden = hide_partly(Sample(image, boxes), np.random.default_rng(seed))
        face = hidden.image[120:160, 100:220]
        assert np.array_equal(hidden.boxes, boxes)
        assert 0.5 < (face == 255).all(2).mean() <= 1


def test_a_leaning_picture_takes_its_boxes_along() -> None:
    for seed in range(20):
        image = np.zeros((320, 320, 3), np.uint8)
        image[60:80, 150:210] = 255
        sample = leaned(Sample(image, np.array([[150, 60, 210, 80]], np.float32)), np.random.default_rng(seed))
        rows, columns = np.nonzero(sample.image[..., 0] > 127)
        seen = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
        assert np.abs(sample.boxes[0] - seen).max() <= 2.5


@pytest.mark.parametrize("seed", range(25))
def test_plates_of_every_kind_can_be_drawn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for plate in (PlateMaker([]).plate(rng), invented(rng)):
        assert plate.dtype == np.uint8
        assert plate.shape[2] == 3
        assert plate.std() > 10, "something is written on it"


def test_every_network_builds_for_one_class() -> None:
    sizes = {network.name: sum(p.numel() for p in network.build().parameters()) for network in CANDIDATES}
    assert sizes[SHIPPED.name] < 0.3 * sizes["yolo26n"]


def test_a_mosaic_keeps_what_it_shows() -> None:
    rng = np.random.default_rng(5)
    image = np.full((320, 320, 3), 90, np.uint8)
    image[140:180, 120:200] = RED
    sample = Sample(image, np.array([[120, 140, 200, 180]], np.float32))
    for _ in range(30):
        made = mosaic([sample] * 4, rng)
        red = (made.image[..., 2] > 180) & (made.image[..., 0] < 60)
        told = np.zeros_like(red)
        for x1, y1, x2, y2 in made.boxes.astype(int):
            told[y1:y2, x1:x2] = True
        assert not (red & ~told).any()


def test_a_batch_knows_which_box_is_in_which_picture() -> None:
    empty = Sample(np.zeros((32, 64, 3), np.uint8), np.zeros((0, 4), np.float32))
    full = Sample(np.zeros((32, 64, 3), np.uint8), np.array([[0, 0, 32, 16]], np.float32))
    batch = collate([empty, full])
    assert batch.index.tolist() == [1]
    assert batch.boxes.tolist() == [[0.25, 0.25, 0.5, 0.5]]


def test_a_second_box_on_the_same_plate_is_wrong() -> None:
    truth = np.array([[0, 0, 100, 30]], np.float32)
    boxes = np.array([[0, 0, 100, 30], [2, 0, 102, 30], [300, 0, 400, 30]], np.float32)
    matched = match(boxes, np.array([0.6, 0.9, 0.3], np.float32), truth, complete=True)
    assert matched.right.tolist() == [True, False, False]
    result = score([matched], 0.5)
    assert (result.recall, result.precision, result.false_per_picture) == (1.0, 0.5, 1.0)


def test_false_boxes_count_only_where_every_plate_is_known() -> None:
    none = np.zeros((0, 4), np.float32)
    box, sure = np.array([[0, 0, 9, 9]], np.float32), np.array([0.9], np.float32)
    assert score([match(box, sure, none, complete=False)], 0.5).false_per_picture is None
    assert score([match(box, sure, none, complete=True)], 0.5).false_per_picture == 1.0


def test_doubtful_places_count_neither_way_but_a_plate_beside_one_does() -> None:
    truth, doubtful = (
        np.array([[0, 0, 100, 30]], np.float32),
        np.array([[200, 0, 300, 30], [0, 0, 90, 30]], np.float32),
    )
    boxes = np.array([[0, 0, 100, 30], [205, 0, 300, 32]], np.float32)
    matched = match(boxes, np.array([0.6, 0.9], np.float32), truth, complete=True, ignored=doubtful)
    assert score([matched], 0.5).recall == 1.0
    assert score([matched], 0.5).false_per_picture == 0.0


def test_plates_added_by_eye_are_taught_but_never_scored() -> None:
    with (Path(photos.__file__).with_name("by_eye.csv")).open() as file:
        rows = [row.split(",") for row in file.read().splitlines()[1:]]
    assert {row[5] for row in rows} == {"plate", "doubtful", "not_plate"}
    assert all(float(row[1]) < float(row[3]) and float(row[2]) < float(row[4]) for row in rows)


@pytest.mark.parametrize(("split", "plates", "doubtful"), [("train", 2, 0), ("dev", 1, 1)])
def test_by_eye_boxes_join_their_pictures(tmp_path: Path, split: photos.Split, plates: int, doubtful: int) -> None:
    with (Path(photos.__file__).with_name("by_eye.csv")).open() as file:
        name = next(row.split(",")[0] for row in file if row.rstrip().endswith(",plate"))
    (tmp_path / "detection").mkdir()
    row = f"{name},{split},1,2,30,12,1\n"
    (tmp_path / "detection" / "boxes.csv").write_text("image,split,x1,y1,x2,y2,every_plate_boxed\n" + row)
    (photo,) = load_photos(tmp_path, split)
    assert len(photo.boxes) >= plates
    assert len(photo.doubtful) >= doubtful


def test_average_precision_of_a_known_ranking() -> None:
    right = np.array([True, False, True])
    assert average_precision(np.array([0.9, 0.8, 0.7], np.float32), right, 2) == pytest.approx(0.5 + 0.5 * 2 / 3)
    assert average_precision(np.zeros(0, np.float32), np.zeros(0, bool), 2) == 0.0


def test_recall_is_told_by_width() -> None:
    truth = np.array([[0, 0, 30, 10], [100, 0, 150, 20], [300, 0, 420, 30]], np.float32)
    boxes = np.vstack([truth[1:], [[500, 500, 560, 520]]]).astype(np.float32)
    matched = match(boxes, np.array([0.8, 0.7, 0.2], np.float32), truth, complete=True)
    assert recall_by_width([matched], 0.25) == [
        (1, 0.0),
        (1, 1.0),
        (0, pytest.approx(float("nan"), nan_ok=True)),
        (1, 1.0),
    ]


def test_photos_know_their_split_and_whether_all_plates_are_boxed(tmp_path: Path) -> None:
    folder = tmp_path / "detection"
    folder.mkdir()
    (folder / "boxes.csv").write_text(
        "image,split,x1,y1,x2,y2,every_plate_boxed\n"
        "ro_1.jpg,train,1,2,30,12,1\nro_1.jpg,train,50,2,80,12,1\nmix_1.jpg,dev,1,2,30,12,0\n"
    )
    train, dev = load_photos(tmp_path, "train"), load_photos(tmp_path, "dev")
    assert [(p.group, len(p.boxes), p.every_plate_boxed) for p in train] == [("ro", 2, True)]
    assert [(p.group, p.every_plate_boxed) for p in dev] == [("mix", False)]
    with pytest.raises(FileNotFoundError):
        dev[0].read()
