"""The folder around a video: what lies there, opened only where it may be."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, TypeAlias, cast

from pipeline.errors import Away, DashplateError, Inaccessible
from pipeline.sources.opening import open_path
from pipeline.sources.remote import open_remote
from pipeline.sources.roots import check_address
from pipeline.sources.source import WEB, Checked, Remote, Source, shown

#: Larger files are none of one camera's. A 70mai writes so much in a week of driving.
LARGEST_BYTES = 64 << 20
#: A folder with more entries is not looked through to its end.
_MOST_ENTRIES = 50_000
#: How far the folders above may be asked for: from `Normal/Front/` to that of the card, and one more for a copy.
_LEVELS_UP = 3

#: Gives the source to open, in which no link is followed any more; raises `Inaccessible` where it may not be opened.
Allowed: TypeAlias = Callable[[Source], Source]
#: Device, inode, time of the last change in nanoseconds, size in bytes.
Identity: TypeAlias = tuple[int, int, int, int]
#: Takes a sentence on a file that could not be read.
Tell: TypeAlias = Callable[[str], None]


class Folder:
    """A folder of this machine or of a bucket, seen from one video in it.

    Without `allowed`, nothing outside the video's own folder is opened where the video's path was checked, and no link
    is followed; an object is held to the roots that its video came with.
    """

    def __init__(self, video: Source, allowed: Allowed | None = None, tell: Tell | None = None) -> None:
        self._video = video
        self._allowed = allowed
        self._tell = tell or (lambda sentence: None)
        self._levels = 0

    def names(self) -> list[str] | None:
        """What lies there, sorted; nothing where it cannot be looked through. None in a bucket, where a listing costs
        a call for every thousand objects: ask for the names that there may be."""
        if isinstance(self._video, Remote):
            return [] if self._video.scheme in WEB else None
        found: list[str] = []
        try:
            with os.scandir(self._looked_through()) as entries:
                for entry in entries:
                    found.append(entry.name)
                    if len(found) >= _MOST_ENTRIES:
                        break
        except (DashplateError, OSError):
            return []
        return sorted(found)

    def _looked_through(self) -> Path:
        """This folder, if it may be. Raises DashplateError."""
        folder = self._where(cast(Path, self._video))
        if not self._levels:
            return folder
        if self._allowed is not None:
            self._allowed(folder)
        elif isinstance(self._video, Checked):
            raise Inaccessible(f"{shown(folder)} lies outside the folder of its video.")
        return folder

    def content(self, name: str) -> bytes | None:
        """All of a file; None, with a sentence told, where it may not be opened, cannot be read or is too large, and
        without one where an object is not there."""
        try:
            with self._opened(name) as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(0)
                data = file.read(LARGEST_BYTES + 1) if size <= LARGEST_BYTES else b""
        except (DashplateError, OSError, ValueError) as problem:
            if not isinstance(self._video, Remote) or isinstance(problem, Away):
                self.say_unread(name, problem)
            return None
        if size > LARGEST_BYTES or len(data) > LARGEST_BYTES:
            self._tell(f"{shown(name)} is larger than {LARGEST_BYTES >> 20} MB, and no track of one camera: left out.")
            return None
        return data

    def identity(self, name: str) -> Identity | None:
        """What changes where a file of this machine does; None where there is none, or it may not be opened."""
        if isinstance(self._video, Remote):
            return None
        try:
            with self._opened(name) as file:
                found = os.fstat(file.fileno())
        except (DashplateError, OSError, ValueError):
            return None
        return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size

    def say_unread(self, name: str, problem: Exception) -> None:
        """Tell that a file beside the video is of no use."""
        reason = f" {problem}" if isinstance(problem, DashplateError) else ""
        self._tell(f"{shown(name)} lies beside the video and cannot be read.{reason}")

    def above(self) -> Folder | None:
        """The folder around this one; None at the top, and above it three times."""
        outer = Folder(self._video, self._allowed, self._tell)
        outer._levels = self._levels + 1
        return outer if outer._levels <= _LEVELS_UP and outer._is_there() else None

    def _is_there(self) -> bool:
        if isinstance(self._video, Remote):
            return len(self._video.parts) > self._levels + 1
        return len(Path(os.path.abspath(self._video)).parents) > self._levels

    def _where(self, video: Path) -> Path:
        # A relative path would end at the working folder.
        return video.parent if not self._levels else Path(os.path.abspath(video)).parents[self._levels]

    def _opened(self, name: str) -> BinaryIO:
        source = self._source(name)
        if self._allowed is not None:
            source = self._allowed(source)
        elif isinstance(source, Remote):
            check_address(source, source.roots)
        elif isinstance(self._video, Checked):
            if self._levels:
                raise Inaccessible(f"{shown(source)} lies outside the folder of its video.")
            source = Checked(source)
        return open_remote(source) if isinstance(source, Remote) else open_path(source)

    def _source(self, name: str) -> Source:
        if isinstance(self._video, Remote):
            folder = self._video.url
            for _ in range(self._levels + 1):
                folder = folder.rpartition("/")[0]
            return self._video.at(f"{folder}/{name}")
        return self._where(self._video) / name
