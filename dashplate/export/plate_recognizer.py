"""Sightings in the columns of Plate Recognizer Stream's CSV, for programs that read it.

What it writes is Python's own spelling of dictionaries and lists, which those programs read back with
`ast.literal_eval`. Columns of what is not known of a vehicle are empty. Source: its guide's example,
https://guides.platerecognizer.com/docs/stream/results.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import RowMapping

from dashplate.export.rows import Locate


@dataclass(frozen=True, slots=True)
class PlateRecognizerLine:
    """One sighting; the fields are the CSV's columns."""

    #: When the frame was recorded; where nothing says so, when the job was submitted, and the seconds into the video.
    timestamp: str
    #: In small letters; a person's reading goes before the machine's, which is then the second candidate.
    plate: str
    score: float
    #: Of the detector; empty where the crops of the sighting are gone.
    dscore: float | str
    #: The evidence frame.
    file: str
    box: str
    model_make: str
    color: str
    vehicle: str
    region: str
    orientation: str
    candidates: str
    source_url: str
    position_sec: float
    direction: str


def stream_lines(
    sightings: Iterable[RowMapping], submitted_at: dt.datetime, locate: Locate
) -> Iterator[PlateRecognizerLine]:
    """The lines of sightings, rows of `plate_sightings` with the detector's `detection_confidence`."""
    # What a person says is no plate is none there.
    return (_line(row, submitted_at, locate) for row in sightings if row["corrected"] != "")


def _line(row: RowMapping, submitted_at: dt.datetime, locate: Locate) -> PlateRecognizerLine:
    corners = {"xmin": row["x1"], "ymin": row["y1"], "xmax": row["x2"], "ymax": row["y2"]}
    box = {corner: round(at) for corner, at in corners.items()}
    others = [(a["text"], a["confidence"]) for a in row["alternatives"]]
    person = [(row["corrected"], 1.0)] if row["corrected"] else []
    texts = [*person, (row["read_as"], row["confidence"]), *others]
    dscore = row["detection_confidence"]
    country = (row["country"] or "").lower()
    seen_at = row["recorded_at"] or submitted_at + dt.timedelta(seconds=row["best_s"])
    return PlateRecognizerLine(
        timestamp=seen_at.astimezone(dt.UTC).isoformat(" ", "microseconds"),
        plate=(row["corrected"] or row["plate"]).lower(),
        score=round(1.0 if person else row["confidence"], 3),
        dscore="" if dscore is None else round(dscore, 3),
        file=locate(row["frame"]) if row["frame"] else "",
        box=repr(box),
        model_make="",
        color="",
        # Programs read its `type` without asking whether it is there.
        vehicle=repr({"score": 0.0, "type": "Unknown", "box": box}),
        # A country that the form belongs to; how sure that is, nobody has measured.
        region=repr({"code": country, "score": 0}),
        orientation="",
        candidates=repr([{"plate": text.lower(), "score": round(sure, 3)} for text, sure in texts]),
        source_url=row["video"],
        position_sec=round(row["best_s"], 3),
        direction="",
    )
