"""Places that people named: circles such as a depot or a school."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.models import PlaceRow
from db.where.area import Area, near
from pipeline.errors import UsageError


def name_place(db: Session, name: str, area: Area) -> int:
    """Give a circle a name, in place of what had it; returns its number. Raises UsageError for what is no circle."""
    if len(area.path) != 1:
        raise UsageError("A place is a circle: give latitude, longitude and radius.")
    (lat, lon), radius_m = area.path[0], area.within_m
    values = {"lat": lat, "lon": lon, "radius_m": radius_m}
    added = insert(PlaceRow).values(name=named(name), **values)
    return int(
        db.execute(
            added.on_conflict_do_update(index_elements=["name"], set_=values).returning(PlaceRow.id)
        ).scalar_one()
    )


def named(name: str) -> str:
    """A name without white space around it. Raises UsageError for one that is empty or longer than 60 characters."""
    name = name.strip()
    if not 0 < len(name) <= 60:
        raise UsageError("A place's name has 1 to 60 characters.")
    return name


def places(db: Session) -> Sequence[PlaceRow]:
    """All of them, by name."""
    return db.scalars(select(PlaceRow).order_by(PlaceRow.name)).all()


def forget_place(db: Session, name: str) -> bool:
    """Forget a place; False where there is none of that name."""
    return db.scalar(delete(PlaceRow).where(PlaceRow.name == name).returning(PlaceRow.id)) is not None


def area_of(db: Session, name: str) -> Area:
    """The circle of a place. Raises UsageError where there is none of that name."""
    row = db.scalars(select(PlaceRow).where(PlaceRow.name == name)).one_or_none()
    if row is None:
        raise UsageError(f"There is no place {name!r}; `dashplate places list` shows them.")
    return near(row.lat, row.lon, row.radius_m)
