"""Draws plates that were not found, misread or made up in photographs, each where it happened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.contact_sheets import clear, write_views
from evaluation.drawn_place import FAINT, GREEN, GREY, RED, View
from evaluation.pictures import open_image
from evaluation.stills.scores import Answer, JudgedStill
from pipeline.records import Box, Image, Reading

#: Nothing was found at the plate; it was found and not read right; a reading that nothing explains.
KINDS = {"unfound": "unfound", "misread": "found but not read right", "false": "false"}


@dataclass(frozen=True, slots=True)
class Failure:
    """One place where truth and reading disagree."""

    #: One of `KINDS`.
    kind: str
    judged: JudgedStill
    #: In pixels of the picture; None where nobody knows the place of a plate without a box: then all of it.
    place: Box | None
    #: Of the reading; 0 where there is none.
    confidence: float
    #: What a person should know.
    caption: str


def draw_failures(folder: Path, judged: Sequence[JudgedStill]) -> dict[str, int]:
    """Write a JPEG for each failure and sheets of 24; says how many of each kind there are.

    O and 0, I and 1 are taken for the same. The surest failures come first. Earlier drawings in the folder are
    replaced. Raises DashplateError where it cannot be written.
    """
    clear(folder, KINDS)
    failures = [failure for j in judged for failure in find_failures(j)]
    failures.sort(key=lambda failure: (-failure.confidence, failure.judged.still.name))
    counts = {}
    for kind in KINDS:
        some = [failure for failure in failures if failure.kind == kind]
        named = ((f"{failure.confidence:.2f}_{failure.judged.still.path.stem}", draw(failure)) for failure in some)
        counts[kind] = write_views(folder, kind, named)
    return counts


def find_failures(judged: JudgedStill) -> Iterator[Failure]:
    """Plates that count and were not read right, and readings that nothing explains."""
    for answer in judged.answers:
        if not answer.is_right:
            kind, sure = ("misread" if answer.place else "unfound"), _confidence(answer.reading)
            yield Failure(kind, judged, _where(answer), sure, _caption(answer))
    for place in judged.false:
        words = f"false: read {_words(place.reading)}, found at {place.detection.confidence:.2f}"
        yield Failure("false", judged, place.detection.box, _confidence(place.reading), words)


def draw(failure: Failure) -> Image:
    """The place with its surroundings: truth green, what counts neither way grey, found red, found but unread orange.

    Readings and their confidences stand at the red boxes, the truth in the caption.
    """
    image = open_image(failure.judged.still.path)
    height, width = image.shape[:2]
    place = failure.place or Box(0.0, 0.0, float(width), float(height))
    view = View.around(place, image, (failure.caption, failure.judged.still.name))
    for plate in failure.judged.still.plates:
        if plate.box:
            # Around the box that was found, which would hide it where both are equal.
            view.outline(plate.box, GREEN if plate.counts else GREY, room_px=5)
    for found in failure.judged.found:
        view.outline(found.detection.box, RED if found.reading else FAINT, _words(found.reading) or "unread")
    return view.canvas


def _where(answer: Answer) -> Box | None:
    return answer.plate.box or (answer.place.detection.box if answer.place else None)


def _caption(answer: Answer) -> str:
    truth = f"truth {answer.plate.text}"
    if answer.place is None:
        return f"{truth}, nothing found" if answer.plate.box else f"{truth}, no reading comes near"
    return f"{truth}, read {_words(answer.reading) or 'nothing'}, found at {answer.place.detection.confidence:.2f}"


def _words(reading: Reading | None) -> str:
    return f"{reading.text} {reading.confidence:.2f}" if reading else ""


def _confidence(reading: Reading | None) -> float:
    return reading.confidence if reading else 0.0
