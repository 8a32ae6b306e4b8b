"""A collector of traces: takes what is sent by OTLP over HTTP, and keeps the spans."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.scripted_server import Answer, Asked, ScriptedServer


@dataclass
class TraceCollector(ScriptedServer):
    """Keeps each span that comes, in the order in which they come."""

    spans: list[Span] = field(default_factory=list)
    #: What came, as bytes.
    bodies: list[bytes] = field(default_factory=list)
    services: set[str] = field(default_factory=set)

    def answer(self, asked: Asked) -> Answer:
        if asked.path != "/v1/traces":
            return Answer(404)
        body = gzip.decompress(asked.body) if asked.headers.get("content-encoding") == "gzip" else asked.body
        self.bodies.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            named = {one.key: one.value.string_value for one in resource.resource.attributes}
            self.services.add(named["service.name"])
            for scope in resource.scope_spans:
                self.spans.extend(scope.spans)
        return Answer(200, b"", {"Content-Type": "application/x-protobuf"})

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]


def said(span: Span) -> Mapping[str, object]:
    """The attributes, without what all names begin with."""
    return {
        one.key.removeprefix("dashplate."): getattr(one.value, str(one.value.WhichOneof("value")))
        for one in span.attributes
    }
