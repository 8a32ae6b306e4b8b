"""Measures what `dashplate eval reading` does not: a reader's bare CTC text, and what it reads where no plate is."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.crops.select import cut
from pipeline.crops.text_lines import plate_image, split_rows
from pipeline.formats import load_formats
from pipeline.formats.alphabet import BLANK, CHARS, SAID_FOREIGN, UNREAD, Posterior
from pipeline.formats.confusions import folded
from pipeline.reading.reader import LINE_MIN_PX, ROW_MIN_PX, Reader
from pipeline.reading.recognizers import DEFAULT_ENGINE, PlateRecognizer, load_recognizer
from pipeline.records import Box, Crop, Image, Observation
from training.detector.pictures.photos import load_photos
from training.more import more_plates
from training.reader.charset import said
from training.reader.pictures.material import box_of, load, rows_in, rows_of

_FALSE = "places that are no plate"


@dataclass(frozen=True, eq=False)
class Example:
    """One plate to be read."""

    group: str
    #: Empty where there is no plate.
    text: str
    #: 1 or 2.
    rows: int
    #: A picture that the plate fills, BGR, or the plate in its frame as the detect stage cuts it; None where it is too
    #: small for that stage.
    picture: Image | Crop | None

    @property
    def image(self) -> Image | None:
        """The plate alone, as it is handed to the recogniser."""
        return plate_image(self.picture) if isinstance(self.picture, Crop) else self.picture


@dataclass(frozen=True)
class Read:
    """What a reader made of the examples."""

    #: For each of them the likeliest class of each step, rows as the truth has them; empty where it read nothing.
    greedy: list[str]
    #: Milliseconds of the recogniser for each picture of a line.
    line_ms: float
    #: Places that are no plate where the pipeline, with this reader, reads something.
    false: int


def evaluate(models: dict[str, str], data: Path, cache_dir: Path, threads: int | None = None) -> str:
    """Return the table of several readers, model folders or names by the heading that they get, as Markdown."""
    examples = development_material(data)
    reads = {name: read(model, examples, cache_dir, threads) for name, model in models.items()}
    headings = [f"bare CTC, O=0, I=1, {name}" for name in models]
    lines = ["| Plates | " + " | ".join(headings) + " |", "|---|" + "---:|" * len(headings)]
    for group in dict.fromkeys(example.group for example in examples):
        if group != _FALSE:
            lines.append(_line(group, examples, list(reads.values())))
    lines.append("")
    places = sum(example.group == _FALSE for example in examples)
    for name, one in reads.items():
        lines.append(f"{name}: reads something in {one.false} of {places} {_FALSE}; {one.line_ms:.1f} ms a line.")
    return "\n".join(lines)


def _line(group: str, examples: Sequence[Example], reads: Sequence[Read]) -> str:
    chosen = [index for index, example in enumerate(examples) if example.group == group]
    truth = [examples[index].text for index in chosen]
    bare = [share(truth, [said.greedy[i] for i in chosen]) for said in reads]
    return f"| {group} ({len(chosen)}) | " + " | ".join(f"{value:.3f}" for value in bare) + " |"


def share(truth: Sequence[str], said: Sequence[str]) -> float:
    """Share of texts that are right, O and 0, I and 1 taken for the same."""
    return sum(folded(a) == folded(b) for a, b in zip(truth, said, strict=True)) / max(1, len(truth))


def read(model: str, examples: Sequence[Example], cache_dir: Path, threads: int | None = None) -> Read:
    """Read every example with one model."""
    recognizer = load_recognizer(model, DEFAULT_ENGINE, cache_dir, threads)
    reader = Reader(recognizer, load_formats(()))
    false = [example.picture for example in examples if example.group == _FALSE]
    readings = [reader.read_tracklet([crop]) for crop in false if isinstance(crop, Crop)]
    return Read(*_bare(recognizer, examples), sum(reading is not None for reading in readings))


def _bare(recognizer: PlateRecognizer, examples: Sequence[Example]) -> tuple[list[str], float]:
    """Greedy texts, and milliseconds a picture over the one-row plates, batches by width as in the pipeline."""
    images = [example.image for example in examples]
    texts = ["" for _ in examples]
    ones = [i for i, example in enumerate(examples) if example.rows == 1 and images[i] is not None]
    lines = [image for i in ones if (image := images[i]) is not None]
    recognizer.probabilities(lines, LINE_MIN_PX)
    started = time.perf_counter()
    matrices = recognizer.probabilities(lines, LINE_MIN_PX)
    took_ms = (time.perf_counter() - started) * 1000 / max(1, len(lines))
    for index, matrix in zip(ones, matrices, strict=True):
        texts[index] = greedy_text(matrix)
    for index, example in enumerate(examples):
        image = images[index]
        if example.rows == 2 and image is not None:
            rows = recognizer.probabilities(split_rows(image), ROW_MIN_PX)
            texts[index] = "".join(greedy_text(row) for row in rows)
    return texts, took_ms


def greedy_text(matrix: Posterior) -> str:
    """Return what the likeliest class of each step says: repeats once, neither blanks nor junk."""
    classes = [int(c) for c in matrix.argmax(1)]
    kept = [c for c, before in zip(classes, [BLANK, *classes[:-1]], strict=True) if c != before]
    return "".join(CHARS[c - 1] for c in kept if c not in UNREAD)


def development_material(data: Path) -> list[Example]:
    """Return everything that no training sees: the development split, and Hong Kong's crops."""
    return [*_crops(data), *_boxes(data), *_more(data), *_hong_kong(data), *_no_plates(data)]


