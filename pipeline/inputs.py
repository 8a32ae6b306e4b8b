"""From what a user names to the files that are meant: folders expanded, roots respected, files told apart."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.errors import Inaccessible, UsageError

#: Endings that a folder is searched for; a file named by itself is taken whatever its ending.
VIDEO_EXTENSIONS = frozenset((
    ".3gp", ".asf", ".avi", ".flv", ".h264", ".h265", ".hevc", ".insv", ".m2ts", ".m4v",
    ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ts", ".webm", ".wmv",
))  # fmt: skip
PHOTO_EXTENSIONS = frozenset((".bmp", ".jpe", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"))
MEDIA_EXTENSIONS = VIDEO_EXTENSIONS | PHOTO_EXTENSIONS
#: Bytes at each end of a file that its fingerprint covers: headers and indexes stand at the ends, and
#: reading a whole memory card to recognise it would cost minutes.
FINGERPRINT_BYTES = 64 * 1024


def find_media(paths: Sequence[str | Path]) -> list[Path]:
    """The files that `paths` mean, in the order given, each once; folders are searched through, sorted.

    A path that leads nowhere stays in the list, so that it ends as a video that says so and the others go
    on. Hidden files and folders (macOS leaves `._name.mp4`
    beside each video), links to folders, and links to files outside the folder are passed over.

    A folder that holds no video and no photograph stays in the list like a path that leads nowhere.

    Raises `UsageError` where no path was given, or all of them are such folders.
    """
    if not paths:
        raise UsageError("No file or folder was named. Name at least one video, photo or folder.")
    expanded = {path: _expanded(path) for path in map(Path, paths)}
    if not any(expanded.values()):
        first = next(iter(expanded))
        known = ", ".join(sorted(ending[1:] for ending in MEDIA_EXTENSIONS))
        raise UsageError(
            f"The folder {first.name or first} holds no video and no photo. These endings count: {known}."
            " A file with another ending can be named by itself."
        )
    return list(dict.fromkeys(file for path, files in expanded.items() for file in files or [path]))


def _expanded(path: Path) -> list[Path]:
    # os.path, because Path.is_dir() raises where a folder on the way may not be entered.
    return sorted(_files_below(path)) if os.path.isdir(path) else [path]


def _files_below(folder: Path) -> Iterator[Path]:
    root = folder.resolve()
    for where, folders, names in os.walk(folder, followlinks=False):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(where, name)
            if name.startswith(".") or path.suffix.lower() not in MEDIA_EXTENSIONS:
                continue
            if path.is_symlink() and not path.resolve().is_relative_to(root):
                continue
            if path.exists() and not path.is_file():
                continue  # A pipe or a device would be waited on for ever.
            yield path


def check_allowed(path: Path, roots: Sequence[Path]) -> Path:
    """`path` with links resolved, which is the path to open; no roots means that every path is allowed.

    Raises `Inaccessible` where it lies outside every root.
    """
    try:
        resolved = path.resolve()
    except (OSError, RuntimeError, ValueError) as problem:
        raise Inaccessible(f"{path.name} is no path that can be followed. Check its spelling.") from problem
    if roots and not any(resolved.is_relative_to(root.resolve()) for root in roots):
        raise Inaccessible(
            f"{path.name} lies outside the folders that may be read."
            " Move it into one of them, or ask the operator to allow its folder."
        )
    return resolved


def fingerprint(path: Path) -> str:
    """64 hex digits that change when the file does: its size, time of change, and both ends' bytes.

    Raises `Inaccessible` where the file cannot be read.
    """
    if not os.path.isfile(path):
        raise Inaccessible(f"{path.name} is not there, or is no file. Check the path and who may read it.")
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            digest = hashlib.sha256(f"{status.st_size} {status.st_mtime_ns} ".encode())
            digest.update(file.read(FINGERPRINT_BYTES))
            file.seek(max(0, status.st_size - FINGERPRINT_BYTES))
            digest.update(file.read(FINGERPRINT_BYTES))
    except (OSError, ValueError) as problem:
        raise Inaccessible(f"{path.name} cannot be read. Check the path and who may read it.") from problem
    return digest.hexdigest()
