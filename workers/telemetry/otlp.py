"""Records spans with the SDK of OpenTelemetry; imported only where traces are on."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from hashlib import blake2b

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from db.installation import identity
from workers.settings import settings

_PREFIX = "dashplate."
#: A collector that does not answer holds a process up for so long when it ends. The SDK alone would try for ten seconds
#: with each batch.
_LAST_WAIT_S = 2.0

_next: ContextVar[SpanContext | None] = ContextVar("dashplate_next_ids", default=None)


class _Ids(RandomIdGenerator):
    """Random ids, but for spans whose ids are known before."""

    def generate_trace_id(self) -> int:
        known = _next.get()
        return super().generate_trace_id() if known is None else known.trace_id

    def generate_span_id(self) -> int:
        known = _next.get()
        return super().generate_span_id() if known is None else known.span_id


class Recorder:
    """Records each span when it ends. Any thread may call."""

    def __init__(self) -> None:
        # What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say comes first.
        named = Resource.create().attributes
        known = str(named.get("service.name", "unknown_service")).startswith("unknown_service")
        role = settings().role
        about = {"service.name": f"dashplate-{role}" if role else "dashplate"} if known else {}
        self._provider = TracerProvider(id_generator=_Ids(), resource=Resource.create(about), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("dashplate")
        self._ending, self._sent = threading.Event(), threading.Event()
        # Begun now: an interpreter that ends starts no more threads.
        threading.Thread(target=self._send_the_rest, name="last spans", daemon=True).start()
        atexit.register(self.flush)

    def trace_id(self, url: str, video: int) -> str:
        return trace.format_trace_id(self._root(url, "video", video).trace_id)

    def step(
        self, name: str, url: str, video: int, begun_ns: int, attributes: Mapping[str, object], problem: str | None
    ) -> None:
        """A span below a video's root."""
        self._record(name, _below(self._root(url, "video", video)), begun_ns, attributes, problem=problem)

    def step_of_job(
        self, name: str, url: str, job: int, begun_ns: int, attributes: Mapping[str, object], problem: str | None
    ) -> None:
        """A span below a job's submission."""
        self._record(name, _below(self._root(url, "job", job)), begun_ns, attributes, problem=problem)

    def video(self, url: str, job: int, video: int, begun_ns: int, attributes: Mapping[str, object]) -> None:
        """The root of a video's trace."""
        links = [Link(self._root(url, "job", job))]
        self._record_root("video", self._root(url, "video", video), begun_ns, attributes, links)

    def job(
        self, url: str, job: int, begun_ns: int, attributes: Mapping[str, object], first: bool, caller: str | None
    ) -> None:
        """The submission of a job; what is submitted to it later is recorded below the first."""
        root, links = self._root(url, "job", job), []
        carrier = {"traceparent": caller} if caller else {}
        outside = TraceContextTextMapPropagator().extract(carrier, Context())
        if trace.get_current_span(outside).get_span_context().is_valid:
            call = self._record("POST /v1/jobs", outside, begun_ns, attributes, SpanKind.SERVER, links=[Link(root)])
            links = [Link(call)]
        if first:
            self._record_root("submit", root, begun_ns, attributes, links)
        else:
            self._record("submit", _below(root), begun_ns, attributes, links=links)

    def flush(self) -> None:
        """Send what waits, because the process ends; what a collector has not taken within some seconds is lost."""
        if not self._ending.is_set():
            self._ending.set()
            self._sent.wait(_LAST_WAIT_S)

    def _send_the_rest(self) -> None:
        self._ending.wait()
        self._provider.force_flush()
        self._sent.set()

    def _root(self, url: str, kind: str, number: int) -> SpanContext:
        digest = blake2b(f"{identity(url)} {kind} {number}".encode(), digest_size=24).digest()
        trace_id, span_id = int.from_bytes(digest[:16]), int.from_bytes(digest[16:])
        # As every other process decides it of the same trace.
        sampled = self._provider.sampler.should_sample(None, trace_id, kind).decision is Decision.RECORD_AND_SAMPLE
        flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
        return SpanContext(trace_id, span_id, is_remote=True, trace_flags=flags)

    def _record_root(
        self, name: str, root: SpanContext, begun_ns: int, attributes: Mapping[str, object], links: Sequence[Link]
    ) -> None:
        token = _next.set(root)
        try:
            self._record(name, Context(), begun_ns, attributes, links=links)
        finally:
            _next.reset(token)

    def _record(
        self, name: str, parent: Context, begun_ns: int, attributes: Mapping[str, object],
        kind: SpanKind = SpanKind.INTERNAL, *, links: Sequence[Link] = (), problem: str | None = None,
    ) -> SpanContext:  # fmt: skip
        said = {f"{_PREFIX}{key}": value for key, value in attributes.items() if isinstance(value, str | int | float)}
        span = self._tracer.start_span(name, parent, kind, said, links, start_time=begun_ns)
        if problem is not None:
            span.set_status(Status(StatusCode.ERROR, problem))
        span.end()
        return span.get_span_context()


def _below(parent: SpanContext) -> Context:
    return trace.set_span_in_context(NonRecordingSpan(parent), Context())
