"""What a person may do to a job in which state, on a real PostgreSQL: pause, resume, cancel, retry, rerun."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from db.jobs import cancel, control
from db.states import Stage
from pipeline.errors import UsageError
from tests.support.database import job_state, make_job, run_sql

Deed = Callable[[str, int], object]
DEEDS: dict[str, Deed] = {
    "paused": control.pause,
    "resumed": control.resume,
    "cancelled": cancel.cancel,
    "retried": lambda url, job_id: control.retry(url, job_id, failed=True, quarantined=True),
    "run again": lambda url, job_id: control.rerun(url, job_id, Stage.DETECT, {}),
}
REFUSED = [
    ("paused", "paused", "Job 1 is paused; it cannot be paused."),
    ("paused", "cancelled", "Job 1 is cancelled; it cannot be paused."),
    ("paused", "finished", "Job 1 is finished; it cannot be paused."),
    ("resumed", "running", "Job 1 is running; it cannot be resumed."),
    ("resumed", "cancelled", "Job 1 is cancelled; it cannot be resumed."),
    ("resumed", "finished", "Job 1 is finished; it cannot be resumed."),
    ("cancelled", "finished", "Job 1 is finished; it cannot be cancelled."),
    ("retried", "cancelled", "Job 1 is cancelled; it cannot be retried. Submit its files in a new job."),
    ("run again", "running", "Job 1 is running; only a finished job can be run again."),
    ("run again", "paused", "Job 1 is paused; only a finished job can be run again."),
    ("run again", "cancelled", "Job 1 is cancelled; only a finished job can be run again."),
]


@pytest.mark.parametrize(("deed", "state", "sentence"), REFUSED)
def test_what_is_not_allowed_is_refused_with_a_sentence(
    database_url: str, deed: str, state: str, sentence: str
) -> None:
    make_job(database_url, 1)
    if state != "running":
        run_sql(database_url, "UPDATE jobs SET state = :state, finished_at = now()", state=state)
    with pytest.raises(UsageError) as refused:
        DEEDS[deed](database_url, 1)
    assert str(refused.value) == sentence
    assert job_state(database_url, 1) == state


@pytest.mark.parametrize("deed", DEEDS)
def test_a_job_that_is_not_there_is_named(database_url: str, deed: str) -> None:
    with pytest.raises(UsageError, match="There is no job 7; `dashplate status`"):
        DEEDS[deed](database_url, 7)
