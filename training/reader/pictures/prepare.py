"""Renders the training set once: pictures of lines as the pipeline hands them to the network, by width.

A two-row plate is one sample of two pictures, cut as the pipeline cuts it. Its text is not split: training joins the
network's answers to both, as reading does.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pipeline.crops.text_lines import aspect, split_rows
from pipeline.reading.reader import LINE_MIN_PX, ROW_MIN_PX, SQUARE_BELOW, TWO_ROWS_BELOW
from pipeline.reading.recognizers import BUCKET_PX
from pipeline.records import Image
from training.reader.network import HEIGHT_PX
from training.reader.pictures.degrade import harmed
from training.reader.pictures.drawn import drawn_plate
from training.reader.pictures.material import Labelled, training_material
from training.reader.pictures.view import view

Rng = np.random.Generator

#: How often each collection is drawn. The floors are hardest for US crops, grey Argentinian and two-row ones, and a
#: dashcam's frames are what all of it is for.
SHARES = {
    "US": 0.11, "BR": 0.05, "CN": 0.05, "AR": 0.05, "EU-rows": 0.07,
    "box-ro": 0.06, "box-US": 0.04, "box-BR": 0.02, "box-EU": 0.02, "box-oi": 0.02,
    "more": 0.08, "more-CN": 0.04, "more-rows": 0.06,
    "drawn": 0.19, "drawn-rows": 0.11, "none": 0.02, "corrected": 0.15,
}  # fmt: skip
#: Widest inputs, and how often each is the limit: 192 is enough for ten characters, 256 is what long plates get today.
_WIDEST_PX, _WIDEST_SHARES = (192, 256), (0.6, 0.4)
#: Share of two-row plates that are shown as one line, and of squarish one-row plates that are cut into two. Neither
#: says anything: the reader chooses between the two ways by how sure each is.
_WRONGLY_CUT = 0.04
#: A harmed picture with a lower standard deviation, of 255, shows nothing: it stays unharmed.
_LEAST_CONTRAST = 6.0
#: Samples that one worker renders in a row, how many of the plates drawn for them are kept to be seen again, and how
#: often a new one is drawn once there are so many: drawing takes longer than harming.
_CHUNK = 500
_KEPT_PLATES, _NEW_PLATE = 64, 0.4


@dataclass(frozen=True)
class Recipe:
    """How much to render."""

    #: Plates, two-row ones and places that are none included: about what 40 minutes of training see once or twice.
    samples: int = 170_000
    #: Every draw follows from it.
    seed: int = 20261121
    #: Countries (ISO 3166 codes) that are to be met unseen: nothing of theirs is shown, nor of unknown countries.
    without: tuple[str, ...] = ()

    @classmethod
    def of_second(cls) -> Recipe:
        """Of the second stage: other pictures."""
        return cls(samples=45_000, seed=20261122)


@dataclass(frozen=True)
class Sample:
    """A plate in one line or two, each 48 px high."""

    #: One picture or two, BGR uint8, padded on the right to the same width.
    lines: tuple[Image, ...]
    #: Width of each before the padding, pixels.
    widths_px: tuple[int, ...]
    text: str


def prepare(data: Path, out: Path, recipe: Recipe, processes: int = 1) -> None:
    """Render the training set of `data` into `out`: per width one file of pixels, and `samples.json` with the rest.

    The same recipe gives the same set, whatever the number of processes.
    """
    started = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    rest: dict[str, list[dict[str, Any]]] = {}
    files: dict[str, Any] = {}
    with ProcessPoolExecutor(processes) as pool:
        chunks = pool.map(partial(_render_chunk, data, recipe), range(0, recipe.samples, _CHUNK))
        for number, chunk in enumerate(chunks, start=1):
            for sample in chunk:
                name = f"{len(sample.lines)}x{sample.lines[0].shape[1]}"
                if name not in files:
                    files[name] = (out / f"{name}.raw").open("wb")
                files[name].write(np.stack(sample.lines).tobytes())
                rest.setdefault(name, []).append({"text": sample.text, "widths": sample.widths_px})
            if number % 10 == 0:
                print(f"{number * _CHUNK} samples, {time.monotonic() - started:.0f} s", flush=True)
    for file in files.values():
        file.close()
    (out / "samples.json").write_text(json.dumps(rest, ensure_ascii=False), encoding="utf-8")


def _render_chunk(data: Path, recipe: Recipe, start: int) -> list[Sample]:
    cv2.setNumThreads(1)
    studio = Studio.of(data, recipe.without)
    studio.forget_drawn()
    numbers = range(start, min(start + _CHUNK, recipe.samples))
    return [studio.sample(np.random.default_rng((recipe.seed, number))) for number in numbers]


_STUDIOS: dict[tuple[Path, tuple[str, ...]], Studio] = {}


class Studio:
    """Draws training samples, one per random generator."""

    def __init__(self, material: dict[str, list[Labelled]], without: tuple[str, ...] = ()) -> None:
        self._material, self._without = material, without
        self._names = [name for name in SHARES if name in material or name.startswith("drawn")]
        shares = np.array([SHARES[name] for name in self._names])
        self._chances = shares / shares.sum()
        self._drawn: dict[str, list[Labelled]] = {}
        self.forget_drawn()

    def forget_drawn(self) -> None:
        """Start with new drawn plates, so that what follows depends on its seed alone."""
        self._drawn = {"drawn": [], "drawn-rows": []}

    @classmethod
    def of(cls, data: Path, without: tuple[str, ...] = ()) -> Studio:
        """Return this process's studio for `data` without some countries, made once."""
        if (data, without) not in _STUDIOS:
            _STUDIOS[data, without] = cls(training_material(data, without), without)
        return _STUDIOS[data, without]

    def sample(self, rng: Rng) -> Sample:
        """Return a harmed view of a random plate, as the pipeline would hand it to the network."""
        plate = self._plate(self._names[int(rng.choice(len(self._names), p=self._chances))], rng)
        seen = view(plate, rng)
        dim = harmed(seen, rng)
        return as_sample(dim if dim.std() >= _LEAST_CONTRAST else seen, plate, rng)

    def _plate(self, name: str, rng: Rng) -> Labelled:
        if name not in self._drawn:
            return self._material[name][int(rng.integers(len(self._material[name])))]
        kept = self._drawn[name]
        if len(kept) < _KEPT_PLATES or rng.random() < _NEW_PLATE:
            kept.append(drawn_plate(2 if name == "drawn-rows" else 1, rng, self._without))
            del kept[:-_KEPT_PLATES]
            return kept[-1]
        return kept[int(rng.integers(len(kept)))]


