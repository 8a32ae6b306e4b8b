"""Calls about what was found: plates, sightings, their pictures, exports."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias
from urllib.parse import quote

from pydantic import RootModel

from dashplate.client.connection import Connection, ServiceError
from dashplate.client.download import Download
from dashplate.client.paging import paged
from dashplate.service.documents import (
    AnnotatedTold,
    ClipTold,
    ConvoyTold,
    DriveTold,
    FoundPage,
    FoundSighting,
    HeatCell,
    MakingState,
    Page,
    PassingTold,
    PlaceTold,
    PlateTold,
    SightingTold,
)

ExportForm: TypeAlias = Literal[
    "csv", "json", "jsonl", "parquet", "xlsx", "plate-recognizer", "geojson", "gpx", "kml", "geoparquet", "training",
    "cvat", "labelstudio", "yolo",
]  # fmt: skip
#: Those that are sent while they are written.
_SENT_AT_ONCE = frozenset({"csv", "json", "jsonl", "plate-recognizer", "geojson", "gpx", "kml"})
#: Latitude, longitude, metres; and south, west, north, east.
Circle: TypeAlias = tuple[float, float, float]
Box: TypeAlias = tuple[float, float, float, float]
#: The number of a drive, and metres from its way.
Along: TypeAlias = tuple[int, float]
#: How often what is being made is looked at, seconds.
_LOOK_EVERY_S = 1.0
#: Seconds without a byte, for what is whole before its first byte is sent: a million rows of XLSX.
_MADE_FIRST_S = 900.0


class Plates(RootModel[list[PlateTold]]):
    """Unique plates, as the service lists them."""


class PlacesTold(RootModel[list[PlaceTold]]):
    """Named places, as the service lists them."""


class Heat(RootModel[list[HeatCell]]):
    """Cells of a map's grid."""


class Clips(RootModel[list[ClipTold]]):
    """Videos of a drive."""


class Convoys(RootModel[list[ConvoyTold]]):
    """Plates that keep turning up."""


