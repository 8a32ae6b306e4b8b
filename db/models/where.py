"""The tables of when and where: tracks of cameras, drives, and places that people named."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base


class TrackRow(Base):
    """Where a video's camera was while it recorded; its video is its key."""

    __tablename__ = "tracks"

    video_id: Mapped[int] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"), primary_key=True)
    #: The format that it was read from, as people know it.
    source: Mapped[str]
    #: It lay in a file beside the video.
    sidecar: Mapped[bool]
    #: What the camera says of the first frame's moment apart from the fixes, ISO 8601 with its zone where it has one.
    began_at: Mapped[str | None]
    #: Its times say when the video began.
    tells_start: Mapped[bool]
    #: All its fixes, as `db.where.tracks` packs them, and how many.
    points: Mapped[bytes]
    fixes: Mapped[int]
    #: Why some are not believed: sentences, which a packed fix names by place, counted from 1.
    doubts: Mapped[list[Any]]
    #: The box of those that are believed; null where none is. West is more than east where it crosses 180°.
    south: Mapped[float | None]
    west: Mapped[float | None]
    north: Mapped[float | None]
    east: Mapped[float | None]
    #: Along those that are believed; gaps and jumps count nothing.
    length_m: Mapped[float]


class DriveRow(Base):
    """Videos of one camera system, of one drive; `db.where.joining` writes and forgets them."""

    __tablename__ = "drives"
    __table_args__ = (Index("ix_drives_job", "job_id", "began_at"), Index("ix_drives_began", "began_at"))

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    #: By the clock of its videos, as `videos.recorded_at`; those without a zone are in that of the others.
    began_at: Mapped[dt.datetime]
    ended_at: Mapped[dt.datetime]
    #: The offset from UTC of those that know it, such as `+02:00`; null where none does.
    clock_zone: Mapped[str | None]


class PlaceRow(Base):
    """A circle that a person named."""

    __tablename__ = "places"
    __table_args__ = (
        CheckConstraint("lat BETWEEN -90 AND 90 AND lon BETWEEN -180 AND 180 AND radius_m > 0", "circle"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    #: WGS 84, degrees.
    lat: Mapped[float]
    lon: Mapped[float]
    radius_m: Mapped[float]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
