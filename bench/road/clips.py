"""The clips, what they truly show, and how an answer is scored."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.sources.expand import VIDEO_EXTENSIONS
from pipeline.video.probe import probe
from synthesis.score import Score, score
from synthesis.truth import TruePlate, read_truth

#: In `truth.csv`: a plate that a person reads without doubt. Others count neither as missed nor as false.
_CLEAR = "clear"


@dataclass(frozen=True, slots=True)
class Clip:
    """A video and the plates in it."""

    path: Path
    duration_s: float
    truth: tuple[TruePlate, ...]


@dataclass(frozen=True, slots=True)
class Spotted:
    """A plate as one of the ways reports it; seconds from the first frame."""

    text: str
    first_s: float
    last_s: float


def scored(clip: Clip, found: Iterable[Spotted], until_s: float | None = None) -> Score:
    """Which plates were read exactly, missed or made up; after `until_s` the clip was not looked at."""
    truth = clip.truth if until_s is None else tuple(_up_to(plate, until_s) for plate in clip.truth)
    return score(truth, [(plate.text, plate.first_s, plate.last_s) for plate in found])


def _up_to(plate: TruePlate, until_s: float) -> TruePlate:
    """The plate as the first seconds show it: what comes later is not asked for."""
    seen = plate.legible_first_s is not None and plate.legible_first_s < until_s
    return plate if seen else replace(plate, legible_first_s=None, legible_last_s=None)


def real_clips(folder: Path) -> list[Clip]:
    """The folder's videos with the rows of its `truth.csv`; a video without a row shows no readable plate."""
    truth_file = folder / "truth.csv"
    if not truth_file.is_file():
        raise UsageError(f"{folder} has no truth.csv: name another folder with --clips.")
    truth = _by_video(truth_file)
    videos = sorted(path for path in folder.iterdir() if path.suffix.lower() in VIDEO_EXTENSIONS)
    return [_clip(path, truth.get(path.name, ())) for path in videos]


def rendered_clip(video: Path) -> Clip | None:
    """The demo's drive with its own truth; None where it has not been rendered."""
    truth_file = video.with_suffix(".truth.csv")
    if not (video.is_file() and truth_file.is_file()):
        return None
    return _clip(video, read_truth(truth_file))


def _clip(path: Path, truth: Sequence[TruePlate]) -> Clip:
    return Clip(path.resolve(), probe(path).duration_s, tuple(truth))


def _by_video(truth_file: Path) -> dict[str, list[TruePlate]]:
    plates: dict[str, list[TruePlate]] = {}
    with truth_file.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            plates.setdefault(row["video"], []).append(_true_plate(row))
    return plates


def _true_plate(row: dict[str, str]) -> TruePlate:
    first_s, last_s = float(row["first_s"]), float(row["last_s"])
    legible_s = (first_s, last_s) if row["legibility"] == _CLEAR else (None, None)
    # How wide it gets is not told there.
    return TruePlate(row["plate_text"], row["country"], first_s, last_s, legible_s[0], legible_s[1], 0.0)
