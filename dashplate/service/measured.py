"""Figures of the service itself, for Prometheus: calls by route and status, their time, photographs that wait."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from starlette.types import Scope

from dashplate.service.photographs.reader import PhotoReader

log = logging.getLogger(__name__)
#: Seconds: a look into the database takes some milliseconds, a photograph tenths of a second, a clip seconds.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
#: Of a call that came to no route: refused at the door, or to a path that there is not.
_NO_ROUTE = "none"
REQUESTS = "dashplate_http_requests_total"
SECONDS = "dashplate_http_request_seconds"
PHOTOGRAPHS = "dashplate_photographs"
MOST_PHOTOGRAPHS = "dashplate_photographs_limit"


class Calls:
    """Counts the calls of one service. Routes are templates: what was asked for stands in no figure."""

    def __init__(self, reader: PhotoReader) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._requests = Counter(REQUESTS, "Calls that were answered.", ("route", "status"), registry=self.registry)
        self._seconds = Histogram(
            SECONDS, "Time until the answer began.", ("route",), buckets=_BUCKETS, registry=self.registry
        )
        ProcessCollector(registry=self.registry)
        self.registry.register(_Photographs(reader))

    def begin(self) -> Call:
        """A call that has come in."""
        return Call(self._requests, self._seconds)


class Call:
    """One call, from when it came in until its answer begins."""

    def __init__(self, requests: Counter, seconds: Histogram) -> None:
        self._requests, self._seconds = requests, seconds
        self._begun = time.perf_counter()

    def answered(self, scope: Scope, status: int) -> None:
        """Count it; `scope` is the one that was routed."""
        route = _route(scope)
        self._requests.labels(route, str(status)).inc()
        seconds = time.perf_counter() - self._begun
        self._seconds.labels(route).observe(seconds)
        # Seen in JSON alone. No address: it may hold a plate.
        log.info("%s: %d", route, status, extra={"route": route, "status": status, "duration_s": round(seconds, 6)})


def text_of(registry: CollectorRegistry) -> Response:
    """All figures, as Prometheus reads them."""
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def _route(scope: Scope) -> str:
    """The method and the template of the route, such as `GET /v1/jobs/{job}`."""
    route, method = scope.get("route"), scope["method"]
    # A method that the route has not is a word of the caller's.
    if route is None or method not in (getattr(route, "methods", None) or ()):
        return _NO_ROUTE
    return f"{method} {route.path}"


class _Photographs(Collector):
    def __init__(self, reader: PhotoReader) -> None:
        self._reader = reader

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            PHOTOGRAPHS, "Photographs that wait to be read, those being read included.", self._reader.waiting
        )
        yield GaugeMetricFamily(MOST_PHOTOGRAPHS, "Photographs that may wait.", self._reader.longest_queue)
