"""The reader reads real pictures with the real recogniser, and keeps silent where there is nothing to read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from models import plate_reader
from pipeline.crops.text_lines import LEVEL_DEGREES, plate_image, tilt_degrees
from pipeline.errors import ModelError, UsageError
from pipeline.formats import load_formats
from pipeline.formats.alphabet import BLANK, CHARS, CLASS_OF, CLASSES, OTHER, Posterior, classes_of, folding
from pipeline.photo import read_plates
from pipeline.reading.reader import LINE_MIN_PX, Reader
from pipeline.reading.recognizers import BUNDLED_MODEL, DEFAULT_ENGINE, load_recognizer
from pipeline.reading.recognizers.model_folder import bundled_folder
from pipeline.records import Box, Crop, Image, MediaKind, Observation
from pipeline.run import ModelConfig, load_detector

SHARED = Path(__file__).parents[4] / "shared" / "data"


def shared(name: str) -> str:
    path = SHARED / name
    if not path.exists():
        complain = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        complain(f"the shared data is missing: {path}")
    return str(path)


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def reader(cache_dir: Path) -> Reader:
    return Reader(load_recognizer(str(plate_reader()), DEFAULT_ENGINE, cache_dir, threads=2), load_formats())


def drawn(*rows: str, width: int = 240) -> Image:
    """A white plate with black text in one or two rows."""
    image = np.full((20 + 50 * len(rows), width, 3), 235, dtype=np.uint8)
    for index, row in enumerate(rows):
        cv2.putText(image, row, (14, 50 + 50 * index), cv2.FONT_HERSHEY_DUPLEX, 1.5, (20, 20, 20), 3, cv2.LINE_AA)
    return image


def crop_of(image: Image, plate: Box) -> Crop:
    return Crop(Observation(0, 0.0, plate, 0.9), plate, 1.0, image)


def whole(image: Image) -> Crop:
    return crop_of(image, Box(0, 0, image.shape[1], image.shape[0]))


def picture(loaded: object) -> Image:
    """What cv2 gives back, with its type narrowed."""
    return np.asarray(loaded, dtype=np.uint8)


def text_of(reader: Reader, image: Image) -> str | None:
    reading = reader.read_plate_image(image)
    return reading.text if reading else None


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
@pytest.mark.parametrize("name", [BUNDLED_MODEL, str(plate_reader())], ids=["base", "shipped"])
def test_a_drawn_plate_is_read(name: str, engine: str, cache_dir: Path) -> None:
    recognizer = load_recognizer(name, engine, cache_dir, threads=2)
    reading = Reader(recognizer, load_formats(["HK"])).read_plate_image(drawn("GV 5679"))
    assert reading is not None
    assert (reading.text, reading.country) == ("GV5679", "HK")
    assert reading.confidence > 0.7


def test_two_rows_are_read_top_first(reader: Reader) -> None:
    assert text_of(reader, drawn("34A", "36837", width=190)) == "34A36837"


def matrix_of(text: str, sure: float) -> Posterior:
    matrix = np.zeros((2 * len(text), CLASSES), np.float32)
    matrix[1::2, BLANK] = 1.0
    matrix[::2, BLANK] = 1.0 - sure
    matrix[range(0, 2 * len(text), 2), classes_of(text)] = sure
    return matrix


def test_a_line_that_is_not_surely_read_is_read_at_another_width() -> None:
    class Unlucky:
        def probabilities(self, images: Sequence[Image], min_width_px: int) -> list[Posterior]:
            return [matrix_of("B111TXS", 0.99) if min_width_px > LINE_MIN_PX else matrix_of("B111TXS", 0.8)] * len(
                images
            )

    reading = Reader(Unlucky(), load_formats()).read_plate_image(np.full((40, 150, 3), 9, np.uint8))
    assert reading is not None
    assert reading.confidence > 0.9


class PartedAt:
    """Reads two rows surely where they are parted at a share of a plate whose 100 lines bear their numbers."""

    def __init__(self, share: float) -> None:
        low, high = round(100 * (share + 0.03)), round(100 * (share - 0.03))
        self._rows = {(0, low): "LEC", (high, 100 - high): "4444"}

    def probabilities(self, images: Sequence[Image], min_width_px: int) -> list[Posterior]:
        return [self._said(int(image[0, 0, 0]), image.shape[0]) for image in images]

    def _said(self, first: int, height: int) -> Posterior:
        return matrix_of(*((self._rows[first, height], 0.99) if (first, height) in self._rows else ("XX", 0.4)))


@pytest.mark.parametrize("share", [0.45, 0.55])
def test_rows_that_are_not_surely_read_are_parted_elsewhere(share: float) -> None:
    square = np.zeros((100, 120, 3), np.uint8)
    square += np.arange(100, dtype=np.uint8)[:, None, None]
    assert text_of(Reader(PartedAt(share), load_formats()), square) == "LEC4444"


class Counted:
    """Says the same of every picture, and counts how many it was asked about."""

    def __init__(self, said: Posterior) -> None:
        self._said, self.pictures = said, 0

    def probabilities(self, images: Sequence[Image], min_width_px: int) -> list[Posterior]:
        self.pictures += len(images)
        return [self._said for _ in images]


@pytest.mark.parametrize(
    ("said", "height", "pictures"),
    [
        pytest.param(matrix_of("KV8452", 0.99), 40, 1, id="a sure line is looked at once"),
        pytest.param(matrix_of("LEC4", 0.99), 100, 2, id="two sure rows are no line"),
        pytest.param(matrix_of("LEC4", 0.85), 100, 7, id="rows that are half read are parted elsewhere too"),
        pytest.param(matrix_of("LEC4", 0.55), 100, 3, id="where nothing is legible no other gap is tried"),
    ],
)
def test_no_plate_is_looked_at_more_often_than_it_deserves(said: Posterior, height: int, pictures: int) -> None:
    counted = Counted(said)
    Reader(counted, load_formats()).read_plate_image(np.full((height, 120, 3), 9, np.uint8))
    assert counted.pictures == pictures


def test_a_plate_on_its_side_is_read(reader: Reader) -> None:
    upright = drawn("KV 8452")
    assert text_of(reader, np.ascontiguousarray(np.rot90(upright))) == "KV8452"
    assert text_of(reader, np.ascontiguousarray(np.rot90(upright, 3))) == "KV8452"


def test_what_shows_no_text_gives_no_reading(reader: Reader) -> None:
    noise = np.random.default_rng(3).integers(0, 255, (60, 200, 3), dtype=np.uint8)
    assert text_of(reader, noise) is None
    assert text_of(reader, np.full((40, 160, 3), 90, dtype=np.uint8)) is None
    assert text_of(reader, drawn("A1", width=120)) is None
    assert text_of(reader, np.full((1, 1, 3), 90, dtype=np.uint8)) is None


def test_a_word_that_the_detector_doubts_is_hardly_a_plate(cache_dir: Path) -> None:
    # The general reader reads any word; the shipped one has learnt to doubt such pictures by itself.
    reader = Reader(load_recognizer(BUNDLED_MODEL, DEFAULT_ENGINE, cache_dir, threads=2), load_formats())

    def confidence(text: str, detected: float) -> float:
        image = drawn(text)
        box = Box(0, 0, image.shape[1], image.shape[0])
        reading = reader.read_tracklet([Crop(Observation(0, 0.0, box, detected), box, 1.0, image)])
        assert reading is not None
        assert reading.text == text.replace(" ", "")
        return reading.confidence

    assert confidence("ARENA", 0.2) < 0.2 < confidence("ARENA", 0.9)
    assert confidence("KV 8452", 0.2) > 0.7


def test_tracklets_are_read_together_as_apart(reader: Reader) -> None:
    first, second = whole(drawn("KV 8452")), whole(drawn("B 21 GSB"))
    together = reader.read_tracklets([[first, first], [], [second]])
    assert [reading and reading.text for reading in together] == ["KV8452", None, "B21GSB"]
    assert together[0] == reader.read_tracklet([first, first])


def test_a_tilted_plate_is_levelled() -> None:
    slope = float(np.tan(np.radians(14)))
    shear = np.array([[1, 0, 0], [slope, 1, 20]], dtype=np.float32)
    tilted = picture(cv2.warpAffine(drawn("15C 17174", width=300), shear, (300, 170), borderValue=(120, 120, 120)))
    crop = crop_of(tilted, Box(0, 20, 300, 20 + 70 + 300 * slope))
    assert tilt_degrees(tilted[20:165]) == pytest.approx(14, abs=4)
    assert abs(tilt_degrees(plate_image(crop))) < LEVEL_DEGREES


@pytest.mark.parametrize("name", ["9413", "AM66", "GV5679", "KV8888", "VZ2205"])
def test_hong_kong_crops(reader: Reader, name: str) -> None:
    assert text_of(reader, picture(cv2.imread(shared(f"hongkong/{name}.png")))) == name


def test_two_plates_on_top_of_each_other_are_two(reader: Reader) -> None:
    photo = picture(cv2.imread(shared("hongkong/9cc614d5409a40c19fa1ebd57307e786.jpeg")))
    plates = read_plates(photo, load_detector(ModelConfig(), MediaKind.PHOTO), reader)
    assert len(plates) == 2
    assert "BABYBABY" in [plate.reading.text for plate in plates if plate.reading]
    upper, lower = sorted((plate.detection.box for plate in plates), key=lambda box: box.y1)
    assert upper.shared(lower) == 0


def test_a_british_plate_from_the_road_without_being_told_the_country(reader: Reader) -> None:
    video = cv2.VideoCapture(shared("video/road_gb.mp4"))
    frames = [picture(video.read()[1]) for _ in range(124)]
    boxes = {111: Box(594, 482, 749, 526), 117: Box(595, 486, 752, 530), 123: Box(591, 492, 750, 536)}
    crops = [crop_of(frames[number], box) for number, box in boxes.items()]
    reading = reader.read_tracklet(crops)
    assert reading is not None
    assert (reading.text, reading.country) == ("LS15EBC", "GB")


def test_the_charset_folds_onto_plate_characters() -> None:
    fold = folding(["", "A", "a", "l", "-", "%"])
    matrix = fold(np.array([[0.1, 0.2, 0.1, 0.2, 0.3, 0.1]], dtype=np.float32))[0]
    assert matrix[CLASS_OF["A"]] == pytest.approx(0.3)
    assert matrix[CLASS_OF["1"]] == matrix[CLASS_OF["I"]] == pytest.approx(0.1)
    assert matrix[BLANK] == pytest.approx(0.4)
    assert matrix[OTHER] == pytest.approx(0.1)
    assert len(set(CHARS)) == len(CHARS)


def test_many_processes_may_prepare_the_model_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        folders = set(pool.map(bundled_folder, [tmp_path / "models"] * 4))
    (folder,) = folders
    assert {file.name for file in folder.iterdir()} == {"inference.onnx", "inference.yml"}
    assert [entry.name for entry in (tmp_path / "models").iterdir()] == [folder.name]


def test_a_reader_that_cannot_be_had_says_why(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="openvino"):
        load_recognizer(BUNDLED_MODEL, "abacus", tmp_path)
    with pytest.raises(ModelError, match="does not exist"):
        load_recognizer(str(tmp_path / "nowhere"), "onnxruntime", tmp_path)
    with pytest.raises(ModelError, match=r"inference\.yml"):
        load_recognizer(str(tmp_path), "onnxruntime", tmp_path)
