"""Draws the plates of a clip that were missed and the texts that are false, for a person to look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from evaluation.contact_sheets import clear, write_views
from evaluation.drawn_place import FAINT, GREEN, RED, View
from evaluation.video.footage import Footage
from evaluation.video.uniques import Asked, FoundPlate, Outcome, Verdict
from pipeline.records import Box, Image

#: With the words for many.
KINDS = {"missed": "missed", "false": "false"}


def draw_wrong(folder: Path, judged: Sequence[tuple[Footage, Outcome]]) -> dict[str, int]:
    """Write a JPEG for each missed plate and each false text, and sheets of 24; says how many of each there are.

    A missed plate is shown where its place is known, else the whole frame at the middle of its time; truth green, the
    text that misreads it red, a reading too unsure to be reported orange. A false text is shown on the frame that it
    was read from. Earlier drawings in the folder are replaced. Raises DashplateError where it cannot be written.
    """
    clear(folder, KINDS)
    missed = [(f, o, a) for f, o in judged for a in o.asked if not a.read]
    false = [(f, o, found) for f, o in judged for found in o.of(Verdict.FALSE)]
    return {
        "missed": write_views(folder, "missed", (_missed(*each) for each in missed)),
        "false": write_views(folder, "false", (_false(*each) for each in false)),
    }


def _missed(footage: Footage, outcome: Outcome, asked: Asked) -> tuple[str, Image]:
    image, place, time_s = footage.look_of(asked.plate)
    words = _why(asked)
    view = View.around(place or _all_of(image), image, (f"missed {asked.plate.text}: {words}", _at(outcome, time_s)))
    if place is not None:
        view.outline(place, GREEN, asked.plate.text)
    for text, box, colour in _near(asked, time_s):
        view.outline(box, colour, text)
    return f"{asked.plate.text}_{_stem(outcome)}", view.canvas


def _false(footage: Footage, outcome: Outcome, found: FoundPlate) -> tuple[str, Image]:
    sighting = found.sightings[0]
    how = f"{found.confidence:.2f}, {'confirmed' if found.confirmed else 'single read'}"
    nearest = next((a.plate.text for a in outcome.asked if a.found is found), "")
    words = f"false {found.text}: {how}" + (f", near {nearest}" if nearest else "")
    image = footage.image_at(sighting.best)
    view = View.around(sighting.best.box, image, (words, _at(outcome, sighting.best.time_s)))
    view.outline(sighting.best.box, RED, found.text)
    return f"{found.text}_{_stem(outcome)}", view.canvas


def _why(asked: Asked) -> str:
    if asked.found is not None:
        return f"read as {asked.found.text}"
    if asked.unreported is not None:
        reading = asked.unreported.reading
        return f"{reading.text} {reading.confidence:.2f} was too unsure"
    return "nothing like it was read"


def _near(asked: Asked, time_s: float) -> Iterator[tuple[str, Box, tuple[int, int, int]]]:
    """What was read of the plate on just that frame."""
    if asked.found is not None and (sighting := asked.found.sightings[0]).best.time_s == time_s:
        yield asked.found.text, sighting.best.box, RED
    if asked.unreported is not None and asked.unreported.best.time_s == time_s:
        yield asked.unreported.reading.text, asked.unreported.best.box, FAINT


def _all_of(image: Image) -> Box:
    return Box(0.0, 0.0, float(image.shape[1]), float(image.shape[0]))


def _at(outcome: Outcome, time_s: float) -> str:
    return f"{outcome.name} at {time_s:.1f} s"


def _stem(outcome: Outcome) -> str:
    return Path(outcome.name).stem
