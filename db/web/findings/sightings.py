"""What the gallery shows: sightings, newest first, a page at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from db.findings.search import Behind, Wanted, search
from db.models.findings import UNSURE
from db.where.area import BOX, PATH, Area

#: Sightings of a page.
A_PAGE = 60
#: A page is looked for among so many sightings; whatever is asked for beside, that takes 10 to 30 ms at a million. One
#: that is not full by then goes on where it stopped.
LOOKED_THROUGH = 50_000
#: Videos that are asked for the first and the last number.
_ENDS = 200
_LAST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What the gallery is narrowed by."""

    job: int | None = None
    country: str | None = None
    #: Confidence of the reading: from, and up to.
    at_least: float | None = None
    at_most: float | None = None
    #: What a person should look at, whether somebody has or not.
    unsure: bool = False
    #: A person said something of it.
    corrected: bool = False
    #: When its video was finished: from, and before.
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    #: A plate or pattern as `typed` spells it, and the keyed hash of a whole plate.
    plate: str | None = None
    hashed: str | None = None
    #: Where the camera was.
    area: Area | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: below the sighting numbered `before`; the last that may fit is numbered `last`."""

    before: int = _LAST
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some sightings, and where the next page begins; None where nothing is left."""

    rows: Sequence[RowMapping]
    following: Place | None


_ROWS = text(
    """
    SELECT p.sighting, p.plate, p.read_as, p.characters, p.corrected, p.confidence, p.confirmed, p.shown, p.country,
           p.job, p.job_name, p.video_id, p.video, p.first_s, p.best_s, p.crop, p.processed_at, p.plate_id,
           p.recorded_at, p.recorded_from, p.clock_zone, p.clock_error_s
    FROM plate_sightings p
    WHERE p.sighting = ANY (:ids)
    """
)
_NEWEST = text("SELECT id FROM sightings ORDER BY id DESC LIMIT :most")
#: A video's sightings are stored as it is finished: those that were finished first and last hold the lowest and the
#: highest numbers, whichever of some that ended at once was first. Videos that are done again still have their former
#: sightings.
_BOUNDS = """
    WITH wanted AS MATERIALIZED (SELECT v.id, v.finished_at, v.segments FROM videos v WHERE true{of_videos})
    SELECT min(f.id), max(l.id)
    FROM (
        (SELECT id FROM wanted WHERE finished_at IS NOT NULL ORDER BY finished_at LIMIT :ends)
        UNION (SELECT id FROM wanted WHERE finished_at IS NOT NULL ORDER BY finished_at DESC LIMIT :ends)
        UNION (SELECT id FROM wanted WHERE finished_at IS NULL AND segments > 0)
    ) v
    CROSS JOIN LATERAL (SELECT id FROM sightings WHERE video_id = v.id ORDER BY id LIMIT 1) f
    CROSS JOIN LATERAL (SELECT id FROM sightings WHERE video_id = v.id ORDER BY id DESC LIMIT 1) l
"""
#: All sightings of an area, newest first; null where they are more than are looked through.
_INSIDE = text(f"SELECT sightings_inside({BOX}, {PATH}, :within_m, :many, :up_to)")
#: What holds of sightings `s` in an area, with `Area.values` as parameters.
IN_AREA = f"""
    s.lat IS NOT NULL AND EXISTS (
        SELECT FROM area_pieces({BOX}, {PATH}, :within_m) a
        WHERE s.lat BETWEEN a.south AND a.north AND s.lon BETWEEN a.west AND a.east
          AND (a.lat1 IS NULL OR metres_from_line(s.lat, s.lon, a.lat1, a.lon1, a.lat2, a.lon2) <= :within_m))
"""
_UNSURE_OF = text(f"SELECT id FROM sightings WHERE id = ANY (:ids) AND ({UNSURE})")
_BOTTOM = text("SELECT id FROM sightings WHERE id < :before ORDER BY id DESC OFFSET :many LIMIT 1")


def page(db: Session, narrowed: Narrowed, place: Place) -> Page:
    """The sightings of a page, newest first. Raises UsageError where a broad pattern takes too long."""
    if narrowed.plate:
        return _by_plate(db, narrowed, place)
    if _of_videos(narrowed) and place.last is None:
        place = _bounded(db, narrowed, place)
    inside = _inside(db, narrowed.area, place) if narrowed.area else None
    bottom = (place.last or 0) if inside is not None else _bottom(db, narrowed, place)
    ids = _fitting(db, narrowed, place, bottom, inside)
    if len(ids) == A_PAGE:
        following: Place | None = Place(ids[-1], place.last)
    else:
        following = None if bottom <= (place.last or 0) else Place(bottom, place.last)
    return Page(rows_of(db, ids), following)


def rows_of(db: Session, ids: Sequence[int]) -> list[RowMapping]:
    """What a card shows of each of these sightings, in their order."""
    rows = {row["sighting"]: row for row in db.execute(_ROWS, {"ids": list(ids)}).mappings()} if ids else {}
    return [rows[number] for number in ids if number in rows]


