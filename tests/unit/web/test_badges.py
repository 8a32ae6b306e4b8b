"""How pages spell plates."""

from __future__ import annotations

from dashplate.web.shown import badge, badge_of_characters, regions


def test_a_partly_read_plate_keeps_the_marks_of_its_unsure_characters() -> None:
    characters = [{"char": "2", "confidence": 0.9}, {"char": "·", "confidence": 0.8}, {"char": "3", "confidence": 0.3}]
    said = badge_of_characters("23", characters)
    assert "·" in said
    assert said.count('class="unsure"') == 1
    assert badge_of_characters("24", characters) == badge("24")


def test_states_are_told_as_far_as_a_form_tells_them() -> None:
    assert regions("7ABC123", "US").startswith("California 9")
    assert regions("ABC1234", "US").startswith("Texas ")
    assert regions("ABC1234", "US").count("%") == 3
    assert regions("LS15EBC", "GB") == regions("7ABC123", "XX") == regions("#0f", "US") == ""
