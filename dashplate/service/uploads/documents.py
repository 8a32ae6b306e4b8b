"""What the service tells of an upload: the shape of its JSON."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from pydantic import BaseModel, Field
from sqlalchemy import RowMapping


class UploadState(StrEnum):
    """Where an upload is."""

    #: Bytes are missing, or not stored yet.
    RECEIVING = "receiving"
    #: All of it is in the store; no job has it.
    WHOLE = "whole"
    #: A job has it.
    SUBMITTED = "submitted"


class UploadTold(BaseModel):
    """A file that is being uploaded, or was."""

    id: str
    filename: str
    size: int = Field(description="Bytes that it is to have.")
    offset: int = Field(description="Bytes that are there.")
    state: UploadState
    created_at: dt.datetime
    expires_at: dt.datetime | None = Field(description="When it is removed, if nothing happens until then.")
    job: int | None
    video: int | None

    @classmethod
    def of(cls, row: RowMapping, offset: int) -> UploadTold:
        state = UploadState.RECEIVING if row["whole_at"] is None else UploadState.WHOLE
        return cls(
            **{name: row[name] for name in ("id", "filename", "size", "created_at", "expires_at", "job")},
            offset=offset, state=UploadState.SUBMITTED if row["video_id"] is not None else state, video=row["video_id"],
        )  # fmt: skip
