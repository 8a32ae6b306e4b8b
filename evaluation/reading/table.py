"""Shows the numbers of `eval reading`: as a table, as JSON, and each reading as a line of CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from rich.table import Table

from evaluation.reader_table import grouped_table
from evaluation.readers import Read
from evaluation.reading.scores import Row, bins, is_right, named
from evaluation.reading.speed import TRACKLET, Speed
from evaluation.reading.truth import Labels
from evaluation.truth_csv import CORNERS
from output.files import json_text
from output.tables import csv_text, number

_NUMBERS = ("plates", "unread", "exact", "O=0 I=1", "CER", "confidence", "ECE")
#: What the column `legibility` calls a plate that anybody can read.
_CLEAR = ("", "clear")


def reading_table(rows: Sequence[Row]) -> Table:
    """A line a group and reader; the reader is left out where there is only one, – stands where nothing was read."""
    return grouped_table(rows, _NUMBERS, _numbers)


def _numbers(row: Row) -> tuple[str, ...]:
    shares = (row.exact, row.folded, row.cer, row.confidence, row.ece)
    return (str(row.plates), str(row.unread), *map(number, shares))


def notes(labels: Labels) -> list[str]:
    """What a reader of the table has to know."""
    lines = [
        "Texts are compared without case and separators; an unread plate is wrong. O=0 I=1: these taken for the same. "
        "CER: characters wrong of all. ECE: how far confidence is from the share that is right."
    ]
    if labels.without_text:
        lines.append(f"{labels.without_text} lines without a text are left out.")
    unclear = sum(plate.legibility not in _CLEAR for plate in labels.plates)
    if unclear:
        lines.append(f"{unclear} of these plates are not said to be clear; --where legibility=clear leaves them out.")
    return lines


def country_lines(reads: Mapping[str, Sequence[Read]]) -> list[str]:
    """How often each reader names the right country, where any is known."""
    return [
        f"{reader}: of {found.plates} plates whose country is known, it names {found.right} right and "
        f"{found.wrong} wrong; {found.unnamed} get no country."
        for reader, found in ((reader, named(some)) for reader, some in reads.items())
        if found.plates
    ]


def speed_lines(speeds: Sequence[Speed]) -> list[str]:
    """How long a plate takes, beside PaddleOCR."""
    return [
        f"{speed.reader}: {speed.crop_ms:.1f} ms a plate of one picture, PaddleOCR {speed.paddleocr_crop_ms:.1f} ms: "
        f"{speed.crop_ratio:.2f} of its time; {speed.tracklet_ms:.1f} ms a plate of {TRACKLET} pictures, "
        f"PaddleOCR {speed.paddleocr_tracklet_ms:.1f} ms: {speed.tracklet_ratio:.2f} of its time."
        for speed in speeds
    ]


def readings_csv(reads: Mapping[str, Sequence[Read]]) -> str:
    """Every reading: what it is of, the truth, what was read and how sure, and whether it is right.

    `characters` are the confidences of the text's characters, `right` takes O and 0, I and 1 for the same.
    """
    head = ("image", *CORNERS, "group", "reader", "truth", "text", "confidence", "characters", "country", "right")
    return csv_text(head, (_cells(reader, read) for reader, some in reads.items() for read in some))


def as_json(
    rows: Sequence[Row], labels: Labels, reads: Mapping[str, Sequence[Read]], speeds: Sequence[Speed] | None
) -> str:
    """The same numbers, unrounded, and the bins behind the ECE; `null` where there is nothing to measure."""
    whole = {
        "plates": len(labels.plates),
        "without_text": labels.without_text,
        "rows": [asdict(row) for row in rows],
        "calibration": {reader: [asdict(b) for b in bins(some)] for reader, some in reads.items()},
        "countries": {reader: asdict(named(some)) for reader, some in reads.items()},
        "speed": None if speeds is None else [_with_ratios(speed) for speed in speeds],
    }
    return json_text(whole, indent=1) + "\n"


def _cells(reader: str, read: Read) -> tuple[object, ...]:
    plate, reading = read.plate, read.reading
    corners = tuple(f"{v:g}" for v in plate.box.as_tuple()) if plate.box else ("",) * len(CORNERS)
    start = (plate.name, *corners, plate.group, reader, plate.text)
    if reading is None:
        return (*start, "", "", "", "", 0)
    characters = " ".join(f"{confidence:.3f}" for confidence in reading.confidences)
    return (*start, reading.text, f"{reading.confidence:.4f}", characters, reading.country or "", int(is_right(read)))


def _with_ratios(speed: Speed) -> dict[str, object]:
    return {**asdict(speed), "crop_ratio": speed.crop_ratio, "tracklet_ratio": speed.tracklet_ratio}
