"""A reading whose likeliest runner-up differs in one look-alike says so."""

from __future__ import annotations

import pytest

from pipeline.formats.confusions import LookAlike, unsure_between
from pipeline.records import Candidate, Character


def said(shown: str, *runners_up: tuple[str, float]) -> LookAlike | None:
    return unsure_between([Character(char, 0.9) for char in shown], [Candidate(*one) for one in runners_up])


def test_one_look_alike_is_told_with_its_place() -> None:
    assert said("CP123AB", ("GP123AB", 0.2), ("CP123A8", 0.1)) == LookAlike(1, "G", 0.2)
    assert said("AB12CD8", ("AB12CDB", 0.06)) == LookAlike(7, "B", 0.06)
    assert said("1OAA638", ("IDAA638", 0.1)) == LookAlike(2, "D", 0.1), "I and 1 are no difference"


def test_letters_that_nobody_can_read_have_a_place_too() -> None:
    assert said("29·3806", ("293306", 0.1)) == LookAlike(5, "3", 0.1)


@pytest.mark.parametrize(
    ("shown", "runner_up", "share"),
    [
        ("CP123AB", "GP123AB", 0.04),
        ("CP123AB", "GP123A8", 0.3),
        ("CP123AB", "WP123AB", 0.3),
        ("CP123AB", "CP123A", 0.3),
        ("0P123AB", "OP123AB", 0.3),
        ("", "AB1", 0.3),
    ],
    ids=["hardly likely", "two characters", "nothing alike", "another length", "the same", "no characters kept"],
)
def test_nothing_is_told_of_another_text(shown: str, runner_up: str, share: float) -> None:
    assert said(shown, (runner_up, share)) is None


def test_the_likeliest_runner_up_alone_counts() -> None:
    assert said("CP123AB", ("XY99", 0.3), ("GP123AB", 0.2)) is None
    assert said("CP123AB") is None
