"""Reads photographs and videos in this process, without servers: what `import dashplate` offers of the pipeline."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from dashplate.footage.picture import Picture, checked
from dashplate.jobs import job_options
from pipeline.camera.clock import clock_options
from pipeline.errors import Unreadable, UsageError
from pipeline.photo import PhotoResult
from pipeline.records import Image, MediaKind
from pipeline.run import ModelConfig, VideoResult, run, run_photo
from pipeline.sources.roots import check_allowed
from pipeline.sources.source import Source, shown, source_of
from pipeline.video.photograph import decode_photo, read_photo, wanted_photo
from pipeline.video.probe import probe
from workers.settings import settings


def read_image(
    image: Picture, country: str | None = None, *, reader: str | None = None, reader_engine: str | None = None
) -> PhotoResult:
    """The plates of a photograph, surest first; any number of threads may ask.

    `image` is a path or an address, the bytes of a picture file, or an array: uint8, (height, width, 3), BGR, upright.
    `country` names countries to expect, such as `GB,FR`; `reader` and `reader_engine` are those of the command line.
    Boxes are in pixels of the upright picture: x right, y down, half-open.

    Raises MediaError where there is no photograph, UsageError for an array, a country or a reader that cannot be meant,
    ModelError or MissingDependency where a model cannot be loaded.
    """
    options = job_options(country, reader=reader, engine=reader_engine)
    photo, problem = _photo(image)
    found = run_photo(photo, _models(reader, reader_engine), options.countries)
    return PhotoResult(found.width, found.height, found.plates, found.unread, problem)


def process_video(
    path: str | os.PathLike[str],
    country: str | None = None,
    *,
    keep_overlays: bool = False,
    reader: str | None = None,
    reader_engine: str | None = None,
    clock: str | None = None,
    timezone: str | None = None,
    clock_offset_s: float | None = None,
) -> VideoResult:
    """What passes in a video, or is on a photograph: the sightings that `dashplate run` finds, without its servers.

    `path` is a path or an address. `keep_overlays` looks for plates in a clock or logo on screen too. Segments are done
    one after the other; other threads' calls take their turns between them. Nothing is stored. `clock`, `timezone` and
    `clock_offset_s` are those of the command line.

    Raises like `read_image`; MediaError where the file gives no pictures.
    """
    options = job_options(country, keep_overlays, reader, reader_engine)
    return run(
        source_named(path), _models(reader, reader_engine), options.countries, keep_overlays=keep_overlays,
        clock=clock_options(clock, timezone, clock_offset_s, settings().camera_clocks),
    )  # fmt: skip


def _models(reader: str | None, engine: str | None) -> ModelConfig:
    return settings().models.reading_with(reader, engine)


def source_named(path: str | os.PathLike[str]) -> Source:
    """The file, where it may be opened. Raises Inaccessible."""
    if not isinstance(path, str | os.PathLike):
        raise UsageError(f"A path or an address is wanted, not {type(path).__name__}.")
    named = os.fspath(path)
    if not isinstance(named, str) or not named or "\0" in named:
        raise UsageError("The path is empty, or no text that can name a file.")
    source = source_of(named)
    return check_allowed(Path(os.path.expanduser(source)) if isinstance(source, Path) else source, settings().roots)


def _photo(image: Picture) -> tuple[Image, str | None]:
    """The picture, upright, and what is wrong with its file."""
    if isinstance(image, np.ndarray):
        return checked(image), None
    if isinstance(image, bytes | bytearray | memoryview):
        return wanted_photo(decode_photo(bytes(image), "The picture"), "The picture").image, None
    source = source_named(image)
    info = probe(source)
    if info.kind is not MediaKind.PHOTO:
        raise Unreadable(f"{shown(source)} is a video; `process_video` and `dashplate run` process those.")
    return wanted_photo(read_photo(source), shown(source)).image, info.problem
