"""States of jobs, videos and segments, and the one table of who may move what where, which PostgreSQL enforces.

A trigger refuses every change of state that is not in `MOVES`, whoever tries it. The table `moves` in the database
holds the same lines; a new line needs a migration, and a test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class JobState(StrEnum):
    """Where a job is."""

    #: Its files are opened and its segments sent out.
    RUNNING = "running"
    #: Nothing new is sent out; what is on the queues is done.
    PAUSED = "paused"
    #: Given up by a person; what was found up to then is kept.
    CANCELLED = "cancelled"
    #: All its videos have ended.
    FINISHED = "finished"


class Priority(StrEnum):
    """How large a job's share is while others want the same workers."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class VideoState(StrEnum):
    """Where a video is on the road; the last seven are ends."""

    #: Known by its path; nobody has opened it yet.
    REGISTERED = "registered"
    #: Opened and split; its segments are on their way through the queues.
    PROCESSING = "processing"
    #: Every segment has ended; its tracklets are being stitched into sightings.
    AGGREGATING = "aggregating"
    #: Everything in the file was looked at.
    DONE = "done"
    #: The file stops or breaks before its announced end; what came before is kept.
    TRUNCATED = "truncated"
    #: The file is there, but nothing in it can be decoded.
    UNREADABLE = "unreadable"
    #: A media file without pictures, audio only for instance.
    NO_VIDEO_STREAM = "no_video_stream"
    #: The path leads nowhere, may not be read, or lies outside the allowed roots.
    INACCESSIBLE = "inaccessible"
    #: Our own work on it failed, after every retry.
    FAILED = "failed"
    #: Its job was cancelled before it was done; what its finished segments showed is kept.
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self not in OPEN


class Stage(StrEnum):
    """The two stages of a segment: what a pending one begins with."""

    DETECT = "detect"
    #: Its crops are stored; only the reading is missing, or wanted anew.
    READ = "read"


class SegmentState(StrEnum):
    """Where a segment is."""

    #: Known, not yet on a queue.
    PENDING = "pending"
    #: On the detect queue.
    QUEUED = "queued"
    #: A detect worker holds its lease.
    DETECTING = "detecting"
    #: Its tracklets and crops are stored; on the read queue.
    DETECTED = "detected"
    #: A read worker holds its lease.
    READING = "reading"
    #: Its readings are stored.
    DONE = "done"
    #: Given up after the allowed attempts; the reason stands beside it.
    QUARANTINED = "quarantined"

    @property
    def ended(self) -> bool:
        return self in ENDED


class WatchKind(StrEnum):
    """What an entry of a watch list fits."""

    #: One plate; O is 0, and I is 1.
    EXACT = "exact"
    #: What a pattern with `*` and `?` fits.
    WILDCARD = "wildcard"
    #: One plate and what it is easily taken for.
    LIKE = "like"


class EventKind(StrEnum):
    """What endpoints are told of."""

    SIGHTING = "sighting"
    #: A sighting that fits an entry of a watch list.
    HIT = "hit"
    #: The end of a video.
    VIDEO = "video"
    #: A change of a job's state.
    JOB = "job"


class EndpointFormat(StrEnum):
    """In whose words an endpoint is told."""

    DASHPLATE = "dashplate"
    PLATERECOGNIZER = "platerecognizer"
    OPENALPR = "openalpr"
    #: Frigate's, at MQTT brokers.
    FRIGATE = "frigate"
    #: Sentences for people.
    TEXT = "text"


class DeliveryState(StrEnum):
    """Where the telling of an event to an endpoint is."""

    PENDING = "pending"
    TOLD = "told"
    #: Given up; `resend` begins again.
    DEAD = "dead"


#: Of a segment that is somewhere between the dispatcher and its end.
IN_FLIGHT = (SegmentState.QUEUED, SegmentState.DETECTING, SegmentState.DETECTED, SegmentState.READING)

#: Of a segment that a worker has a lease on; of one that has ended; of a video that has not.
HELD = (SegmentState.DETECTING, SegmentState.READING)
ENDED = (SegmentState.DONE, SegmentState.QUARANTINED)
OPEN = (VideoState.REGISTERED, VideoState.PROCESSING, VideoState.AGGREGATING)


