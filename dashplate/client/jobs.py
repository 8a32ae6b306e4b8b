"""Calls about jobs: submitted, followed, steered."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Literal

from dashplate.client.connection import Connection, ServiceError, named_once
from dashplate.client.events import Follower, News
from dashplate.client.paging import paged
from dashplate.service.documents import Again, JobTold, Page, VideoTold
from db.states import Priority, Stage
from pipeline.alerts import Alerts

#: How often a job that is waited for is looked at, seconds.
_LOOK_EVERY_S = 1.0


class JobCalls:
    """What a client asks of jobs."""

    _connection: Connection

    def submit(
        self,
        sources: Sequence[str] = (),
        uploads: Sequence[str] = (),
        *,
        name: str | None = None,
        priority: Priority | Literal["low", "normal", "high"] = Priority.NORMAL,
        country: str | None = None,
        keep_overlays: bool = False,
        retain: str | None = None,
        evidence: bool = True,
        hashed: bool = False,
        alerts: Alerts | Literal["recent", "all", "none"] = Alerts.RECENT,
        clock: str | None = None,
        timezone: str | None = None,
        clock_offset_s: float | None = None,
        idempotency_key: str | None = None,
    ) -> JobTold:
        """Submit files as a job: paths and addresses as the workers see them, and ids of `upload`.

        The same `idempotency_key` again goes on with the same job. Without one the call gets its own, so that a lost
        answer makes no second job. The other options are those of `dashplate submit`. Raises ServiceError, and
        UsageError for a key that no header can hold.
        """
        wanted: dict[str, object] = {"sources": list(sources), "uploads": list(uploads), "name": name}
        wanted |= {"priority": str(priority), "country": country, "keep_overlays": keep_overlays, "retain": retain}
        wanted |= {"evidence": evidence, "hashed": hashed, "alerts": str(alerts)}
        wanted |= {"clock": clock, "timezone": timezone, "clock_offset_s": clock_offset_s}
        given = {field: value for field, value in wanted.items() if value is not None and value != []}
        headers = {"Idempotency-Key": uuid.uuid4().hex if idempotency_key is None else named_once(idempotency_key)}
        return self._connection.ask("POST", "/v1/jobs", JobTold, again=True, json=given, headers=headers)

    def jobs(self) -> Iterator[JobTold]:
        """All jobs, newest first."""
        return paged(self._connection, "/v1/jobs", Page[JobTold])

    def job(self, job: int) -> JobTold:
        """A job, and how far it is."""
        return self._connection.ask("GET", f"/v1/jobs/{job}", JobTold)

    def videos(self, job: int) -> Iterator[VideoTold]:
        """A job's files, in order of submission."""
        return paged(self._connection, f"/v1/jobs/{job}/videos", Page[VideoTold])

    def video(self, video: int) -> VideoTold:
        """One of them."""
        return self._connection.ask("GET", f"/v1/videos/{video}", VideoTold)

    def wait(self, job: int, timeout_s: float | None = None) -> JobTold:
        """The job, once it has ended; cancelled ones end too. Raises ServiceError where it has not within the time."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while (told := self.job(job)).finished_at is None:
            if until is not None and time.monotonic() + _LOOK_EVERY_S > until:
                raise ServiceError(f"Job {job} is {told.state} and has not ended within {timeout_s:g} s.")
            time.sleep(_LOOK_EVERY_S)
        return told

    def events(self, job: int) -> Iterator[News]:
        """A job's progress where it changed, and each of its sightings once, as they come in, until its end.

        A lost connection is taken up again where it broke.
        """
        return Follower(self._connection, job).news()

    def pause(self, job: int) -> JobTold:
        """Send nothing more of a job out; what workers hold is done."""
        return self._steer(job, "pause")

    def resume(self, job: int) -> JobTold:
        """Go on with a paused job."""
        return self._steer(job, "resume")

    def cancel(self, job: int) -> JobTold:
        """Give a job up; what its finished segments showed is kept."""
        return self._steer(job, "cancel")

    def retry(self, job: int) -> Again:
        """Try again what was given up; says how much that is."""
        return self._connection.ask("POST", f"/v1/jobs/{job}/retry", Again)

    def rerun(self, job: int, step: Stage | Literal["detect", "read"] = Stage.DETECT) -> Again:
        """Do a finished job again; `read` reads the kept crops and decodes nothing."""
        return self._connection.ask("POST", f"/v1/jobs/{job}/rerun", Again, json={"step": str(step)})

    def _steer(self, job: int, how: str) -> JobTold:
        return self._connection.ask("POST", f"/v1/jobs/{job}/{how}", JobTold)
