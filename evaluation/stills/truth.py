"""The truth of `eval stills`: photographs and the plates that they show, with boxes or only with texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.truth_csv import (
    Line,
    Selection,
    as_read,
    box_of,
    by_image,
    ignored_boxes,
    is_complete,
    picture_folder,
    split_lines,
)
from evaluation.truth_groups import columns_of, group_of
from pipeline.errors import UsageError
from pipeline.records import Box

#: Where the pictures lie, unless it is said: the folder beside the CSV, or the CSV's own.
_BESIDE = ("images", ".")
_LEGIBILITY = "legibility"
#: What that column says of plates that are expected to be read, if it says anything.
_CLEAR = ("", "clear")


@dataclass(frozen=True, slots=True)
class KnownPlate:
    """A plate that a picture is known to show."""

    #: Capitals, digits and Chinese characters, no separators; empty where it is not known.
    text: str
    #: In pixels of the upright picture; None where it is not known.
    box: Box | None
    #: False where it is neither asked for nor wrong to read.
    counts: bool
    #: The table's row; empty where there is only one.
    group: str = ""


@dataclass(frozen=True, slots=True)
class Still:
    """A picture and what is known of it."""

    #: As the CSV names it.
    name: str
    path: Path
    plates: tuple[KnownPlate, ...]
    #: False where it may show other plates; then no reading in it can be called false.
    every_plate_known: bool
    #: The table's rows: those of its plates that count; without any, of its first line that was chosen.
    groups: frozenset[str] = frozenset()


def load_stills(
    file: Path, images: Path | None, selection: Selection, by: Sequence[str] = (), ignore: Path | None = None
) -> list[Still]:
    """The chosen pictures of a CSV, in its order. Raises UsageError with a sentence on whatever is wrong with it.

    Needed columns: `image,plate_text` and those to choose and to group by. A line with a box in `x1,y1,x2,y2` is one
    plate. A line without a box holds all texts of its picture, parted by `;`, an empty part standing for a plate
    whose text is not known; a line without any is a picture without plates. Known besides: `legibility`, and
    `every_plate_boxed` (0 or 1; without it 1).

    A picture is taken where one of its lines is chosen. Its plates on other lines, those without a text, and those
    whose legibility is not `clear` count neither way, unless the choice itself is by legibility. So do the places of
    `ignore`, a CSV of boxes, but for those whose column `what` says `not_plate`.
    """
    lines = by_image(split_lines(file, selection, ("image", "plate_text", *columns_of(by))))
    taken = {name: [line for line in some if selection.takes(line)] for name, some in lines.items()}
    names = [name for name, some in taken.items() if some][: selection.limit]
    if not names:
        raise UsageError(f"No picture of {file} is left; look at --split, --match and --where.")
    folder = picture_folder(file, images, names, _BESIDE)
    by_legibility = _LEGIBILITY in dict(selection.where)
    ignored = ignored_boxes(ignore)
    stills = []
    for name in names:
        path = folder / name
        groups = {line.where: group_of(line, path, by) for line in taken[name]}
        plates = [plate for line in lines[name] for plate in _plates(line, groups.get(line.where), by_legibility)]
        asked = {plate.group for plate in plates if plate.counts} or [*groups.values()][:1]
        plates += [KnownPlate("", box, False) for box in ignored.get(name, ())]
        complete = [is_complete(line) for line in lines[name]]
        stills.append(Still(name, path, tuple(plates), all(complete), frozenset(asked)))
    return stills


def _plates(line: Line, group: str | None, by_legibility: bool) -> Iterator[KnownPlate]:
    """The plates of a line; `group` is None where the line was not chosen."""
    box, text = box_of(line), line.cells["plate_text"]
    expected = group is not None and (by_legibility or line.cells.get(_LEGIBILITY, "") in _CLEAR)
    if box is None and not text:
        return
    if box is not None and ";" in text:
        raise UsageError(f"{line.where}: a box holds one plate, and {text} names several; leave the box out.")
    for part in map(as_read, text.split(";")):
        yield KnownPlate(part, box, bool(part) and expected, group or "")
