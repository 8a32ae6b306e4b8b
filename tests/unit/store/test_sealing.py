"""Plates under a key: the same plate gives the same hash, and nothing gives the plate back without the key."""

from __future__ import annotations

import pytest

from db.findings.plate_hashing import MARK, PlateKey, PlateKeyError, plate_key
from pipeline.errors import DashplateError
from pipeline.formats.alphabet import CHARS
from tests.support.tables.findings import reading, sighting

KEY, OTHER = PlateKey("the one plate key"), PlateKey("another plate key")


def test_a_hash_is_the_plates_and_the_keys() -> None:
    assert KEY.hashed("AB123CD") == PlateKey("the one plate key").hashed("AB123CD")
    assert len({KEY.hashed("AB123CD"), KEY.hashed("AB123CE"), OTHER.hashed("AB123CD")}) == 3
    # What no picture tells apart is one plate here too.
    assert KEY.hashed("LSI5EBO") == KEY.hashed("LS15EB0")


def test_a_hash_cannot_be_mistaken_for_a_plate() -> None:
    assert MARK not in CHARS
    assert KEY.hashed("京A12345")[0] == MARK
    assert len(KEY.hashed("京A12345")) == 33


def test_a_reading_shows_its_hash_and_opens_with_its_key() -> None:
    whole = reading("AB123CD")
    hidden, sealed = KEY.hide_reading(whole)
    assert (hidden.text, hidden.characters, hidden.alternatives) == (KEY.hashed("AB123CD"), (), ())
    assert "AB123" not in repr(hidden) + sealed
    assert KEY.open_reading(hidden, sealed) == whole
    with pytest.raises(PlateKeyError, match="another DASHPLATE_PLATE_KEY"):
        OTHER.open_reading(hidden, sealed)
    with pytest.raises(DashplateError, match="wiped when its video ended"):
        KEY.open_reading(hidden, None)


def test_what_is_sealed_twice_looks_different() -> None:
    """Equal seals would tell equal readings."""
    assert KEY.hide_reading(reading("AB123CD"))[1] != KEY.hide_reading(reading("AB123CD"))[1]


def test_a_sightings_runners_up_are_hashed_with_their_confidence() -> None:
    (hidden,) = KEY.hide_sightings([sighting(0, "AB123CD")])
    assert [(c.text, c.confidence) for c in hidden.alternatives] == [(KEY.hashed("AB123C8"), 0.04)]
    assert "AB123" not in repr(hidden)


def test_a_key_shows_nothing_of_itself() -> None:
    assert "the one plate key" not in f"{KEY!r} {KEY} {vars(KEY)}"
    assert KEY.name != OTHER.name
    assert KEY.name not in KEY.hashed("AB123CD")


def test_a_short_key_is_refused_without_being_shown() -> None:
    with pytest.raises(PlateKeyError, match="fewer than 16 characters") as refused:
        plate_key("fifteen letters")
    assert "fifteen" not in str(refused.value)
