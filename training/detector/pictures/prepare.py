"""Renders the training set once, as JPEG files and one array of boxes, so that training itself only reads."""

from __future__ import annotations

import csv
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from training.detector.pictures.clutter import add_clutter
from training.detector.pictures.crops import Sample, anywhere, around_plate, leaned, whole
from training.detector.pictures.degrade import harm
from training.detector.pictures.glass import behind_glass
from training.detector.pictures.paste import hide_partly, paste_plate, replace_plates
from training.detector.pictures.photos import Photo, load_photos
from training.detector.pictures.plates import PlateMaker
from training.more import more_plates

#: Width and height of each kind of picture: squares, and whole frames, small and large. The network attends over its
#: whole input, so that it has to see inputs as large as those that the pipeline will give it.
SIZES = {"crops": (320, 320), "frames": (640, 384), "large-frames": (960, 544)}
CROP_SIZE = SIZES["crops"]
#: How often each collection is drawn. `mix` and `cars` are small and often squeezed: less of them.
_CROP_WEIGHTS = {"ro": 0.2, "oi": 0.32, "openalpr": 0.12, "mix": 0.11, "cars": 0.06, "more": 0.09, "more-rows": 0.1}
_FRAME_WEIGHTS = {"ro": 0.3, "oi": 0.42, "openalpr": 0.1, "cars": 0.03, "more": 0.07, "more-rows": 0.08}
#: Share of windows cut anywhere (mostly without a plate), and of windows that get plates pasted at random places.
NEGATIVE_SHARE = 0.2
PASTED_SHARE = 0.07
#: Share of pictures in which other plates hang where the real ones did; those of one country would be all there is.
REPLACED_SHARE = 0.35
#: Share of pictures whose plates are partly hidden, of those seen through a pane, and of those leaned over by a rolling
#: shutter.
HIDDEN_SHARE = 0.05
GLASS_SHARE = 0.06
LEANED_SHARE = 0.12
#: Share of frames that are cut around one plate, so that close-ups too are seen at the frame's size.
CLOSE_FRAME_SHARE = 0.3
_CHUNK = 250


@dataclass(frozen=True)
class Recipe:
    """How much to render."""

    #: Square crops around plates and anywhere.
    crops: int = 32_000
    #: Whole frames, 640x384.
    frames: int = 6_000
    #: Whole frames, 960x544.
    large_frames: int = 0
    #: Every draw follows from it.
    seed: int = 20261121

    @classmethod
    def second(cls) -> Recipe:
        """Return what the second stage learns from: other pictures, half of the frames large."""
        return cls(frames=3_000, large_frames=3_000, seed=20261221)

    @property
    def counts(self) -> dict[str, int]:
        """How many of each kind in `SIZES`."""
        return {"crops": self.crops, "frames": self.frames, "large-frames": self.large_frames}


def prepare(data: Path, out: Path, recipe: Recipe, processes: int = 2) -> None:
    """Render the training set of `data` into a folder for each kind in `SIZES`, each with its `boxes.npz`."""
    started = time.monotonic()
    for seed, (kind, count) in enumerate(recipe.counts.items(), recipe.seed):
        if not count:
            continue
        folder = out / kind
        folder.mkdir(parents=True, exist_ok=True)
        starts = range(0, count, _CHUNK)
        with ProcessPoolExecutor(processes) as pool:
            work = partial(_render_chunk, data, folder, kind, seed, count)
            boxes = [box for chunk in pool.map(work, starts) for box in chunk]
        save_boxes(folder, boxes)
        print(f"{count} {kind}, {sum(map(len, boxes))} plates, {time.monotonic() - started:.0f} s", flush=True)


def save_boxes(folder: Path, boxes: list[np.ndarray]) -> None:
    """Write the plates of a rendered folder beside its pictures."""
    index = np.repeat(np.arange(len(boxes)), [len(b) for b in boxes])
    np.savez(folder / "boxes.npz", index=index, boxes=np.vstack(boxes), count=len(boxes))


def _render_chunk(data: Path, folder: Path, kind: str, seed: int, count: int, start: int) -> list[np.ndarray]:
    cv2.setNumThreads(1)
    studio = Studio.of(data)
    boxes = []
    for number in range(start, min(start + _CHUNK, count)):
        rng = np.random.default_rng((seed, number))
        sample = studio.crop(rng) if kind == "crops" else studio.frame(SIZES[kind], rng)
        cv2.imwrite(str(folder / f"{number:06d}.jpg"), sample.image, [cv2.IMWRITE_JPEG_QUALITY, 92])
        boxes.append(sample.boxes)
    return boxes


