"""The calls about places: named ones, how many sightings lie where, who keeps turning up; and areas in requests."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from dashplate.service.access import note, require, url_of
from dashplate.service.documents import ConvoyTold, HeatCell, PlaceTold
from dashplate.service.errors import Refused, responses
from dashplate.typed.areas import drive_meant, parse_near
from db.access.scopes import Principal, Scope
from db.engine import session
from db.web.in_time import in_time
from db.web.where.convoys import convoys_in_time
from db.web.where.drives import along_drive
from db.where import asked, places
from db.where.area import Area, near
from pipeline.errors import UsageError

router = APIRouter(tags=["places"])
#: Seconds that one question of these may take.
_MOST_S = 20.0
Searcher = Annotated[Principal, require(Scope.SEARCH)]
Operator = Annotated[Principal, require(Scope.ADMIN)]
_LAT = r"-?([0-8]?[0-9](\.[0-9]{1,15})?|90)"
_LON = r"-?((1[0-7][0-9]|[0-9]{1,2})(\.[0-9]{1,15})?|180)"
_RADIUS = r"([1-9][0-9]{0,6}(\.[0-9]{1,3})?m?|[1-9][0-9]{0,3}(\.[0-9]{1,3})?km)"
Near: TypeAlias = Annotated[
    str | None,
    Field(pattern=f"^{_LAT},{_LON},{_RADIUS}$", description="Latitude, longitude, radius: `48.137,11.575,500m`."),
]
_BOX_SAID = "South, west, north, east: `48.10,11.45,48.20,11.70`; south and north in either order."
_BOX = f"^{_LAT},{_LON},{_LAT},{_LON}$"
InBox: TypeAlias = Annotated[str | None, Field(pattern=_BOX, description=_BOX_SAID)]
Along: TypeAlias = Annotated[
    str | None,
    Field(pattern=f"^drive:[1-9][0-9]{{0,17}},{_RADIUS}$", description="So far from a drive's way: `drive:12,200m`."),
]
AtPlace: TypeAlias = Annotated[str | None, Field(max_length=60, description="In the place of this name.")]
Name = Annotated[str, Path(max_length=60, pattern=r"^[^\s\x00]([^\x00]*[^\s\x00])?$", description="The place's name.")]


class Circle(BaseModel, extra="forbid", strict=True):
    """Where a place is."""

    lat: Annotated[float, Field(ge=-90, le=90)]
    lon: Annotated[float, Field(ge=-180, le=180)]
    radius_m: Annotated[float, Field(gt=0, le=20_000_000)]


def area_asked(
    db: Session, near: str | None = None, box: str | None = None, along: str | None = None, place: str | None = None
) -> Area | None:
    """The area that a request names; None where it names none.

    Raises Refused for two, for an unknown place or drive, and for a drive whose way nobody knows.
    """
    if sum(text is not None for text in (near, box, along, place)) > 1:
        raise Refused(409, "Give one of `near`, `box`, `along` and `place`.")
    if near is not None:
        return parse_near(near)
    if box is not None:
        one, west, other, east = map(float, box.split(","))
        # The description cannot ask for the lesser first.
        return Area(box=(min(one, other), west, max(one, other), east))
    if along is not None and (drive := drive_meant(along)):
        try:
            return along_drive(db, *drive)
        except UsageError as error:
            raise Refused(404, str(error)) from None
    try:
        return None if place is None else places.area_of(db, place.replace("\0", ""))
    except UsageError:
        raise Refused(404, f"There is no place {place!r}; `GET /v1/places` lists them.") from None


@router.get("/v1/places", responses=responses())
def list_places(request: Request, caller: Searcher) -> list[PlaceTold]:
    """The places that people named."""
    with session(url_of(request)) as db:
        return [PlaceTold.model_validate(one, from_attributes=True) for one in places.places(db)]


@router.put("/v1/places/{name:path}", tags=["naming places"], responses=responses(404))
def name_place(request: Request, caller: Operator, name: Name, circle: Circle) -> PlaceTold:
    """Give a circle a name; the same name again moves it."""
    with session(url_of(request)) as db:
        places.name_place(db, name, near(circle.lat, circle.lon, circle.radius_m))
        note(db, request, caller, "place", name, None)
    return PlaceTold(name=name, **circle.model_dump())


@router.delete(
    "/v1/places/{name:path}", tags=["naming places"], status_code=204, response_class=Response, responses=responses(404)
)
def forget_place(request: Request, caller: Operator, name: Name) -> None:
    """Forget a place; nothing else changes."""
    with session(url_of(request)) as db:
        if not places.forget_place(db, name):
            raise Refused(404, f"There is no place {name!r}.")
        note(db, request, caller, "place forgotten", name, None)


@router.get("/v1/heat", responses=responses())
def heat(
    request: Request,
    caller: Searcher,
    box: Annotated[str, Query(pattern=_BOX, description=_BOX_SAID)],
    across: Annotated[int, Query(ge=1, le=256, description="Cells each way, at most one more.")] = 64,
) -> list[HeatCell]:
    """How many sightings a box holds, in a grid; empty cells are left out."""
    with session(url_of(request)) as db:
        area = area_asked(db, box=box)
        assert area is not None
        with in_time(db, _MOST_S, "Counting so many sightings takes too long. Ask about a smaller box."):
            cells = asked.heat(db, area, across)
        note(db, request, caller, "heat", f"box {box}", len(cells))
    return [HeatCell.model_validate(dict(cell)) for cell in cells]


@router.get("/v1/convoys", responses=responses())
def convoys(
    request: Request,
    caller: Searcher,
    days: Annotated[int | None, Query(ge=1, le=36_525, description="Of drives of the last so many days.")] = None,
    least: Annotated[int, Query(ge=2, le=1_000_000, description="In at least so many drives.")] = 3,
    least_days: Annotated[int, Query(ge=1, le=36_525, description="On at least so many days.")] = 2,
    apart_m: Annotated[float, Query(ge=0, le=20_100_000, description="At places at least so far apart.")] = 0.0,
    job: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    most: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[ConvoyTold]:
    """Plates that keep turning up near one's own vehicles, those of most days first."""
    with session(url_of(request)) as db:
        rows = convoys_in_time(
            db, _MOST_S, days, least_drives=least, least_days=least_days, least_apart_m=apart_m, job=job, most=most
        )
        note(db, request, caller, "convoys", f"{least} drives, {least_days} days", len(rows))
    return [ConvoyTold.model_validate(dict(row)) for row in rows]
