"""A result store that fails on demand: `flaky:///folder` is a folder whose writes fail as a file beside it says.

Workers load this module with their work, `DASHPLATE_WORK=bench.chaos.disturbed.flaky_store:StandIn`.
"""

from __future__ import annotations

import errno
import json
import os
import random
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from bench.standin import StandIn

__all__ = ["FlakyFolder", "StandIn", "flaky_url", "set_trouble"]

PROTOCOL = "flaky"
#: Beside the store's folder: `{"folder": …, "chance": 0.1, "full": false}`.
_TROUBLE = "DASHPLATE_FLAKY_STORE"
_chance = random.Random(os.getpid())


class FlakyFolder(LocalFileSystem):  # type: ignore[misc]
    """Local files; a write fails with EIO by chance, or with ENOSPC while the disk is full."""

    protocol = PROTOCOL
    root_marker = "/"

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        stripped: str = LocalFileSystem._strip_protocol(str(path).removeprefix(f"{PROTOCOL}://"))
        return stripped

    def pipe_file(self, path: str, value: bytes, **kwargs: Any) -> None:
        """Write half a file and fail, or the whole."""
        trouble = _trouble()
        if trouble.get("full"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if _chance.random() < trouble.get("chance", 0.0):
            super().pipe_file(path, value[: len(value) // 2], **kwargs)
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().pipe_file(path, value, **kwargs)


def flaky_url(folder: Path) -> str:
    """The store at `folder`, for DASHPLATE_STORE_DIR."""
    return f"{PROTOCOL}://{folder}"


def set_trouble(file: Path, chance: float = 0.0, full: bool = False) -> None:
    """Make the store fail from now on as said; `file` is what `DASHPLATE_FLAKY_STORE` names."""
    fresh = file.with_suffix(".fresh")
    fresh.write_text(json.dumps({"chance": chance, "full": full}), encoding="utf-8")
    fresh.replace(file)


def environment(file: Path) -> dict[str, str]:
    """What tells workers where the trouble is noted."""
    return {_TROUBLE: str(file)}


def _trouble() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(Path(os.environ[_TROUBLE]).read_text(encoding="utf-8"))
    return told


fsspec.register_implementation(PROTOCOL, FlakyFolder, clobber=True)
