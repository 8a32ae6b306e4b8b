"""Places for the result store that fail as real ones do, and what is put there."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from pipeline.records import Box, Crop, Observation, Tracklet
from store import Store, crop_name
from tests.support.moving_texture import picture

NAME = crop_name(1, 2, 3, 4, 5, 0)


class Faulty(LocalFileSystem):
    """Local files where every tenth write fails half way."""

    protocol = "faulty"
    writes = 0
    failed = 0
    every = 10
    error = errno.EIO

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any) -> None:
        Faulty.writes += 1
        if Faulty.writes % Faulty.every == 0:
            super().pipe_file(path, value[: len(value) // 2], mode, **kwargs)
            Faulty.failed += 1
            raise OSError(Faulty.error, os.strerror(Faulty.error))
        super().pipe_file(path, value, mode, **kwargs)


def faulty(folder: Path, every: int, error: int = errno.EIO) -> Store:
    fsspec.register_implementation("faulty", Faulty, clobber=True)
    Faulty.writes = Faulty.failed = 0
    Faulty.every, Faulty.error = every, error
    return Store(f"faulty://{folder}/store")


def tracklet(index: int, crops: int) -> Tracklet:
    seen = Observation(index, 0.0, Box(0, 0, 10, 10), 0.9)
    images = [picture(10 * index + rank, 120 + index, 40) for rank in range(crops)]
    return Tracklet(index, (seen,), tuple(Crop(seen, Box(0, 0, 1, 1), 1.0, image) for image in images))


def names(store: Store, folder: str = "") -> set[str]:
    return {file.name for file in store.files(folder)}


def everything(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
