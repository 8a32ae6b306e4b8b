"""What people ask of areas in addresses and forms: `near=LAT,LON,RADIUS`, `box=SOUTH,WEST,NORTH,EAST`, `place=NAME`,
`along=drive:NUMBER,WIDTH`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel

from dashplate.typed.areas import drive_meant, parse_box, parse_near
from dashplate.web.asked import Filled, Word
from dashplate.web.shown import metres as in_metres
from dashplate.web.texts import t
from db.models import PlaceRow
from db.where.area import Area, near
from pipeline.errors import UsageError

#: The way of a drive, by its number and metres to each side. Raises UsageError where nobody knows it.
Ways: TypeAlias = Callable[[int, float], Area]


def _checked(parse: Callable[[str], object]) -> AfterValidator:
    def check(said: str) -> str:
        try:
            parse(said)
        except UsageError as error:
            raise ValueError(str(error)) from None
        return said

    return AfterValidator(check)


def _drive(said: str) -> tuple[int, float]:
    if (meant := drive_meant(said)) is None:
        raise UsageError(f"{said!r} is no way of a drive. Give its number and a width: drive:12,200m.")
    return meant


Near = Filled[Annotated[str, _checked(parse_near)]]
Box = Filled[Annotated[str, _checked(parse_box)]]
Along = Filled[Annotated[str, _checked(_drive)]]


class AskedArea(BaseModel, extra="ignore"):
    """The area that a list is narrowed to: of several the first."""

    near: Near = None
    box: Box = None
    along: Along = None
    #: The name of a place.
    place: Word = None

    def is_narrowed(self) -> bool:
        return any((self.near, self.box, self.along, self.place))

    def area(self, places: Sequence[PlaceRow], ways: Ways) -> Area | None:
        """What is asked for; nowhere where there is no such place, or nobody knows the drive's way."""
        if self.near:
            return parse_near(self.near)
        if self.box:
            return parse_box(self.box)
        if self.along:
            try:
                return ways(*_drive(self.along))
            except UsageError:
                return _NOWHERE
        if self.place:
            named = next((one for one in places if one.name == self.place), None)
            return _NOWHERE if named is None else near(named.lat, named.lon, named.radius_m)
        return None

    def on_record(self) -> str:
        """What is asked for, as the audit keeps it."""
        asked = {"near": self.near, "box": self.box, "along": self.along, "place": self.place}
        return " ".join(f"{name} {value}" for name, value in asked.items() if value)

    def said(self) -> dict[str, str | None]:
        """The words of what is asked for, by field."""
        return {
            "near": _near_said(self.near) if self.near else None,
            "box": _box_said(self.box) if self.box else None,
            "along": _along_said(self.along) if self.along else None,
            "place": t("sightings.chip.place", name=self.place) if self.place else None,
        }

    def shown(self, places: Sequence[PlaceRow]) -> dict[str, float] | None:
        """The box or circle that is asked for, to be drawn on a map."""
        area = None if self.along else self.area(places, _no_way)
        if area is None or area == _NOWHERE:
            return None
        if area.box is not None:
            return dict(zip(("south", "west", "north", "east"), area.box, strict=True))
        (lat, lon), radius_m = area.path[0], area.within_m or 0.0
        return {"lat": lat, "lon": lon, "radius_m": radius_m}


#: For a place that there is not: a millimetre at a pole.
_NOWHERE = near(90.0, 0.0, 0.001)


def _no_way(drive: int, within_m: float) -> Area:
    raise UsageError(f"No map shows the way of drive {drive} yet.")


def _along_said(asked: str) -> str:
    drive, within_m = _drive(asked)
    return t("sightings.chip.along", drive=drive, length=in_metres(within_m))


def _near_said(asked: str) -> str:
    area = parse_near(asked)
    lat, lon = area.path[0]
    return t("sightings.chip.near", place=f"{lat:.4f}, {lon:.4f}", length=in_metres(area.within_m or 0))


def _box_said(asked: str) -> str:
    south, west, north, east = parse_box(asked).box or (0.0, 0.0, 0.0, 0.0)
    digits = 1 + sum(north - south < step for step in (1, 0.1, 0.01, 0.001))
    sides = f"{south:.{digits}f} – {north:.{digits}f}, {west:.{digits}f} – {east:.{digits}f}"
    return t("sightings.chip.box", sides=sides)
