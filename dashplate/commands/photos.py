"""The `read` command: photographs to JSON lines, without servers."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape

from output import terminal
from output.annotate import annotated_names, draw
from output.files import json_text, save_jpeg
from output.photos import as_json_object, as_openalpr
from pipeline.errors import MediaError, Unreadable
from pipeline.job_options import JobOptions
from pipeline.photo import PhotoPlate, read_plates
from pipeline.records import Image, MediaKind
from pipeline.run import load_detector, load_reader
from pipeline.sources.expand import find_media
from pipeline.sources.source import spelled
from pipeline.video.photograph import read_photo
from pipeline.video.probe import probe
from workers.settings import settings


def read_photos(images: Sequence[Path], options: JobOptions, *, form: str | None, annotate: Path | None) -> int:
    """Read each picture and print what it shows; a bad one costs a sentence and the exit code, not the others.

    `form` is `json`, `openalpr`, or None for people.
    """
    config = settings().models.reading_with(options.reader, options.reader_engine)
    worst = 0
    found = find_media(images)
    names = annotated_names(found)
    for path in found:
        began = time.time()
        try:
            image = _open(path)
        except MediaError as error:
            worst = error.exit_code
            if form is not None:
                print(json_text({"image": str(path), "error": str(error)}))
            else:
                terminal.say(f"{spelled(str(path))}: {error}")
            continue
        plates = read_plates(image, load_detector(config, MediaKind.PHOTO), load_reader(config, options.countries))
        if form == "json":
            print(json_text(as_json_object(str(path), image, plates)))
        elif form == "openalpr":
            print(json_text(as_openalpr(image, plates, began, time.time() - began)))
        else:
            _print(path, plates)
        if annotate is not None:
            save_jpeg(annotate / names[path], draw(image, plates))
        sys.stdout.flush()
    return worst


def _open(path: Path) -> Image:
    """The picture, upright; raises MediaError with a sentence where there is none."""
    info = probe(path)
    photo = read_photo(path) if info.kind is MediaKind.PHOTO else None
    if photo is None:
        raise Unreadable(f"{path.name} is a video; `dashplate run` processes those.")
    return photo.image


def _print(path: Path, plates: Sequence[PhotoPlate]) -> None:
    terminal.say(spelled(str(path)))
    read = [plate for plate in plates if plate.reading is not None]
    for plate in read:
        unsure = plate.unsure_between
        instead = f"  or {unsure.char} in place {unsure.place}: {unsure.confidence:.0%}" if unsure else ""
        terminal.out.print(
            f"  [bold]{escape(plate.shown):<10}[/] {plate.country or '–':<3} {plate.confidence:>4.0%}{instead}"
        )
    if not read:
        terminal.out.print("  no plate could be read")
