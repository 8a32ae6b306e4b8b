"""Judges what PaddleOCR read in whole photographs by the rules that cropping is judged by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations

from evaluation.stills.scores import JudgedStill, judge
from evaluation.stills.truth import KnownPlate, Still
from evaluation.texts import characters_wrong, could_be_plate, normalised
from evaluation.whole_image_ocr import SeenText
from pipeline.formats.alphabet import plate_characters
from pipeline.formats.confusions import folded
from pipeline.photo import PhotoPlate
from pipeline.records import Box, Character, Detection, Reading
from synthesis.drawing.patterns import plain

#: What the table calls it, beside the readers.
WHOLE = "PaddleOCR-whole"
#: Two texts may be rows of one plate where they share this part of the narrower one's width, the gap between them is at
#: most so many times the height of the flatter one, and they overlap by at most so much of it. The bounds are wide,
#: because rows are joined only where that comes nearer to a plate.
_ROWS_SHARE, _ROWS_GAP, _ROWS_OVERLAP = 0.5, 1.0, 0.5


def judge_whole(still: Still, texts: Sequence[SeenText], ms: float) -> JudgedStill:
    """Give each known plate the text that was read of it; what is left and looks like a plate may be false.

    A text is an answer where it has a plate's length or is the text of a known plate. The rows of a plate may be two
    texts, one above the other. A plate with a box is given the nearest text on it, or touching it with the plate's
    text; one without as `judge` does it. `found` holds the answers alone: all else that was read is left out.
    """
    shown = {folded(plate.text) for plate in still.plates if plate.text}
    answers = [
        _as_place(text)
        for text in _rows_joined(still.plates, texts)
        if _counts(text.box, still.plates) and (could_be_plate(normalised(text.text)) or folded(_said(text)) in shown)
    ]
    return judge(still, answers, ms, _on_it)


def _rows_joined(plates: Sequence[KnownPlate], texts: Sequence[SeenText]) -> list[SeenText]:
    """The texts, two of them made one wherever that comes nearer to a known plate than any text alone does."""
    found = list(texts)
    for plate in plates:
        here = [text for text in found if plate.box is None or _lies_on(text.box, plate.box)]
        alone = min((_wrong(plate, text) for text in here), default=len(plate.text))
        together = min(_pairs(here), key=lambda pair: _wrong(plate, _joined(*pair)), default=None)
        if together and _wrong(plate, _joined(*together)) < alone:
            found = [text for text in found if not any(text is row for row in together)] + [_joined(*together)]
    return found


def _pairs(texts: Sequence[SeenText]) -> Iterator[tuple[SeenText, SeenText]]:
    """Texts that stand right above others."""
    return ((upper, lower) for upper, lower in permutations(texts, 2) if _is_above(upper.box, lower.box))


def _is_above(upper: Box, lower: Box) -> bool:
    shared = min(upper.x2, lower.x2) - max(upper.x1, lower.x1)
    gap, height = lower.y1 - upper.y2, min(upper.height, lower.height)
    return (
        upper.centre[1] < lower.centre[1]
        and shared >= _ROWS_SHARE * min(upper.width, lower.width)
        and -_ROWS_OVERLAP * height <= gap <= _ROWS_GAP * height
    )


def _joined(upper: SeenText, lower: SeenText) -> SeenText:
    a, b = upper.box, lower.box
    around = Box(min(a.x1, b.x1), min(a.y1, b.y1), max(a.x2, b.x2), max(a.y2, b.y2))
    return SeenText(upper.text + lower.text, around, min(upper.confidence, lower.confidence))


def _wrong(plate: KnownPlate, text: SeenText) -> int:
    return characters_wrong(folded(plate.text), folded(_said(text)))


def _said(text: SeenText) -> str:
    """What of the text a plate can carry, as the truth is written; PaddleOCR knows far more characters."""
    return "".join(plate_characters(char)[:1] for char in plain(text.text))


def _as_place(text: SeenText) -> PhotoPlate:
    said = _said(text)
    characters = tuple(Character(char, text.confidence) for char in said)
    reading = Reading(said, text.confidence, characters, (), None, reads=1, crops=1, best_crop=0)
    return PhotoPlate(Detection(text.box, text.confidence), reading)


def _lies_on(box: Box, plate: Box) -> bool:
    x, y = box.centre
    return plate.x1 <= x < plate.x2 and plate.y1 <= y < plate.y2


def _counts(box: Box, plates: Sequence[KnownPlate]) -> bool:
    """Whether a text lies on no plate that does not count; its box is lower than a plate's, so overlap says little."""
    on = [plate.counts for plate in plates if plate.box and _lies_on(box, plate.box)]
    return any(on) or not on


def _on_it(plate: KnownPlate, place: PhotoPlate) -> float:
    """Likeness of a plate with a box and a text on it, over 0 whatever it says."""
    if plate.box is None or place.reading is None or not _lies_on(place.detection.box, plate.box):
        return 0.0
    wrong = characters_wrong(folded(plate.text), folded(place.reading.text))
    return 2.0 - wrong / max(1, len(plate.text))
