"""A job's events as they come in: server-sent events, taken up again where a connection was lost."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from dashplate.client.connection import Connection, Patience, ServiceError
from dashplate.client.paging import paged
from dashplate.service.documents import JobTold, Page, SightingTold

#: How far a job is, where it changed; a sighting that came in.
News: TypeAlias = JobTold | SightingTold
_NUMBER = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event (HTML standard, 9.2)."""

    kind: str
    data: bytes
    #: None where the event has no id of its own.
    id: str | None


@dataclass(slots=True)
class Follower:
    """Follows one job over as many connections as it takes."""

    connection: Connection
    job: int
    _last_id: str | None = None
    #: Some sightings are sent once more after a break.
    _seen: set[int] = field(default_factory=set)
    _breaks: int = 0
    _ended: bool = False

    def news(self) -> Iterator[News]:
        """Progress and sightings, each sighting once, until the job has ended. Raises ServiceError."""
        patience = Patience()
        while True:
            try:
                for told in self._one_connection():
                    patience.succeeded()
                    yield told
            except ServiceError as error:
                patience.wait(error)
                self._breaks += 1
                continue
            if self._ended:
                yield from self._missed()
                return
            self._breaks += 1
            # A proxy's limit, or the service's own: nobody follows for ever.
            patience.wait(ServiceError(f"The service ended its events of job {self.job} before the job had ended."))

    def _one_connection(self) -> Iterator[News]:
        headers = {} if self._last_id is None else {"Last-Event-ID": self._last_id}
        with self.connection.stream("GET", f"/v1/jobs/{self.job}/events", headers=headers) as answer:
            for event in parsed(answer.iter_bytes()):
                if event.id is not None and _NUMBER.fullmatch(event.id):
                    self._last_id = event.id
                match event.kind:
                    case "progress":
                        yield self.connection.as_kind(JobTold, event.data)
                    case "sighting":
                        told = self.connection.as_kind(SightingTold, event.data)
                        yield from self._new(told)
                    case "end":
                        self._ended = True
                        return

    def _new(self, told: SightingTold) -> Iterator[News]:
        if told.id not in self._seen:
            self._seen.add(told.id)
            yield told

    def _missed(self) -> Iterator[News]:
        """Sightings that came in during a break, long after others with higher numbers: no stream takes those up."""
        if self._breaks:
            for told in paged(self.connection, f"/v1/jobs/{self.job}/sightings", Page[SightingTold]):
                yield from self._new(told)


def parsed(pieces: Iterable[bytes]) -> Iterator[Event]:
    """The whole events of a stream, its pieces cut anywhere; one that breaks off is left out.

    Lines end with LF or CRLF alone: text may hold other characters that Python's own `splitlines` takes for line ends.
    """
    kind, number = "", None
    data: list[bytes] = []
    for line in _lines(pieces):
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if not line:
            if data:
                yield Event(kind, b"\n".join(data), number)
            kind, number, data = "", None, []
        elif name == b"event":
            kind = value.decode(errors="replace")
        elif name == b"data":
            data.append(value)
        elif name == b"id":
            number = value.decode(errors="replace")


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line.removesuffix(b"\r") for line in whole)
