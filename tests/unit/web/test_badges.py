"""How pages spell plates."""

from __future__ import annotations

from dashplate.service.documents import RegionTold
from dashplate.web.shown import badge, badge_of_characters, regions


def test_a_partly_read_plate_keeps_the_marks_of_its_unsure_characters() -> None:
    characters = [{"char": "2", "confidence": 0.9}, {"char": "·", "confidence": 0.8}, {"char": "3", "confidence": 0.3}]
    said = badge_of_characters("23", characters)
    assert "·" in said
    assert said.count('class="unsure"') == 1
    assert badge_of_characters("24", characters) == badge("24")


def test_states_are_told_as_far_as_a_form_tells_them() -> None:
    found = [
        RegionTold(name=name, confidence=likely)
        for name, likely in zip("ABCDE", (0.5, 0.2, 0.1, 0.1, 0.09), strict=True)
    ]
    assert regions(found) == "A 50%, B 20%, C 10%"
    assert regions(found[-1:]) == regions([]) == ""
