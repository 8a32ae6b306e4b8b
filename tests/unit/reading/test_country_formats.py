"""Every country's file: it names its source, and its examples fit its forms, each form and each end of a range."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

import pipeline.formats
from pipeline.formats import country_names, known_countries, load_formats
from pipeline.formats.alphabet import CHARS
from pipeline.formats.pattern import Shape, shapes

FOLDER = Path(pipeline.formats.__file__).parent / "countries"
FILES = sorted(path for path in FOLDER.glob("*.yaml") if path.stem != "any")
EACH_FILE = pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
FEWEST_EXAMPLES = 5

#: ISO 3166-1 alpha-2, officially assigned.
_ASSIGNED = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC
CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD
GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH
KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW
MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC
SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY
UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
"""
ISO_3166 = set(_ASSIGNED.split())


@cache
def described(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return found


@cache
def forms(path: Path) -> dict[str, list[Shape]]:
    """A file's patterns with their shapes."""
    never = str(described(path).get("never", ""))
    return {pattern["form"]: shapes(pattern["form"], never) for pattern in described(path)["patterns"]}


def fits(text: str, found: list[Shape]) -> bool:
    return any(shape.length == len(text) and shape.fits(text) for shape in found)


def shown(text: str, shape: Shape, place: frozenset[str]) -> set[str]:
    """What a text that fits a shape shows in all places that take the same."""
    seen, start = set(), 0
    for allowed in shape.places:
        end = start + len(next(iter(allowed)))
        if allowed == place:
            seen.add(text[start:end])
        start = end
    return seen


@EACH_FILE
def test_a_file_names_its_country_and_its_source(path: Path) -> None:
    facts = described(path)
    assert facts["code"] == path.stem.upper()
    assert facts["code"] in ISO_3166
    assert len(facts["source"]) > 20
    assert "\n" not in facts["source"]
    assert 0 < facts["weight"] <= 1


@EACH_FILE
def test_five_examples_or_more_fit_their_country_which_is_named_where_it_is_asked_for(path: Path) -> None:
    examples, asked = described(path)["examples"], load_formats([path.stem])
    assert len(set(examples)) == len(examples) >= FEWEST_EXAMPLES
    every = [shape for found in forms(path).values() for shape in found]
    for example in examples:
        assert isinstance(example, str)
        assert set(example) <= set(CHARS), example
        assert fits(example, every), example
        match = asked.match(example)
        assert match is not None, example
        assert match.country == path.stem.upper()


@EACH_FILE
def test_every_form_has_an_example(path: Path) -> None:
    examples = described(path)["examples"]
    assert [form for form, found in forms(path).items() if not any(fits(text, found) for text in examples)] == []


@EACH_FILE
def test_both_ends_of_every_range_have_an_example(path: Path) -> None:
    """Of lists such as `[A-HJ-P]`: whoever narrows them too far sees a published plate fall out."""
    seen: dict[str, set[str]] = {}
    for form, found in forms(path).items():
        for listed in re.findall(r"\[[^\]]+\]", form):
            (place,) = shapes(listed)[0].places
            texts = [(text, shape) for text in described(path)["examples"] for shape in found if fits(text, [shape])]
            seen.setdefault(listed, set()).update(*(shown(text, shape, place) for text, shape in texts))
    for listed, chars in seen.items():
        ends = {end for pair in re.findall(r"(.)-(.)", listed.strip("[]")) for end in pair}
        whole = listed in ("[A-Z]", "[0-9]")
        assert whole or ends <= chars, f"{listed} lacks {sorted(ends - chars)}"


def test_every_country_has_a_name_of_its_own() -> None:
    names = country_names()
    assert len(names) == len(set(names.values())) == len(FILES)
    assert set(names) == set(known_countries())
    assert (names["CZ"], names["NO"], names["GB"]) == ("Czechia", "Norway", "United Kingdom")


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("A123BC77", "RU"), ("A123BC777", "RU"), ("AA1234BB", "UA"), ("123ABC02", "KZ"), ("1234AB7", "BY"),
        ("34ABC123", "TR"), ("12345678", "IL"), ("ZH123456", "CH"), ("131D12345", "IE"), ("1A23456", "CZ"),
        ("AAAB123", "HU"), ("PGAB123", "ME"), ("A23K456", "BA"), ("01A123BC", "UZ"), ("KAA123A", "KE"),
        ("LND123AB", "NG"), ("BB12CDGP", "ZA"), ("LEC144444", "PK"), ("SBA1234G", "SG"), ("B1234ABC", "ID"),
        ("22BH1234A", "IN"), ("03D153874H", "IN"), ("30A12345", "VN"), ("7ABC123", "US"),
    ],
)  # fmt: skip
def test_a_form_that_one_country_of_the_world_uses_names_it(text: str, country: str) -> None:
    match = load_formats().match(text)
    assert match is not None
    assert match.country == country


@pytest.mark.parametrize("text", ["1234567", "ABC123", "ABC1234", "12345", "34A1234", "P123BCD", "AB12345"])
def test_a_form_of_several_countries_of_the_world_names_none(text: str) -> None:
    assert load_formats().match(text) is None


@pytest.mark.parametrize(
    ("country", "text", "region"),
    [
        ("US", "7ABC123", "California"), ("US", "ABC1234", "Texas"), ("US", "AB1C2D", "Missouri"),
        ("AU", "1AB2CD", "Victoria"), ("CA", "CABC123", "Ontario"), ("ZA", "BB12CDGP", "Gauteng"),
        ("MX", "A12BCD", "Mexico City"), ("MY", "BMC4321", "Selangor"),
    ],
)  # fmt: skip
def test_the_likeliest_region_comes_first(country: str, text: str, region: str) -> None:
    regions = load_formats().regions(text, country)
    assert regions == pytest.approx(load_formats([country]).regions(text, country)), "whatever else is expected"
    assert next(iter(regions)) == region
    assert list(regions.values()) == sorted(regions.values(), reverse=True)
    assert 0 < sum(regions.values()) <= 1 + 1e-9


def test_a_form_of_many_states_is_a_guess_at_each_and_one_of_none_leaves_the_state_open() -> None:
    regions = load_formats().regions("ABC1234", "US")
    assert {"Texas", "New York", "Ohio", "Georgia"} <= set(regions)
    assert max(regions.values()) < 0.5
    assert load_formats().regions("GOLF", "US") == {}


def test_a_text_of_no_country_has_no_region() -> None:
    for text, country in (("ABC1234", None), ("AA123BB", "FR"), ("7ABC123", "XX"), ("#0f", "US"), ("", "US")):
        assert load_formats().regions(text, country) == {}


def test_a_region_is_named_where_it_is_as_likely_as_a_country_that_is_named() -> None:
    name, likely = load_formats().region("7ABC123", "US") or ("", 0.0)
    assert (name, likely >= 0.7) == ("California", True)
    assert load_formats().region("ABC1234", "US") is None
    assert load_formats().region("7ABC123", None) is None