def as_sample(seen: Image, plate: Labelled, rng: Rng) -> Sample:
    """Return the line, or the two rows, that the pipeline makes of a plate's picture."""
    in_rows = plate.rows == 2
    wrong = rng.random() < _WRONGLY_CUT and (in_rows or aspect(seen) < TWO_ROWS_BELOW)
    if wrong:
        in_rows = not in_rows
    elif not plate.text:
        in_rows = aspect(seen) < SQUARE_BELOW
    widest = int(rng.choice(_WIDEST_PX, p=_WIDEST_SHARES))
    pictures = split_rows(seen) if in_rows else (seen,)
    lines = [line_picture(picture, ROW_MIN_PX if in_rows else LINE_MIN_PX, widest) for picture in pictures]
    width = padded_px(max(line.shape[1] for line in lines))
    return Sample(
        lines=tuple(np.pad(line, ((0, 0), (0, width - line.shape[1]), (0, 0))) for line in lines),
        widths_px=tuple(line.shape[1] for line in lines),
        text="" if wrong else plate.text,
    )


def line_picture(image: Image, least_px: int, most_px: int) -> Image:
    """Return a line's picture scaled as `pipeline.reading.recognizers` scales it, before padding and normalisation."""
    natural = math.ceil(HEIGHT_PX * image.shape[1] / max(1, image.shape[0]))
    return np.asarray(cv2.resize(image, (min(most_px, max(least_px, natural)), HEIGHT_PX)), np.uint8)


def padded_px(width_px: int) -> int:
    """Return the width of the network's input for a line of that width."""
    return math.ceil(width_px / BUCKET_PX) * BUCKET_PX


def read_rest(folder: Path) -> Iterator[tuple[str, list[str], np.ndarray]]:
    """Yield, for each file of pixels, its name, its texts and its widths (samples, lines)."""
    described = json.loads((folder / "samples.json").read_text(encoding="utf-8"))
    for name, samples in sorted(described.items()):
        yield name, [sample["text"] for sample in samples], np.array([sample["widths"] for sample in samples])
