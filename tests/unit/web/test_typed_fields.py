"""Fields in which a person says what a plate says take what pages show of plates."""

from __future__ import annotations

import re

import pytest

from db.findings.typed import whole_plate
from tests.conftest import ROOT

FIELD = (ROOT / "dashplate/web/templates/parts/typed.html").read_text(encoding="utf-8")
PATTERN = re.findall(r'pattern="([^"]+)"', FIELD)[0]


@pytest.mark.parametrize(
    ("pasted", "plate"),
    [("29·3306", "293306"), ("·AB12", "AB12"), ("粤B·12345", "粤B12345"), ("ka05 mx-1234", "KA05MX1234")],
)
def test_what_a_page_shows_may_be_pasted(pasted: str, plate: str) -> None:
    assert re.fullmatch(PATTERN, pasted)
    assert whole_plate(pasted) == plate


@pytest.mark.parametrize("pasted", ["KA05*", "KA0?", "", "-AB12", "<b>"])
def test_what_is_no_plate_may_not(pasted: str) -> None:
    assert not re.fullmatch(PATTERN, pasted)
