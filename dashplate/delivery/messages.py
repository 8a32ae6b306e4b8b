"""Events as they are sent: Dashplate's own JSON, sentences for people, and the words of other programs."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

from dashplate.delivery import foreign
from dashplate.delivery.message import Message
from dashplate.delivery.told import Told
from dashplate.service.documents import JobTold, SightingTold, VideoTold
from db.states import EndpointFormat

#: Standard Webhooks wants bodies below 20 kB.
_MOST_BYTES = 20_000
#: What a sighting loses first where it is larger.
_DISPENSABLE = ("characters", "alternatives")


def takes_picture(format: EndpointFormat) -> bool:
    """Whether an endpoint of that format is sent the frame too."""
    return format in (EndpointFormat.PLATERECOGNIZER, EndpointFormat.TEXT)


def message(told: Told, format: EndpointFormat, target: str, picture: bytes | None) -> Message:
    """What an endpoint of that format and address is sent; `picture` is the frame, JPEG, for those that take one."""
    match format:
        case EndpointFormat.DASHPLATE:
            return Message(told.uid, told.event.kind, _own(told))
        case EndpointFormat.PLATERECOGNIZER:
            return foreign.form(told, foreign.stream(told, target), picture)
        case EndpointFormat.OPENALPR:
            return Message(told.uid, told.event.kind, _json(foreign.openalpr(told)))
        case EndpointFormat.FRIGATE:
            return Message(told.uid, "tracked_object_update", _json(foreign.frigate(told)))
        case EndpointFormat.TEXT:
            title, sentence = _in_words(told)
            return Message(told.uid, told.event.kind, sentence.encode(), "text/plain", title, picture)


def _own(told: Told) -> bytes:
    event = told.event
    kind, about = _about(told)
    whole = {"type": kind, "timestamp": event.created_at.astimezone(dt.UTC).isoformat(), "data": about}
    body = _json(whole)
    for name in _DISPENSABLE:
        if len(body) >= _MOST_BYTES:
            about.get("sighting", about).pop(name, None)
            body = _json(whole)
    return body


def _about(told: Told) -> tuple[str, dict[str, Any]]:
    """The type of an event, and its data."""
    event = told.event
    if told.sighting is not None:
        seen = SightingTold.of(told.sighting).model_dump(mode="json")
        if told.hit is None:
            return "sighting.created", seen
        names = ("hit", "entry", "label", "colour", "wanted", "kind", "said", "winner", "share", "distance", "existing")
        return "hit.created", {**{name: told.hit[name] for name in names}, "sighting": seen}
    if told.job is not None:
        about = JobTold.of(told.job).model_dump(mode="json")
    else:
        about = VideoTold.of(told.video).model_dump(mode="json") if told.video else {"id": event.video_id}
    # As it was then; a redo may have begun since.
    return f"{event.kind}.{event.state}", {**about, "state": event.state}


def _in_words(told: Told) -> tuple[str, str]:
    """A title and a sentence for people."""
    if told.sighting is None:
        _, about = _about(told)
        name = Path(about.get("path") or "").name or about.get("name") or ""
        ended = f"{told.event.kind.capitalize()} {about.get('id') or about.get('job')} ({name}) is {told.event.state}"
        return f"{ended}.", about.get("problem") or f"{ended}."
    seen, hit = told.seen, told.hit
    where = f"in {Path(seen['video']).name} at {seen['best_s']:.1f} s, job {seen['job']} ({seen['job_name']})"
    read = f"{seen['shown']} was read {where}, {min(1.0, seen['confidence']):.0%} sure."
    if hit is None:
        return seen["read_as"], read
    why = "" if hit["winner"] else f" {hit['said']} is a runner-up, {min(1.0, hit['share']):.0%} sure."
    return f"{hit['label']}: {hit['wanted']}", f"{read}{why}"


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
