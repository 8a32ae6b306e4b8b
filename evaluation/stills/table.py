"""Shows the numbers of `eval stills`: as a table, as JSON, and each plate and false reading as a line of CSV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from rich.table import Table

from evaluation.detection.look import Look
from evaluation.reader_table import grouped_table
from evaluation.stills.scores import ALIKE, Answer, JudgedStill, Row
from evaluation.stills.truth import Still
from evaluation.stills.uncropped import WHOLE
from evaluation.texts import LONGEST, SHORTEST
from evaluation.truth_csv import CORNERS
from output.files import json_text
from output.tables import csv_text, number
from pipeline.photo import PhotoPlate
from training.detector.measuring.measure import RIGHT_IOU

_NUMBERS = ("pictures", "plates", "found", "exact", "O=0 I=1", "CER", "false", "precision", "ms/picture")


def stills_table(rows: Sequence[Row]) -> Table:
    """A line a group and reader; the reader is left out where there is only one, – stands for nothing to measure."""
    return grouped_table(rows, _NUMBERS, _numbers)


def _numbers(row: Row) -> tuple[str, ...]:
    shares = map(number, (row.found, row.exact, row.folded, row.cer))
    precision = number(row.precision, "≤" if row.upper_bound else "")
    return (str(row.pictures), str(row.plates), *shares, str(row.false), precision, f"{row.ms_per_picture:.0f}")


def notes(rows: Sequence[Row], stills: Sequence[Still], look: Look) -> list[str]:
    """What a reader of the table has to know."""
    plates = [plate for still in stills for plate in still.plates]
    lines = [
        f"Detector threshold {look.options.threshold:g}. Found: a box overlaps by {RIGHT_IOU:g}, or touches and reads "
        "the text. Exact: of all plates, without case and separators; O=0 I=1: these taken for the same. "
        "CER: characters wrong of all, in plates found."
    ]
    if any(plate.box is None and plate.counts for plate in plates):
        lines.append(
            f"Plates without a box are given the reading nearest to their text, unless over {ALIKE:.0%} of it is wrong."
        )
    uncounted = sum(not plate.counts for plate in plates)
    if uncounted:
        lines.append(f"{uncounted} more plates count neither way: no text, not clear, not chosen, or ignored.")
    if any(row.upper_bound for row in rows):
        lines.append("≤: some pictures may show more plates than are known; no reading there counts as false.")
    if any(row.reader == WHOLE for row in rows):
        lines.append(
            f"{WHOLE}: its text detection and recognition on the whole picture. Found: a text lies on the plate; two, "
            f"one above the other, may be its rows. False: of {SHORTEST} to {LONGEST} letters and digits."
        )
    return lines


def places_csv(judged: Mapping[str, Sequence[JudgedStill]]) -> str:
    """Every plate that counts with what was read, every false reading, and every other place that was found.

    The corners are those of the place found, pixels of the picture. `verdict` is `exact`, `folded` (right but for O
    and 0, I and 1), `misread`, `unread`, `unfound`, `false`, or `uncounted` for what counts neither way.
    """
    head = ("image", "group", "reader", "truth", "text", "confidence", *CORNERS, "detection_confidence", "verdict")
    rows = (
        (j.still.name, group, reader, truth, *_place(place), verdict)
        for reader, some in judged.items()
        for j in some
        for group, truth, place, verdict in _verdicts(j)
    )
    return csv_text(head, rows)


def as_json(rows: Sequence[Row], look: Look) -> str:
    """The same numbers, unrounded; `null` where there is nothing to measure."""
    whole = {
        "weights": str(look.options.weights),
        "input_px": look.options.input_px,
        "threshold": look.options.threshold,
        "rows": [asdict(row) for row in rows],
    }
    return json_text(whole, indent=1) + "\n"


def _verdicts(judged: JudgedStill) -> Iterator[tuple[str, str, PhotoPlate | None, str]]:
    for answer in judged.answers:
        yield answer.plate.group, answer.plate.text, answer.place, _verdict(answer)
    named = [answer.place for answer in judged.answers]
    for place in judged.found:
        if not any(place is other for other in named):
            verdict = "false" if any(place is other for other in judged.false) else "uncounted"
            yield "; ".join(sorted(judged.still.groups)), "", place, verdict


def _verdict(answer: Answer) -> str:
    if answer.place is None:
        return "unfound"
    if answer.reading is None:
        return "unread"
    if answer.said == answer.plate.text:
        return "exact"
    return "folded" if answer.is_right else "misread"


def _place(place: PhotoPlate | None) -> tuple[str, ...]:
    if place is None:
        return ("",) * 7
    reading = place.reading
    said = (reading.text, f"{reading.confidence:.4f}") if reading else ("", "")
    corners = (f"{v:.1f}" for v in place.detection.box.as_tuple())
    return (*said, *corners, f"{place.detection.confidence:.4f}")
