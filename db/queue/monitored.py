"""What monitoring asks of the work, in questions whose cost does not grow with the fleet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from db.named_sql import statements

#: `monitored.sql`, by name.
SQL = statements(Path(__file__).with_suffix(".sql"))
#: What ended is counted this much later: a transaction that ends a segment takes milliseconds from its begin to its
#: commit, and what is committed later than this is not counted.
_SETTLED_S = 5.0


@dataclass(frozen=True, slots=True)
class Look:
    """Up to where what has ended was counted, and the jobs of which something may have ended after that."""

    until: dt.datetime
    newest_job: int
    #: Jobs that had not finished.
    unfinished: frozenset[int]
    #: Jobs that had, each with the time of the look that first saw it finished: all that ended in it ended before.
    finished: Mapping[int, dt.datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ended:
    """What has ended since the look before."""

    #: Rows with `state`, `segments`, `footage_s`, `failures`, `losses`.
    segments: Sequence[RowMapping]
    #: Rows with `state`, `videos`.
    videos: Sequence[RowMapping]


def look(db: Session, before: Look | None) -> tuple[Look, Ended]:
    """What has ended since `before`, and the look that the next goes on from; the first counts nothing."""
    clock = db.execute(SQL["clock"], {"settled_s": _SETTLED_S}).mappings().one()
    unfinished = frozenset(job for row in open_jobs(db) for job in row["ids"])
    now = Look(clock["until"], clock["newest_job"], unfinished)
    if before is None:
        return now, Ended((), ())
    # A job may have begun and finished between two looks.
    known = before.unfinished | frozenset(range(before.newest_job + 1, now.newest_job + 1))
    finished = dict.fromkeys(known - unfinished, clock["now"]) | dict(before.finished)
    asked = {"jobs": sorted({*unfinished, *finished}), "after": before.until, "until": now.until}
    ended = Ended(
        db.execute(SQL["segments_ended"], asked).mappings().all(),
        db.execute(SQL["videos_ended"], asked).mappings().all(),
    )
    return replace(now, finished={job: at for job, at in finished.items() if at > now.until}), ended


def open_jobs(db: Session) -> Sequence[RowMapping]:
    """Jobs that have not finished, by state: `jobs`, their `ids`, and what is left of their videos and segments."""
    return db.execute(SQL["open_jobs"]).mappings().all()


def in_flight(db: Session) -> Sequence[RowMapping]:
    """Segments between the dispatcher and their end, by state: `segments`, and `oldest_s` in that state."""
    return db.execute(SQL["segments_in_flight"]).mappings().all()


def delayed(db: Session, jobs: Sequence[int]) -> int:
    """Segments of these jobs that wait before another attempt."""
    return int(db.execute(SQL["segments_delayed"], {"jobs": list(jobs)}).scalar_one())


def away(db: Session) -> RowMapping:
    """`videos` that cannot be reached, and `longest_s` for which the first of them has not been."""
    return db.execute(SQL["videos_away"]).mappings().one()


def video_tasks(db: Session) -> RowMapping:
    """Openings and aggregations: how many were `sent`, and how many are `failing`."""
    return db.execute(SQL["video_tasks"]).mappings().one()


def deliveries(db: Session) -> RowMapping:
    """What endpoints are owed: `pending` and `dead`, `overdue_s` of the first; and how many are `switched_off`."""
    return db.execute(SQL["deliveries"]).mappings().one()


def sweep_age_s(db: Session) -> float | None:
    """Seconds since the last sweep; None where there never was one."""
    return db.execute(SQL["last_sweep"]).scalar_one_or_none()


def server(db: Session) -> RowMapping:
    """PostgreSQL's `connections`, `most_connections`, and the `bytes` of this database."""
    return db.execute(SQL["server"]).mappings().one()