class FindingCalls:
    """What a client asks of plates and sightings. Every call is put on record by the service."""

    _connection: Connection

    def sightings(self, job: int) -> Iterator[SightingTold]:
        """A job's sightings, as they came in; those of a job that still runs may leave some out."""
        return paged(self._connection, f"/v1/jobs/{job}/sightings", Page[SightingTold])

    def sighting(self, sighting: int) -> SightingTold:
        """One of them."""
        return self._connection.ask("GET", f"/v1/sightings/{sighting}", SightingTold)

    def correct(self, sighting: int, plate: str | None, note: str | None = None) -> SightingTold:
        """Say what a sighting shows, beside what it was read as; `plate` None says that it is no plate."""
        said = {"plate": plate, "note": note}
        return self._connection.ask("POST", _correction(sighting), SightingTold, again=True, json=said)

    def take_back(self, sighting: int) -> SightingTold:
        """Forget what was said of a sighting."""
        return self._connection.ask("DELETE", _correction(sighting), SightingTold)

    def plates(
        self,
        pattern: str = "*",
        most: int = 50,
        *,
        near: Circle | None = None,
        box: Box | None = None,
        along: Along | None = None,
        place: str | None = None,
    ) -> list[PlateTold]:
        """Unique plates of all jobs that a pattern with `*` and `?` fits, the most seen first; 500 at most.

        Those that were seen in an area, where one is given; see `search`.
        """
        asked = {"pattern": pattern, "most": most, **_area(near, box, along, place)}
        return self._connection.ask("GET", "/v1/plates", Plates, params=asked).root

    def search(
        self,
        plate: str | None = None,
        *,
        near: Circle | None = None,
        box: Box | None = None,
        along: Along | None = None,
        place: str | None = None,
        like: bool = False,
        job: int | None = None,
        country: str | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        share: float | None = None,
        winners: bool = False,
    ) -> Iterator[FoundSighting]:
        """Sightings that may be a plate, or fit a pattern with `*` and `?`; the likest first, then the newest.

        In an area, of any plate: `near` a latitude and longitude by so many metres, in a `box` (south, west, north,
        east), `along` a drive's way by so many metres, or in a named `place`.

        `like` also finds what the plate is easily taken for. Runners-up are searched too, unless only `winners` are
        wanted. `since` and `until` are aware times. Pages are asked for as they are needed.
        """
        asked: dict[str, object] = {"plate": plate, "job": job, "country": country, "share": share}
        asked |= {"since": since and since.isoformat(), "until": until and until.isoformat()}
        asked |= {"like": like or None, "winners": winners or None}
        given = {name: value for name, value in asked.items() if value is not None}
        return paged(self._connection, "/v1/search", FoundPage, **given, **_area(near, box, along, place))

    def places(self) -> list[PlaceTold]:
        """The places that people named."""
        return self._connection.ask("GET", "/v1/places", PlacesTold).root

    def name_place(self, name: str, lat: float, lon: float, radius_m: float) -> PlaceTold:
        """Give a circle a name; the same name again moves it."""
        circle = {"lat": lat, "lon": lon, "radius_m": radius_m}
        return self._connection.ask("PUT", _place(name), PlaceTold, again=True, json=circle)

    def forget_place(self, name: str) -> None:
        """Forget a place."""
        self._connection.answer("DELETE", _place(name))

    def heat(self, box: Box, across: int = 64) -> list[HeatCell]:
        """How many sightings a box holds, in a grid of at most `across` and one cells each way."""
        return self._connection.ask("GET", "/v1/heat", Heat, params={**_area(box=box), "across": across}).root

    def convoys(
        self,
        days: int | None = None,
        *,
        least: int = 3,
        least_days: int = 2,
        apart_m: float = 0.0,
        job: int | None = None,
    ) -> list[ConvoyTold]:
        """Plates that were seen in at least so many drives on at least so many days, of the last `days` or of all.

        Of one job's drives, where one is given.
        """
        asked: dict[str, object] = {"least": least, "least_days": least_days, "apart_m": _decimal(apart_m)}
        asked |= {name: value for name, value in (("days", days), ("job", job)) if value is not None}
        return self._connection.ask("GET", "/v1/convoys", Convoys, params=asked).root

    def drives(self, job: int | None = None) -> Iterator[DriveTold]:
        """Drives, the newest first, of one job or of all. Pages are asked for as they are needed."""
        return paged(self._connection, "/v1/drives", Page[DriveTold], **({} if job is None else {"job": job}))

    def drive(self, drive: int) -> DriveTold:
        """One of them."""
        return self._connection.ask("GET", f"/v1/drives/{drive}", DriveTold)

    def clips(self, drive: int) -> list[ClipTold]:
        """A drive's videos, in the order of recording."""
        return self._connection.ask("GET", f"/v1/drives/{drive}/clips", Clips).root

    def passings(self, drive: int) -> Iterator[PassingTold]:
        """Who passed on a drive, in order: each vehicle once, with its sightings in all clips and cameras."""
        return paged(self._connection, f"/v1/drives/{drive}/passings", Page[PassingTold], most=100)

    def crop(self, sighting: int) -> Download:
        """The picture of the plate that was read, PNG."""
        return self._download(f"/v1/sightings/{sighting}/crop")

    def frame(self, sighting: int) -> Download:
        """The whole frame that it was read from, JPEG."""
        return self._download(f"/v1/sightings/{sighting}/frame")

    def clip(self, sighting: int, before_s: float = 3.0, after_s: float = 3.0) -> Download:
        """So many seconds of the video around it, MP4."""
        return self._download(f"/v1/sightings/{sighting}/clip", before=f"{before_s:g}", after=f"{after_s:g}")

    def footage(self, video: int, from_s: float, to_s: float) -> Download:
        """A video between two of its seconds, 20 s at most, MP4."""
        return self._download(f"/v1/videos/{video}/clip", **{"from": str(from_s), "to": str(to_s)})

    def original(self, video: int) -> Download:
        """The file itself, where browsers play it as it is."""
        return self._download(f"/v1/videos/{video}/file")

    def export(
        self,
        job: int,
        form: ExportForm = "csv",
        rows: Literal["plates", "sightings"] = "plates",
        *,
        confirmed: bool = False,
    ) -> Download:
        """A job's unique plates, its sightings, or a map of them, as a file; or labelled pictures, as a ZIP.

        Pictures are labelled with what people read in them; if `confirmed`, also where more than one crop says it.
        """
        asked = {"format": form, "rows": rows, "confirmed": str(confirmed).lower()}
        longest_s = None if form in _SENT_AT_ONCE else _MADE_FIRST_S
        return Download(self._connection, f"/v1/jobs/{job}/export", asked, longest_s)

    def evidence(
        self, *plates: str, sightings: Sequence[int] = (), case: str | None = None, clips: bool = True
    ) -> Download:
        """A signed package, ZIP, of all sightings of some plates, and of some by number; 50 sightings at most."""
        asked: dict[str, str | list[str]] = {"clips": str(clips).lower()}
        asked |= {"plate": list(plates)} if plates else {}
        asked |= {"sighting": [str(number) for number in sightings]} if sightings else {}
        return Download(self._connection, "/v1/evidence", asked | ({"case": case} if case else {}))

    def annotate(self, video: int) -> AnnotatedTold:
        """Have a video made with boxes and readings, unless that is done; says how far it is."""
        return self._connection.ask("POST", f"/v1/videos/{video}/annotated", AnnotatedTold, again=True)

    def annotated(self, video: int, timeout_s: float | None = None) -> Download:
        """That video, MP4, once it is made. Raises ServiceError where it cannot be, or not within the time."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while (told := self.annotate(video)).state is not MakingState.MADE:
            if told.problem is not None:
                raise ServiceError(told.problem)
            if until is not None and time.monotonic() + _LOOK_EVERY_S > until:
                raise ServiceError(f"Video {video} is {told.state}, and not made within {timeout_s:g} s.")
            time.sleep(_LOOK_EVERY_S)
        return self._download(f"/v1/videos/{video}/annotated")

    def _download(self, path: str, **asked: str) -> Download:
        return Download(self._connection, path, asked)


def _correction(sighting: int) -> str:
    return f"/v1/sightings/{sighting}/correction"


def _area(
    near: Circle | None = None, box: Box | None = None, along: Along | None = None, place: str | None = None
) -> dict[str, str]:
    """An area as the service takes it."""
    given = {"near": near and _decimals(near), "box": box and _decimals(box), "place": place}
    given["along"] = along and f"drive:{along[0]},{_decimal(along[1])}"
    return {name: value for name, value in given.items() if value is not None}


def _decimals(numbers: Sequence[float]) -> str:
    return ",".join(map(_decimal, numbers))


def _decimal(number: float) -> str:
    """A number without an exponent, which the service does not take: 1e-05 as 0.00001."""
    said = format(number, ".10f").rstrip("0").rstrip(".")
    return "0" if said == "-0" else said


def _place(name: str) -> str:
    return f"/v1/places/{quote(name, safe='')}"
