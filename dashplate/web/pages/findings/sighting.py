"""One sighting: what was read and how surely, from which pictures, where and when; and what a person makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import Request
from fastapi.responses import Response
from sqlalchemy import RowMapping

from dashplate.service.access import note, require, url_of
from dashplate.service.documents import SightingTold
from dashplate.service.errors import Refused
from dashplate.service.jobs import Number
from dashplate.web.mapped import mark, places_shown
from dashplate.web.page import pages_for, render
from db.access.scopes import Principal, Scope
from db.engine import session
from db.findings import evidence
from db.findings.evidence import SightingKept
from db.models import PlaceRow
from db.web.findings import sighting as of_sighting
from db.web.where import drives
from db.where.places import places as named_places
from pipeline.formats.confusions import folded

router = pages_for(Scope.SEARCH)


@router.get("/sightings/{sighting}")
def show(request: Request, caller: Annotated[Principal, require(Scope.SEARCH)], sighting: Number) -> Response:
    """The page."""
    with session(url_of(request)) as db:
        kept, row = evidence.kept(db, sighting), of_sighting.about(db, sighting)
        note(db, request, caller, "sighting", f"sighting {sighting}", int(row is not None))
        if kept is None or row is None:
            raise Refused(404, f"There is no sighting {sighting}. A video that is done again has new ones.")
        hits = of_sighting.hits(db, row["video_id"], sighting)
        others = drives.beside(db, sighting)
        places = named_places(db) if row["lat"] is not None else []
    said = row["corrected"] or row["plate"]
    return render(
        request, caller, "sighting/page.html", row=row, hashed=kept.options.hashed, kept=kept.row, hits=hits,
        told=SightingTold.of(row), pictures=_pictures(kept, row["crop"]), said=said,
        others=others, has_map=row["lat"] is not None, shown=_shown(row, said, places),
        exact=row["frame_pts"] == row["best_pts"], same=folded(row["read_as"]) == folded(row["plate"]),
    )  # fmt: skip


def _shown(row: RowMapping, said: str, places: Sequence[PlaceRow]) -> dict[str, Any] | None:
    """What its map shows; None where nobody knows where it was."""
    if row["lat"] is None:
        return None
    here = mark(row, said, address=False, round_it=True)
    return {"track": [], "doubted": [], "marks": [here], "places": places_shown(places)}


def _pictures(kept: SightingKept, best: str | None) -> list[Mapping[str, Any]]:
    """The crops that were read, each with its time, and what its tracklet was read as."""
    return (
        []
        if best is None
        else [
            {
                "id": crop["id"],
                "time_s": crop["observation"]["time_s"],
                "best": crop["name"] == best,
                "text": tracklet.row["text"],
            }
            for tracklet in kept.tracklets
            for crop in tracklet.crops
        ]
    )
