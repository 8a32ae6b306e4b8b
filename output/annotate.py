"""Draws what was read onto the picture it was read from."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from output.marks import draw_box
from pipeline.photo import PhotoPlate
from pipeline.records import Image

#: BGR.
_READ, _UNREAD = (60, 200, 60), (0, 165, 255)


def draw(image: Image, plates: Sequence[PhotoPlate]) -> Image:
    """A copy with a box and a label for each plate: green where it was read, orange where not."""
    drawn = image.copy()
    for plate in plates:
        reading = plate.reading
        text = f"{reading.shown} {reading.confidence:.0%}" if reading else ""
        draw_box(drawn, plate.detection.box, text, _READ if reading else _UNREAD)
    return drawn


def annotated_names(pictures: Sequence[Path]) -> dict[Path, Path]:
    """A file name below the folder of drawings for each picture, the same whenever the same pictures are named.

    `x.jpg` becomes `x.jpg.annotated.jpg`. Pictures of one name from several folders lie in folders called after the
    last parts of theirs, as many as tell them apart: `a/x.jpg.annotated.jpg`, `b/x.jpg.annotated.jpg`.
    """
    alike: dict[str, dict[Path, tuple[str, ...]]] = {}
    for picture in pictures:
        # os.path: a link leads elsewhere, and its own name is the one that was given.
        parts = Path(os.path.abspath(os.path.expanduser(picture))).parts[1:]
        alike.setdefault(picture.name, {})[picture] = parts
    return {picture: name for paths in alike.values() for picture, name in _told_apart(paths).items()}


def _told_apart(paths: Mapping[Path, tuple[str, ...]]) -> dict[Path, Path]:
    files = len(set(paths.values()))
    longest = max(map(len, paths.values()))
    depths = (n for n in range(1, longest + 1) if len({parts[-n:] for parts in paths.values()}) == files)
    depth = next(depths, 1)
    return {picture: Path(*parts[-depth:-1], f"{picture.name}.annotated.jpg") for picture, parts in paths.items()}
