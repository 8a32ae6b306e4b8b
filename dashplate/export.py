"""Exports: unique plates per video as CSV, JSON or JSON lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from typing import Any

from sqlalchemy import RowMapping

from output.files import json_text
from output.tables import csv_text


@dataclass(frozen=True, slots=True)
class PlateRow:
    """One unique plate of one video; the fields are the CSV's columns."""

    video: str
    plate: str
    country: str
    #: Of the surest sighting.
    confidence: float
    first_seen_s: float
    last_seen_s: float
    #: Crops that agree with the text, over all its sightings.
    reads: int
    #: Time of the frame that was read, and the plate's box in it.
    best_frame_s: float
    x1: int
    y1: int
    x2: int
    y2: int
    #: The picture that was read.
    crop: str
    #: False marks a single read.
    confirmed: bool
    #: The text with `?` where a character is less than half sure.
    shown: str
    sightings: int
    #: Runner-up texts with their confidence.
    alternatives: str
    #: What the surest sighting was read as: `plate` may differ in O and 0, I and 1, after other sightings of the fleet.
    read_as: str
    #: The whole frame that was read.
    frame: str


COLUMNS = tuple(field.name for field in fields(PlateRow))


def unique_plates(sightings: Iterable[RowMapping], locate: Callable[[str], str]) -> list[PlateRow]:
    """One row per video and plate, in order of first appearance; `sightings` are rows of `plate_sightings`.

    `locate` turns a name in the result store into a path or URL.
    """
    grouped: dict[tuple[int, str], list[RowMapping]] = {}
    for row in sightings:
        grouped.setdefault((row["video_id"], row["plate"]), []).append(row)
    return [_row(rows, locate) for rows in grouped.values()]


def to_csv(rows: Sequence[PlateRow]) -> str:
    """The rows with a heading."""
    return csv_text(COLUMNS, ([getattr(row, name) for name in COLUMNS] for row in rows))


def to_json_lines(rows: Sequence[PlateRow]) -> str:
    """One JSON object a line."""
    return "".join(json_text(asdict(row)) + "\n" for row in rows)


def to_json(job: RowMapping, videos: Sequence[RowMapping], rows: Sequence[PlateRow]) -> str:
    """The whole job: its progress, each video's state, and the plates."""
    whole = {"job": plain(job), "videos": [plain(v) for v in videos], "plates": [asdict(row) for row in rows]}
    return json_text(whole, indent=2) + "\n"


def plain(row: RowMapping) -> dict[str, Any]:
    """A row as JSON can carry it: times in ISO 8601, paths and numbers as they are."""
    return {name: value.isoformat() if hasattr(value, "isoformat") else _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float | bool | list | dict):
        return value
    if isinstance(value, Decimal):
        # A sum of whole numbers arrives as a Decimal without places.
        return float(value) if value.as_tuple().exponent else int(value)
    return str(value)


def _row(rows: Sequence[RowMapping], locate: Callable[[str], str]) -> PlateRow:
    best = max(rows, key=lambda r: r["confidence"])
    return PlateRow(
        video=best["video"],
        plate=best["plate"],
        country=best["country"] or "",
        confidence=round(best["confidence"], 4),
        first_seen_s=round(min(r["first_s"] for r in rows), 3),
        last_seen_s=round(max(r["last_s"] for r in rows), 3),
        reads=sum(r["reads"] for r in rows),
        best_frame_s=round(best["best_s"], 3),
        x1=round(best["x1"]),
        y1=round(best["y1"]),
        x2=round(best["x2"]),
        y2=round(best["y2"]),
        crop=locate(best["crop"]) if best["crop"] else "",
        confirmed=any(r["confirmed"] for r in rows),
        shown=best["shown"],
        sightings=len(rows),
        alternatives=" ".join(f"{a['text']}:{a['confidence']:.3f}" for a in best["alternatives"]),
        read_as=best["read_as"],
        frame=locate(best["frame"]) if best["frame"] else "",
    )
