"""The readers that are measured beside each other: loaded by name or folder, each given the same plates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.reading.truth import LabelledPlate, Shown
from pipeline.errors import UsageError
from pipeline.reading.reader import Reader
from pipeline.records import Crop, Reading
from pipeline.run import load_reader
from workers.settings import settings


@dataclass(frozen=True, slots=True)
class Readers:
    """Which readers are measured, and how they run."""

    #: PaddleOCR model names or model folders; none means the one that the pipeline uses.
    names: tuple[str, ...] = ()
    #: What runs them; None means what the pipeline runs its reader with.
    engine: str | None = None
    #: Countries whose formats are the prior; none means all.
    countries: tuple[str, ...] = ()

    def load(self) -> dict[str, Reader]:
        """The readers by their headings, ready to read.

        Raises UsageError for an unknown engine or a reader named twice, ModelError where a model cannot run.
        """
        config = settings().models
        given = self.names or (config.reader_name,)
        return {
            heading: load_reader(config.reading_with(name, self.engine), self.countries)
            for heading, name in zip(headings(given), given, strict=True)
        }


@dataclass(frozen=True, slots=True)
class Read:
    """A plate and what a reader said of it; None: it read nothing."""

    plate: LabelledPlate
    reading: Reading | None

    @property
    def said(self) -> str:
        return self.reading.text if self.reading else ""


def headings(names: Sequence[str]) -> list[str]:
    """What the readers are called in the table: folders by their last name, in full where those are equal.

    >>> headings(["PP-OCRv6_small_rec", "weights/reader/"]), headings(["a/reader", "b/reader"])
    (['PP-OCRv6_small_rec', 'reader'], ['a/reader', 'b/reader'])
    """
    short = [Path(name).name or name for name in names]
    found = short if len(set(short)) == len(short) else [str(Path(name)) for name in names]
    if len(set(found)) < len(found):
        raise UsageError(f"A reader is named twice: {', '.join(names)}.")
    return found


def read_all(
    plates: Iterable[tuple[LabelledPlate, Shown]], readers: dict[str, Reader]
) -> Iterator[tuple[LabelledPlate, dict[str, Read]]]:
    """Each plate with what each reader makes of it."""
    for plate, shown in plates:
        yield plate, {name: Read(plate, read_one(reader, shown)) for name, reader in readers.items()}


def read_one(reader: Reader, shown: Shown) -> Reading | None:
    """The reading of one plate as the pipeline gives it; None where nothing is legible or the plate is too small."""
    if shown is None:
        return None
    return reader.read_tracklet([shown]) if isinstance(shown, Crop) else reader.read_plate_image(shown)
