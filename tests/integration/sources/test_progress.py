"""Openings are limited by their progress: slow is not stuck."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from celery.exceptions import SoftTimeLimitExceeded
from sqlalchemy import text

from db.engine import session
from db.jobs.submit import NewVideo, add_videos, close_job, create_job
from db.states import VideoState
from pipeline.job_options import JobOptions
from pipeline.sources.expand import fingerprint
from pipeline.sources.remote import BLOCKS_KEPT, open_remote
from tests.conftest import ROOT
from tests.support.media_files import late_start
from tests.support.processes import PATIENCE_S, first_line
from tests.support.road import Road, stand_in_road
from tests.support.web_server import WebServer
from workers import dispatch
from workers.celery_app.time_limit import Standstill, time_limit
from workers.steps import probe

LIMIT_S = 3
#: So many answers make up the file, each of which takes a tenth of the limit.
BLOCKS = 4 * BLOCKS_KEPT


@pytest.fixture
def road(database_url: str, redis_url: str, tmp_path: Path, site: WebServer) -> Iterator[Road]:
    about = {
        "DASHPLATE_REDIS_URL": redis_url,
        "DASHPLATE_WORK": "workers.steps.stage_engine:PipelineEngine",
        "DASHPLATE_ROOTS": f"{site.url}/",
        "DASHPLATE_TIME_LIMIT_S": str(LIMIT_S),
    }
    with stand_in_road(database_url, tmp_path / "data", **about) as made:
        yield made


def submitted(road: Road, site: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """A transport stream, whose times stand in all of it; returns its video."""
    content = late_start(tmp_path).read_bytes()
    site.files["/drive.ts"] = content
    block_bytes = -(-len(content) // BLOCKS)
    opened = "pipeline.video.container.open_remote"
    monkeypatch.setattr(opened, lambda remote, _=0: open_remote(remote, block_bytes))
    with session(road.url) as db:
        job = create_job(db, "a tour", JobOptions(sample_fps=8, countries=(), keep_overlays=True), is_open=True)
        add_videos(db, job, [NewVideo(f"{site.url}/drive.ts", fingerprint(site.remote("/drive.ts")))])
        close_job(db, job)
    (video,) = [row["id"] for row in road.ask("SELECT id FROM videos")]
    return int(video)


def test_a_slow_file_is_opened_at_the_first_try(
    road: Road, site: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = submitted(road, site, tmp_path, monkeypatch)
    site.delay_s = LIMIT_S / 10
    began = time.monotonic()
    probe.open_video(video)
    assert time.monotonic() - began > 2 * LIMIT_S, "else nothing was shown"
    assert road.video(video).state is VideoState.PROCESSING
    assert road.ask("SELECT * FROM outbox WHERE kind = 'probe'") == []


def test_a_file_of_which_nothing_more_comes_is_given_up(
    road: Road, site: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.sources.http.TIMEOUT", aiohttp.ClientTimeout(total=PATIENCE_S))
    video = submitted(road, site, tmp_path, monkeypatch)
    site.silent.set()
    try:
        with pytest.raises(SoftTimeLimitExceeded):
            probe.open_video(video)
    finally:
        site.silent.clear()
    (owed,) = road.ask("SELECT failures, problem FROM outbox WHERE kind = 'probe'")
    assert (owed["failures"], owed["problem"]) == (1, "It took longer than it may.")


def test_celery_leaves_openings_to_their_own_process(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(dispatch.app, "send_task", lambda name, **about: sent.append(about))
    with session(road.url) as db:
        job = create_job(db, "a tour", JobOptions(), is_open=True)
        add_videos(db, job, [NewVideo("/cam/a.mp4", "a")])
    dispatch.pump()
    assert [about["time_limit"] for about in sent] == [4 * 3600]


#: An opening that is stuck in native code, where no alarm is heard.
_STUCK = """
import signal, sys, time
from db.queue.outbox import PROBE
from workers.steps.claim import taken

with taken(PROBE, int(sys.argv[1])):
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    print("held", flush=True)
    time.sleep(3600)
"""


@pytest.mark.parametrize("is_lost", [False, True], ids=["held", "in other hands"])
def test_an_opening_that_hears_no_alarm_is_killed_with_its_process(
    road: Road, monkeypatch: pytest.MonkeyPatch, is_lost: bool
) -> None:
    monkeypatch.setenv("DASHPLATE_KILL_AFTER_S", "1")
    monkeypatch.setenv("DASHPLATE_LEASE_S", "2")
    with session(road.url) as db:
        job = create_job(db, "a tour", JobOptions(), is_open=True)
        add_videos(db, job, [NewVideo("/cam/a.mp4", "a")])
    (video,) = road.ask("SELECT id FROM videos")
    stuck = subprocess.Popen(
        [sys.executable, "-c", _STUCK, str(video["id"])], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with stuck:
        assert first_line(stuck) == "held"
        if is_lost:
            with session(road.url) as db:
                db.execute(text("UPDATE outbox SET begins = begins + 1"))
        assert stuck.wait(PATIENCE_S) == -signal.SIGKILL


def test_time_without_progress_counts_and_no_other() -> None:
    made: list[int] = []

    def work() -> None:
        for number in range(5):
            made.append(number)
            time.sleep(0.15)
        time.sleep(PATIENCE_S)

    with pytest.raises(SoftTimeLimitExceeded), time_limit(0.2, lambda: len(made)):
        work()
    assert len(made) == 5


def test_a_standstill_begins_with_the_last_progress() -> None:
    at = 0
    stuck = Standstill(0.0, lambda: at)
    assert stuck()
    patient = Standstill(PATIENCE_S, lambda: at)
    assert not patient()
