"""Where the embedded stack keeps its things, and how a private file is written."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UsageError

#: Folders hold passwords and pictures of people's cars: their owner's alone.
_PRIVATE_FOLDER = 0o700
_PRIVATE_FILE = 0o600
#: What closes a room if others have it. Not the group's right to pass: an access control entry for the account that
#: PostgreSQL runs under shows as that, and grants it to nobody else.
_OPEN_TO_OTHERS = 0o067


@dataclass(frozen=True)
class Layout:
    """The data folder's rooms; every path is absolute and free of links."""

    #: The data folder itself.
    root: Path

    @classmethod
    def at(cls, data_dir: Path) -> Layout:
        """Return the layout of a data folder that need not exist yet."""
        return cls(data_dir.expanduser().resolve())

    @property
    def redis(self) -> Path:
        """Redis's configuration, password and append-only file."""
        return self.root / "redis"

    @property
    def postgres(self) -> Path:
        """PostgreSQL's passwords, and its cluster below."""
        return self.root / "postgres"

    @property
    def logs(self) -> Path:
        """One log file per server and per worker process."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """Locks, the running stack's description, lists of processes."""
        return self.root / "run"

    @property
    def state_file(self) -> Path:
        """What a running stack says of itself; holds passwords."""
        return self.run / "stack.json"

    @property
    def store(self) -> Path:
        """Crops and frames, where no other place is set for them."""
        return self.root / "store"

    @property
    def cache(self) -> Path:
        """Models as they were prepared for this machine."""
        return self.root / "cache"

    def prepare(self) -> None:
        """Create the folders, private to their owner, and close those that are there.

        A data folder that is there already keeps its permissions: others may have things of their own in it.
        Raises UsageError where a folder cannot be made or written.
        """
        try:
            for folder in (self.root, self.redis, self.postgres, self.logs, self.run, self.cache):
                folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
            self.close_rooms()
        except OSError as problem:
            raise UsageError(f"The data folder {self.root} cannot be used: {problem.strerror}.") from problem
        if not os.access(self.run, os.W_OK | os.X_OK):
            raise UsageError(f"The data folder {self.root} is not writable by this account; choose another.")

    def close_rooms(self) -> None:
        """Take others' rights from the rooms; a store that passes its group on (setgid) is shared on purpose."""
        for room in (self.redis, self.postgres, self.logs, self.run, self.store, self.cache):
            # A room that is a link lies elsewhere because somebody wanted it there, with its permissions.
            mode = room.stat().st_mode if room.is_dir() and not room.is_symlink() else 0
            if mode & _OPEN_TO_OTHERS and not (room == self.store and mode & stat.S_ISGID):
                # Another account's room is that one's to close.
                with suppress(PermissionError):
                    room.chmod(_PRIVATE_FOLDER)


def write_private(path: Path, text: str) -> None:
    """Replace `path` in one step by a file that only its owner reads: never half a file, never open."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def open_log(path: Path) -> int:
    """Open a log for appending, private to its owner; returns the descriptor, which the caller closes."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, _PRIVATE_FILE)


def last_lines(log: Path, lines: int = 3, tail_bytes: int = 4000) -> str:
    """Return the end of a log on one line, for an error's sentence; empty where there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - tail_bytes))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return " | ".join(line.strip() for line in text.splitlines()[-lines:] if line.strip())
