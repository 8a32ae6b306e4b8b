"""What the receiver was told of a job, under keys that do not depend on the run, and what is wrong with it.

A key is a message's type, the file, what was read in it, and the entry that it hits. Seconds, confidences and the like
stand behind it; numbers of rows are left out.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import PurePath
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from bench.chaos.compared.tables import Difference
from bench.chaos.disturbed.receiver import Heard
from bench.chaos.footage import STANDING
from db.states import DeliveryState

#: Natural key → event's id → what it said.
Told = Mapping[str, Mapping[str, str]]

_HIT, _SIGHTING = "hit.created", "sighting.created"
#: A job may be in these on its way, however it ends.
_ON_THE_WAY = ("job.paused", "job.running")
#: Of sightings and hits, what is the run's own.
_NUMBERS = frozenset({
    "id", "job", "video", "path", "crop", "frame", "recorded_at", "first_seen_at", "last_seen_at", "drive", "passing",
    "hit", "entry", "sighting",
})  # fmt: skip
_EVENTS = text(
    """
    SELECT 'evt_' || replace(e.uid::text, '-', '') AS uid, e.kind, d.state, d.problem
    FROM events e LEFT JOIN deliveries d ON d.event_id = e.id
    WHERE CASE WHEN CAST(:job AS bigint) IS NULL
        THEN e.hit_id IN (SELECT h.id FROM hits h JOIN watch_entries w ON w.id = h.entry_id WHERE w.label = :label)
        ELSE e.job_id = :job END
    """
)
_UNSEARCHABLE = text("SELECT count(*) FROM search_backlog")
_MISSED = text(
    """
    SELECT w.plate || ' at ' || s.id FROM watch_entries w JOIN sightings s ON plate_key(s.text) = w.key
    WHERE w.label = :label AND NOT EXISTS (SELECT FROM hits h WHERE h.entry_id = w.id AND h.sighting_id = s.id)
    """
)
_TIMES_OWED = text(
    """
    SELECT w.plate || ' at ' || h.sighting_id AS line, (SELECT count(*) FROM events e WHERE e.hit_id = h.id) AS times
    FROM hits h JOIN watch_entries w ON w.id = h.entry_id
    WHERE w.label = :label AND (h.existing OR alerting(h.video_id))
    """
)
_FORGET = text("DELETE FROM watch_entries WHERE label <> :standing")


def told(heard: Iterable[Heard]) -> Told:
    """Messages by their keys; what each said first."""
    found: dict[str, dict[str, str]] = {}
    for one in heard:
        if one.type != _HIT or one.data["label"] == STANDING:
            found.setdefault(_key(one), {}).setdefault(one.uid, _said(one))
    return found


def difference(expected: Told, found: Told, turns: int = 1) -> Difference:
    """Hold what was told of two jobs against each other.

    `turns` says how often the second was begun: submitted, resumed, done again. So often its states may be told, and
    those of its videos; sightings and hits once.
    """
    lost = [f"told: {key} is missing" for key in expected if key not in found]
    allowed = expected.keys() | (_ON_THE_WAY if turns > 1 else ())
    doubled = [f"told: {key} is too many" for key in found if key not in allowed]
    said = {key: set(messages.values()) for key, messages in expected.items()}
    changed = [
        f"told: {key} says {' and '.join(sorted(others))}"
        for key, messages in found.items()
        if key in said and (others := set(messages.values()) - said[key])
    ]
    return Difference(tuple(lost), tuple(doubled), tuple(changed)) + repeated(found, turns)


def repeated(found: Told, turns: int) -> Difference:
    """What was told under more ids than it may be."""
    more = [
        f"told: {key} has {len(messages)} ids"
        for key, messages in found.items()
        if len(messages) > (1 if _is_of_passing(key) else turns)
    ]
    return Difference(doubled=tuple(more))


def unasked(found: Told) -> Difference:
    """Sightings and hits that were told although their job did not ask for it."""
    return Difference(doubled=tuple(f"told: {key}, and nobody asked" for key in found if _is_of_passing(key)))


def readable(heard: Iterable[Heard], plates: Collection[str]) -> Difference:
    """Messages that show one of these plates in clear."""
    shown = [f"told: {_key(one)} shows {plate}" for one in heard for plate in plates if plate in one.body]
    return Difference(changed=tuple(shown))


def forged(heard: Iterable[Heard]) -> Difference:
    """Messages without the right signature, and ids that stand for two things."""
    wrong, keys = [], dict[str, str]()
    for one in heard:
        key = _key(one)
        if not one.signed:
            wrong.append(f"told: {key} is signed wrongly")
        if keys.setdefault(one.uid, key) != key:
            wrong.append(f"told: {key} has the id of {keys[one.uid]}")
    return Difference(changed=tuple(wrong))


def owed(db: Session, job_id: int, heard: Iterable[Heard]) -> Difference:
    """Events of a job that the receiver has not heard of."""
    return _unheard(db, {"job": job_id, "label": ""}, heard)


def watched_wrongly(db: Session, label: str, heard: Iterable[Heard]) -> Difference:
    """What is wrong with entries whose existing sightings are to be told, too: hits, events and messages."""
    values = {"label": label}
    lost = [f"hits: {line} is missing" for line in db.scalars(_MISSED, values)]
    times = db.execute(_TIMES_OWED, values).all()
    lost += [f"events: the hit of {row.line} is missing" for row in times if row.times == 0]
    doubled = [f"events: the hit of {row.line} is there {row.times} times" for row in times if row.times > 1]
    return Difference(tuple(lost), tuple(doubled)) + _unheard(db, {"job": None, "label": label}, heard)


def unsearchable(db: Session) -> Difference:
    """Sightings that nobody has held against the watch lists yet."""
    notes = db.scalar(_UNSEARCHABLE)
    return Difference(lost=(f"search_backlog: {notes} notes are left",) if notes else ())


def forget(db: Session) -> None:
    """Remove the entries of earlier schedules, with their hits."""
    db.execute(_FORGET, {"standing": STANDING})


def _unheard(db: Session, values: Mapping[str, object], heard: Iterable[Heard]) -> Difference:
    known = {one.uid for one in heard}
    rows = db.execute(_EVENTS, values).all()
    left = [
        f"deliveries: a {row.kind} is {row.state}, {row.problem or 'and nobody heard of it'}"
        for row in rows
        if row.uid not in known or row.state != DeliveryState.TOLD
    ]
    return Difference(lost=tuple(left))


def _is_of_passing(key: str) -> bool:
    return key.startswith((_SIGHTING, _HIT))


def _key(one: Heard) -> str:
    data = one.data
    if one.type.startswith("job."):
        return one.type
    if one.type.startswith("video."):
        return f"{one.type} {_file(data)}"
    seen = data.get("sighting", data)
    key = f"{one.type} {_file(seen)} {seen['read_as']}"
    return f"{key} {data['label']} {data['kind']} {data['wanted']}" if one.type == _HIT else key


def _file(data: Mapping[str, Any]) -> str:
    return PurePath(data["path"]).name


def _said(one: Heard) -> str:
    """What a sighting or hit says beside its key; states say no more than their key."""
    if one.type not in (_HIT, _SIGHTING):
        return ""
    both = {**one.data.get("sighting", {}), **one.data}
    return json.dumps({name: value for name, value in both.items() if name not in _NUMBERS}, sort_keys=True)
