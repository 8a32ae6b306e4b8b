"""The plans of the statements that run again and again, on whatever fleet is in the database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from db.engine import engine_for
from db.findings.stage_results import tracklets_json
from db.queue import scheduler, segment_statements, unreachable
from db.states import SegmentState
from pipeline.records import Box, Observation, Tracklet

#: Tables that grow with the fleet; a plan that reads one of them from end to end grows with it.
GROWING = ("segments", "videos", "tracklets", "crops", "readings", "sightings", "outbox")


#: A table of fewer rows is read from end to end because that is quickest.
_SMALL = 1_000
#: What a segment goes through before a statement applies to it.
_UP_TO = {
    "begin detecting": ("queued",),
    "begin reading": ("queued", "detecting", "detected"),
    "renew its lease": ("queued", "detecting"),
    "end its detection": ("queued", "detecting"),
    "end it without a plate": ("queued", "detecting"),
    "end its reading": ("queued", "detecting", "detected", "reading"),
}
_TRACKLET = Tracklet(0, (Observation(0, 0.0, Box(0, 0, 100, 30), 1.0),), ())
_MOVE = text("UPDATE segments SET state = :state WHERE id = :id")


@dataclass(frozen=True, slots=True)
class Plan:
    """How PostgreSQL carries a statement out."""

    name: str
    #: Milliseconds, planning left out.
    ms: float
    #: Rows of growing tables that were looked at, those filtered out included.
    rows: int
    #: Growing tables that are read from end to end, and are not small.
    scanned: tuple[str, ...]
    #: Indexes that are used.
    indexes: tuple[str, ...]

    def __str__(self) -> str:
        whole = f"  READS ALL OF {', '.join(self.scanned)}" if self.scanned else ""
        return f"{self.name:<34}{self.ms:>8.2f} ms {self.rows:>7} rows  {', '.join(self.indexes)}{whole}"


def plans(url: str, job_id: int) -> list[Plan]:
    """Explain each statement as it is run for that job; what they change is rolled back."""
    found = []
    segment = _any_segment(url, job_id)
    for name, statement, values in _statements(job_id, segment):
        with engine_for(url).connect() as connection, connection.begin() as transaction:
            for state in _UP_TO.get(name, ()):
                connection.execute(_MOVE, {"id": segment["id"], "state": state})
            found.append(_explained(connection, name, statement, values))
            transaction.rollback()
    return found


def _statements(job_id: int, segment: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    of_segment = {"segment": segment["id"], "attempt": segment["attempt"]}
    shares = {**scheduler.SHARES, "window": 32, "least_depth": 4, "express_every_s": scheduler.EXPRESS_EVERY_S}
    yield "whose turn: segments", scheduler.SQL["due_segments"].text, shares
    yield "whose turn: video tasks", scheduler.SQL["due_video_tasks"].text, {**scheduler.SHARES, "window": 8}
    yield "who has had how much", scheduler.SQL["charge_segments"].text, {"jobs": [job_id], "turns": [1.0]}
    for step, before in ((SegmentState.DETECTING, SegmentState.QUEUED), (SegmentState.READING, SegmentState.DETECTED)):
        begin = {"before": before, "step": step, "worker": "plan", "lease_s": 20.0}
        yield f"begin {step}", segment_statements.BEGIN[step].text, {**of_segment, **begin}
    yield "renew its lease", segment_statements.RENEW.text, {**of_segment, "lease_s": 20.0}
    seen = {"frames_looked": 1, "damage": None}
    found = {"tracklets": json.dumps(tracklets_json([_TRACKLET], {})), "provisional": False}
    yield "end its detection", segment_statements.DETECTED.text, {**of_segment, **seen, **found}
    yield "end it without a plate", segment_statements.NOTHING_TO_READ.text, {**of_segment, **seen}
    yield "end its reading", segment_statements.FINISHED.text, {**of_segment, "readings": "[]"}
    yield (
        "lost workers",
        "SELECT id, attempt FROM segments WHERE state IN ('detecting', 'reading') AND lease_until < now()"
        " ORDER BY id LIMIT 500 FOR UPDATE SKIP LOCKED",
        {},
    )
    yield (
        "lost messages",
        "SELECT id FROM segments WHERE state = 'queued' AND moved_at < now() - interval '10 seconds' LIMIT 500",
        {},
    )
    yield "what is parked goes on", unreachable.UNPARK.text, {"most": 5000}
    yield "another one looks", unreachable.NEXT_CANARY.text, {}
    yield "lost steps", "SELECT id FROM outbox WHERE sent_at IS NOT NULL AND lease_until < now()", {}
    yield "steps that keep failing", "SELECT id FROM outbox WHERE failures > 0 AND failures >= 5 LIMIT 500", {}
    yield "a job's pace", "SELECT pace FROM job_pace WHERE job = :job", {"job": job_id}
    progress = "SELECT segments, segments_done, footage_done_s, segments_delayed FROM job_progress WHERE job = :job"
    yield "a job's progress", progress, {"job": job_id}
    done = "SELECT id FROM jobs WHERE id = :job AND finished_at IS NULL AND videos = videos_ended"
    yield "is the job done?", done, {"job": job_id}


def _any_segment(url: str, job_id: int) -> dict[str, Any]:
    query = "SELECT id, attempt, video_id FROM segments WHERE job_id = :job AND state = 'pending' LIMIT 1"
    with Session(engine_for(url)) as db:
        row = db.execute(text(query), {"job": job_id}).mappings().first()
    return dict(row) if row else {"id": 0, "attempt": 0, "video_id": 0}


def _explained(connection: Connection, name: str, statement: str, values: dict[str, Any]) -> Plan:
    explain = text(f"EXPLAIN (ANALYZE, FORMAT JSON, TIMING OFF) {statement}")
    (tree,) = connection.execute(explain, values).scalar_one()
    nodes = list(_nodes(tree["Plan"]))
    looked_at = [(node, _rows(node)) for node in nodes if node.get("Relation Name") in GROWING]
    whole = {node["Relation Name"] for node, rows in looked_at if node["Node Type"] == "Seq Scan" and rows > _SMALL}
    return Plan(
        name=name,
        ms=tree["Execution Time"],
        rows=sum(rows for _, rows in looked_at),
        scanned=tuple(sorted(whole)),
        indexes=tuple(sorted({node["Index Name"] for node in nodes if "Index Name" in node})),
    )


def _rows(node: dict[str, Any]) -> int:
    """Those filtered out included."""
    return int(node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)))


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)
