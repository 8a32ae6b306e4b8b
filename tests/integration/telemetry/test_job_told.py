"""What a job leaves in logs and traces: two videos, from submit to sighting, through service, workers and sender."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text

from dashplate.delivery.receivers import wanted_events
from dashplate.supervisor import Command, Supervisor
from db.access.scopes import Scope
from db.engine import session
from db.states import EndpointFormat
from db.telling import endpoints
from tests.conftest import ROOT
from tests.support.jobs_over_http import PLATES, SEGMENTS, card, events, submitted
from tests.support.processes import wait_until
from tests.support.scripted_server import Answer, serving
from tests.support.service import Serve
from tests.support.trace_collector import TraceCollector, said
from tests.support.webhook_receiver import Receiver

#: Whoever calls the service has a trace of their own.
CALLER_TRACE, CALLER_SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PASSWORD = "collectors-password"
VIDEOS = 2


@dataclass(frozen=True)
class Told:
    """What one job left behind."""

    job: int
    videos: list[int]
    plates: set[str]
    collector: TraceCollector
    #: Lines by program.
    logs: dict[str, list[str]]


@pytest.fixture
def told(database_url: str, redis_url: str, serve: Serve) -> Iterator[Told]:
    collector, receiver = TraceCollector(), Receiver()
    with ExitStack() as held:
        held.enter_context(serving(collector))
        held.enter_context(serving(receiver))
        address = collector.url.replace("://", f"://dashplate:{PASSWORD}@")
        served = serve(
            DASHPLATE_LOG_FORMAT="json", OTEL_EXPORTER_OTLP_ENDPOINT=address, OTEL_BSP_SCHEDULE_DELAY="200",
            DASHPLATE_PRIVATE_HOSTS="127.0.0.1", DASHPLATE_SWEEP_EVERY_S="0.5",
        )  # fmt: skip
        with session(served.database_url) as db:
            kinds = wanted_events(EndpointFormat.DASHPLATE, ())
            endpoints.add(db, "gate", f"{receiver.url}/hook", EndpointFormat.DASHPLATE, kinds)
        receiver.answers.extend(Answer(204, b"") for _ in range(100))
        folder = Path(served.env["DASHPLATE_DATA_DIR"])
        programs = {role: ("worker", role) for role in ("control", "detect", "read")} | {"sender": ("sender",)}
        commands = [
            Command(name, (sys.executable, "-m", "dashplate", *words), served.env, ROOT)
            for name, words in programs.items()
        ]
        with Supervisor(folder) as processes:
            processes.start(commands)
            with served.client(Scope.SUBMIT, Scope.SEARCH) as client:
                client.headers["traceparent"] = f"00-{CALLER_TRACE}-{CALLER_SPAN}-01"
                job = submitted(client, card(served, files=VIDEOS), alerts="all")
                events(client, job)
                shown = client.get(f"/v1/jobs/{job}/sightings").json()["items"]
                client.get("/v1/plates", params={"text": shown[0]["plate"]})
            wait_until("what is owed to be told", lambda: _all_told(served.database_url), every_s=0.2)
        with session(served.database_url) as db:
            videos = list(db.scalars(text("SELECT id FROM videos WHERE job_id = :job ORDER BY id"), {"job": job}))
        wait_until("the service's spans", lambda: collector.named("submit"), every_s=0.1)
        files = {name: folder / "logs" / f"{name}.log" for name in programs} | {"service": folder.parent / "serve.log"}
        lines = {name: file.read_text().splitlines() for name, file in files.items()}
        yield Told(job, videos, {one["plate"] for one in shown}, collector, lines)


def _all_told(url: str) -> bool:
    with session(url) as db:
        states = set(db.scalars(text("SELECT state FROM deliveries")))
    return states == {"told"}


def test_a_job_is_told_in_logs_and_traces(told: Told) -> None:
    assert len(told.plates) >= PLATES
    _check_traces(told)
    _check_logs(told)


def _check_traces(told: Told) -> None:
    collector = told.collector
    (submit,), (call,) = collector.named("submit"), collector.named("POST /v1/jobs")
    assert (call.trace_id.hex(), call.parent_span_id.hex()) == (CALLER_TRACE, CALLER_SPAN)
    assert [link.span_id for link in submit.links] == [call.span_id]
    assert [link.span_id for link in call.links] == [submit.span_id]
    assert said(submit) == {"job": told.job, "files": VIDEOS}

    roots = {said(root)["video"]: root for root in collector.named("video")}
    assert sorted(roots) == told.videos
    for video, root in roots.items():
        assert not root.parent_span_id
        assert [(link.trace_id, link.span_id) for link in root.links] == [(submit.trace_id, submit.span_id)]
        below = [span for span in collector.spans if span.trace_id == root.trace_id and span is not root]
        assert {span.parent_span_id for span in below} == {root.span_id}
        names = [span.name for span in below]
        counts = {name: names.count(name) for name in ("probe", "detect", "read", "aggregate")}
        assert counts == {"probe": 1, "detect": SEGMENTS, "read": SEGMENTS, "aggregate": 1}
        assert names.count("tell") >= 1
        steps = [span for span in below if span.name != "tell"]
        assert {said(span)["video"] for span in steps} == {video}
        assert len({said(span)["segment"] for span in steps if span.name == "read"}) == SEGMENTS
        ends = {span.name: span.end_time_unix_nano for span in sorted(below, key=lambda one: one.end_time_unix_nano)}
        assert ends["probe"] < ends["read"] < ends["aggregate"] <= ends["tell"]
        assert root.start_time_unix_nano < min(span.start_time_unix_nano for span in steps)
    assert len({root.trace_id for root in roots.values()}) == VIDEOS
    assert collector.services == {"dashplate", "dashplate-control", "dashplate-detect", "dashplate-read"}
    sent = b"".join(collector.bodies)
    assert not [plate for plate in told.plates if plate.encode() in sent]
    assert b".mp4" not in sent


def _check_logs(told: Told) -> None:
    every = [line for lines in told.logs.values() for line in lines]
    parsed = {name: [json.loads(line) for line in lines] for name, lines in told.logs.items()}
    for name, lines in parsed.items():
        assert lines, f"{name} says nothing"
        for line in lines:
            assert {"time", "level", "logger", "message", "role", "pid"} <= line.keys()
            assert line["time"].endswith("+00:00")
        assert name in {line["role"] for line in lines}
    ended = [line for line in parsed["read"] if "succeeded" in line["message"]]
    assert {line["job"] for line in ended} == {told.job}
    assert {line["video"] for line in ended if "video" in line} <= set(told.videos)
    assert {line["task"] for line in ended} == {"read"}
    alone = [line for line in parsed["control"] if "succeeded" in line["message"] and line["task"] == "probe"]
    assert {(line["job"], line["video"]) for line in alone} == {(told.job, video) for video in told.videos}
    roots = {root.trace_id.hex() for root in told.collector.named("video")}
    assert {line["trace_id"] for line in alone} == roots

    access = [line for line in parsed["service"] if "route" in line]
    assert {"route", "status", "duration_s", "request_id"} <= access[0].keys()
    assert ("POST /v1/jobs", 201) in {(line["route"], line["status"]) for line in access}
    assert len({line["request_id"] for line in access}) == len(access)

    assert not [line for line in every if PASSWORD in line or "signing key" in line]
    assert not [line for line in every if any(plate in line for plate in told.plates)]
