"""Text lists of what to process: one path or address a line, or separated by NUL as `find -print0` writes them."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.sources.source import Source, is_url, shown, source_of

#: A longer file is no list but a mistake; a million paths take about 100 MB.
LIST_BYTES = 256 * 1024 * 1024


def sources_in(path: Path) -> Iterator[Source]:
    """What a list file names; relative lines start at its folder.

    Raises UsageError where it cannot be read or names nothing, and for a line that cannot be meant, with its number.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LIST_BYTES + 1)
    except (OSError, ValueError):
        raise UsageError(f"The list {shown(path)} cannot be read. Check its path and who may read it.") from None
    yield from _named(data, f"The list {shown(path)}", path.parent)


def sources_on_input() -> Iterator[Source]:
    """What standard input names; relative lines start at the working folder. Raises like `sources_in`."""
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError("`-` reads a list from standard input, but nothing is piped into it. Example: find … | …")
    yield from _named(sys.stdin.buffer.read(LIST_BYTES + 1), "Standard input", Path())


def _named(data: bytes, what: str, folder: Path) -> Iterator[Source]:
    if len(data) > LIST_BYTES:
        raise UsageError(f"{what} is longer than {LIST_BYTES // 1024**2} MB; that is no list of paths.")
    count = 0
    for number, line in _lines(data):
        count += 1
        try:
            source = source_of(line)
        except UsageError as problem:
            raise UsageError(f"{what}, line {number}: {problem}") from None
        yield folder / source if isinstance(source, Path) else source
    if not count:
        raise UsageError(f"{what} names no path and no address. Write one a line.")


def _lines(data: bytes) -> Iterator[tuple[int, str]]:
    """The lines that name something, with their numbers from 1."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        # What PowerShell writes with `>`; its zero bytes separate nothing.
        data = data.decode("utf-16", "replace").encode("utf-8", "surrogatepass")
    data = data.removeprefix(codecs.BOM_UTF8)
    if b"\0" in data:
        yield from ((number, os.fsdecode(name)) for number, name in enumerate(data.split(b"\0"), 1) if name)
        return
    for number, raw in enumerate(data.split(b"\n"), 1):
        line = os.fsdecode(raw.removesuffix(b"\r"))
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line.strip() if is_url(line.strip()) else os.path.expanduser(line)
