"""Other recordings of the same camera: files of the same kind of name in the same folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, takewhile
from pathlib import Path

import av

from pipeline.errors import MediaError
from pipeline.sources.opening import by_name, open_path
from pipeline.sources.source import Source
from pipeline.video.recovery.coding.parameter_sets import ParameterSets, of_configuration
from pipeline.video.recovery.stream.nal import Codec

#: Files that are looked at: cards hold thousands, of a few cameras.
_MOST_TRIED = 8
#: Entries of a folder that are read.
_MOST_ENTRIES = 20_000
_SAFELY = {"format_whitelist": "mov,mp4", "protocol_whitelist": "file"}
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Sibling:
    """What a whole recording says of its stream."""

    sets: ParameterSets
    #: Pixels as stored.
    width: int
    height: int
    #: Frames a second on average; None where it does not say.
    rate: Fraction | None


def siblings(source: Source, codec: Codec) -> Iterator[Sibling]:
    """Whole recordings beside a file that are coded alike, those whose names are most like its own first.

    Only the file's own folder is looked into, and no link is followed where the file itself was checked. Objects
    elsewhere have none: a listing may cost more than the file.
    """
    if not isinstance(source, Path):
        return
    for path in _beside(source)[:_MOST_TRIED]:
        found = _opened(path, codec)
        if found is not None:
            yield found


def _beside(path: Path) -> list[Path]:
    """The most alike first: by the shape of the name, by how much of its beginning is the same, then by name."""
    with suppress(OSError), os.scandir(path.parent) as entries:
        names = [
            entry.name
            for entry in islice(entries, _MOST_ENTRIES)
            if entry.name != path.name
            and os.path.splitext(entry.name)[1].lower() == path.suffix.lower()
            and entry.is_file(follow_symlinks=False)
        ]
        names.sort(key=lambda name: (_shape(name) != _shape(path.name), -_alike(name, path.name), name))
        # Of the class that the path is of: a path that was checked stays one.
        return [type(path)(path.parent / name) for name in names]
    return []


def _shape(name: str) -> str:
    return _DIGITS.sub("0", name).lower()


def _alike(name: str, other: str) -> int:
    """Characters at the beginning that are the same."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(name, other, strict=False)))


def _opened(path: Path, codec: Codec) -> Sibling | None:
    with suppress(OSError, ValueError, MediaError, av.error.FFmpegError), open_path(path) as file:
        target = by_name(file)
        named = f"file:{target}" if isinstance(target, str) else target
        with av.open(named, "r", options=_SAFELY) as container:
            for stream in container.streams.video:
                context = stream.codec_context
                if context is None or context.name != codec.name or not context.extradata:
                    continue
                rate = stream.average_rate
                return Sibling(of_configuration(codec, context.extradata), stream.width, stream.height, rate)
    return None