def listed(states: Iterable[StrEnum]) -> str:
    """As SQL: `('queued', 'detecting')`."""
    return f"({', '.join(repr(state.value) for state in states)})"


_J, _V, _S = JobState, VideoState, SegmentState

_JOB: dict[tuple[StrEnum, StrEnum], str] = {
    (_J.RUNNING, _J.PAUSED): "pause",
    (_J.PAUSED, _J.RUNNING): "resume",
    (_J.RUNNING, _J.CANCELLED): "cancel",
    (_J.PAUSED, _J.CANCELLED): "cancel",
    (_J.RUNNING, _J.FINISHED): "whoever ends its last video",
    (_J.PAUSED, _J.FINISHED): "whoever ends its last video",
    (_J.FINISHED, _J.RUNNING): "submit, retry, rerun",
}

_VIDEO: dict[tuple[StrEnum, StrEnum], str] = {
    (_V.REGISTERED, _V.PROCESSING): "producer",
    (_V.REGISTERED, _V.UNREADABLE): "producer",
    (_V.REGISTERED, _V.NO_VIDEO_STREAM): "producer",
    (_V.REGISTERED, _V.INACCESSIBLE): "producer",
    (_V.REGISTERED, _V.FAILED): "sweeper, after five failures; producer, where it was away for too long",
    (_V.REGISTERED, _V.CANCELLED): "cancel",
    (_V.PROCESSING, _V.AGGREGATING): "whoever ends its last segment; cancel",
    (_V.PROCESSING, _V.CANCELLED): "cancel",
    (_V.AGGREGATING, _V.DONE): "aggregator",
    (_V.AGGREGATING, _V.TRUNCATED): "aggregator",
    (_V.AGGREGATING, _V.FAILED): "aggregator; sweeper, after five failures",
    (_V.AGGREGATING, _V.CANCELLED): "aggregator",
    (_V.UNREADABLE, _V.REGISTERED): "retry",
    (_V.NO_VIDEO_STREAM, _V.REGISTERED): "retry",
    (_V.INACCESSIBLE, _V.REGISTERED): "retry",
    (_V.FAILED, _V.REGISTERED): "retry",
    (_V.FAILED, _V.PROCESSING): "retry",
    (_V.FAILED, _V.AGGREGATING): "retry",
    (_V.TRUNCATED, _V.PROCESSING): "retry, rerun",
    (_V.DONE, _V.PROCESSING): "rerun",
}

_SEGMENT: dict[tuple[StrEnum, StrEnum], str] = {
    (_S.PENDING, _S.QUEUED): "dispatcher",
    (_S.PENDING, _S.DETECTED): "dispatcher, where only the reading is wanted",
    (_S.QUEUED, _S.DETECTING): "detect worker",
    (_S.DETECTING, _S.DETECTED): "detect worker",
    (_S.DETECTING, _S.DONE): "detect worker, where there is nothing to read",
    (_S.DETECTED, _S.READING): "read worker",
    (_S.READING, _S.DONE): "read worker",
    (_S.DETECTING, _S.PENDING): "worker after an error; sweeper after a loss",
    (_S.READING, _S.PENDING): "worker after an error; sweeper after a loss",
    (_S.DETECTING, _S.QUARANTINED): "worker or sweeper, at the last failure",
    (_S.READING, _S.QUARANTINED): "worker or sweeper, at the last failure",
    (_S.PENDING, _S.QUARANTINED): "worker, where its video was away for too long",
    (_S.QUEUED, _S.PENDING): "cancel",
    (_S.DETECTED, _S.PENDING): "cancel",
    (_S.QUARANTINED, _S.PENDING): "retry",
    (_S.DONE, _S.PENDING): "rerun, retry",
}

#: (kind, before, after) → who.
MOVES: dict[tuple[str, str, str], str] = {
    (kind, before.value, after.value): mover
    for kind, moves in (("job", _JOB), ("video", _VIDEO), ("segment", _SEGMENT))
    for (before, after), mover in moves.items()
}
