"""Uploads as rows: made, continued, submitted with a job, forgotten. The bytes are the business of the service.

A row comes before its file and goes before it: a deletion is noted in the transaction that removes the row.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import RowMapping, delete, func, insert, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from db.models import Deletion, UploadRow
from store import upload_folder

#: Rows that one round of the sweeper removes.
_ROUND = 100
_SHOWN = """
    SELECT u.*, v.job_id AS job, coalesce(u.expires_at <= now(), false) AS expired
    FROM uploads u LEFT JOIN videos v ON v.id = u.video_id
"""
_ONE = text(f"{_SHOWN} WHERE u.id = :id")
_OF_KEY = text(f"{_SHOWN} WHERE u.key = :key")
_SOME = text(f"{_SHOWN} WHERE u.id = ANY (:ids)")
#: In one order, as everybody locks them.
_HELD = text("SELECT 1 FROM uploads WHERE id = ANY (:ids) ORDER BY id FOR UPDATE")
_ARE_WHOLE = text("SELECT id, whole_at IS NOT NULL AS whole FROM uploads WHERE id = ANY (:ids)")
_UNFINISHED = text("SELECT * FROM uploads WHERE whole_at IS NULL")
_PAGE = text(
    f"""
    {_SHOWN}
    WHERE (CAST(:token AS bigint) IS NULL OR u.token_id = :token)
      AND (CAST(:before AS bigint) IS NULL OR u.number < :before)
    ORDER BY u.number DESC LIMIT :most
    """
)
#: By its path: who submits a file of the store by hand has it, too.
_LINK = text(
    """
    UPDATE uploads u SET video_id = v.id, expires_at = NULL FROM videos v
    WHERE v.id = ANY (:ids) AND u.path = v.path AND u.video_id IS NULL
    """
)
_JOB_HELD = text(
    """
    SELECT j.id, j.finished_at FROM uploads u JOIN videos v ON v.id = u.video_id JOIN jobs j ON j.id = v.job_id
    WHERE u.id = :id FOR NO KEY UPDATE OF u, j
    """
)
_OVER = text(
    """
    DELETE FROM uploads WHERE number IN (
        SELECT number FROM uploads WHERE expires_at <= now() ORDER BY expires_at LIMIT :most FOR UPDATE SKIP LOCKED)
    RETURNING id
    """
)
_TOLL = text("SELECT count(*) AS uploads, coalesce(sum(size), 0) AS bytes FROM uploads WHERE video_id = ANY (:ids)")
_OF_VIDEOS = text("DELETE FROM uploads WHERE video_id = ANY (:ids) RETURNING id")
_BY_RETENTION = text(
    """
    UPDATE uploads u SET expires_at = v.finished_at + make_interval(secs => j.retain_s)
    FROM videos v JOIN jobs j ON j.id = v.job_id
    WHERE u.video_id = v.id AND v.id = ANY (:ids) AND j.retain_s IS NOT NULL
    """
)


@dataclass(frozen=True, slots=True)
class NewUpload:
    """What is known of an upload before its first byte."""

    id: str
    token_id: int
    #: The token's `Idempotency-Key`, made the token's own.
    key: str | None
    filename: str
    #: Bytes.
    size: int
    #: Its place in the store, and what a job's video will call that.
    name: str
    path: str


def create(db: Session, new: NewUpload, keep_s: float) -> bool:
    """Add an upload; False where there is one of its key."""
    values = {name: getattr(new, name) for name in NewUpload.__slots__}
    added = upsert(UploadRow).values(**values, expires_at=_in(keep_s)).on_conflict_do_nothing(index_elements=["key"])
    return db.execute(added.returning(UploadRow.number)).one_or_none() is not None


def find(db: Session, upload: str) -> RowMapping | None:
    """An upload with its `job` and whether it has `expired`."""
    return db.execute(_ONE, {"id": upload}).mappings().one_or_none()


def of_key(db: Session, key: str) -> RowMapping | None:
    """The upload of that key, as `find` gives it."""
    return db.execute(_OF_KEY, {"key": key}).mappings().one_or_none()


def some(db: Session, uploads: Collection[str]) -> dict[str, RowMapping]:
    """Those of these that are there, by id."""
    return {row["id"]: row for row in db.execute(_SOME, {"ids": list(uploads)}).mappings()}


def hold(db: Session, uploads: Collection[str]) -> dict[str, RowMapping]:
    """The same as `some`; until the transaction ends nobody else removes or submits them.

    To be called before a job is locked: whoever deletes an upload locks them in this order too.
    """
    db.execute(_HELD, {"ids": list(uploads)})
    return some(db, uploads)


def are_whole(db: Session, uploads: Collection[str]) -> dict[str, bool]:
    """Of those of these that are there, by id, whether all of it is in the store."""
    return {row.id: row.whole for row in db.execute(_ARE_WHOLE, {"ids": list(uploads)})}


def page(db: Session, token_id: int | None, before: int | None, most: int) -> Sequence[RowMapping]:
    """Uploads of a token, or all, newest first, below the one numbered `before`."""
    return db.execute(_PAGE, {"token": token_id, "before": before, "most": most}).mappings().all()


def unfinished(db: Session) -> Sequence[RowMapping]:
    """All that are not whole, for the room that they will want."""
    return db.execute(_UNFINISHED).mappings().all()


def go_on(db: Session, upload: str, keep_s: float, unchecked_from: int | None) -> bool:
    """Bytes come in: it is kept for longer, and a piece with a checksum counts from there on once it is compared.

    False where the upload is gone.
    """
    values = {"expires_at": _in(keep_s), "unchecked_from": unchecked_from}
    changed = update(UploadRow).where(UploadRow.id == upload, UploadRow.video_id.is_(None)).values(values)
    return db.execute(changed.returning(UploadRow.number)).one_or_none() is not None


def whole(db: Session, upload: str, keep_s: float) -> bool:
    """All of it is in the store. False where the upload is gone."""
    values = {"whole_at": func.coalesce(UploadRow.whole_at, func.now()), "unchecked_from": None}
    changed = update(UploadRow).where(UploadRow.id == upload)
    changed = changed.values(**values, expires_at=func.coalesce(UploadRow.expires_at, _in(keep_s)))
    return db.execute(changed.returning(UploadRow.number)).one_or_none() is not None


def keep(db: Session, uploads: Collection[str], keep_s: float) -> None:
    """They are about to be submitted, and shall not go meanwhile."""
    wanted = UploadRow.id.in_(uploads) & UploadRow.video_id.is_(None)
    db.execute(update(UploadRow).where(wanted).values(expires_at=_in(keep_s)))


def link(db: Session, video_ids: Sequence[int]) -> None:
    """Uploads that are these videos stay until their job's retention or a purge; in the videos' transaction."""
    db.execute(_LINK, {"ids": list(video_ids)})


def unfinished_job(db: Session, upload: str) -> int | None:
    """The job that still uses an upload, else None; jobs do not begin again before the transaction ends.

    Of one that is held: else a submission might link it a moment later.
    """
    row = db.execute(_JOB_HELD, {"id": upload}).one_or_none()
    return None if row is None or row.finished_at is not None else int(row.id)


def forget(db: Session, upload: str) -> bool:
    """Remove an upload's row and owe its files. False where it was gone."""
    gone = db.execute(delete(UploadRow).where(UploadRow.id == upload).returning(UploadRow.id))
    return _owe(db, gone.scalars().all()) == 1


def forget_expired(db: Session) -> int:
    """The same for some whose time is over; returns how many."""
    return _owe(db, db.scalars(_OVER, {"most": _ROUND}).all())


def toll(db: Session, video_ids: Sequence[int]) -> tuple[int, int]:
    """How many uploads are these videos, and their bytes."""
    row = db.execute(_TOLL, {"ids": list(video_ids)}).one()
    return row.uploads, int(row.bytes)


def purge(db: Session, video_ids: Sequence[int], *, forget: bool) -> None:
    """What was found in these videos is deleted: uploads among them go too, or when their job's retention says."""
    if forget:
        _owe(db, db.scalars(_OF_VIDEOS, {"ids": list(video_ids)}).all())
    else:
        # Retention looks at no video twice.
        db.execute(_BY_RETENTION, {"ids": list(video_ids)})


def _owe(db: Session, gone: Sequence[str]) -> int:
    if gone:
        db.execute(insert(Deletion), [{"name": upload_folder(upload)} for upload in gone])
    return len(gone)


def _in(seconds: float) -> object:
    return func.now() + func.make_interval(0, 0, 0, 0, 0, 0, seconds)
