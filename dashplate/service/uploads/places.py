"""Where the bytes of an upload are: gathered in a part, then in their place in the result store."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path

from sqlalchemy import RowMapping

from dashplate.service.errors import Refused
from dashplate.service.uploads.part import Busy, Part, size_of
from store import UPLOADS, upload_part
from store.store import RESERVE_BYTES
from workers.result_store import store

_ID = re.compile(r"[0-9a-f]{32}")
#: Parts whose rows are asked for at a time.
_CHUNK = 500


class Places:
    """The disk's side of uploads. A store that is a folder gathers the parts itself, any other has them in the data
    folder of the service, which alone can go on with them then."""

    def __init__(self, data_dir: Path) -> None:
        self._gathered = data_dir / UPLOADS

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
        if store().own_path(UPLOADS) is not None:
            # With its folder, where that holds nothing else.
            store().remove(upload_part(upload))
            return
        with suppress(FileNotFoundError):
            os.unlink(self.part(upload))

    def clear(self, are_whole: Callable[[Collection[str]], Mapping[str, bool]], keep_s: float) -> None:
        """Remove parts that were sent on, and those without a row that would have expired by now.

        `are_whole` says it of ids that have a row. That there is none is no reason by itself, and for a whole file
        never: the database may be an earlier one that was restored, or another one.
        """
        names = os.listdir(self._folder) if self._folder.is_dir() else []
        # First what is there, then the rows: a row is there before its file is.
        parts = ((name, self._age_s(name)) for name in names if _ID.fullmatch(name))
        there = iter([(name, age_s) for name, age_s in parts if age_s is not None])
        while some := dict(islice(there, _CHUNK)):
            rows = are_whole(some)
            for name, age_s in some.items():
                if rows.get(name, age_s > keep_s):
                    self.drop_part(name)

    def _age_s(self, upload: str) -> float | None:
        """Seconds since the last byte of a part came in; None where there is none."""
        try:
            return time.time() - os.stat(self.part(upload), follow_symlinks=False).st_mtime
        except FileNotFoundError:
            return None

    @property
    def _folder(self) -> Path:
        return store().own_path(UPLOADS) or self._gathered
