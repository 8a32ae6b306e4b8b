"""Plates of no country: the label is what stands there, every character can be seen, and no two glyphs are alike."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations, pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.formats.alphabet import CHINESE, CYRILLIC
from synthesis.layouts.characters import ARABIC_WORDS, JAPANESE_PLACES, SCRIPTS
from synthesis.layouts.mounting import mounted
from synthesis.layouts.numbers import any_number, given_number
from synthesis.layouts.pieces import known_characters
from synthesis.layouts.plates import invented_plate, plate_with
from synthesis.layouts.setting import set_row
from synthesis.layouts.wear import MOST_HIDDEN
from synthesis.lettering.faces import FACES
from synthesis.lettering.glyphs import KINDS, NUMBER_CHARACTERS, SEPARATORS, has_glyph, strokes_of
from synthesis.lettering.invented import any_typeface
from synthesis.lettering.pen import glyph_mask
from synthesis.lettering.scripts import script_mask
from synthesis.lettering.strokes import Shape
from synthesis.lettering.typeface import Typeface
from training.reader.charset import readable

#: Glyphs that some faces of real plates make alike.
_TWINS = ({"0", "O"}, {"1", "I"})
#: Share of pixels of a glyph's box in which two glyphs of a face must differ, both drawn equally wide.
_LEAST_APART = 0.022
#: What may be cut off a character at the plate's edge beside what may be hidden.
_LEAST_SHOWN = 0.58


def _apart(face: Typeface, one: str, other: str) -> float:
    masks = [glyph_mask(face, char, 60, 40).astype(np.float32) / 255 for char in (one, other)]
    return float(np.abs(masks[0] - masks[1]).mean())


@pytest.mark.parametrize("face", [*FACES.values(), *(any_typeface(np.random.default_rng(n)) for n in range(40))])
def test_no_two_glyphs_of_a_face_are_alike(face: Typeface) -> None:
    for one, other in combinations(NUMBER_CHARACTERS, 2):
        if {one, other} not in _TWINS:
            assert _apart(face, one, other) > _LEAST_APART, (face, one, other)


def test_there_are_thirty_faces_of_their_own() -> None:
    assert len(FACES) >= 30
    for one, other in combinations(FACES.values(), 2):
        assert one.shape != other.shape


def test_every_variant_of_a_glyph_is_another_picture() -> None:
    for character, kinds in KINDS.items():
        drawn = [
            strokes_of(character, Shape(kinds=frozenset({f"{character} {kind}"}))) for kind in dict.fromkeys(kinds)
        ]
        for one, other in combinations(drawn, 2):
            assert one != other, character


@pytest.mark.parametrize("face", FACES.values(), ids=FACES)
def test_glyphs_fill_their_box_and_leave_their_counters_open(face: Typeface) -> None:
    for character in NUMBER_CHARACTERS:
        mask = glyph_mask(face, character, 60, round(60 * face.width(character)))
        left, top, wide, high = cv2.boundingRect(mask)
        assert high >= 57
        assert wide >= 0.7 * mask.shape[1] or character in "1I"
        assert (top, left) < (3, 12)
    zero = glyph_mask(face, "8", 60, round(60 * face.width("8")))
    assert (zero < 60).mean() > 0.08


def test_other_scripts_are_drawn_and_never_read() -> None:
    """OpenCV draws a question mark where it lacks a glyph."""
    unknown = script_mask("?", 60)
    written = [*JAPANESE_PLACES, *ARABIC_WORDS, *(char for script in SCRIPTS.values() for char in script)]
    for text in written:
        assert known_characters(text) == ""
        for char in text:
            assert has_glyph(char) or not np.array_equal(script_mask(char, 60), unknown), char
    assert known_characters("京A·12-3") == "京A123"
    assert set(SCRIPTS["cyrillic"]) < set(CYRILLIC)
    assert not set("".join(JAPANESE_PLACES)) & set(CHINESE)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_same_seed_same_plate_to_the_pixel(rows: int) -> None:
    for seed in range(8):
        one, other = (invented_plate(rows, np.random.default_rng(seed)) for _ in range(2))
        assert one.characters == other.characters
        assert np.array_equal(one.image, other.image)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_invented_plates_say_what_stands_on_them(rows: int) -> None:
    texts = set()
    for seed in range(150):
        plate = invented_plate(rows, np.random.default_rng(seed))
        texts.add(plate.text)
        assert plate.rows == rows
        assert plate.image.dtype == np.uint8
        assert readable(plate.text)
        assert 3 <= len(plate.text) <= 10, plate.text
        assert plate.text == known_characters(plate.written)
        high, wide = plate.image.shape[:2]
        for character in plate.characters:
            left, top, right, bottom = character.place
            assert 0 <= left < right <= wide, plate.written
            assert 0 <= top < bottom <= high, plate.written
            assert character.shown >= _LEAST_SHOWN, (seed, character)
            shown = plate.image[max(0, top - 3) : bottom + 3, max(0, left - 3) : right + 3].astype(np.float32)
            assert np.ptp(shown, axis=(0, 1)).max() > 12, (seed, character)
    assert len(texts) > 145


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_a_number_is_set_in_the_order_in_which_it_is_read(rows: int) -> None:
    face = FACES["DIN 1451 Mittelschrift"]
    heights = set()
    for seed in range(200):
        rng = np.random.default_rng(seed)
        number = any_number(rows, rng)
        assert len(number) == rows
        assert max(row.height for row in number) == 1.0
        for row in number:
            done = set_row(row, face, 60, rng)
            assert "".join(text for text, _ in done.characters) == row.written
            lefts = [place[0] for _, place in done.characters]
            stacked = any(piece.kind == "stacked" for piece in row.pieces)
            assert stacked or lefts == sorted(lefts)
            heights |= {bottom - top for _, (_, top, _, bottom) in done.characters}
    assert len(heights) > 8 or rows == 3, "letters of many sizes"


def test_stacked_characters_are_read_from_above() -> None:
    for seed in range(200):
        rng = np.random.default_rng(seed)
        (row,) = any_number(1, rng)
        at = 0
        done = set_row(row, FACES["Swiss"], 60, rng)
        for piece in row.pieces:
            if piece.kind == "stacked":
                places = [place for _, place in done.characters[at : at + len(piece.text)]]
                assert all(upper[3] <= lower[1] + 1 for upper, lower in pairwise(places))
            at += len(piece.text) if piece.kind in ("plain", "stacked", "boxed") else 0


def test_given_numbers_are_kept_whole() -> None:
    for rows in (1, 2, 3):
        for number in ("AB12 CDE", "京A·12345", "X-1-Y", "ABC1D23"):
            plate = plate_with(number, rows, np.random.default_rng(3))
            assert plate.text == known_characters(number)
            assert plate.rows == rows == len(given_number(number, rows, np.random.default_rng(0)))


def test_a_mounted_plate_lies_in_its_box() -> None:
    for seed in range(30):
        rng = np.random.default_rng(seed)
        plate = invented_plate(1, rng)
        around, box = mounted(plate.image, 1, rng)
        x1, y1, x2, y2 = (int(side) for side in box.as_tuple())
        assert np.array_equal(around[y1:y2, x1:x2], plate.image)
        assert around.shape[0] > plate.image.shape[0]


def test_nothing_hides_more_of_a_character_than_it_may() -> None:
    """The first and the last character are harmed too, and as often."""
    harmed = [0, 0, 0]
    for seed in range(400):
        shown = [character.shown for character in invented_plate(1, np.random.default_rng(seed)).characters]
        if len(shown) > 3:
            harmed[0] += shown[0] < 0.99
            harmed[1] += max(part < 0.99 for part in shown[2:-1])
            harmed[2] += shown[-1] < 0.99
    assert harmed[0] > 15
    assert harmed[2] > 15
    assert MOST_HIDDEN < 0.5


def test_marks_between_groups_have_glyphs() -> None:
    for mark in SEPARATORS:
        assert glyph_mask(FACES["Swiss"], mark, 60, 20).max() == 255
    with pytest.raises(KeyError):
        glyph_mask(FACES["Swiss"], "ß", 60, 20)


def test_a_contact_sheet_shows_invented_plates(tmp_path: Path) -> None:
    out = tmp_path / "plates.png"
    subprocess.run([sys.executable, "-m", "synthesis", "plates", str(out), "--count", "7", "--rows", "2"], check=True)
    sheet = cv2.imread(str(out))
    assert sheet is not None
    assert sheet.shape == (380, 1800, 3)
