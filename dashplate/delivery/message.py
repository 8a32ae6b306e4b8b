"""What is sent of an event, and what comes back, whatever carries it."""

from __future__ import annotations

from dataclasses import dataclass

#: Whoever is told is given so long to answer.
ANSWER_S = 20.0


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent of an event."""

    #: The same over all tries.
    uid: str
    #: sighting, hit, video or job.
    kind: str
    body: bytes
    content_type: str = "application/json"
    #: In words, for people: a title, and a JPEG where there is one.
    title: str = ""
    picture: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `problem` is None where it was taken."""

    problem: str | None = None
    status: int | None = None
    #: The receiver wants nothing any more.
    gone: bool = False
    #: It asked to be left alone for so many seconds.
    wait_s: float = 0.0
    #: Another try would only tell it twice.
    final: bool = False
