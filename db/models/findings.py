"""The tables of what was found: tracklets, crops, readings, frames, plates, sightings, and corrections of these."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import ForeignKey, Identity, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base


class TrackletRow(Base):
    """One plate followed inside one segment, and what the reader believes it says."""

    __tablename__ = "tracklets"
    __table_args__ = (UniqueConstraint("segment_id", "provisional", "index"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    segment_id: Mapped[int] = mapped_column(ForeignKey("segments.id", ondelete="CASCADE"))
    index: Mapped[int]
    first: Mapped[dict[str, Any]]
    last: Mapped[dict[str, Any]]
    seen: Mapped[int]
    #: All its observations, as `db.findings.mapping.path_bytes` packs them; null in rows of before 0013.
    path: Mapped[bytes | None]
    #: Found while a covered segment is done again: takes the place of the earlier ones once its readings are stored.
    provisional: Mapped[bool] = mapped_column(server_default=text("false"))


class CropRow(Base):
    """A picture of a tracklet in the result store; `rank` 0 is the best."""

    __tablename__ = "crops"
    __table_args__ = (UniqueConstraint("tracklet_id", "rank"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    tracklet_id: Mapped[int] = mapped_column(ForeignKey("tracklets.id", ondelete="CASCADE"))
    rank: Mapped[int]
    observation: Mapped[dict[str, Any]]
    #: Where the plate lies inside the picture: [x1, y1, x2, y2].
    plate: Mapped[list[Any]]
    quality: Mapped[float]
    #: Name in the result store.
    name: Mapped[str]
    #: Of the file; null in rows of before 0004.
    sha256: Mapped[str | None]
    size: Mapped[int | None]


class FrameRow(Base):
    """A whole frame in the result store: the one that a sighting was read from."""

    __tablename__ = "frames"
    __table_args__ = (UniqueConstraint("video_id", "pts"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    video_id: Mapped[int] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"))
    pts: Mapped[int]
    #: Name in the result store.
    name: Mapped[str]
    sha256: Mapped[str]
    size: Mapped[int]


class ReadingRow(Base):
    """What a tracklet says; its tracklet is its key."""

    __tablename__ = "readings"

    tracklet_id: Mapped[int] = mapped_column(ForeignKey("tracklets.id", ondelete="CASCADE"), primary_key=True)
    #: Order of arrival: tracklets are numbered when they are detected, and read in another order.
    number: Mapped[int] = mapped_column(Identity(), index=True)
    text: Mapped[str] = mapped_column(index=True)
    confidence: Mapped[float]
    characters: Mapped[list[Any]]
    alternatives: Mapped[list[Any]]
    country: Mapped[str | None]
    reads: Mapped[int]
    crops: Mapped[int]
    best_crop: Mapped[int]
    #: The reading under the plate key, where the job stores no plate in clear; `text` is then its keyed hash.
    sealed: Mapped[str | None]
    #: Where and when the plate was in the picture that supports the reading best. Null in readings that can be stitched
    #: no more: hashed ones whose seal was wiped, and those of before 0006 whose pictures were not kept.
    best: Mapped[dict[str, Any] | None]
    #: Probability of `country`, if the text is right; null without one, and in rows of before 0014.
    country_confidence: Mapped[float | None]


class Plate(Base):
    """A unique plate, over all videos of the fleet."""

    __tablename__ = "plates"
    __table_args__ = (
        # The most seen first, for patterns that many fit.
        Index("ix_plates_seen", text("sightings DESC"), "text"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    #: The text with O as 0 and I as 1: no picture tells these apart, so they make no other plate.
    key: Mapped[str] = mapped_column(unique=True)
    #: What its sightings say, taken together.
    text: Mapped[str] = mapped_column(index=True)
    country: Mapped[str | None]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    #: Counted by `count_plates` with every change, the view `unique_plates` shows them.
    sightings: Mapped[int] = mapped_column(server_default="0")
    videos: Mapped[int] = mapped_column(server_default="0")
    reads: Mapped[int] = mapped_column(server_default="0")
    confidence: Mapped[float] = mapped_column(server_default="0")
    confirmed: Mapped[bool] = mapped_column(server_default="false")


#: Rows of cells that sightings are found by, a degree: each is 556 m high. `db/sql/places_0014.sql` says the same.
CELLS_A_DEGREE = 200
#: What a person should look at: read once only, with a character that is less than half sure, or less sure as a whole
#: than four in five. The index stands on these words.
UNSURE = "NOT confirmed OR shown LIKE '%?%' OR confidence < 0.8"


class SightingRow(Base):
    """One vehicle passing once."""

    __tablename__ = "sightings"
    __table_args__ = (
        UniqueConstraint("video_id", "index"),
        # The first and the last that was stored of a video.
        Index("ix_sightings_video", "video_id", "id"),
        # A plate's, the newest first.
        Index("ix_sightings_plate", "plate_id", "id"),
        # What a person should look at.
        Index("ix_sightings_unsure", "id", postgresql_where=text(UNSURE)),
        # What the gallery narrows by: of many that are looked through, few have to be fetched.
        Index("ix_sightings_newest", "id", postgresql_include=["video_id", "country", "confidence"]),
        # By place: the row of cells, then the longitude; the rest is what is asked of those that lie there.
        Index(
            "ix_sightings_place",
            text(f"(floor(lat * {CELLS_A_DEGREE})::integer)"),
            "lon",
            postgresql_include=["lat", "id", "plate_id", "video_id"],
            postgresql_where=text("lat IS NOT NULL"),
        ),
        Index("ix_sightings_passing", "passing_id", postgresql_where=text("passing_id IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    video_id: Mapped[int] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"))
    plate_id: Mapped[int] = mapped_column(ForeignKey("plates.id"))
    index: Mapped[int]
    #: What this sighting was read as; its plate's text may differ in what no picture tells apart.
    text: Mapped[str]
    #: The text with `?` where a character is less than half sure, and `·` for each letter of an unknown script.
    shown: Mapped[str]
    country: Mapped[str | None]
    confidence: Mapped[float]
    characters: Mapped[list[Any]]
    alternatives: Mapped[list[Any]]
    first_s: Mapped[float] = mapped_column(index=True)
    last_s: Mapped[float]
    best_s: Mapped[float]
    first_pts: Mapped[int]
    last_pts: Mapped[int]
    best_pts: Mapped[int]
    x1: Mapped[float]
    y1: Mapped[float]
    x2: Mapped[float]
    y2: Mapped[float]
    reads: Mapped[int]
    confirmed: Mapped[bool]
    crop: Mapped[str | None]
    tracklets: Mapped[list[Any]]
    #: Where the camera was at `best_s`, by its video's track, WGS 84; null where no track says so.
    lat: Mapped[float | None]
    lon: Mapped[float | None]
    #: Which way the camera moved, degrees clockwise from north, and how fast.
    bearing_deg: Mapped[float | None]
    speed_mps: Mapped[float | None]
    #: How far off the place may be.
    place_error_m: Mapped[float | None]
    #: How the vehicle moved against the camera's; null where the picture does not say.
    movement: Mapped[str | None]
    #: Equal for sightings of one passing, over cuts and cameras: the lowest number of its sightings when it was joined.
    #: Null where it is the only one.
    passing_id: Mapped[int | None]
    #: Probability of `country`, if the text is right; null without one, and in rows of before 0014.
    country_confidence: Mapped[float | None]


class CorrectionRow(Base):
    """What a person reads in a passing: beside what the machine read, never over it.

    It belongs to the passing, by video, time and box, because a redo gives its sighting another number.
    """

    __tablename__ = "corrections"
    __table_args__ = (Index("ix_corrections_key", text("translate(text, 'OI', '01')")),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    video_id: Mapped[int] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"), index=True)
    #: What it stands beside now, and that sighting's plate; null where a redo found nothing of the passing.
    sighting_id: Mapped[int | None] = mapped_column(ForeignKey("sightings.id", ondelete="SET NULL"), unique=True)
    plate_id: Mapped[int | None] = mapped_column(ForeignKey("plates.id", ondelete="SET NULL"), index=True)
    #: Null where it is no plate; the keyed hash in hashed jobs.
    text: Mapped[str | None]
    #: What the machine had read then.
    read_as: Mapped[str]
    #: `DASHPLATE_USER`, else the account; a token of the HTTP service.
    corrected_by: Mapped[str]
    corrected_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    note: Mapped[str | None]
    #: The passing, as its sighting was then: when, and where in the frame at `best_s`.
    first_s: Mapped[float]
    last_s: Mapped[float]
    best_s: Mapped[float]
    x1: Mapped[float]
    y1: Mapped[float]
    x2: Mapped[float]
    y2: Mapped[float]
