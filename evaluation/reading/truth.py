"""The truth of `eval reading`: plates that are alone in their pictures, or have boxes there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from evaluation.pictures import open_image
from evaluation.truth_csv import Line, Selection, as_read, box_of, picture_folder, split_lines
from evaluation.truth_groups import COUNTRY, columns_of, group_of
from pipeline.crops.select import cut
from pipeline.errors import UsageError
from pipeline.records import Box, Crop, Image, Observation
from training.country_codes import country_of

#: Where the pictures lie, unless it is said: folders beside the CSV, or the CSV's own.
_BESIDE = ("crops", "images", ".")

#: A picture that the plate fills, BGR; or the plate as the detect stage cuts it out of a larger one, None where that
#: stage leaves it because it is too small.
Shown: TypeAlias = Image | Crop | None


@dataclass(frozen=True, slots=True)
class LabelledPlate:
    """A plate whose text is known."""

    #: The picture, as the CSV names it.
    name: str
    path: Path
    #: Capitals, digits and Chinese characters, no separators.
    text: str
    #: In pixels of the upright picture; None where the picture is the plate.
    box: Box | None
    #: The table's row; empty where there is only one.
    group: str = ""
    #: What the CSV says of it; often nothing.
    legibility: str = ""
    #: ISO 3166 code; None where the CSV tells none.
    country: str | None = None


@dataclass(frozen=True, slots=True)
class Labels:
    """The chosen plates of a CSV."""

    plates: tuple[LabelledPlate, ...]
    #: Lines left out because their text is not known.
    without_text: int


def load_labels(file: Path, images: Path | None, selection: Selection, by: Sequence[str] = ()) -> Labels:
    """The chosen plates of a CSV, in its order. Raises UsageError with a sentence on whatever is wrong with it.

    Needed columns: `image,plate_text` and those to choose and to group by; `x1,y1,x2,y2` where a picture shows more
    than its plate, `legibility`, `country`. Lines without text are left out, and one that repeats another counts once.
    """
    everything = split_lines(file, selection, ("image", "plate_text", *columns_of(by)))
    lines = [line for line in everything if selection.takes(line)]
    known: dict[tuple[str, str, Box | None], Line] = {}
    for line in lines:
        if text := as_read(line.cells["plate_text"]):
            known.setdefault((line.image, text, box_of(line)), line)
    chosen = list(known.items())[: selection.limit]
    if not chosen:
        raise UsageError(f"No plate of {file} with a text is left; look at --split, --match and --where.")
    folder = picture_folder(file, images, list(dict.fromkeys(name for (name, _, _), _ in chosen)), _BESIDE)
    plates = (
        LabelledPlate(name, folder / name, text, box, group_of(line, folder / name, by), *_described(line))
        for (name, text, box), line in chosen
    )
    return Labels(tuple(plates), sum(not as_read(line.cells["plate_text"]) for line in lines))


def _described(line: Line) -> tuple[str, str | None]:
    return line.cells.get("legibility", ""), country_of(line.cells.get(COUNTRY, ""))


def open_plates(plates: Sequence[LabelledPlate]) -> Iterator[tuple[LabelledPlate, Shown]]:
    """Each plate as the reader is given it; neighbours in one picture share its decoding.

    Raises UsageError where a file holds no picture, or a box lies outside of it.
    """
    path, image = None, None
    for plate in plates:
        if image is None or plate.path != path:
            path, image = plate.path, open_image(plate.path)
        yield plate, shown(plate, image)


def shown(plate: LabelledPlate, image: Image) -> Shown:
    """The plate out of its picture. The box counts as sure: the doubt that a detector's score adds is not measured."""
    if plate.box is None:
        return image
    height, width = image.shape[:2]
    if not plate.box.shared(Box(0, 0, width, height)):
        raise UsageError(f"{plate.name} is {width}x{height} pixels, and {plate.text} is said to lie outside.")
    return cut(image, Observation(0, 0.0, plate.box, 1.0))
