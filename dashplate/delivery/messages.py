"""Events in the words of those who are told: Dashplate's own, Plate Recognizer Stream's webhook, OpenALPR's groups."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
from sqlalchemy import RowMapping, select, text
from sqlalchemy.orm import Session

from dashplate.delivery.webhook import Message
from dashplate.service.documents import JobTold, SightingTold, VideoTold
from db.findings import pages, queries
from db.models import Event
from db.states import EndpointFormat, EventKind

#: Standard Webhooks wants bodies below 20 kB.
_MOST_BYTES = 20_000
#: What a sighting loses first where it is larger.
_DISPENSABLE = ("characters", "alternatives")

_TIMES = text("SELECT recorded_at, finished_at FROM videos WHERE id = :video")
_HIT = text("SELECT * FROM watch_hits WHERE hit = :hit")


@dataclass(frozen=True, slots=True)
class Told:
    """An event with what is known of it now."""

    uid: str
    event: Event
    sighting: RowMapping | None = None
    hit: RowMapping | None = None
    #: When the frame that was read was recorded, as far as the file says.
    recorded_at: dt.datetime | None = None


def find(db: Session, event_id: int, uid: str) -> Told | None:
    """An event with its rows; None where what it is about is gone: purged, or not found again by a redo."""
    event = db.scalar(select(Event).where(Event.id == event_id))
    if event is None:
        return None
    if event.kind not in (EventKind.SIGHTING, EventKind.HIT):
        return Told(uid, event)
    hit = db.execute(_HIT, {"hit": event.hit_id}).mappings().one_or_none() if event.hit_id else None
    number = event.sighting_id if event.kind == EventKind.SIGHTING else hit and hit["sighting"]
    sighting = pages.sighting(db, number) if number else None
    if sighting is None:
        return None
    times = db.execute(_TIMES, {"video": sighting["video_id"]}).one()
    begun = times.recorded_at
    return Told(uid, event, sighting, hit, begun and begun + dt.timedelta(seconds=sighting["best_s"]))


def message(
    db: Session, told: Told, format: EndpointFormat, target: str, picture: Callable[[], bytes | None]
) -> Message:
    """What an endpoint of that format and address is sent; `picture` gives the frame, JPEG, for those that take one."""
    match format:
        case EndpointFormat.DASHPLATE:
            return Message(told.uid, _own(db, told))
        case EndpointFormat.PLATERECOGNIZER:
            return _form(told, _stream(told, target), picture())
        case EndpointFormat.OPENALPR:
            return Message(told.uid, _json(_openalpr(told)))


def _own(db: Session, told: Told) -> bytes:
    event = told.event
    kind, about = _about(db, told)
    whole = {"type": kind, "timestamp": event.created_at.astimezone(dt.UTC).isoformat(), "data": about}
    body = _json(whole)
    for name in _DISPENSABLE:
        if len(body) >= _MOST_BYTES:
            about.get("sighting", about).pop(name, None)
            body = _json(whole)
    return body


def _about(db: Session, told: Told) -> tuple[str, dict[str, Any]]:
    """The type of an event, and its data."""
    event = told.event
    if told.sighting is not None:
        seen = SightingTold.of(told.sighting).model_dump(mode="json")
        seen["recorded_at"] = told.recorded_at and told.recorded_at.astimezone(dt.UTC).isoformat()
        if told.hit is None:
            return "sighting.created", seen
        names = ("hit", "entry", "label", "colour", "wanted", "kind", "said", "winner", "share", "distance", "existing")
        return "hit.created", {**{name: told.hit[name] for name in names}, "sighting": seen}
    if event.kind == EventKind.VIDEO:
        row = pages.video(db, event.video_id or 0)
        about = VideoTold.of(row).model_dump(mode="json") if row else {"id": event.video_id}
    else:
        row = queries.jobs(db, event.job_id, 1)[0]
        about = JobTold.of(row).model_dump(mode="json")
    # As it was then; a redo may have begun since.
    return f"{event.kind}.{event.state}", {**about, "state": event.state}


def _stream(told: Told, target: str) -> dict[str, Any]:
    """As Plate Recognizer Stream posts it."""
    seen, moment = _seen(told), _moment(told)
    camera = seen["job_name"]
    at = moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
    filename = f"{seen['sighting']}.jpg"
    box = dict(zip(("xmin", "ymin", "xmax", "ymax"), (round(seen[c]) for c in ("x1", "y1", "x2", "y2")), strict=True))
    result = {
        "box": box,
        "plate": seen["read_as"].lower(),
        "score": round(min(1.0, seen["confidence"]), 3),
        # A sighting has no confidence of its boxes; those that it was read from were sure enough to be read.
        "dscore": round(min(1.0, seen["confidence"]), 3),
        "region": {"code": (seen["country"] or "").lower(), "score": 1.0 if seen["country"] else 0.0},
        "candidates": [{"score": round(share, 3), "plate": said.lower()} for said, share in _texts(seen)],
        "vehicle": {"score": 0.0, "type": "Unknown", "box": box},
        "direction": None,
        "source_url": seen["video"],
        "position_sec": round(seen["best_s"], 2),
    }
    return {
        "hook": {"target": target, "id": camera, "event": "recognition", "filename": filename},
        "data": {
            "camera_id": camera,
            "filename": filename,
            "timestamp": at,
            "timestamp_local": moment.astimezone().isoformat(),
            "results": [result],
        },
    }


def _openalpr(told: Told) -> dict[str, Any]:
    """As OpenALPR's agent posts a vehicle that passed."""
    seen, moment = _seen(told), _moment(told)
    begin = moment.timestamp() - (seen["best_s"] - seen["first_s"])
    end = moment.timestamp() + (seen["last_s"] - seen["best_s"])
    candidates = [
        {
            "plate": said,
            "confidence": round(100 * share, 4),
            "matches_template": int(rank == 0 and bool(seen["country"])),
        }
        for rank, (said, share) in enumerate(_texts(seen))
    ]
    uid = f"{told.uid}-{seen['sighting']}"
    x1, y1, x2, y2 = (round(seen[corner]) for corner in ("x1", "y1", "x2", "y2"))
    corners = [{"x": x, "y": y} for x, y in ((x1, y1), (x2, y1), (x2, y2), (x1, y2))]
    region = (seen["country"] or "").lower()
    best = {
        **candidates[0], "region": region, "region_confidence": 0, "coordinates": corners, "candidates": candidates,
        "requested_topn": len(candidates), "plate_index": 0,
    }  # fmt: skip
    return {
        "data_type": "alpr_group",
        "version": 2,
        "epoch_start": round(1000 * begin),
        "epoch_end": round(1000 * end),
        "frame_start": seen["first_pts"],
        "frame_end": seen["last_pts"],
        "agent_uid": "dashplate",
        "camera_id": seen["job"],
        "camera_name": seen["job_name"],
        "gps_latitude": -1,
        "gps_longitude": -1,
        "country": region,
        "uuids": [uid],
        "candidates": candidates,
        "best_plate": best,
        "best_plate_number": candidates[0]["plate"],
        "best_confidence": candidates[0]["confidence"],
        "best_region": region,
        "best_region_confidence": 0,
        "best_uuid": uid,
        "is_parked": False,
        "travel_direction": 0.0,
        "matches_template": bool(seen["country"]),
    }


def _form(told: Told, about: dict[str, Any], jpeg: bytes | None) -> Message:
    """A form of `json` and `upload`; without a picture the body is `json=…` alone."""
    files = None if jpeg is None else {"upload": (about["hook"]["filename"], jpeg, "image/jpeg")}
    # Never sent: it is only built.
    request = httpx.Request("POST", "http://localhost", data={"json": json.dumps(about)}, files=files)
    return Message(told.uid, request.read(), request.headers["Content-Type"])


def _seen(told: Told) -> RowMapping:
    assert told.sighting is not None
    return told.sighting


def _moment(told: Told) -> dt.datetime:
    """When it was seen; where nothing says when that was, when it was found."""
    return told.recorded_at or _seen(told)["processed_at"] or told.event.created_at


def _texts(seen: RowMapping) -> list[tuple[str, float]]:
    others = [(other["text"], min(1.0, other["confidence"])) for other in seen["alternatives"]]
    return [(seen["read_as"], min(1.0, seen["confidence"])), *others]


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
