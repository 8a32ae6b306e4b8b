"""What a drive truly shows: which plate stands where in which frame, and from when to when it can be read."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synthesis.camera import NEAR_M, Points, View
from synthesis.drawing.plates import PlateStyle
from synthesis.scene import DriveSpec, traffic_of
from synthesis.street.traffic import Actor
from synthesis.street.vehicles import Pose

#: A plate is legible once its characters are this high and this far apart, pixels: 70 px for a European
#: plate,
#: 52 px for a plate of the United States.
LEGIBLE_CHARACTER_PX, LEGIBLE_PITCH_PX = 10.0, 7.0
#: Frames in which it must be so before it counts at all.
LEGIBLE_FRAMES = 8
#: Narrower boxes are left out of the truth, pixels.
LEAST_BOX_PX = 16.0
_COUNTRY_ROWS = (
    "plate_text",
    "country",
    "first_s",
    "last_s",
    "legible_first_s",
    "legible_last_s",
    "max_width_px",
)
_BOX_ROWS = ("frame", "time_s", "plate_text", "x1", "y1", "x2", "y2")


@dataclass(frozen=True, slots=True)
class TrueBox:
    """One plate in one frame, wholly in sight."""

    frame: int
    time_s: float
    text: str
    #: Pixels of the frame, x right, y down.
    x1: float
    y1: float
    x2: float
    y2: float
    legible: bool


@dataclass(frozen=True, slots=True)
class TruePlate:
    """One plate over the whole drive; seconds from the first frame."""

    text: str
    country: str
    first_s: float
    last_s: float
    #: None where it is never legible in `LEGIBLE_FRAMES` frames: nobody can be asked to read it.
    legible_first_s: float | None
    legible_last_s: float | None
    max_width_px: float

    @property
    def legible(self) -> bool:
        """Whether a reader has to find it."""
        return self.legible_first_s is not None


def _legible(style: PlateStyle, text: str, px_per_mm: float) -> bool:
    per_row = max(4, -(-len(text) // style.rows))
    pitch_mm = (style.width_mm - 20) / per_row
    return px_per_mm * style.character_mm >= LEGIBLE_CHARACTER_PX and px_per_mm * pitch_mm >= LEGIBLE_PITCH_PX


def _hidden(view: View, box: Points, pose: Pose, others: list[tuple[Actor, Pose]]) -> bool:
    """Whether a nearer vehicle covers any of the box."""
    for actor, other in others:
        outline = actor.vehicle.outline(other)
        if other.s >= pose.s or bool(np.all(view.distance(outline) < NEAR_M)):
            continue
        cover = view.project(outline)
        apart = (cover.max(axis=0) < box.min(axis=0)) | (cover.min(axis=0) > box.max(axis=0))
        if not bool(apart.any()):
            return True
    return False


def _box(view: View, frame: int, actor: Actor, pose: Pose, others: list[tuple[Actor, Pose]]) -> TrueBox | None:
    corners = actor.vehicle.plate_corners(pose)
    if bool(np.any(view.distance(corners) < 1.5)):
        return None
    target = view.project(corners)
    (x1, y1), (x2, y2) = target.min(axis=0), target.max(axis=0)
    inside = x1 >= 0 and y1 >= 0 and x2 <= view.width and y2 <= view.height
    if not inside or x2 - x1 < LEAST_BOX_PX * view.width / 1280 or _hidden(view, target, pose, others):
        return None
    plate = actor.vehicle.plate
    px_per_mm = float(np.linalg.norm(target[1] - target[0])) / plate.style.width_mm
    legible = _legible(plate.style, plate.text, px_per_mm)
    return TrueBox(frame, view.time_s, plate.text, float(x1), float(y1), float(x2), float(y2), legible)


def true_boxes(spec: DriveSpec) -> list[TrueBox]:
    """Return every plate of every frame, in the order of frames."""
    traffic = traffic_of(spec)
    boxes: list[TrueBox] = []
    for frame in range(spec.frames):
        view = traffic.own.view(frame / spec.fps, spec.width, spec.height)
        posed = [(actor, actor.pose(view.time_s)) for actor in traffic.actors]
        found = (_box(view, frame, actor, pose, [o for o in posed if o[0] is not actor]) for actor, pose in posed)
        boxes += [box for box in found if box is not None]
    return boxes


def true_plates(spec: DriveSpec, boxes: Iterable[TrueBox]) -> tuple[TruePlate, ...]:
    """Return one row a plate, in the order of appearance."""
    countries = {a.vehicle.plate.text: a.vehicle.plate.style.name.split("-")[0] for a in traffic_of(spec).actors}
    seen: dict[str, list[TrueBox]] = {}
    for box in boxes:
        seen.setdefault(box.text, []).append(box)
    return tuple(_summary(text, countries[text], own) for text, own in seen.items())


def _summary(text: str, country: str, boxes: list[TrueBox]) -> TruePlate:
    times = [box.time_s for box in boxes if box.legible]
    enough = len(times) >= LEGIBLE_FRAMES
    return TruePlate(
        text, country, boxes[0].time_s, boxes[-1].time_s, times[0] if enough else None, times[-1] if enough
        else None,
        max(box.x2 - box.x1 for box in boxes),
    )  # fmt: skip


def write_truth(path: Path, plates: Iterable[TruePlate]) -> None:
    """Write one line a plate; the legible columns are empty where the plate never is."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(_COUNTRY_ROWS)
        for plate in plates:
            times = (plate.first_s, plate.last_s, plate.legible_first_s, plate.legible_last_s)
            texts = ("" if time is None else f"{time:.3f}" for time in times)
            rows.writerow([plate.text, plate.country, *texts, f"{plate.max_width_px:.1f}"])


def write_boxes(path: Path, boxes: Iterable[TrueBox]) -> None:
    """Write one line a plate and frame."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(_BOX_ROWS)
        for box in boxes:
            place = (f"{value:.1f}" for value in (box.x1, box.y1, box.x2, box.y2))
            rows.writerow([box.frame, f"{box.time_s:.3f}", box.text, *place])


def read_truth(path: Path) -> tuple[TruePlate, ...]:
    """Return what `write_truth` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        return tuple(
            TruePlate(
                row["plate_text"], row["country"], float(row["first_s"]), float(row["last_s"]),
                float(row["legible_first_s"]) if row["legible_first_s"] else None,
                float(row["legible_last_s"]) if row["legible_last_s"] else None,
                float(row["max_width_px"]),
            )
            for row in csv.DictReader(file)
        )  # fmt: skip
