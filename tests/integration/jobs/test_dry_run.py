"""What a dry run learns from earlier jobs, and that it keeps nobody waiting meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from dashplate import jobs
from dashplate.commands import dry_run
from db.engine import session
from db.findings import queries
from db.jobs import control
from db.states import Stage
from pipeline.job_options import JobOptions
from tests.support.database import SEGMENT_S, aggregate, make_job, run_sql, take, work
from workers.settings import settings


def finished_job(url: str, *segments: int) -> int:
    """A finished job whose segments ended ten seconds after each other, from its making on: real time."""
    job_id, videos = make_job(url, *segments)
    end_all(url, videos)
    run_sql(
        url,
        """
        UPDATE segments g SET moved_at = j.created_at + n.place * interval '10 s'
        FROM jobs j, (SELECT id, row_number() OVER (PARTITION BY job_id ORDER BY id) AS place FROM segments) n
        WHERE j.id = g.job_id AND n.id = g.id AND j.id = :job
        """,
        job=job_id,
    )
    return job_id


def end_all(url: str, videos: list[int]) -> None:
    for segment in take(url):
        work(url, segment)
    for video_id in videos:
        aggregate(url, video_id)


def experience(url: str) -> queries.Experience:
    with session(url) as db:
        found = queries.experience(db)
    assert found is not None
    return found


def test_the_pace_is_that_of_the_work(database_url: str) -> None:
    job_id = finished_job(database_url, 3, 2)
    found = experience(database_url)
    assert (found.job, found.bytes_per_s) == (job_id, 0.0)
    assert found.pace == pytest.approx(SEGMENT_S / 10)


def test_days_in_which_nothing_came_do_not_count(database_url: str) -> None:
    """A watched folder: 49 segments as fast as they come, and two days between the last two."""
    finished_job(database_url, 50)
    run_sql(database_url, "UPDATE segments SET moved_at = moved_at + interval '2 days' WHERE index = 49")
    run_sql(database_url, "UPDATE jobs SET finished_at = now() + interval '2 days'")
    assert experience(database_url).pace == pytest.approx(500 / (490 + 120))


def test_a_job_that_was_run_again_teaches_nothing(database_url: str) -> None:
    first, again = finished_job(database_url, 2), finished_job(database_url, 3)
    assert experience(database_url).job == again
    control.rerun(database_url, again, Stage.READ, {})
    with session(database_url) as db:
        videos = list(db.scalars(text("SELECT id FROM videos WHERE job_id = :job"), {"job": again}))
    end_all(database_url, videos)
    found = experience(database_url)
    assert found.job == first
    assert found.pace == pytest.approx(SEGMENT_S / 10)


def test_no_transaction_waits_while_files_are_looked_at(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASHPLATE_DATABASE_URL", database_url)
    monkeypatch.setenv("DASHPLATE_REDIS_URL", redis_url)
    monkeypatch.setenv("DASHPLATE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("DASHPLATE_ROOTS", str(tmp_path))
    settings.cache_clear()
    (tmp_path / "a.mp4").write_bytes(b"x")
    idle: list[int] = []
    really = dry_run.plan

    def plan(*given: object) -> dry_run.Plan:
        with session(database_url) as db:
            waits = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'"
            idle.append(db.scalar(text(waits)) or 0)
        return really(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(dry_run, "plan", plan)
    try:
        dry_run.show_plan([str(tmp_path)], JobOptions(), jobs.Submission(), None, None)
    finally:
        monkeypatch.undo()
        settings.cache_clear()
    assert idle == [0]
