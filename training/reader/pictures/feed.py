"""Feeds the rendered samples to the network: batches of one width, lit at random."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.records import Image
from training.reader.charset import Target, encoded
from training.reader.network import HEIGHT_PX, STEP_PX
from training.reader.pictures.prepare import read_rest

#: Gain and shift of a picture's light when it is drawn, in the network's units.
_GAIN, _SHIFT = (0.8, 1.2), 0.12


@dataclass(frozen=True)
class Batch:
    """Samples of one width and one number of lines."""

    #: (samples x lines, 3, 48, width), float32, -1..1, BGR; a sample's lines stand one behind the other.
    pictures: NDArray[np.float32]
    #: Steps of the output that show each line, (samples, lines); what is behind is padding.
    steps: NDArray[np.intp]
    #: Classes of each sample's text.
    targets: list[Target]


class RenderedSet:
    """What `prepare` rendered, in an endless seeded shuffle; each width is drawn as often as it has pictures."""

    def __init__(self, folder: Path, lines_in_batch: int, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._lines = lines_in_batch
        self._shelves = [_Shelf(folder, name, texts, widths) for name, texts, widths in read_rest(folder)]
        counts = np.array([shelf.pictures for shelf in self._shelves], np.float64)
        self._chances = counts / counts.sum()

    def __len__(self) -> int:
        return sum(shelf.pictures for shelf in self._shelves)

    def draw(self) -> Batch:
        """Return the next batch."""
        shelf = self._shelves[int(self._rng.choice(len(self._shelves), p=self._chances))]
        return shelf.draw(max(1, self._lines // shelf.lines), self._rng)


class _Shelf:
    """The samples of one width."""

    def __init__(self, folder: Path, name: str, texts: list[str], widths_px: NDArray[np.intp]) -> None:
        self.lines, self._width = (int(part) for part in name.split("x"))
        shape = (len(texts), self.lines, HEIGHT_PX, self._width, 3)
        self._pixels = np.memmap(folder / f"{name}.raw", np.uint8, "r", shape=shape)
        self._targets = [encoded(text) for text in texts]
        self._widths_px = widths_px
        self._order: list[int] = []

    @property
    def pictures(self) -> int:
        return len(self._targets) * self.lines

    def draw(self, count: int, rng: np.random.Generator) -> Batch:
        if len(self._order) < count:
            self._order += [int(i) for i in rng.permutation(len(self._targets))]
        chosen, self._order = self._order[:count], self._order[count:]
        widths_px = self._widths_px[chosen]
        pictures = normalised(self._pixels[np.array(chosen)].reshape(-1, HEIGHT_PX, self._width, 3))
        each = (len(pictures), 1, 1, 1)
        lit = np.clip(pictures * rng.uniform(*_GAIN, each) + rng.uniform(-_SHIFT, _SHIFT, each), -1, 1)
        lit *= np.arange(self._width) < widths_px.reshape(-1, 1, 1, 1)
        return Batch(lit.astype(np.float32), steps_of(widths_px, self._width), [self._targets[i] for i in chosen])


def normalised(images: Image) -> NDArray[np.float32]:
    """Pictures (n, 48, width, 3) as the network takes them: (n, 3, 48, width), -1..1."""
    return images.transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1.0


def steps_of(widths_px: NDArray[np.intp], padded_px: int) -> NDArray[np.intp]:
    """Return how many steps the pipeline keeps of a line of that width."""
    steps = np.ceil(padded_px // STEP_PX * widths_px / padded_px).astype(np.intp) + 1
    return np.asarray(np.minimum(steps, padded_px // STEP_PX))
