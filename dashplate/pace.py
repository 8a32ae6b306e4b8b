"""Estimates how fast a job goes and when it will be done."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import RowMapping

from db.states import JobState


@dataclass(frozen=True, slots=True)
class Outlook:
    """What can be said of a job's rest."""

    #: Seconds of footage done a second over the last two minutes; None where too little has ended.
    pace: float | None
    #: Seconds until the end at that pace; None where it cannot be told.
    remaining_s: float | None
    #: Files that nobody has opened yet are taken to be as long as the others.
    estimated: bool

    def __str__(self) -> str:
        if self.pace is None:
            return ""
        pace = f"{self.pace:.1f}× real time"
        if self.remaining_s is None:
            return pace
        return f"{pace}, {'about ' if self.estimated else ''}{span(self.remaining_s)} left"


def outlook(job: RowMapping) -> Outlook:
    """The outlook of a `job_progress` row with its `pace`; one that has ended, rests or is open is not foretold."""
    pace = job["pace"] or None
    expected_s = job["footage_expected_s"]
    estimated = job["videos_opened"] < job["videos"]
    if job["finished_at"] is not None or job["state"] != JobState.RUNNING:
        return Outlook(None, None, False)
    if pace is None or expected_s is None or job["open"]:
        return Outlook(pace, None, estimated)
    return Outlook(pace, max(0.0, expected_s - job["footage_done_s"]) / pace, estimated)


def span(seconds: float) -> str:
    """`45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`: two units at most."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(round(seconds / 3600), 24)
    return f"{days} d {hours} h" if hours else f"{days} d"
