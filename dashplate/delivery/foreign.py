"""Sightings and hits in the words of other programs: Plate Recognizer Stream, OpenALPR, Frigate."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import httpx

from dashplate.delivery.message import Message
from dashplate.delivery.told import Told
from pipeline.camera.clock.zones import in_zone


def stream(told: Told, target: str) -> dict[str, Any]:
    """As Plate Recognizer Stream posts it."""
    seen, moment = told.seen, told.moment
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
        "candidates": [{"score": round(share, 3), "plate": said.lower()} for said, share in told.texts],
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
            "timestamp_local": _local(told).isoformat(),
            "results": [result],
        },
    }


def _local(told: Told) -> dt.datetime:
    """When that was seen on the clock of the place: without an offset where its zone is not known.

    Of what nothing says when it was recorded, the moment at which it was processed, on the clock of this machine.
    """
    if told.seen["recorded_at"] is None:
        return told.moment.astimezone()
    return in_zone(told.moment, told.seen["clock_zone"])


def openalpr(told: Told) -> dict[str, Any]:
    """As OpenALPR's agent posts a vehicle that passed."""
    seen, moment = told.seen, told.moment
    begin = moment.timestamp() - (seen["best_s"] - seen["first_s"])
    end = moment.timestamp() + (seen["last_s"] - seen["best_s"])
    candidates = [
        {
            "plate": said,
            "confidence": round(100 * share, 4),
            "matches_template": int(rank == 0 and bool(seen["country"])),
        }
        for rank, (said, share) in enumerate(told.texts)
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
        # Of the camera; -1 is OpenALPR's word for a place that is not known.
        "gps_latitude": -1 if seen["lat"] is None else round(seen["lat"], 7),
        "gps_longitude": -1 if seen["lon"] is None else round(seen["lon"], 7),
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


def form(told: Told, about: dict[str, Any], jpeg: bytes | None) -> Message:
    """A form of `json` and `upload`; without a picture the body is `json=…` alone."""
    files = None if jpeg is None else {"upload": (about["hook"]["filename"], jpeg, "image/jpeg")}
    # Never sent: it is only built.
    request = httpx.Request("POST", "http://localhost", data={"json": json.dumps(about)}, files=files)
    return Message(told.uid, told.event.kind, request.read(), request.headers["Content-Type"])


def frigate(told: Told) -> dict[str, Any]:
    """As Frigate publishes a plate that it read, on `tracked_object_update`."""
    seen = told.seen
    return {
        "type": "lpr",
        "id": told.uid,
        "name": told.hit and told.hit["label"],
        "plate": seen["read_as"],
        "score": round(min(1.0, seen["confidence"]), 4),
        "camera": seen["job_name"],
        "timestamp": told.moment.timestamp(),
        "plate_box": [round(seen[corner]) for corner in ("x1", "y1", "x2", "y2")],
    }
