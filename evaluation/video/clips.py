"""Reads the truth of videos: which plates each of them shows, and when."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.truth_csv import Line, as_read, read_lines
from evaluation.video.processing import Models, Processed, frame_at, process_video
from evaluation.video.uniques import CLEAR, TruePlate, unique_true
from pipeline.errors import UsageError
from pipeline.records import Box, Image, MediaKind, Observation, Sighting
from pipeline.sources.expand import VIDEO_EXTENSIONS
from pipeline.video.probe import probe

_COLUMNS = ("video", "plate_text", "first_s", "last_s")
#: A sentence names this many files.
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Clip:
    """A video and the plates in it."""

    #: As the CSV names it.
    name: str
    path: Path
    plates: tuple[TruePlate, ...]

    def process(self, models: Models) -> Processed:
        return process_video(self.path, models)

    def is_unjudged(self, sighting: Sighting) -> bool:
        """Never: a clip's truth names all that can be read in it."""
        return False

    def image_at(self, observation: Observation) -> Image:
        return frame_at(self.path, observation.time_s).image

    def look_of(self, plate: TruePlate) -> tuple[Image, Box | None, float]:
        """The middle of the plate's time: the frame, where the plate is in it (nobody knows), and the second."""
        time_s = (plate.first_s[0] + plate.last_s[1]) / 2
        return frame_at(self.path, time_s).image, None, time_s


@dataclass(frozen=True, slots=True)
class ClipChoice:
    """Which videos are looked at, beside those that the CSV names."""

    #: Folder of the videos; None means that of the CSV.
    folder: Path | None = None
    #: Videos without plates.
    plateless: tuple[Path, ...] = ()
    #: Take all other videos of the folder as videos without plates.
    others_plateless: bool = False


def load_clips(file: Path, choice: ClipChoice) -> tuple[list[Clip], list[str]]:
    """The clips in the order of the CSV, then those without plates; and the videos of the folder that are left out.

    Needed columns: `video,plate_text,first_s,last_s`, a plate a row; a row without text lists a video without plates.
    Known besides: `legibility`; without that column all plates are clear. Raises UsageError with a sentence on
    whatever is wrong with it, MediaError where a video is none.
    """
    folder = choice.folder or file.parent
    named = _by_video(file)
    others = [path for path in _videos(folder) if path.name not in named]
    empty = [*choice.plateless, *(others if choice.others_plateless else ())]
    for path in choice.plateless:
        if named.get(path.name):
            raise UsageError(f"{path.name} has plates in {file}; --video is for videos without.")
    paths = {name: folder / name for name in named} | {path.name: path for path in empty}
    if not paths:
        raise UsageError(f"{file} names no video.")
    _require(paths)
    left_out = [path.name for path in others if path.name not in paths]
    return [Clip(name, path, unique_true(named.get(name, ()))) for name, path in paths.items()], left_out


def _by_video(file: Path) -> dict[str, list[TruePlate]]:
    plates: dict[str, list[TruePlate]] = {}
    for line in read_lines(file, _COLUMNS):
        if not line.cells["video"]:
            raise UsageError(f"{line.where}: no video is named.")
        own = plates.setdefault(line.cells["video"], [])
        if line.cells["plate_text"]:
            own.append(_plate(line))
    return plates


def _plate(line: Line) -> TruePlate:
    text = as_read(line.cells["plate_text"])
    try:
        first_s, last_s = float(line.cells["first_s"]), float(line.cells["last_s"])
    except ValueError as error:
        raise UsageError(f"{line.where}: first_s and last_s have to be seconds.") from error
    if not text or not (0 <= first_s <= last_s and math.isfinite(last_s)):
        raise UsageError(f"{line.where}: a text is needed, and 0 ≤ first_s ≤ last_s.")
    clear = line.cells.get("legibility", CLEAR) == CLEAR
    return TruePlate(text, clear, (first_s, first_s), (last_s, last_s))


def _videos(folder: Path) -> Iterator[Path]:
    if os.path.isdir(folder):
        yield from sorted(path for path in folder.iterdir() if path.suffix.lower() in VIDEO_EXTENSIONS)


def _require(paths: Mapping[str, Path]) -> None:
    """All are looked for before the first is run: a misspelt last one shall not cost an hour."""
    missing = [name for name, path in paths.items() if not os.path.isfile(path)]
    if missing:
        raise UsageError(f"Not there: {_listed(missing)}; --videos names the videos' folder.")
    for name, path in paths.items():
        if probe(path).kind is not MediaKind.VIDEO:
            raise UsageError(f"{name} is a photograph; frames of a ride are for `dashplate eval rides`.")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
