"""Expands what a user names (folders, patterns, lists, addresses) into single files."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from pipeline.errors import Inaccessible, UsageError
from pipeline.sources.fingerprints import FINGERPRINT_BYTES, fingerprint, fingerprints
from pipeline.sources.lists import sources_in, sources_on_input
from pipeline.sources.remote import below, describe, is_folder, is_pattern, matches
from pipeline.sources.roots import check_allowed, split_roots
from pipeline.sources.source import Remote, Source, is_url, shown, source_of, stored

__all__ = [
    "FINGERPRINT_BYTES", "MEDIA_EXTENSIONS", "PHOTO_EXTENSIONS", "VIDEO_EXTENSIONS", "check_allowed", "expand",
    "find_media", "fingerprint", "fingerprints", "source_of", "split_roots", "stored",
]  # fmt: skip

#: Endings that a folder is searched for; a file named by itself is taken whatever its ending.
VIDEO_EXTENSIONS = frozenset((
    ".3gp", ".asf", ".avi", ".flv", ".h264", ".h265", ".hevc", ".insv", ".m2ts", ".m4v",
    ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ts", ".webm", ".wmv",
))  # fmt: skip
PHOTO_EXTENSIONS = frozenset((".bmp", ".jpe", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"))
MEDIA_EXTENSIONS = VIDEO_EXTENSIONS | PHOTO_EXTENSIONS


def expand(words: Sequence[str | Path], roots: Sequence[Source] = ()) -> Iterator[Source]:
    """The files that `words` mean, in the order given, each once; nothing of this machine is opened, lists excepted.

    A word is the path of a file or folder, a pattern (`card/**/*.mp4`), `@list.txt`, `-` for a list on standard input,
    or an address: of a file, of a folder (`s3://bucket/cards/`), or a pattern. Folders are searched through, sorted. A
    file that is there under the very name wins over pattern and list. A `Path` is a file or a folder.

    What leads nowhere is given on, so that it ends as a video that says so and the others go on; likewise a folder
    without video and photograph. Hidden files and folders (macOS leaves `._name.mp4` beside each video), links to
    folders, and links to files outside the folder are passed over. Addresses are asked only under `roots`, as
    `check_allowed` says, and come with these.

    Raises UsageError where no word was given, where all of them are such folders, and for a list or an address that
    cannot be meant; MissingDependency where an address needs a driver that is not installed.
    """
    if not words:
        raise UsageError("No file or folder was named. Name at least one video, photo or folder.")
    return _unless_all_empty(_each_once(words, roots))


def find_media(paths: Sequence[str | Path]) -> list[Path]:
    """The files of this machine that `paths` mean; see `expand`.

    Raises UsageError for an address too, where only paths can be read.
    """
    found = list(expand(paths))
    remote = next((source for source in found if isinstance(source, Remote)), None)
    if remote is not None:
        raise UsageError(f"{shown(remote)} lies elsewhere, and only files of this machine can be read here.")
    return [source for source in found if isinstance(source, Path)]


class _Empty:
    """Stands for a folder, a pattern or an address below which there is no media file."""

    def __init__(self, source: Source, sentence: str) -> None:
        self.source, self.sentence = source, sentence


def _unless_all_empty(found: Iterator[Source | _Empty]) -> Iterator[Source]:
    """The sources; empty ones wait for the first that is not."""
    waiting: list[_Empty] = []
    for item in found:
        if isinstance(item, _Empty):
            waiting.append(item)
            continue
        yield from (empty.source for empty in waiting)
        waiting.clear()
        yield item
        yield from (item.source if isinstance(item, _Empty) else item for item in found)
    if waiting:
        raise UsageError(waiting[0].sentence)


def _each_once(words: Sequence[str | Path], roots: Sequence[Source]) -> Iterator[Source | _Empty]:
    seen: set[Source] = set()
    for item in (item for word in words for item in _meant(word, roots)):
        source = item.source if isinstance(item, _Empty) else item
        if source not in seen:
            seen.add(source)
            yield item


def _meant(word: str | Path, roots: Sequence[Source]) -> Iterator[Source | _Empty]:
    if isinstance(word, Path):
        yield from _expanded(word, roots)
        return
    address = source_of(word.strip())
    if is_url(word.strip()):
        yield from _expanded(address, roots)
    elif word == "-":
        for source in sources_on_input():
            yield from _expanded(source, roots)
    else:
        # A shell expands ~ only at a word's beginning, and not behind the @ of a list.
        path = Path(os.path.expanduser(word))
        if os.path.lexists(path):
            yield from _expanded(path, roots)
        elif word.startswith("@"):
            for source in sources_in(Path(os.path.expanduser(word[1:]))):
                yield from _expanded(source, roots)
        elif glob.has_magic(word):
            yield from _matching(path)
        else:
            yield path


def _expanded(source: Source, roots: Sequence[Source]) -> Iterator[Source | _Empty]:
    if isinstance(source, Remote):
        yield from _remote(source, roots)
    # os.path, because Path.is_dir() raises where a folder on the way may not be entered.
    elif os.path.isdir(source):
        yield from _or(sorted(_files_below(source)), _nothing_in(source))
    else:
        yield source


def _nothing_in(folder: Source) -> _Empty:
    known = ", ".join(sorted(ending[1:] for ending in MEDIA_EXTENSIONS))
    return _Empty(
        folder,
        f"The folder {shown(folder)} holds no video and no photo. These endings count: {known}."
        " A file with another ending can be named by itself.",
    )


def _or(found: Sequence[Source], nothing: _Empty) -> Sequence[Source | _Empty]:
    return found or [nothing]


def _is_media(source: Source) -> bool:
    return source.suffix.lower() in MEDIA_EXTENSIONS and not source.name.startswith(".")


# Folders and patterns of this machine


def _files_below(folder: Path, pattern: Path | None = None) -> Iterator[Path]:
    """The media files below a folder; with a pattern, those that it matches, and those in folders that it matches."""
    root = folder.resolve()
    for where, folders, names in os.walk(folder, followlinks=False):
        here = Path(where)
        folders[:] = [name for name in folders if not name.startswith(".")]
        if pattern is not None:
            taken = [name for name in folders if _fits(here / name, pattern)]
            for name in taken:
                yield from _files_below(here / name)
            deeper = "**" in str(pattern) or len(here.parts) + 1 < len(pattern.parts)
            folders[:] = [name for name in folders if name not in taken] if deeper else []
        for name in names:
            path = here / name
            if name.startswith(".") or not (_is_media(path) or (pattern is not None and not _says_no_ending(pattern))):
                continue
            if pattern is not None and not _fits(path, pattern):
                continue
            if path.is_symlink() and not path.resolve().is_relative_to(root):
                continue
            if path.exists() and not path.is_file():
                continue  # A pipe or a device would be waited on for ever.
            yield path


def _matching(pattern: Path) -> Iterator[Source | _Empty]:
    """The files of a pattern, or it itself where there are none."""
    fixed = Path(*(part for part, _ in zip(pattern.parts, iter(_plain_parts(pattern)), strict=False)))
    nothing = f"No file fits {shown(str(pattern))}. Check the pattern, and that it stands in quotes."
    yield from _or(sorted(_files_below(fixed, pattern)), _Empty(pattern, nothing))


def _plain_parts(pattern: Path) -> list[str]:
    """The components before the first with a wildcard."""
    plain: list[str] = []
    for part in pattern.parts:
        if glob.has_magic(part):
            break
        plain.append(part)
    return plain


def _says_no_ending(pattern: Path) -> bool:
    return not pattern.suffix or glob.has_magic(pattern.suffix)


def _fits(path: Path, pattern: Path) -> bool:
    return _rule(str(pattern)).match(str(path)) is not None


@lru_cache(maxsize=8)
def _rule(pattern: str) -> re.Pattern[str]:
    from fsspec.utils import glob_translate  # Takes a tenth of a second, which a command without patterns is spared.

    return re.compile(glob_translate(pattern), re.DOTALL)


# Addresses


def _remote(remote: Remote, roots: Sequence[Source]) -> Iterator[Source | _Empty]:
    """The objects that an address means; one that cannot be asked stays, and says why when it is opened."""
    try:
        remote = check_allowed(remote, roots)
        if is_pattern(remote):
            yield from _remote_matches(remote)
        elif remote.is_folder or (not _is_media(remote) and is_folder(remote)):
            yield from _or(_media(below(remote), remote), _nothing_in(remote))
        else:
            yield remote
    except Inaccessible:
        yield remote


def _remote_matches(pattern: Remote) -> Iterator[Source | _Empty]:
    with suppress(Inaccessible):
        if describe(pattern).get("type", "file") != "directory":
            yield pattern
            return
    any_ending = not _says_no_ending(Path(pattern.name))
    found: list[Remote] = []
    for match in matches(pattern):
        if match.is_folder:
            found += _media(below(match), pattern)
        elif _is_shown(match, pattern) and (any_ending or _is_media(match)):
            found.append(match)
    nothing = f"No object fits {shown(pattern)}. Check the pattern, and that it stands in quotes."
    yield from _or(sorted(dict.fromkeys(found), key=str), _Empty(pattern, nothing))


def _media(found: Iterator[Remote], named: Remote) -> list[Remote]:
    return [remote for remote in found if _is_media(remote) and _is_shown(remote, named)]


def _is_shown(remote: Remote, named: Remote) -> bool:
    """Whether nothing on the way is hidden, but for what the user named."""
    return not any(part.startswith(".") and part not in named.parts for part in remote.parts)
