"""Exports: unique plates per video as CSV, JSON or JSON lines, written piece by piece however many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from enum import StrEnum
from itertools import groupby
from typing import Any

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from db.findings import exported
from output.files import json_text
from output.tables import csv_lines


class Form(StrEnum):
    """How a job's unique plates are written."""

    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"


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


def job_text(db: Session, job: RowMapping, form: Form, locate: Callable[[str], str]) -> Iterator[str]:
    """A job's unique plates in pieces of text; no more than the sightings of one video are held.

    `job` is the job's progress, `db` an `exported.snapshot`; `locate` as in `unique_plates`.
    """
    rows = unique_plates(exported.sightings(db, job["job"]), locate)
    match form:
        case Form.CSV:
            return to_csv(rows)
        case Form.JSONL:
            return to_json_lines(rows)
        case Form.JSON:
            return to_json(job, exported.videos(db, job["job"]), rows)


def unique_plates(sightings: Iterable[RowMapping], locate: Callable[[str], str]) -> Iterator[PlateRow]:
    """One row per video and plate, in order of first appearance; `sightings` are rows of `plate_sightings`, by video.

    `locate` turns a name in the result store into a path or URL.
    """
    for _, of_video in groupby(sightings, lambda row: row["video_id"]):
        grouped: dict[str, list[RowMapping]] = {}
        for row in of_video:
            grouped.setdefault(row["plate"], []).append(row)
        for rows in grouped.values():
            yield _row(rows, locate)


def to_csv(rows: Iterable[PlateRow]) -> Iterator[str]:
    """The rows with a heading, a line each."""
    return csv_lines(COLUMNS, ([getattr(row, name) for name in COLUMNS] for row in rows))


def to_json_lines(rows: Iterable[PlateRow]) -> Iterator[str]:
    """One JSON object a line."""
    return (json_text(asdict(row)) + "\n" for row in rows)


def to_json(job: RowMapping, videos: Iterable[RowMapping], rows: Iterable[PlateRow]) -> Iterator[str]:
    """The whole job: its progress, each video's state, and the plates."""
    yield f'{{\n  "job": {_nested(plain(job), 1)},\n  "videos": '
    yield from _listed(map(plain, videos))
    yield ',\n  "plates": '
    yield from _listed(map(asdict, rows))
    yield "\n}\n"


def _listed(items: Iterable[Any]) -> Iterator[str]:
    empty = True
    for item in items:
        yield f"{'[' if empty else ','}\n    {_nested(item, 2)}"
        empty = False
    yield "[]" if empty else "\n  ]"


def _nested(value: Any, depth: int) -> str:
    """JSON as it stands that deep in another; a line break inside of a text is escaped, and none of these."""
    return json_text(value, indent=2).replace("\n", "\n" + "  " * depth)


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


def _row(rows: list[RowMapping], locate: Callable[[str], str]) -> PlateRow:
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
