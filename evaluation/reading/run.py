"""`dashplate eval reading`: texts that are known against texts that are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.progress import track

from evaluation.readers import Read, Readers, read_all
from evaluation.reading.curve import plotting, reliability_svg
from evaluation.reading.drawing import KINDS, draw_failures
from evaluation.reading.scores import bins, table_rows
from evaluation.reading.speed import compare_speed
from evaluation.reading.table import as_json, country_lines, notes, reading_table, readings_csv, speed_lines
from evaluation.reading.truth import Labels, open_plates
from output import terminal
from output.files import save
from pipeline.reading.reader import Reader


@dataclass(frozen=True, slots=True)
class Outputs:
    """What is wanted beside the table."""

    #: Folder for drawings of the failures; with several readers, a folder in it for each.
    draw: Path | None = None
    #: File for all readings.
    csv: Path | None = None
    #: File for the numbers.
    json: Path | None = None
    #: File for the reliability diagram.
    curve: Path | None = None
    #: Time the readers against PaddleOCR.
    compare_speed: bool = False


def evaluate_reading(labels: Labels, readers: Readers, wanted: Outputs) -> None:
    """Read all plates with all readers, print the table, and write what is wanted."""
    if wanted.curve is not None:
        plotting()
    reads = read_plates(labels, readers.load())
    rows = list(table_rows(reads))
    speeds = compare_speed(readers, labels.plates) if wanted.compare_speed else None

    terminal.out.print(reading_table(rows))
    for line in ["", *notes(labels), *country_lines(reads), *speed_lines(speeds or ())]:
        terminal.say(line)
    if wanted.draw is not None:
        _draw(wanted.draw, reads)
    if wanted.csv is not None:
        save(wanted.csv, readings_csv(reads))
    if wanted.json is not None:
        save(wanted.json, as_json(rows, labels, reads, speeds))
    if wanted.curve is not None:
        save(wanted.curve, reliability_svg({reader: bins(some) for reader, some in reads.items()}))


def read_plates(labels: Labels, readers: dict[str, Reader]) -> dict[str, list[Read]]:
    """What each reader makes of each plate, by reader."""
    shown = track(
        open_plates(labels.plates),
        "reading",
        len(labels.plates),
        console=terminal.err,
        transient=True,
        disable=not terminal.err.is_terminal,
    )
    reads: dict[str, list[Read]] = {reader: [] for reader in readers}
    for _, said in read_all(shown, readers):
        for reader, read in said.items():
            reads[reader].append(read)
    return reads


def _draw(folder: Path, reads: Mapping[str, Sequence[Read]]) -> None:
    for reader, some in reads.items():
        counts = draw_failures(folder / reader.replace("/", "_") if len(reads) > 1 else folder, some)
        of = f" of {reader}" if len(reads) > 1 else ""
        terminal.say(f"Drawn{of}: {', '.join(f'{counts[kind]} {words}' for kind, words in KINDS.items())}.")
