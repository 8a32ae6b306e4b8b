"""Draws what was read onto the picture it was read from."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from pipeline.photo import PhotoPlate
from pipeline.records import Image

#: BGR.
_READ, _UNREAD, _INK = (60, 200, 60), (0, 165, 255), (0, 0, 0)


def draw(image: Image, plates: Sequence[PhotoPlate]) -> Image:
    """A copy with a box and a label for each plate: green where it was read, orange where not."""
    drawn = image.copy()
    scale = max(0.5, max(image.shape[:2]) / 1600)
    thickness = max(1, round(2 * scale))
    for plate in plates:
        x1, y1, x2, y2 = (round(v) for v in plate.detection.box.as_tuple())
        colour = _READ if plate.reading else _UNREAD
        cv2.rectangle(drawn, (x1, y1), (x2, y2), colour, thickness)
        if plate.reading:
            _label(drawn, f"{plate.reading.shown} {plate.reading.confidence:.0%}", (x1, y1), scale, thickness)
    return np.asarray(drawn, np.uint8)


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


def _label(image: Image, text: str, corner: tuple[int, int], scale: float, thickness: int) -> None:
    (width, height), base = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)
    x, y = corner[0], max(height + base, corner[1])
    cv2.rectangle(image, (x, y - height - base), (x + width, y), _READ, -1)
    cv2.putText(image, text, (x, y - base // 2), cv2.FONT_HERSHEY_SIMPLEX, scale, _INK, thickness, cv2.LINE_AA)
