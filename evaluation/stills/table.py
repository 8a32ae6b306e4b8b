"""Shows the numbers of `eval stills`: as a table, as JSON, and each plate and false reading as a line of CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from rich.markup import escape
from rich.table import Table

from evaluation.detecting import Look
from evaluation.stills.scores import ALIKE, Answer, JudgedStill, Row
from evaluation.stills.truth import Still
from evaluation.stills.uncropped import WHOLE
from evaluation.texts import LONGEST, SHORTEST
from evaluation.truth_csv import CORNERS
from output.files import json_text
from pipeline.photo import PhotoPlate
from training.detector.measuring.measure import RIGHT_IOU

_NUMBERS = ("pictures", "plates", "found", "exact", "O=0 I=1", "CER", "false", "precision", "ms/picture")


def stills_table(rows: Sequence[Row]) -> Table:
    """A line a group and reader; the reader is left out where there is only one, – stands for nothing to measure."""
    several = len({row.reader for row in rows}) > 1
    table = Table(box=None, header_style="bold", pad_edge=False, collapse_padding=True)
    for name in ("", *(("reader",) if several else ())):
        table.add_column(name)
    for name in _NUMBERS:
        table.add_column(name, justify="right")
    before = ""
    for row in rows:
        group = "" if row.group == before else row.group
        before = row.group
        table.add_row(
            escape(group),
            *((escape(row.reader),) if several else ()),
            str(row.pictures),
            str(row.plates),
            *map(_number, (row.found, row.exact, row.folded, row.cer)),
            str(row.false),
            ("≤" if row.upper_bound and row.precision is not None else "") + _number(row.precision),
            f"{row.ms_per_picture:.0f}",
        )
    return table


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
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    head = ("image", "group", "reader", "truth", "text", "confidence", *CORNERS, "detection_confidence", "verdict")
    writer.writerow(head)
    for reader, some in judged.items():
        for j in some:
            for truth, place, verdict in _verdicts(j):
                writer.writerow((j.still.name, j.still.group, reader, truth, *_place(place), verdict))
    return text.getvalue()


def as_json(rows: Sequence[Row], look: Look) -> str:
    """The same numbers, unrounded; `null` where there is nothing to measure."""
    whole = {
        "weights": str(look.options.weights),
        "input_px": look.options.input_px,
        "threshold": look.options.threshold,
        "rows": [asdict(row) for row in rows],
    }
    return json_text(whole, indent=1) + "\n"


def _verdicts(judged: JudgedStill) -> Iterator[tuple[str, PhotoPlate | None, str]]:
    for answer in judged.answers:
        yield answer.plate.text, answer.place, _verdict(answer)
    named = [answer.place for answer in judged.answers]
    for place in judged.found:
        if not any(place is other for other in named):
            yield "", place, "false" if any(place is other for other in judged.false) else "uncounted"


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


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
