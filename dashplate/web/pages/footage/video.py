"""The page of a video: the original with the boxes of its plates, and every sighting at its time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from dashplate.footage.clips import NoClip, NoVideo, media_type, original_of
from dashplate.service.access import note, require, url_of
from dashplate.service.errors import Refused
from dashplate.service.jobs import Number
from dashplate.web.mapped import mark, places_shown, said, track_shown
from dashplate.web.page import pages_for, render
from dashplate.web.pictures import picture
from dashplate.web.shown import clock
from db.access.scopes import Principal, Scope
from db.engine import session
from db.findings import pages
from db.findings.footage import passings
from db.states import VideoState
from db.web.footage import video
from db.where.places import places as named_places
from db.where.tracks import track_of
from output.marks import Mark
from pipeline.records import MediaKind, Observation

router = pages_for(Scope.SEARCH)
Caller = Annotated[Principal, require(Scope.SEARCH)]
After = Annotated[int, Query(ge=0, le=2**63 - 1)]
Second = Annotated[float, Query(ge=-1, le=1e6, allow_inf_nan=False)]

#: Sightings of a list that come at a time, and that a timeline has pictures of.
_A_LIST, _PICTURED = 40, 400
#: Boxes are asked for so many seconds of a video at a time, at most.
_MOST_BOXES_S = 120.0


@router.get("/videos/{number}")
def show(request: Request, caller: Caller, number: Number) -> Response:
    """The page."""
    with session(url_of(request)) as db:
        found = _known(db, number)
        rows = video.sightings(db, number, -1.0, 0, _A_LIST)
        note(db, request, caller, "video", f"video {number}", found["sightings"])
        return render(
            request, caller, "video/page.html",
            video=found, file=_file(db, found), rows=rows, following=_following(number, rows),
            given_up=video.given_up(db, number), ended=VideoState(found["state"]).ended,
            has_map=bool(found["track_fixes"]),
        )  # fmt: skip


@router.get("/videos/{number}/state")
def state(request: Request, caller: Caller, number: Number) -> Response:
    """How far it is; asked for again and again until it has ended, which shows the page anew."""
    with session(url_of(request)) as db:
        found = _known(db, number)
    answer = render(request, caller, "video/state.html", video=found)
    if VideoState(found["state"]).ended:
        answer.headers["HX-Refresh"] = "true"
    return answer


@router.get("/videos/{number}/sightings")
def sightings(request: Request, caller: Caller, number: Number, after_s: Second, after: After) -> Response:
    """More of the list, past a sighting."""
    with session(url_of(request)) as db:
        found = _known(db, number)
        rows = video.sightings(db, number, after_s, after, _A_LIST)
        note(db, request, caller, "video", f"video {number} from second {max(0.0, after_s):.1f}", len(rows))
        return render(
            request, caller, "video/sightings.html", video=found, rows=rows, following=_following(number, rows)
        )


@router.get("/videos/{number}/timeline")
def timeline(request: Request, caller: Caller, number: Number) -> JSONResponse:
    """Number, second and, of as many as can be looked at together, picture of each sighting, by time."""
    with session(url_of(request)) as db:
        found = _known(db, number)
        marks = video.marks(db, number)
        note(db, request, caller, "video", f"video {number}", len(marks))
    step = max(1, -(-len(marks) // _PICTURED))
    has_pictures = not found["hashed"]
    told = [
        [one, round(at_s, 3), picture(request, one, "crop") if has_pictures and place % step == 0 else None]
        for place, (one, at_s) in enumerate(marks)
    ]
    return JSONResponse({"sightings": told})


@router.get("/videos/{number}/track")
def track(request: Request, caller: Caller, number: Number) -> JSONResponse:
    """What the map beside the player shows: where the camera was, and where the sightings."""
    with session(url_of(request)) as db:
        _known(db, number)
        shown, rows, places = track_shown(track_of(db, number)), video.located(db, number), named_places(db)
        note(db, request, caller, "track", f"video {number}", len(rows))
    marks = [{**mark(row, f"{said(row)}, {clock(row['best_s'])}", address=False), "at": row["best_s"]} for row in rows]
    return JSONResponse({**shown, "marks": marks, "places": places_shown(places)})


@router.get("/videos/{number}/boxes")
def boxes(request: Request, caller: Caller, number: Number, since: Second = 0.0, until: Second = 60.0) -> JSONResponse:
    """Where the plates are between two seconds: of each sighting stretches of `[second, x1, y1, x2, y2]`.

    Between two of these the plate goes on as `output.marks` says; between two stretches it is out of sight.
    """
    if not 0 < until - since <= _MOST_BOXES_S:
        raise Refused(422, f"`until` is after `since`, and by {_MOST_BOXES_S:.0f} s at most.")
    with session(url_of(request)) as db:
        found = _known(db, number)
        seen = [] if found["hashed"] else passings(db, number, since, until)
        said = {row["sighting"]: row for row in pages.sightings_of(db, [one.sighting for one in seen])}
        note(db, request, caller, "boxes", f"video {number} from second {since:.1f}", len(seen))
    told = [
        {
            "id": one.sighting,
            "plate": said[one.sighting]["corrected"] or one.plate,
            "sure": one.confirmed,
            "stretches": [
                [_corners(seen) for seen in stretch]
                for stretch in Mark.of(one.plate, one.confirmed, [path.seen for path in one.tracklets]).stretches
            ],
        }
        for one in seen
        if one.sighting in said and said[one.sighting]["corrected"] != ""
    ]
    return JSONResponse({"since": since, "until": until, "width": found["width"], "sightings": told})


def _corners(seen: Observation) -> list[float]:
    return [round(seen.time_s, 4), *(round(side, 1) for side in seen.box.as_tuple())]


def _known(db: Session, number: int) -> RowMapping:
    found = video.video(db, number)
    if found is None:
        raise Refused(404, f"There is no video {number}.")
    return found


def _file(db: Session, found: RowMapping) -> dict[str, Any]:
    """How the file is shown: `kind` is whole, pieces, picture or none; else the `sentence` that says why not."""
    if found["purged_at"] is not None:
        return {"kind": "none", "sentence": None}
    try:
        media = original_of(db, found["id"]).media
    except (NoClip, NoVideo) as problem:
        return {"kind": "none", "sentence": str(problem)}
    played = media_type(media) is not None
    if media.kind is MediaKind.PHOTO:
        return {"kind": "picture" if played else "none", "sentence": None}
    return {"kind": "whole" if played else "pieces", "sentence": None}


def _following(number: int, rows: Sequence[RowMapping]) -> str | None:
    """The address of what comes after these; None where they may be all."""
    if len(rows) < _A_LIST:
        return None
    asked = urlencode({"after_s": rows[-1]["best_s"], "after": rows[-1]["sighting"]})
    return f"/videos/{number}/sightings?{asked}"