_STUDIOS: dict[Path, Studio] = {}


class Studio:
    """Draws training pictures, one per random generator."""

    def __init__(self, photos: list[Photo], plates: PlateMaker) -> None:
        self._groups: dict[str, list[Photo]] = {}
        for photo in photos:
            self._groups.setdefault(photo.group, []).append(photo)
        self._complete = [photo for photo in photos if photo.every_plate_boxed]
        self._plates = plates

    @classmethod
    def of(cls, data: Path) -> Studio:
        """Return this process's studio for `data`, made once."""
        if data not in _STUDIOS:
            _STUDIOS[data] = cls(load_photos(data, "train"), PlateMaker(_plate_crops(data)))
        return _STUDIOS[data]

    def crop(self, rng: np.random.Generator) -> Sample:
        """Return a square crop: around a plate, anywhere, or with plates pasted into it."""
        draw = rng.random()
        if draw < NEGATIVE_SHARE + PASTED_SHARE:
            sample = anywhere(self._any_complete(rng), CROP_SIZE, rng)
        else:
            sample = around_plate(self._pick(_CROP_WEIGHTS, rng), CROP_SIZE, rng)
        return self._finish(sample, rng, paste=NEGATIVE_SHARE <= draw < NEGATIVE_SHARE + PASTED_SHARE)

    def frame(self, size: tuple[int, int], rng: np.random.Generator) -> Sample:
        """Return a whole frame of `size` (width, height), or a close-up of one plate in that shape."""
        cut = around_plate if rng.random() < CLOSE_FRAME_SHARE else whole
        sample = cut(self._pick(_FRAME_WEIGHTS, rng), size, rng)
        return self._finish(sample, rng, paste=rng.random() < PASTED_SHARE)

    def _finish(self, sample: Sample, rng: np.random.Generator, *, paste: bool) -> Sample:
        if rng.random() < REPLACED_SHARE:
            sample = replace_plates(sample, self._plates.plate, rng)
        if paste:
            sample = self._paste(sample, rng)
        return finish(sample, rng)

    def _any_complete(self, rng: np.random.Generator) -> Photo:
        return self._complete[int(rng.integers(len(self._complete)))]

    def _pick(self, weights: dict[str, float], rng: np.random.Generator) -> Photo:
        names = [name for name in weights if name in self._groups]
        chances = np.array([weights[name] for name in names])
        group = self._groups[names[int(rng.choice(len(names), p=chances / chances.sum()))]]
        return group[int(rng.integers(len(group)))]

    def _paste(self, sample: Sample, rng: np.random.Generator) -> Sample:
        boxes = sample.boxes
        for _ in range(int(rng.integers(1, 4))):
            width_px = float(np.exp(rng.uniform(np.log(16), np.log(280))))
            boxes = paste_plate(sample.image, boxes, self._plates.plate(rng), width_px, rng)
        return Sample(sample.image, boxes)


def finish(sample: Sample, rng: np.random.Generator) -> Sample:
    """Add what stands before plates, clutter and harm, as every training picture gets them."""
    if rng.random() < HIDDEN_SHARE:
        sample = hide_partly(sample, rng)
    if rng.random() < GLASS_SHARE:
        sample = behind_glass(sample, rng)
    image = sample.image.copy()
    add_clutter(image, sample.boxes, rng)
    sample = Sample(image, sample.boxes)
    if rng.random() < LEANED_SHARE:
        sample = leaned(sample, rng)
    return Sample(harm(sample.image, rng), sample.boxes)


def _plate_crops(data: Path) -> list[Path]:
    """Real plates to paste: the training split, two-row ones four times, few of the tiny Chinese ones."""
    folder = data / "recognition"
    crops: list[Path] = []
    with (folder / "labels.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["split"] == "train" and (row["country"] != "CN" or len(crops) % 3 == 0):
                crops += [folder / "crops" / row["image"]] * (4 if "two-row" in row["note"] else 1)
    return crops + [data / "more" / row["image"] for row in more_plates(data, "train") if row["kind"] == "crop"]
