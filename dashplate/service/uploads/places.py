"""Where the bytes of an upload are: gathered in a part, then in their place in the result store."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from sqlalchemy import RowMapping

from dashplate.service.errors import Refused
from dashplate.service.uploads.part import Busy, Part, size_of
from store import upload_folder, upload_part
from store.store import RESERVE_BYTES
from workers.result_store import store

_UPLOADS = "uploads"
_ID = re.compile(r"[0-9a-f]{32}")


class Places:
    """The disk's side of uploads. A store that is a folder gathers the parts itself, any other has them in the data
    folder of the service, which alone can go on with them then."""

    def __init__(self, data_dir: Path) -> None:
        self._gathered = data_dir / _UPLOADS

    def part(self, upload: str, *, make: bool = False) -> Path:
        """Where an upload's bytes are gathered; `make` makes the folder."""
        own = store().own_path(upload_part(upload), make=make)
        if own is not None:
            return own
        if make:
            self._gathered.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._gathered / upload

    def held(self, upload: str, *, make: bool = True) -> Part:
        """The part, held by this call. Raises Refused, 423, while another holds it."""
        try:
            return Part(self.part(upload, make=make))
        except Busy as error:
            raise Refused(423, "Another call sends bytes of this upload.", {"Retry-After": "1"}) from error

    def offset(self, row: RowMapping) -> int:
        """How many bytes of an upload are there, and count."""
        if row["whole_at"] is not None or self.is_in_place(row):
            return int(row["size"])
        there = size_of(self.part(row["id"]))
        # What a killed service took of a piece with a checksum was compared with nothing.
        return there if row["unchecked_from"] is None else min(there, int(row["unchecked_from"]))

    def is_in_place(self, row: RowMapping) -> bool:
        """Whether the file was moved to its place in a folder, whatever its row says."""
        place = store().own_path(row["name"])
        return place is not None and place.exists()

    def room_bytes(self) -> int:
        """Bytes that may still be gathered."""
        folder = self._folder
        while not folder.exists():
            folder = folder.parent
        return shutil.disk_usage(folder).free - RESERVE_BYTES

    def drop_part(self, upload: str) -> None:
        """Remove what was gathered."""
        if store().own_path(_UPLOADS) is not None:
            # With its folder, where that holds nothing else.
            store().remove(upload_part(upload))
            return
        with suppress(FileNotFoundError):
            os.unlink(self.part(upload))

    def clear(self, wanted: Callable[[Collection[str]], dict[str, RowMapping]]) -> None:
        """Remove files of which no row is left, and parts that were sent on; `wanted` finds rows by id."""
        is_own = store().own_path(_UPLOADS) is not None
        # First what is there, then the rows: a row is there before its file is.
        names = [name for name in os.listdir(self._folder) if _ID.fullmatch(name)] if self._folder.is_dir() else []
        rows = wanted(names)
        for name in names:
            if is_own and name not in rows:
                store().remove(upload_folder(name))
            elif not is_own and (name not in rows or rows[name]["whole_at"] is not None):
                self.drop_part(name)

    @property
    def _folder(self) -> Path:
        return store().own_path(_UPLOADS) or self._gathered
