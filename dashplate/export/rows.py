"""What a row of an export says: of a plate in a video, or of one sighting."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from decimal import Decimal
from itertools import groupby
from typing import Any, TypeAlias

from sqlalchemy import RowMapping

from dashplate.export.when_and_where import when_and_where
from pipeline.camera.clock.zones import in_zone
from pipeline.formats import load_formats

#: Turns a name in the result store into a path or URL.
Locate: TypeAlias = Callable[[str], str]


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
    #: The text with `?` where a character is less than half sure, and `·` for each letter of an unknown script.
    shown: str
    sightings: int
    #: Runner-up texts with their confidence.
    alternatives: str
    #: What the surest sighting was read as: `plate` may differ in O and 0, I and 1, after other sightings of the fleet.
    read_as: str
    #: The whole frame that was read.
    frame: str
    #: What a person reads in its sightings, the newest if several; empty where nobody does, and where it is no plate.
    corrected: str = ""
    #: Who says so; empty where nobody does.
    corrected_by: str = ""
    #: When, in ISO 8601.
    corrected_at: str = ""
    #: When the frame that was read was recorded, in ISO 8601 and UTC, or without an offset the camera's local time
    #: where no zone is known; empty where nothing says so.
    recorded_at: str = ""
    #: What says so, as `pipeline.records.RecordedFrom` has it.
    recorded_from: str = ""
    #: The country's state or province that issued it, with its probability, as far as the form of `read_as` tells it.
    region: str = ""
    #: When it was seen first and last, in ISO 8601 with the offset of the clock's zone, and without one where no zone
    #: is known; empty where nothing says when the video was recorded.
    first_seen_at: str = ""
    last_seen_at: str = ""
    #: What says so, the zone (empty where none is known), and how far off it may be.
    clock_from: str = ""
    clock_zone: str = ""
    clock_error_s: float | None = None
    #: Where the camera was at the frame that was read, by its track, WGS 84; None where no track says so.
    lat: float | None = None
    lon: float | None = None
    #: Which way it moved, clockwise from north, and how fast.
    bearing_deg: float | None = None
    speed_mps: float | None = None
    place_error_m: float | None = None
    #: How the vehicle moved against the camera's; empty where the picture does not say.
    movement: str = ""
    #: The drive that the video is part of.
    drive: int | None = None
    #: Equal for sightings of one passing, over cuts between files and cameras of one vehicle.
    passing: int | None = None
    #: `front`, `rear` or `interior`; empty where nothing says so.
    camera: str = ""
    #: Probability of `country`, if the text is right.
    country_confidence: float | None = None
    #: The named place that the camera was in at the frame that was read.
    place: str = ""


@dataclass(frozen=True, slots=True)
class SightingLine:
    """One vehicle passing once; the fields are the CSV's columns, and mean what they mean of a plate."""

    video: str
    plate: str
    country: str
    confidence: float
    first_seen_s: float
    last_seen_s: float
    reads: int
    best_frame_s: float
    x1: int
    y1: int
    x2: int
    y2: int
    crop: str
    confirmed: bool
    shown: str
    alternatives: str
    read_as: str
    frame: str
    job: int
    #: Its number, by which `dashplate clip` and the HTTP service find it; a job that is done again gives new ones.
    sighting: int
    corrected: str = ""
    corrected_by: str = ""
    corrected_at: str = ""
    recorded_at: str = ""
    recorded_from: str = ""
    region: str = ""
    first_seen_at: str = ""
    last_seen_at: str = ""
    clock_from: str = ""
    clock_zone: str = ""
    clock_error_s: float | None = None
    lat: float | None = None
    lon: float | None = None
    bearing_deg: float | None = None
    speed_mps: float | None = None
    place_error_m: float | None = None
    movement: str = ""
    drive: int | None = None
    passing: int | None = None
    camera: str = ""
    country_confidence: float | None = None
    place: str = ""


COLUMNS = tuple(field.name for field in fields(PlateRow))


def unique_plates(sightings: Iterable[RowMapping], locate: Locate) -> Iterator[PlateRow]:
    """One row per video and plate, in order of appearance; `sightings` are rows of `plate_sightings`, by video."""
    for _, of_video in groupby(sightings, lambda row: row["video_id"]):
        grouped: dict[str, list[RowMapping]] = {}
        for row in of_video:
            grouped.setdefault(row["plate"], []).append(row)
        for rows in grouped.values():
            yield _plate(rows, locate)


def sighting_lines(sightings: Iterable[RowMapping], locate: Locate) -> Iterator[SightingLine]:
    """One row per sighting, in their order."""
    for row in sightings:
        yield sighting_line(row, locate)


def sighting_line(row: RowMapping, locate: Locate) -> SightingLine:
    """What an export says of one sighting."""
    of_all = {**_times([row]), **_correction([row]), **when_and_where(row, [row])}
    return SightingLine(**_common(row, locate), **of_all, **_numbers(row))


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


def _plate(rows: list[RowMapping], locate: Locate) -> PlateRow:
    best = max(rows, key=lambda r: r["confidence"])
    of_all = {**_times(rows), **_correction(rows), **when_and_where(best, rows)}
    return PlateRow(**_common(best, locate), **of_all, sightings=len(rows))


def _common(best: RowMapping, locate: Locate) -> dict[str, Any]:
    """What a row says of the sighting that it shows."""
    return {
        "video": best["video"],
        "plate": best["plate"],
        "country": best["country"] or "",
        "confidence": round(best["confidence"], 4),
        "best_frame_s": round(best["best_s"], 3),
        **{corner: round(best[corner]) for corner in ("x1", "y1", "x2", "y2")},
        "crop": locate(best["crop"]) if best["crop"] else "",
        "shown": best["shown"],
        "alternatives": " ".join(f"{a['text']}:{a['confidence']:.3f}" for a in best["alternatives"]),
        "read_as": best["read_as"],
        "frame": locate(best["frame"]) if best["frame"] else "",
        "recorded_at": _recorded(best),
        "recorded_from": best["recorded_from"] or "",
        "region": _region(best["read_as"], best["country"]),
    }


def _recorded(row: RowMapping) -> str:
    """In UTC; the camera's local time, without an offset, where no zone is known."""
    if row["recorded_at"] is None:
        return ""
    return in_zone(row["recorded_at"], None if row["clock_zone"] is None else "UTC").isoformat()


def _region(text: str, country: str | None) -> str:
    region = load_formats().region(text, country)
    return f"{region[0]}:{region[1]:.3f}" if region else ""


def _times(rows: list[RowMapping]) -> dict[str, Any]:
    """What a row says of all the sightings that it stands for."""
    return {
        "first_seen_s": round(min(r["first_s"] for r in rows), 3),
        "last_seen_s": round(max(r["last_s"] for r in rows), 3),
        "reads": sum(r["reads"] for r in rows),
        "confirmed": any(r["confirmed"] for r in rows),
    }


def _correction(rows: list[RowMapping]) -> dict[str, Any]:
    """What a person says of sightings: the newest correction."""
    newest = max((r for r in rows if r["corrected_at"]), key=lambda r: r["corrected_at"], default=None)
    if newest is None:
        return {"corrected": "", "corrected_by": "", "corrected_at": ""}
    at = newest["corrected_at"].isoformat()
    return {"corrected": newest["corrected"], "corrected_by": newest["corrected_by"], "corrected_at": at}


def _numbers(row: RowMapping) -> dict[str, Any]:
    return {"job": row["job"], "sighting": row["sighting"]}
