"""Shows how unique plates were read: as a table, as JSON, and as CSV with a line a plate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.markup import escape
from rich.table import Table

from evaluation.video.processing import Models
from evaluation.video.scores import VideoRow
from evaluation.video.uniques import Asked, FoundPlate, Outcome, Verdict
from output.files import json_text
from output.tables import csv_text, number, table

_COLUMNS = (
    "plates", "exact", "folded", "false", "single", "precision", "recall", "F1", "CER", "first s", "last s",
)  # fmt: skip
#: What became of a plate, beside the values of `Verdict`.
MISSED, MISREAD = "missed", "misread"


@dataclass(frozen=True, slots=True)
class PlateLine:
    """A line of the CSV: a clear plate with what was reported for it, or a reported text without one."""

    clip: str
    #: `exact`, `folded`, `misread` or `missed` for clear plates; `bonus`, `unjudged` or `false` for other texts. A
    #: misread plate has a line, and the text that misreads it another, which is `false`.
    verdict: str
    plate_text: str
    reported_text: str
    #: Empty where nothing was reported.
    confirmed: bool | None
    confidence: float | None
    true_first_s: float | None
    true_last_s: float | None
    first_s: float | None
    last_s: float | None
    first_error_s: float | None
    last_error_s: float | None
    #: Of a clear plate, exchanged, added and lost characters.
    characters_wrong: int | None
    #: Of a missed plate, the nearest reading that was too unsure to be reported, and its confidence.
    unreported_text: str
    unreported_confidence: float | None


def video_table(rows: Sequence[VideoRow], *, in_frames: bool) -> Table:
    """A line a clip; – where there is nothing to measure. `in_frames` tells the speed in frames, not in real time."""
    shown = table(("",), (*_COLUMNS, "frames/s" if in_frames else "× real time"), dense=True)
    for row in rows:
        counts = (row.plates, row.exact, row.folded, row.false_confirmed, row.false_single)
        shares = (row.precision, row.recall, row.f1, row.character_error)
        speed = row.frames_per_s if in_frames else row.times_real_time
        shown.add_row(
            escape(row.name),
            *map(str, counts),
            *map(number, shares),
            _errors(row.first_mean_s, row.first_max_s),
            _errors(row.last_mean_s, row.last_max_s),
            "–" if speed is None else f"{speed:.1f}",
        )
    return shown


def video_notes(rows: Sequence[VideoRow], models: Models, left_out: Sequence[str] = ()) -> Iterator[str]:
    """What a reader of the table has to know."""
    whole = rows[-1]
    config = models.config
    folded = "–" if whole.f1_folded is None else f"{whole.f1_folded:.3f}"
    yield (
        "Plates: unique clear texts. folded: exact but for O and 0, I and 1, which precision, recall and F1 count as "
        f"wrong; with them F1 is {folded}. false: on no plate, confirmed; single: on no plate, a single read."
    )
    yield (
        "CER: of the nearest text that was reported; first s, last s: mean/largest error of the time stamps of plates "
        "that were read."
    )
    if whole.bonus or whole.unjudged:
        yield (
            f"Counted neither way: {whole.bonus} plates read that are not clear, {whole.unjudged} texts from places "
            "whose truth nobody knows."
        )
    yield f"Reader {escape(models.reader)} ({config.reader_engine}), countries {', '.join(models.countries) or 'all'}."
    if left_out:
        yield (
            f"Not looked at: {escape(', '.join(left_out))}; the CSV does not name "
            f"{'it' if len(left_out) == 1 else 'them'}. --others-empty takes such videos as without plates."
        )


def video_json(rows: Sequence[VideoRow], outcomes: Sequence[Outcome], models: Models) -> str:
    """The same numbers, unrounded, and every plate; `null` where there is nothing to measure."""
    config = models.config
    whole = {
        "reader": models.reader,
        "reader_engine": config.reader_engine,
        "detector": None if config.detector is None else str(config.detector),
        "countries": list(models.countries),
        "rows": [_row(row) for row in rows],
        "plates": [asdict(line) for outcome in outcomes for line in plate_lines(outcome)],
    }
    return json_text(whole, indent=1) + "\n"


def video_csv(outcomes: Sequence[Outcome]) -> str:
    """A line a plate: see `PlateLine`."""
    lines = (line for outcome in outcomes for line in plate_lines(outcome))
    cells = (list(map(_cell, asdict(line).values())) for line in lines)
    return csv_text(tuple(PlateLine.__dataclass_fields__), cells)


def plate_lines(outcome: Outcome) -> Iterator[PlateLine]:
    """The clear plates, then whatever else was reported."""
    for asked in outcome.asked:
        yield _asked(outcome.name, asked)
    for reported in outcome.reported:
        if reported.verdict not in (Verdict.EXACT, Verdict.FOLDED):
            yield _reported(outcome.name, reported.found, reported.verdict)


def _asked(clip: str, asked: Asked) -> PlateLine:
    plate, found, unreported = asked.plate, asked.found, asked.unreported
    word = asked.verdict.value if asked.read else MISREAD if found else MISSED
    return PlateLine(
        clip=clip,
        verdict=word,
        plate_text=plate.text,
        reported_text=found.text if found else "",
        confirmed=found.confirmed if found else None,
        confidence=found.confidence if found else None,
        true_first_s=plate.first_s[0],
        true_last_s=plate.last_s[1],
        first_s=found.first_s if found else None,
        last_s=found.last_s if found else None,
        first_error_s=asked.first_error_s,
        last_error_s=asked.last_error_s,
        characters_wrong=asked.characters_wrong,
        unreported_text=unreported.reading.text if unreported else "",
        unreported_confidence=unreported.reading.confidence if unreported else None,
    )


def _reported(clip: str, found: FoundPlate, verdict: Verdict) -> PlateLine:
    return PlateLine(
        clip=clip,
        verdict=verdict.value,
        plate_text="",
        reported_text=found.text,
        confirmed=found.confirmed,
        confidence=found.confidence,
        true_first_s=None,
        true_last_s=None,
        first_s=found.first_s,
        last_s=found.last_s,
        first_error_s=None,
        last_error_s=None,
        characters_wrong=None,
        unreported_text="",
        unreported_confidence=None,
    )


def _row(row: VideoRow) -> dict[str, Any]:
    return {**asdict(row), "times_real_time": row.times_real_time, "frames_per_s": row.frames_per_s}


def _errors(mean_s: float | None, max_s: float | None) -> str:
    return "–" if mean_s is None or max_s is None else f"{mean_s:.1f}/{max_s:.1f}"


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return int(value)
    return f"{value:.3f}" if isinstance(value, float) else value
