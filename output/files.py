"""Result files: text, JSON and pictures."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import cv2

from pipeline.errors import DashplateError
from pipeline.records import Image
from pipeline.sources.source import is_hidden


def save(path: Path, text: str) -> None:
    """Write a result file; raises DashplateError with the reason where that fails."""
    save_pieces(path, [text])


def save_pieces(path: Path, pieces: Iterable[str]) -> None:
    """Write a result file that need not fit into memory; raises like `save`."""
    _write(path, (piece.encode("utf-8", "surrogateescape") for piece in pieces))


def save_bytes(path: Path, content: bytes) -> None:
    """Write a result file that is no text; raises like `save`."""
    _write(path, [content])


def save_jpeg(path: Path, image: Image) -> None:
    """Write a BGR picture as JPEG; raises DashplateError where the folder cannot be written."""
    # Not `imwrite`: it crashes the process on a name that is no UTF-8, and keeps the reason of a failure to itself.
    save_bytes(path, jpeg_bytes(image))


def jpeg_bytes(image: Image) -> bytes:
    """A BGR picture as JPEG; raises DashplateError for one that JPEG cannot hold."""
    encoded, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 92])
    if not encoded:
        raise DashplateError(f"A picture of {image.shape[1]} x {image.shape[0]} pixels does not fit into a JPEG.")
    return data.tobytes()


def png_bytes(image: Image) -> bytes:
    """A BGR picture as PNG, without loss; raises DashplateError for one that PNG cannot hold."""
    encoded, data = cv2.imencode(".png", image)
    if not encoded:
        raise DashplateError(f"A picture of {image.shape[1]} x {image.shape[0]} pixels does not fit into a PNG.")
    return data.tobytes()


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    with whole_file(path) as file:
        file.writelines(pieces)


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A file to write, which takes its place at `path` once it is whole; what stood there stays until then.

    A device or a pipe is written directly. Raises DashplateError with the reason where that fails.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            with path.open("wb") as file:
                yield file
            return
        # Beside what a link leads to, and with a short name: the target's own may be as long as names can be.
        target = Path(os.path.realpath(path))
        draft = target.with_name(f".{os.getpid()}-{secrets.token_hex(4)}.part")
        try:
            with draft.open("xb") as file:
                yield file
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise DashplateError(f"{path} could not be written: {error.strerror}.") from error


def json_text(value: Any, indent: int | None = None) -> str:
    """JSON as people read it, letters of all scripts among it; what a terminal would obey is escaped.

    Halves of surrogates, as names have them that are no UTF-8, are escaped too: no file could hold them.
    """
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    if text.isprintable():
        return text
    return "".join(json.dumps(c)[1:-1] if is_hidden(c) and c != "\n" else c for c in text)
