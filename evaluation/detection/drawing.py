"""Draws what a detector missed and what it invented, for a person to look at: a picture each, and sheets of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.contact_sheets import clear, write_views
from evaluation.detection.look import open_picture
from evaluation.detection.scores import Judged
from evaluation.drawn_place import FAINT, GREEN, GREY, RED, View
from pipeline.records import Box, Image

#: A plate not found; a wrong box; a wrong box where plates may stand without a box. Each with the words for many.
KINDS = {"miss": "misses", "invention": "inventions", "unboxed": "boxes on what may be a plate without a box"}


@dataclass(frozen=True, slots=True)
class Mistake:
    """One place where truth and detector disagree."""

    #: One of `KINDS`.
    kind: str
    judged: Judged
    #: Of the plate missed, or of the wrong box; pixels of the picture.
    place: Box
    #: Of the wrong box; for a miss, of the surest box that touches the plate, 0 where there is none.
    confidence: float
    #: What a person should know.
    caption: str


def draw_mistakes(folder: Path, judged: Sequence[Judged]) -> dict[str, int]:
    """Write a JPEG for each mistake and sheets of 24; says how many of each kind there are.

    Names sort by kind, worst first: misses that nothing touches, the surest inventions. Earlier drawings in the
    folder are replaced. Raises DashplateError where it cannot be written.
    """
    clear(folder, KINDS)
    counts = {}
    for kind in KINDS:
        found = [mistake for j in judged for mistake in find_mistakes(j) if mistake.kind == kind]
        found.sort(key=lambda m: (m.confidence if kind == "miss" else -m.confidence, m.judged.picture.name))
        named = ((f"{mistake.confidence:.2f}_{mistake.judged.picture.path.stem}", draw(mistake)) for mistake in found)
        counts[kind] = write_views(folder, kind, named)
    return counts


def find_mistakes(judged: Judged) -> Iterator[Mistake]:
    """The plates that were missed and the boxes that are wrong, at the threshold."""
    picture, kept = judged.picture, judged.kept
    for row, legibility, found_at in zip(picture.plates, picture.legibility, kept.found_at, strict=True):
        if found_at == 0:
            yield _miss(judged, _box(row), legibility)
    kind = "invention" if picture.every_plate_boxed else "unboxed"
    for row, confidence, right in zip(kept.boxes, kept.confidence, kept.right, strict=True):
        if not right:
            box = _box(row)
            overlap = max((box.iou(_box(plate)) for plate in picture.plates), default=0.0)
            near = f", overlaps a plate by {overlap:.2f}" if overlap else ""
            caption = f"{kind}: {confidence:.2f}, {box.width:.0f} px wide{near}"
            yield Mistake(kind, judged, box, float(confidence), caption)


def draw(mistake: Mistake) -> Image:
    """The place with its surroundings, enlarged: truth green, boxes kept red, boxes below the threshold orange."""
    judged = mistake.judged
    view = View.around(mistake.place, open_picture(judged.picture), (mistake.caption, judged.picture.name))
    for row in judged.picture.ignored:
        view.outline(_box(row), GREY)
    for row in judged.picture.plates:
        view.outline(_box(row), GREEN)
    for detection in judged.seen.ranked:
        if mistake.kind == "miss" and detection.box.iou(mistake.place) > 0:
            view.outline(detection.box, FAINT, f"{detection.confidence:.2f}")
    for detection in judged.seen.kept:
        view.outline(detection.box, RED, f"{detection.confidence:.2f}")
    return view.canvas


def _miss(judged: Judged, place: Box, legibility: str) -> Mistake:
    touching = [d for d in judged.seen.ranked if d.box.iou(place) > 0]
    best = max(touching, key=lambda d: d.confidence, default=None)
    seen = f"best box {best.confidence:.2f}, overlap {best.box.iou(place):.2f}" if best else "no box"
    caption = ", ".join(filter(None, (f"miss: {seen}", f"{place.width:.0f} px wide", legibility)))
    return Mistake("miss", judged, place, best.confidence if best else 0.0, caption)


def _box(row: Sequence[float]) -> Box:
    return Box(*(float(v) for v in row))
