"""Areas in the client's requests: numbers as the service takes them."""

from __future__ import annotations

import re

import pytest

from dashplate.client.findings import _area, _decimal
from dashplate.service.findings.areas import _BOX


@pytest.mark.parametrize(
    ("number", "said"),
    [(1e-05, "0.00001"), (-1e-05, "-0.00001"), (-1e-12, "0"), (500, "500"), (500.0, "500"), (48.137154, "48.137154")],
)
def test_numbers_are_written_without_an_exponent(number: float, said: str) -> None:
    assert _decimal(number) == said


def test_a_box_on_the_equator_is_one_for_the_service() -> None:
    box = _area(None, (-1e-05, -1e-07, 1e-05, 1e-07), None)["box"]
    assert re.match(_BOX, box), box