def newest(db: Session, most: int) -> list[RowMapping]:
    """The same of those that came in last, the newest first."""
    return rows_of(db, db.execute(_NEWEST, {"most": most}).scalars().all())


def _by_plate(db: Session, narrowed: Narrowed, place: Place) -> Page:
    """Those that were read as a plate; search finds them in the order of their numbers, for none is like it only."""
    wanted = Wanted(
        narrowed.plate or "", narrowed.hashed, of_job=narrowed.job, of_country=narrowed.country, since=narrowed.since,
        until=narrowed.until, least_share=narrowed.at_least, winners=True, area=narrowed.area,
    )  # fmt: skip
    further = narrowed.at_most is not None or narrowed.unsure or narrowed.corrected
    most = 2 * A_PAGE if further else A_PAGE
    looked = search(db, wanted, most, Behind(0, place.before) if place.before < _LAST else None)
    fitting = _fitting_of(db, looked, narrowed)
    whole = len(looked) < most and len(fitting) <= A_PAGE
    last = fitting[A_PAGE - 1] if len(fitting) > A_PAGE else looked[-1] if looked else None
    following = None if whole or last is None else Place(last["sighting"])
    return Page(fitting[:A_PAGE], following)


def _fitting_of(db: Session, found: Sequence[RowMapping], narrowed: Narrowed) -> list[RowMapping]:
    """Those of a search that fit what search does not narrow by."""
    unsure = set(db.scalars(_UNSURE_OF, {"ids": [row["sighting"] for row in found]})) if narrowed.unsure else ()
    return [
        row
        for row in found
        if (narrowed.at_least is None or row["confidence"] >= narrowed.at_least)
        and (narrowed.at_most is None or row["confidence"] <= narrowed.at_most)
        and (not narrowed.unsure or row["sighting"] in unsure)
        and (not narrowed.corrected or row["corrected"] is not None)
    ]


def _bounded(db: Session, narrowed: Narrowed, place: Place) -> Place:
    """The same place, no earlier and going no further than sightings of these videos do."""
    bounds = text(_BOUNDS.format(of_videos=_of_videos(narrowed)))
    first, last = db.execute(bounds, {**values_of(narrowed), "ends": _ENDS}).one()
    return Place(min(place.before, (last or 0) + 1), first or _LAST)


def _bottom(db: Session, narrowed: Narrowed, place: Place) -> int:
    """The number from which on this page looks: all are looked through where few can fit, or nothing is asked for."""
    if narrowed == Narrowed() or narrowed.corrected:
        return place.last or 0
    many = {"before": place.before, "many": LOOKED_THROUGH}
    return max(place.last or 0, db.scalar(_BOTTOM, many) or 0)


def _inside(db: Session, area: Area, place: Place) -> list[int] | None:
    """All that lie in a small area, below the place; None where it is not small."""
    values = {**area.values, "many": LOOKED_THROUGH, "up_to": place.before - 1}
    found: list[int] | None = db.scalar(_INSIDE, values)
    return found


def _fitting(db: Session, narrowed: Narrowed, place: Place, bottom: int, inside: list[int] | None) -> list[int]:
    wanted = ["s.id < :before AND s.id >= :bottom", *conditions(narrowed)]
    values = {**values_of(narrowed), "before": place.before, "bottom": bottom, "most": A_PAGE}
    if narrowed.area is not None and inside is not None:
        wanted.append("s.id = ANY (:inside)")
        values["inside"] = inside
    elif narrowed.area is not None:
        wanted.append(IN_AREA)
        values |= narrowed.area.values
    asked = " AND ".join(wanted)
    return list(
        db.execute(text(f"SELECT s.id FROM sightings s WHERE {asked} ORDER BY s.id DESC LIMIT :most"), values).scalars()
    )


def conditions(narrowed: Narrowed) -> list[str]:
    """What holds of sightings `s` that fit, plate and area aside, with `values_of` as parameters."""
    of_videos = _of_videos(narrowed)
    wanted = [
        "s.country = :country" if narrowed.country else "",
        "s.confidence >= :at_least" if narrowed.at_least is not None else "",
        "s.confidence <= :at_most" if narrowed.at_most is not None else "",
        f"({UNSURE})" if narrowed.unsure else "",
        "s.id IN (SELECT sighting_id FROM corrections WHERE sighting_id IS NOT NULL)" if narrowed.corrected else "",
        f"s.video_id IN (SELECT v.id FROM videos v WHERE true{of_videos})" if of_videos else "",
    ]
    return list(filter(None, wanted))


def _of_videos(narrowed: Narrowed) -> str:
    wanted = [
        " AND v.job_id = :job" if narrowed.job is not None else "",
        " AND v.finished_at >= :since" if narrowed.since is not None else "",
        " AND v.finished_at < :until" if narrowed.until is not None else "",
    ]
    return "".join(wanted)


def values_of(narrowed: Narrowed) -> dict[str, object]:
    """The parameters of `conditions`."""
    names = ("job", "country", "at_least", "at_most", "since", "until")
    return {name: getattr(narrowed, name) for name in names if getattr(narrowed, name) is not None}
