"""Formats name the country of a text and tell which of two look-alike texts is the likelier plate."""

from __future__ import annotations

import pytest

from pipeline.errors import UsageError
from pipeline.formats import load_formats
from pipeline.formats.pattern import shapes


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("LS15EBC", "GB"),
        ("B21GSB", "RO"),
        ("CJ08ABC", "RO"),
        ("34A36837", "VN"),
        ("BRA2E19", "BR"),
        ("KA05MX1234", "IN"),
        ("皖A12345", "CN"),
        ("1234BCD", "ES"),
    ],
)
def test_a_form_that_one_country_uses_names_it(text: str, country: str) -> None:
    match = load_formats().match(text)
    assert match is not None
    assert match.country == country
    assert 0.7 <= match.confidence <= 1


@pytest.mark.parametrize("text", ["AA123BB", "ABC1234", "LSI5EBC", "X", "Q0Q0Q0Q0Q0Q0", "ÄÖÜ"])
def test_a_form_of_several_countries_or_none_names_none(text: str) -> None:
    assert load_formats().match(text) is None


@pytest.mark.parametrize("text", ["LS15EBC", "AA123BB", "ABC1234", "粤B12345"])
def test_a_plate_of_some_country_has_a_form(text: str) -> None:
    assert load_formats().has_form(text)


def test_digits_alone_are_a_plate_where_they_are_expected() -> None:
    expected, world = load_formats(["IL"]), load_formats()
    assert expected.has_form("1234567")
    assert expected.against_a_sign("1234567") == expected.gain("1234567") > 0
    assert not world.has_form("1234567", "IL"), "whatever they were read as"
    assert world.gain("12345678") > 0 >= world.against_a_sign("12345678")
    assert world.against_a_sign("LS15EBC") == world.trust * world.gain("LS15EBC") > 0


def test_a_text_that_was_read_as_a_countrys_has_its_form() -> None:
    assert load_formats().has_form("OPEN24", "NL")


def test_formats_are_made_once_for_each_choice() -> None:
    assert load_formats(["gb", "FR"]) is load_formats(["FR", "GB", "GB"])


@pytest.mark.parametrize(
    "text",
    ["LSI5EBC", "TAXI", "GROUP", "OPEN24", "5050", "20231105", "103045", "5551234", "08001234", "Q0Q0Q0Q0Q0Q0", ""],
)
def test_what_signs_say_has_none(text: str) -> None:
    assert not load_formats().has_form(text)


@pytest.mark.parametrize(
    ("text", "country"), [("AA123BB", "FR"), ("ABC1234", "BR"), ("NARITA", "HK"), ("AM8123", "HK")]
)
def test_a_country_asked_for_takes_what_fits_it(text: str, country: str) -> None:
    match = load_formats([country.lower()]).match(text)
    assert match is not None
    assert match.country == country


def test_a_country_nobody_knows_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UsageError, match=r"XX; known are .*GB"):
        load_formats(["gb", "xx"])


@pytest.mark.parametrize(("seen", "meant"), [("LSI5EBC", "LS15EBC"), ("LS15E8C", "LS15EBC"), ("B21G5B", "B21GSB")])
def test_a_look_alike_is_mended_towards_the_form(seen: str, meant: str) -> None:
    formats = load_formats()
    assert meant in formats.fixes(seen)
    assert formats.gain(meant) > formats.gain(seen)


def test_a_text_that_fits_is_left_alone_by_its_own_form() -> None:
    assert load_formats(["GB"]).fixes("LS15EBC") == set()


def test_never_issued_characters_do_not_fit() -> None:
    formats = load_formats(["GB"])
    assert formats.gain("LS15EBC") > formats.gain("LQ15EBC") + 1


def test_no_text_is_impossible() -> None:
    assert load_formats(["GB"]).gain("!?") > -10


def test_pattern_language_counts_texts_and_expands_repeats() -> None:
    lengths = sorted(shape.length for shape in shapes("(A|BC) L? D{2,3}"))
    assert lengths == [3, 4, 4, 4, 5, 5, 5, 6]
    (shape,) = shapes("[A-C]L D", never="IQ")
    assert shape.texts == 3 * 24 * 10
    assert shape.fits("AB1")
    assert not shape.fits("AQ1")


def test_a_pattern_that_makes_no_sense_says_where() -> None:
    with pytest.raises(ValueError, match="'%LL'"):
        shapes("DD %LL")
