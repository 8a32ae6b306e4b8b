"""Who may move what where: the one table of states, which PostgreSQL enforces.

A trigger refuses every change of state that is not in `MOVES`, whoever tries it. The table `moves` in the database
holds the same lines; a new line needs a migration, and a test compares the two.
"""

from __future__ import annotations

from enum import StrEnum

from pipeline.records import JobState, SegmentState, VideoState

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
