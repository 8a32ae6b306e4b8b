"""What a plate looks like beside its text: measured, described by country, and what it decides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

import pipeline.formats
from pipeline.crops.looks import looks_of
from pipeline.formats import Formats, load_formats
from pipeline.formats.alphabet import BLANK, CLASS_OF, CLASSES, Posterior
from pipeline.formats.looks import LOOKS, Looks, look_shares
from pipeline.reading.reader import Reader
from pipeline.records import Box, Crop, Image, MediaKind, Observation, Reading, Sighting, Tracklet
from pipeline.run import read_tracklet
from pipeline.sightings import stitch

WHITE, YELLOW, BLUE, BLACK, RED, GREEN = (
    (235, 235, 235), (20, 190, 250), (170, 70, 20), (25, 25, 25), (40, 30, 190), (60, 140, 20)
)  # fmt: skip
BAND = (150, 60, 10)


def plate(
    ground: tuple[int, ...] = WHITE,
    letters: tuple[int, ...] = BLACK,
    bands: Sequence[str] = (),
    size: tuple[int, int] = (208, 44),
) -> Image:
    """A plate of a size (width, height), its colours in BGR, with blue bands at its `left` and `right`."""
    width, height = size
    image = np.full((height, width, 3), ground, np.uint8)
    wide = max(4, width // 13)
    if "left" in bands:
        image[:, :wide] = BAND
    if "right" in bands:
        image[:, -wide:] = BAND
    image[0] = image[-1] = letters
    scale = height / 44
    for index, char in enumerate("AB123CD"):
        at = (round((0.13 + 0.105 * index) * width), round(height * 0.78))
        cv2.putText(image, char, at, cv2.FONT_HERSHEY_DUPLEX, 1.0 * scale, letters, max(1, round(4 * scale)))
    return image


def lit(image: Image, blue: float, green: float, red: float) -> Image:
    """The picture under a light of that colour."""
    return np.clip(image * np.array([blue, green, red]), 0, 255).astype(np.uint8)


def grey(image: Image) -> Image:
    return np.repeat(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None], 3, axis=2)


@pytest.mark.parametrize(
    ("ground", "letters", "name"),
    [
        (WHITE, BLACK, "white"), (YELLOW, BLACK, "yellow"), (BLUE, WHITE, "blue"), (BLACK, WHITE, "black"),
        (RED, WHITE, "red"), (GREEN, WHITE, "green"),
    ],
)  # fmt: skip
def test_the_ground_is_the_colour_under_the_letters(
    ground: tuple[int, ...], letters: tuple[int, ...], name: str
) -> None:
    # Of a colour camera, to which not even black and white are without any.
    image = lit(plate(ground, letters), 1.0, 0.93, 0.9)
    for light in (1.0, 0.6):
        assert looks_of([lit(image, light, light, light)])["ground"] == name


@pytest.mark.parametrize(("bands", "name"), [((), "none"), (("left",), "left"), (("left", "right"), "both")])
@pytest.mark.parametrize("cast", [(1, 0.98, 0.96), (0.85, 0.95, 1.0), (1.0, 0.9, 0.85)])
def test_bands_are_seen_under_warm_and_cold_light(bands: Sequence[str], name: str, cast: tuple[float, ...]) -> None:
    looks = looks_of([lit(plate(bands=bands), *cast)])
    assert (looks["ground"], looks["bands"], looks["shape"], looks["letters"]) == ("white", name, "long", "dark")


def test_a_yellow_plate_has_its_band_and_red_letters_are_red() -> None:
    assert looks_of([plate(YELLOW, BLACK, ["left"])]) == {"ground": "yellow", "bands": "left", "shape": "long"}
    assert looks_of([plate(WHITE, RED, ["left"])])["letters"] == "red"


def test_two_rows_and_american_plates_are_square() -> None:
    assert looks_of([lit(plate(size=(120, 60)), 1, 0.97, 0.94)])["shape"] == "square"
    assert "shape" not in looks_of([lit(plate(size=(150, 60)), 1, 0.97, 0.94)])


def test_what_is_not_plain_is_left_unsaid() -> None:
    banded = plate(bands=["left"])
    assert looks_of([]) == {}
    assert looks_of([grey(banded)]) == {}, "an infrared camera"
    assert looks_of([lit(banded, 0.2, 0.2, 0.2)]) == {}, "night"
    assert looks_of([np.full((40, 160, 3), (90, 120, 150), np.uint8)]) == {}, "no characters"
    assert looks_of([cv2.resize(banded, (36, 9), interpolation=cv2.INTER_AREA)]) == {}, "far"
    assert "bands" not in looks_of([cv2.resize(banded, (48, 12), interpolation=cv2.INTER_AREA)]), "less far"
    assert "ground" not in looks_of([lit(plate(), 0.68, 0.9, 1.0)]), "a street lamp"
    on_blue = cv2.copyMakeBorder(plate(), 6, 6, 14, 14, cv2.BORDER_CONSTANT, value=BAND)
    assert "bands" not in looks_of([on_blue]), "a blue car"


def test_most_pictures_of_a_plate_decide() -> None:
    bare, banded, dark = plate(YELLOW), plate(YELLOW, BLACK, ["left"]), grey(plate(YELLOW))
    assert looks_of([banded, bare, banded, dark])["bands"] == "left"
    assert "bands" not in looks_of([banded, bare])


def country(formats: Formats, text: str, looks: Looks) -> str | None:
    match = formats.match(text, looks)
    return match.country if match else None


def test_looks_decide_between_countries_whose_forms_fit() -> None:
    formats = load_formats(["AL", "GE"])
    assert country(formats, "AA123BB", {}) is None
    assert country(formats, "AA123BB", {"ground": "white", "bands": "both"}) == "AL"
    assert country(formats, "AA123BB", {"ground": "white", "bands": "left"}) == "GE"
    assert country(load_formats(), "ABC123", {"ground": "white"}) is None


def test_looks_make_no_text_a_plate_and_rule_no_country_out() -> None:
    formats = load_formats()
    for looks in ({"ground": "yellow", "bands": "left"}, {"ground": "blue"}, {"ground": "black", "shape": "square"}):
        assert country(formats, "GROUP", looks) is None
        assert country(load_formats(["HK", "US"]), "TAXI", looks) == country(load_formats(["HK", "US"]), "TAXI", {})
        assert country(formats, "LSI5EBC", looks) is None
        assert country(formats, "LS15EBC", looks) == "GB"
        assert country(formats, "皖A12345", looks) == "CN"


def test_a_country_s_confidence_grows_with_what_speaks_for_it() -> None:
    formats = load_formats(["FR", "GE"])
    found = [formats.match("AA123BB", looks) for looks in ({"bands": "left"}, {}, {"bands": "both"})]
    sure = [match.confidence for match in found if match is not None and match.country == "FR"]
    assert 0.7 < sure[0] < sure[1] < sure[2] < 1


def test_anywhere_has_all_kinds_of_looks_and_no_file_has_others() -> None:
    folder = Path(pipeline.formats.__file__).parent / "countries"
    described = {path.stem: yaml.safe_load(path.read_text("utf-8")).get("looks", {}) for path in folder.glob("*.yaml")}
    assert list(described["any"]) == list(LOOKS)
    for name, looks in described.items():
        assert set(looks) <= set(LOOKS), name
        assert all(weight > 0 for weights in looks.values() for weight in weights.values()), name
    shares = look_shares(described["fr"])["bands"]
    assert sum(shares.values()) == pytest.approx(1.0)
    with pytest.raises(KeyError, match="No plate looks purple"):
        look_shares({"ground": {"purple": 1}})


class Says:
    """A recogniser to which every picture says the same."""

    def __init__(self, text: str) -> None:
        self._text = text

    def probabilities(self, images: Sequence[Image], min_width_px: int = 96) -> list[Posterior]:
        matrix = np.full((2 * len(self._text) + 1, CLASSES), 0.02 / CLASSES, np.float32)
        for step in range(len(matrix)):
            matrix[step, CLASS_OF[self._text[step // 2]] if step % 2 else BLANK] += 0.98
        return [matrix for _ in images]


def readings(formats: Formats, *pictures: Image) -> tuple[Reading, Sighting]:
    """What the reader makes of a tracklet with these pictures, and the sighting that comes of it."""
    whole = [Box(0, 0, picture.shape[1], picture.shape[0]) for picture in pictures]
    seen = [Observation(9000 * i, i / 10, box, 0.9) for i, box in enumerate(whole)]
    crops = [Crop(o, box, 1.0, picture) for o, box, picture in zip(seen, whole, pictures, strict=True)]
    reading = Reader(Says("AB123CD"), formats).read_tracklet(crops)
    assert reading is not None
    tracklet = Tracklet(0, tuple(seen), tuple(crops))
    (sighting,) = stitch([read_tracklet(0, tracklet, reading)], MediaKind.VIDEO, formats)
    return reading, sighting


def test_a_sighting_with_a_clear_band_gets_its_country_and_no_other_text() -> None:
    formats = load_formats(["AL", "GE"])
    banded = plate(bands=["left", "right"])
    reading, sighting = readings(formats, banded, banded)
    assert (reading.text, reading.country, sighting.country) == ("AB123CD", "AL", "AL")
    assert reading.country_confidence is not None
    assert 0.7 <= reading.country_confidence <= 1.0
    unseen, plain = readings(formats, grey(banded), lit(banded, 0.2, 0.2, 0.2))
    assert (unseen.country, unseen.country_confidence, plain.country) == (None, None, None)
    assert (unseen.text, unseen.confidence, unseen.alternatives) == (
        reading.text, reading.confidence, reading.alternatives
    )  # fmt: skip