def _crops(data: Path) -> Iterator[Example]:
    rows = sorted(rows_of(data / "recognition" / "labels.csv", "dev"), key=lambda row: row["country"])
    for row in rows:
        group = "crops, EU, two rows" if "two-row" in row["note"] else f"crops, {row['country']}"
        yield Example(group, row["plate_text"], rows_in(row), load(data / "recognition" / "crops" / row["image"]))


def _boxes(data: Path) -> Iterator[Example]:
    rows = rows_of(data / "detection" / "boxes.csv", "dev")
    for row in sorted(rows, key=lambda row: (row["image"].split("_")[0], row["country"])):
        if row["legibility"] == "clear" and row["plate_text"]:
            image = load(data / "detection" / "images" / row["image"])
            group = f"boxes, {row['image'].split('_')[0]}, {row['country']}"
            yield Example(group, row["plate_text"], 1, _cut(image, box_of(row)))


def _more(data: Path) -> Iterator[Example]:
    for row in sorted(more_plates(data, "dev"), key=lambda row: (row["rows"], row["country"] == "CN", row["image"])):
        image, rows = load(data / "more" / row["image"]), int(row["rows"])
        group = "more, two rows" if rows == 2 else "more, CN" if row["country"] == "CN" else "more, one row"
        text = said(row["plate_text"]).replace(SAID_FOREIGN, "")
        yield Example(group, text, rows, image if row["kind"] == "crop" else _cut(image, box_of(row)))


def _hong_kong(data: Path) -> Iterator[Example]:
    with (data / "hongkong" / "truth.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["kind"] == "crop":
                yield Example("crops, HK", row["plate_text"], 1, load(_found(data / "hongkong", row["image"])))


def _found(folder: Path, name: str) -> Path:
    return next(iter(sorted(folder.rglob(name))), folder / name)


def _no_plates(data: Path) -> Iterator[Example]:
    for photo in load_photos(data, "dev"):
        for corners in photo.not_plates:
            crop = _cut(photo.read(), Box(*(float(corner) for corner in corners)))
            if crop is not None:
                yield Example(_FALSE, "", 1, crop)


def _cut(image: Image, box: Box) -> Crop | None:
    return cut(image, Observation(0, 0.0, box, 1.0))
