"""Keeps what is on the disk and in the rows of uploads together, whenever the process may be killed.

A row comes first and goes first. The offset is the size of the part. A part that is whole is moved into its place in
the store (sent there, where that is a bucket) before the row says so; whoever meets a row that says too little mends
it.
"""

from __future__ import annotations

import errno
import secrets
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus

from fastapi import Request
from sqlalchemy import RowMapping

from dashplate.service.access import note
from dashplate.service.errors import Refused, too_many
from dashplate.service.uploads.headers import Announced
from dashplate.service.uploads.part import Part
from dashplate.service.uploads.places import Places
from db.access.scopes import Principal, Scope
from db.engine import session
from db.jobs import uploads
from db.jobs.uploads import NewUpload
from pipeline.sources.source import Source, source_of, stored
from store import StoreFull, upload_folder, upload_name
from workers.allowed import place_of
from workers.maintenance.store_gc import clear_named
from workers.result_store import store
from workers.settings import Settings

#: Unfinished uploads of one token: each is a row, and a file that is looked at for every new one.
_MOST_UNFINISHED = 1000


class Keeper:
    """Uploads as they are kept. Everything here asks the disk and the database: for a thread, not the event loop."""

    def __init__(self, config: Settings) -> None:
        self._url = config.require_database()
        self.most_bytes = config.upload_most_bytes
        self.keep_s = config.upload_keep_s
        self._places = Places(config.data_dir)
        self.offset = self._places.offset

    def create(self, request: Request, caller: Principal, wanted: Announced, key: str | None) -> RowMapping:
        """A new upload, or the one of that key. Raises Refused: 409, 429, 507."""
        # Whoever may submit has one.
        assert caller.token_id is not None
        upload = secrets.token_hex(16)
        name = upload_name(upload, wanted.stored_as)
        own_key = None if key is None else f"{caller.token_id}: {key}"
        new = NewUpload(
            upload, caller.token_id, own_key, wanted.filename, wanted.size, name, stored(place_of(name))
        )  # fmt: skip
        known = self._of_key(new)
        if known is not None:
            return known
        self._check_promises(new)
        with session(self._url) as db:
            made = uploads.create(db, new, self.keep_s)
            if made:
                note(db, request, caller, "upload", f"{upload}, {wanted.size} bytes", None)
            row = uploads.find(db, upload)
        if made:
            self._make_part(upload)
        row = row if made else self._of_key(new)
        if row is None:
            raise Refused(409, "The upload of this `Idempotency-Key` was just removed. Try again.")
        return row

    def _make_part(self, upload: str) -> None:
        """By its part a new upload shows on which disk it was promised room. Raises Refused, 507, without a trace."""
        try:
            with roomy():
                # Not held: whoever knows the key may be sending already.
                self._places.part(upload, make=True).touch(0o600)
        except BaseException:
            with session(self._url) as db:
                uploads.forget(db, upload)
            raise

    def find(self, caller: Principal, upload: str, *, expired: bool = False) -> RowMapping:
        """An upload of the caller. Raises Refused: 404, and 410 for one whose time is over unless those are wanted."""
        with session(self._url) as db:
            row = uploads.find(db, upload)
        if row is None or not _may(caller, row):
            raise Refused(404, f"There is no upload {upload[:40]} of yours.")
        if row["expired"] and not expired:
            raise Refused(410, "Nobody went on with this upload in time. Begin again.")
        return row

    def page(self, caller: Principal, before: int | None, most: int) -> Sequence[RowMapping]:
        """The caller's uploads, newest first; everybody's for whoever may do everything."""
        token = None if caller.may(Scope.ADMIN) else caller.token_id
        with session(self._url) as db:
            return uploads.page(db, token, before, most)

    def begin(self, row: RowMapping, offset: int, *, checked: bool) -> Part:
        """The part, held by this call, to be gone on with at the offset. Raises Refused: 404, 409, 423, 507."""
        if offset < int(row["size"]):
            self.check_room()
        with roomy():
            part = self._places.held(row["id"])
        try:
            with session(self._url) as db:
                now = uploads.find(db, row["id"])
                if now is None:
                    self._places.drop_part(row["id"])
                    raise Refused(404, "The upload was removed.")
                if now["unchecked_from"] is not None:
                    part.cut(now["unchecked_from"])
                if now["whole_at"] is not None or part.size != offset:
                    raise Refused(409, f"The upload is at {self.offset(now)} and not at {offset}. Ask with HEAD.")
                uploads.go_on(db, row["id"], self.keep_s, offset if checked else None)
        except BaseException:
            part.close()
            raise
        return part

    def renew(self, upload: str, unchecked_from: int | None) -> None:
        """Bytes still come in."""
        with session(self._url) as db:
            uploads.go_on(db, upload, self.keep_s, unchecked_from)

    def check_room(self) -> None:
        """Raises Refused, 507, where what comes in would eat into the reserve."""
        if self._places.room_bytes() <= 0:
            raise no_room()

    def settle(self, row: RowMapping, part: Part, began: int, *, counts: bool) -> bool:
        """Bring the part to the disk, without a piece that does not count; whether it is whole. Raises OSError."""
        if not counts:
            part.cut(began)
        try:
            part.settle()
        except OSError:
            # Not tried again: a disk that could not keep it reports that once, and then success.
            with suppress(OSError):
                part.cut(began)
            raise
        with session(self._url) as db:
            uploads.go_on(db, row["id"], self.keep_s, None)
        return part.size == int(row["size"])

    def finish(self, row: RowMapping, part: Part) -> None:
        """Put a whole part in its place. Raises Refused, 404 or 507, and StoreError."""
        with roomy():
            store().take(row["name"], part.path)
        with session(self._url) as db:
            there = uploads.whole(db, row["id"], self.keep_s)
        if not there:
            store().remove(upload_folder(row["id"]))
            raise Refused(404, "The upload was removed.")
        self._places.drop_part(row["id"])

    def mend(self, row: RowMapping) -> bool:
        """Whether an upload is whole and in its place, where it is brought if only that is missing. Raises like
        `begin` and `finish`."""
        if row["whole_at"] is not None:
            return True
        if self._places.is_in_place(row):
            with session(self._url) as db:
                uploads.whole(db, row["id"], self.keep_s)
            return True
        if int(row["size"]) != self.offset(row):
            return False
        part = self.begin(row, row["size"], checked=False)
        try:
            self.finish(row, part)
        finally:
            part.close()
        return True

    def sources(self, caller: Principal, wanted: Sequence[str]) -> list[Source]:
        """What a job is to be made of, kept meanwhile. Raises Refused: 404, and 409 for one that is not whole."""
        with session(self._url) as db:
            rows = uploads.some(db, wanted)
        found: list[Source] = []
        for upload in dict.fromkeys(wanted):
            row = rows.get(upload)
            if row is None or row["expired"] or not _may(caller, row):
                raise Refused(404, f"There is no upload {upload[:40]} of yours.")
            if not self.mend(row):
                raise Refused(409, f"Upload {upload} has {self.offset(row)} of its {row['size']} bytes. Send the rest.")
            found.append(source_of(row["path"]))
        with session(self._url) as db:
            uploads.keep(db, wanted, self.keep_s)
        return found

    def delete(self, request: Request, caller: Principal, row: RowMapping) -> None:
        """Remove an upload and its files. Raises Refused: 409 while a job uses it, 423 while bytes come in."""
        coming = row["whole_at"] is None and self._places.part(row["id"]).exists()
        part = self._places.held(row["id"], make=False) if coming else None
        try:
            with session(self._url) as db:
                uploads.hold(db, [row["id"]])
                job = uploads.unfinished_job(db, row["id"])
                if job is not None:
                    raise Refused(409, f"Job {job} uses this upload. Wait for its end, or cancel it.")
                if uploads.forget(db, row["id"]):
                    note(db, request, caller, "delete upload", row["id"], None)
            self._places.drop_part(row["id"])
        finally:
            if part is not None:
                part.close()
        # What cannot be removed now, the sweeper removes.
        clear_named(self._url, [upload_folder(row["id"])])

    def clear(self) -> None:
        """Remove parts that nobody goes on with; the sweeper knows nothing of them."""

        def are_whole(names: Collection[str]) -> dict[str, bool]:
            with session(self._url) as db:
                return uploads.are_whole(db, names)

        self._places.clear(are_whole, self.keep_s)

    def _of_key(self, new: NewUpload) -> RowMapping | None:
        if new.key is None:
            return None
        with session(self._url) as db:
            row = uploads.of_key(db, new.key)
            if row is None:
                return None
            if (row["filename"], row["size"]) != (new.filename, new.size):
                raise Refused(409, "This `Idempotency-Key` was used for another file. Choose another key.")
            # One whose time is over and that nobody has removed yet is gone on with.
            uploads.keep(db, [row["id"]], self.keep_s)
            return uploads.of_key(db, new.key)

    def _check_promises(self, new: NewUpload) -> None:
        """What unfinished uploads still lack is promised to them. Raises Refused: 429, 507."""
        with session(self._url) as db:
            others = uploads.unfinished(db)
        own = {other["id"] for other in others if other["token_id"] == new.token_id}
        if len(own) >= _MOST_UNFINISHED:
            raise too_many(f"{_MOST_UNFINISHED} uploads of this token are unfinished. Go on with them first.", 60)
        # Those that were begun at another service may want room on another disk.
        here = [other for other in others if self._places.part(other["id"]).exists()]
        promised = {other["id"]: int(other["size"]) - self.offset(other) for other in here}
        room = self._places.room_bytes()
        if room < new.size + sum(promised.values()):
            raise no_room()
        if new.size + sum(promised.get(upload, 0) for upload in own) > max(self.most_bytes, room // 2):
            raise too_many("Unfinished uploads of this token want half of the room here. Go on with them first.", 60)


@contextmanager
def roomy() -> Iterator[None]:
    """Raises Refused, 507, in place of what a full disk or store raises."""
    try:
        yield
    except StoreFull as error:
        raise no_room() from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise no_room() from error
        raise


def no_room() -> Refused:
    """There is no room for a file."""
    return Refused(HTTPStatus.INSUFFICIENT_STORAGE, "There is no room for this file here now. Try again later.")


def _may(caller: Principal, row: RowMapping) -> bool:
    return caller.may(Scope.ADMIN) or caller.token_id == row["token_id"]
