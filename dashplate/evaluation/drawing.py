"""Draws what a detector missed and what it invented, for a person to look at: a picture each, and sheets of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dashplate.annotate import write
from dashplate.evaluation.looks import open_picture
from dashplate.evaluation.scores import Judged
from pipeline.records import Box, Image

#: A plate not found; a wrong box; a wrong box where plates may stand without a box. Each with the words for many.
KINDS = {"miss": "misses", "invention": "inventions", "unboxed": "boxes on what may be a plate without a box"}
#: Of the picture around a place, pixels; below it the caption.
_VIEW_PX = (640, 420)
_CAPTION_PX = 44
#: The place takes up this share of the view's width or height, unless it is as large as the picture.
_SHARE = 0.3
#: Nothing is enlarged more than this.
_LARGEST_ZOOM = 8.0
_SHEET_COLUMNS, _SHEET_ROWS = 4, 6
_SHEET_VIEW_PX = (480, 348)
#: BGR: truth, what was kept, what fell below the threshold, what counts neither way.
_GREEN, _RED, _FAINT, _GREY = (60, 220, 60), (50, 50, 255), (60, 160, 255), (170, 170, 170)
_PAPER, _INK = (30, 30, 30), (235, 235, 235)


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
    _clear(folder)
    counts = {}
    for kind in KINDS:
        found = [mistake for j in judged for mistake in find_mistakes(j) if mistake.kind == kind]
        found.sort(key=lambda m: (m.confidence if kind == "miss" else -m.confidence, m.judged.picture.name))
        views = []
        for rank, mistake in enumerate(found, start=1):
            view = draw(mistake)
            name = f"{kind}_{rank:04d}_{mistake.confidence:.2f}_{mistake.judged.picture.path.stem}.jpg"
            write(folder / name, view)
            views.append(_small(view))
        for number, sheet in enumerate(_sheets(views), start=1):
            write(folder / f"sheet_{kind}_{number:02d}.jpg", sheet)
        counts[kind] = len(found)
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
    image = open_picture(judged.picture)
    window = _window(mistake.place, image)
    zoom = min(_VIEW_PX[0] / window.width, _VIEW_PX[1] / window.height)
    sheet = np.full((_VIEW_PX[1] + _CAPTION_PX, _VIEW_PX[0], 3), _PAPER, np.uint8)
    _outline_all(_enlarged(image, window, zoom, onto=sheet[: _VIEW_PX[1]]), mistake, window, zoom)
    for line, text in enumerate((mistake.caption, judged.picture.name)):
        at = (6, _VIEW_PX[1] + 17 + 19 * line)
        cv2.putText(sheet, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.55, _INK, 1, cv2.LINE_AA)
    return sheet


def _enlarged(image: Image, window: Box, zoom: float, onto: Image) -> Image:
    """Copy the window, enlarged, to the upper left of `onto`; returns that part of it."""
    x1, y1, x2, y2 = (round(v) for v in window.as_tuple())
    view = cv2.resize(image[y1:y2, x1:x2], None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC)
    part = onto[: view.shape[0], : view.shape[1]]
    part[:] = view[: part.shape[0], : part.shape[1]]
    return part


def _outline_all(drawn: Image, mistake: Mistake, window: Box, zoom: float) -> None:
    judged = mistake.judged
    for row in judged.picture.ignored:
        _outline(drawn, _box(row), window, zoom, _GREY)
    for row in judged.picture.plates:
        _outline(drawn, _box(row), window, zoom, _GREEN)
    for detection in judged.seen.ranked:
        if mistake.kind == "miss" and detection.box.iou(mistake.place) > 0:
            _outline(drawn, detection.box, window, zoom, _FAINT, f"{detection.confidence:.2f}")
    for detection in judged.seen.kept:
        _outline(drawn, detection.box, window, zoom, _RED, f"{detection.confidence:.2f}")


def _miss(judged: Judged, place: Box, legibility: str) -> Mistake:
    touching = [d for d in judged.seen.ranked if d.box.iou(place) > 0]
    best = max(touching, key=lambda d: d.confidence, default=None)
    seen = f"best box {best.confidence:.2f}, overlap {best.box.iou(place):.2f}" if best else "no box"
    caption = ", ".join(filter(None, (f"miss: {seen}", f"{place.width:.0f} px wide", legibility)))
    return Mistake("miss", judged, place, best.confidence if best else 0.0, caption)


def _window(place: Box, image: Image) -> Box:
    """What of the picture is shown: the view's shape where the picture is large enough, the place in its middle."""
    sides = (max(1.0, place.width), max(1.0, place.height))
    zoom = min(_LARGEST_ZOOM, *(_SHARE * view / side for view, side in zip(_VIEW_PX, sides, strict=True)))
    height, width = image.shape[:2]
    shown = [min(float(size), view / zoom) for size, view in zip((width, height), _VIEW_PX, strict=True)]
    (x, y), (w, h) = place.centre, shown
    left, top = np.clip(x - w / 2, 0, width - w), np.clip(y - h / 2, 0, height - h)
    return Box(float(left), float(top), float(left + w), float(top + h))


def _outline(drawn: Image, box: Box, window: Box, zoom: float, colour: tuple[int, int, int], label: str = "") -> None:
    """The box two pixels outside of what it bounds, so that its edge can be judged."""
    if not box.iou(window):
        return
    moved = box.shifted(-window.x1, -window.y1)
    x1, y1, x2, y2 = (round(v * zoom) for v in moved.as_tuple())
    cv2.rectangle(drawn, (x1 - 2, y1 - 2), (x2 + 2, y2 + 2), colour, 2)
    if label:
        at = (max(2, x1), y1 - 7 if y1 > 24 else y2 + 19)
        for ink, thickness in ((_PAPER, 4), (colour, 1)):
            cv2.putText(drawn, label, at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, ink, thickness, cv2.LINE_AA)


def _small(view: Image) -> Image:
    return np.asarray(cv2.resize(view, _SHEET_VIEW_PX, interpolation=cv2.INTER_AREA), np.uint8)


def _sheets(views: Sequence[Image]) -> Iterator[Image]:
    size = _SHEET_COLUMNS * _SHEET_ROWS
    width, height = _SHEET_VIEW_PX
    for start in range(0, len(views), size):
        some = views[start : start + size]
        lines = -(-len(some) // _SHEET_COLUMNS)
        sheet = np.full((lines * height, _SHEET_COLUMNS * width, 3), _PAPER, np.uint8)
        for place, view in enumerate(some):
            line, column = divmod(place, _SHEET_COLUMNS)
            sheet[line * height : (line + 1) * height, column * width : (column + 1) * width] = view
        yield sheet


def _clear(folder: Path) -> None:
    for kind in KINDS:
        for pattern in (f"{kind}_[0-9][0-9][0-9][0-9]_*.jpg", f"sheet_{kind}_[0-9][0-9].jpg"):
            for old in folder.glob(pattern):
                old.unlink()


def _box(row: Sequence[float]) -> Box:
    return Box(*(float(v) for v in row))
