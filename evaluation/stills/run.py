"""`dashplate eval stills`: photographs from end to end, found and read as `dashplate read` does."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.progress import track

from evaluation.detection.look import Look, the_look, warm_detector
from evaluation.pictures import open_image
from evaluation.readers import Readers
from evaluation.stills.drawing import KINDS, draw_failures
from evaluation.stills.scores import JudgedStill, judge, table_rows
from evaluation.stills.table import as_json, notes, places_csv, stills_table
from evaluation.stills.truth import Still
from evaluation.stills.uncropped import WHOLE, judge_whole
from evaluation.whole_image_ocr import PaddleOcr, WholeReader
from output import terminal
from output.files import save
from pipeline.detection.yolo import Detector
from pipeline.errors import UsageError
from pipeline.photo import read_plates
from pipeline.reading.reader import Reader
from pipeline.records import Image
from workers.settings import settings


@dataclass(frozen=True, slots=True)
class Outputs:
    """What is wanted beside the table."""

    #: Folder for drawings of the failures; with several readers, a folder in it for each.
    draw: Path | None = None
    #: File for everything known and found.
    csv: Path | None = None
    #: File for the numbers.
    json: Path | None = None
    #: Have PaddleOCR read each picture as a whole besides.
    compare_whole: bool = False


def evaluate_stills(stills: Sequence[Still], look: Look, readers: Readers, wanted: Outputs) -> None:
    """Find and read the plates of all pictures, print the table, and write what is wanted."""
    loaded = readers.load()
    whole = PaddleOcr(settings().models.cache_dir) if wanted.compare_whole else None
    judged = judge_all(stills, look, loaded, whole)
    rows = list(table_rows(judged))

    terminal.out.print(stills_table(rows))
    for line in ["", *notes(rows, stills, look)]:
        terminal.say(line)
    if wanted.draw is not None:
        _draw(wanted.draw, judged)
    if wanted.csv is not None:
        save(wanted.csv, places_csv(judged))
    if wanted.json is not None:
        save(wanted.json, as_json(rows, look))


def stills_look(weights: Path | None, frames: bool) -> Look:
    """The look at photographs as `dashplate read` takes it, or at `frames` of a video, each taken alone."""
    config = settings().models
    look = the_look(weights or config.detector, None, None, photo=not frames, second_look_px=config.second_look_px)
    return replace(look, options=replace(look.options, input_px=config.detector_input_px))


def judge_all(
    stills: Sequence[Still], look: Look, readers: dict[str, Reader], whole: WholeReader | None = None
) -> dict[str, list[JudgedStill]]:
    """Every picture as each reader reads it, by reader, and last, as `WHOLE`, as it is read without cropping."""
    shown = track(
        stills, "looking", len(stills), console=terminal.err, transient=True, disable=not terminal.err.is_terminal
    )
    judged: dict[str, list[JudgedStill]] = {name: [] for name in (*readers, *((WHOLE,) if whole else ()))}
    for reader, one in _by_turns(shown, look, readers, whole):
        judged[reader].append(one)
    return judged


def _by_turns(
    stills: Iterable[Still], look: Look, readers: dict[str, Reader], whole: WholeReader | None
) -> Iterator[tuple[str, JudgedStill]]:
    """Each picture with each reader; it is looked at anew for each, so that the clock sees all of the work."""
    detector: Detector | None = None
    for still in stills:
        image = _open(still)
        if detector is None:
            detector = warm_detector(look, look.options.threshold, [image])
            for reader in readers.values():
                read_plates(image, detector, reader)
            if whole is not None:
                whole.read(image)
        for name, reader in readers.items():
            started = time.perf_counter()
            found = read_plates(image, detector, reader)
            yield name, judge(still, found, (time.perf_counter() - started) * 1000)
        if whole is not None:
            started = time.perf_counter()
            texts = whole.read(image)
            yield WHOLE, judge_whole(still, texts, (time.perf_counter() - started) * 1000)


def _open(still: Still) -> Image:
    image = open_image(still.path)
    height, width = image.shape[:2]
    for plate in still.plates:
        if plate.box and not plate.box.clipped(width, height).area:
            raise UsageError(f"{still.name} is {width}x{height} pixels, and a plate of it is said to lie outside.")
    return image


def _draw(folder: Path, judged: Mapping[str, Sequence[JudgedStill]]) -> None:
    for reader, some in judged.items():
        counts = draw_failures(folder / reader.replace("/", "_") if len(judged) > 1 else folder, some)
        of = f" of {reader}" if len(judged) > 1 else ""
        terminal.say(f"Drawn{of}: {', '.join(f'{counts[kind]} {words}' for kind, words in KINDS.items())}.")
