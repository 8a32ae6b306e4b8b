"""Figures for Prometheus: those of a real PostgreSQL and Redis, served behind their token, as promtool reads them."""

from __future__ import annotations

import shutil
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from dashplate.commands.checks import health
from dashplate.metrics.exporter import Exporter
from dashplate.metrics.figures import FIGURES
from dashplate.metrics.serving import serve
from dashplate.stack.server import free_port
from db.engine import session
from db.queue import monitored, segment_moves
from db.queue.last_sweep import paused
from db.states import VideoState
from pipeline.errors import UsageError
from tests.conftest import missing
from tests.integration.servers.test_flower import running
from tests.support.database import DETECTING, begin, fail, make_job, read, run_sql, take, work
from tests.support.processes import wait_until
from tests.support.road import Road
from workers.celery_app.app import DETECT, QUEUES
from workers.dispatch import send_segments
from workers.settings import Settings

TOKEN = "what Prometheus shows"


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ends is counted by the next look."""
    monkeypatch.setattr(monitored, "_SETTLED_S", 0.0)


def settings(database: str, broker: str, folder: Path) -> Settings:
    return Settings(database_url=SecretStr(database), redis_url=SecretStr(broker), data_dir=folder)


def values(metrics: list[Metric]) -> dict[str, float]:
    """Samples by name, with the label's value behind a colon."""
    return {
        ":".join([sample.name, *sample.labels.values()]): sample.value
        for metric in metrics
        for sample in metric.samples
    }


def look(exporter: Exporter) -> dict[str, float]:
    return values(list(exporter.collect()))


def test_every_figure_is_there_and_none_besides(database_url: str, redis_url: str, tmp_path: Path) -> None:
    with session(database_url) as db:
        paused(db, 1.0)
    found = list(Exporter(settings(database_url, redis_url, tmp_path)).collect())
    names = {sample.name for metric in found for sample in metric.samples}
    assert names == {figure.name for figure in FIGURES}
    assert {metric.type for metric in found} == {"gauge", "counter"}


@pytest.mark.usefixtures("at_once")
def test_work_is_counted_from_its_coming_to_its_end(database_url: str, redis_url: str, tmp_path: Path) -> None:
    exporter = Exporter(settings(database_url, redis_url, tmp_path))
    first = look(exporter)
    assert first["dashplate_segments:pending"] == first["dashplate_segments_ended_total:done"] == 0
    make_job(database_url, 3, 2)
    make_job(database_url, 1, state=VideoState.REGISTERED)
    come = look(exporter)
    assert come["dashplate_jobs:running"] == 2
    assert (come["dashplate_videos:registered"], come["dashplate_videos:opened"]) == (1, 2)
    assert come["dashplate_segments:pending"] == 5
    assert come["dashplate_footage_left_seconds"] == 50

    done, failing, held, *_ = take(database_url)
    work(database_url, done)
    assert begin(database_url, failing, DETECTING)
    assert fail(database_url, failing)
    assert begin(database_url, held, DETECTING)
    going = look(exporter)
    assert going["dashplate_segments_ended_total:done"] == 1
    assert going["dashplate_footage_done_seconds_total"] == 10
    assert going["dashplate_segments:detecting"] == 1
    assert going["dashplate_segments_delayed"] == 1
    assert sum(value for name, value in going.items() if name.startswith("dashplate_segments:")) == 4
    assert going["dashplate_stage_oldest_seconds:detect"] >= 0
    assert going["dashplate_segment_failures_total"] == 0

    run_sql(database_url, "UPDATE segments SET failures = 2, losses = 1 WHERE id = :id", id=held.segment_id)
    with session(database_url) as db:
        assert segment_moves.detected(db, held.segment_id, held.attempt, 80, None)
    assert read(database_url, held)
    over = look(exporter)
    assert over["dashplate_segments_ended_total:done"] == 2
    assert (over["dashplate_segment_failures_total"], over["dashplate_segment_losses_total"]) == (2, 1)
    assert look(exporter)["dashplate_segments_ended_total:done"] == 2


@pytest.mark.usefixtures("at_once")
def test_a_job_that_begins_and_ends_between_two_looks_is_counted(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    exporter = Exporter(settings(database_url, redis_url, tmp_path))
    look(exporter)
    _, (video,) = make_job(database_url, 1)
    work(database_url, *take(database_url))
    run_sql(database_url, f"UPDATE videos SET state = 'done', finished_at = now() WHERE id = {video}")
    run_sql(database_url, "UPDATE jobs SET state = 'finished', finished_at = now()")
    found = look(exporter)
    assert found["dashplate_jobs:running"] == 0
    assert found["dashplate_segments_ended_total:done"] == 1
    assert found["dashplate_videos_ended_total:done"] == 1


def test_what_ends_is_counted_once_however_often_it_is_looked_at(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitored, "_SETTLED_S", 1.0)
    exporter = Exporter(settings(database_url, redis_url, tmp_path))
    _, (video,) = make_job(database_url, 1)
    look(exporter)
    work(database_url, *take(database_url))
    run_sql(database_url, f"UPDATE videos SET state = 'done', finished_at = now() WHERE id = {video}")
    run_sql(database_url, "UPDATE jobs SET state = 'finished', finished_at = now()")
    counted = []

    def settled() -> bool:
        found = look(exporter)
        counted.append((found["dashplate_videos_ended_total:done"], found["dashplate_segments_ended_total:done"]))
        return counted[-1] == (1, 1)

    # Often, in the time in which it is not counted yet.
    wait_until("what ended", settled, every_s=0.1)
    assert counted[0] == (0, 0)
    assert settled()
    assert settled()


def test_what_is_out_of_reach_and_what_fails_is_told(database_url: str, redis_url: str, tmp_path: Path) -> None:
    make_job(database_url, 1, 0, state=VideoState.REGISTERED)
    run_sql(database_url, "UPDATE videos SET away_since = now() - interval '90 s' WHERE path = '/cam/1.mp4'")
    run_sql(
        database_url,
        "INSERT INTO outbox (kind, key, job_id, failures, sent_at) SELECT 'aggregate', id, job_id, 1, now() FROM videos"
        " WHERE path = '/cam/0.mp4'",
    )
    found = look(Exporter(settings(database_url, redis_url, tmp_path)))
    assert found["dashplate_videos_away"] == 1
    assert 90 <= found["dashplate_videos_away_longest_seconds"] < 900
    assert (found["dashplate_video_tasks:sent"], found["dashplate_video_tasks:failing"]) == (1, 1)


def test_queues_are_counted_by_name(road: Road, redis_url: str, tmp_path: Path) -> None:
    found = look(Exporter(settings(road.url, redis_url, tmp_path)))
    assert {name for name in found if name.startswith("dashplate_queue")} == {
        f"dashplate_queue_messages:{queue}" for queue in QUEUES
    }
    before = found[f"dashplate_queue_messages:{DETECT}"]
    make_job(road.url, 3)
    sent = send_segments(take(road.url))
    found = look(Exporter(settings(road.url, redis_url, tmp_path)))
    waiting = sum(found[f"dashplate_queue_messages:{queue}"] for queue in QUEUES)
    assert sent == 3
    assert waiting - before == 3


def test_servers_that_are_away_leave_their_figures_out(redis_url: str, database_url: str, tmp_path: Path) -> None:
    nowhere = free_port()
    there = look(Exporter(settings(f"postgresql://nobody@127.0.0.1:{nowhere}/none", redis_url, tmp_path)))
    assert (there["dashplate_postgres_up"], there["dashplate_redis_up"]) == (0, 1)
    assert "dashplate_segments:pending" not in there
    found = look(Exporter(settings(database_url, f"redis://127.0.0.1:{nowhere}/0", tmp_path)))
    assert (found["dashplate_postgres_up"], found["dashplate_redis_up"]) == (1, 0)
    assert found["dashplate_segments:pending"] == 0
    assert not any(name.startswith("dashplate_queue") for name in found)


def test_other_machines_need_the_token_to_be_set(database_url: str, redis_url: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="DASHPLATE_METRICS_TOKEN"):
        serve(settings(database_url, redis_url, tmp_path), "0.0.0.0", free_port(), None, lambda: None)


def test_the_command_serves_what_promtool_takes_behind_its_token(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_job(database_url, 2)
    port, log = free_port(), tmp_path / "metrics.log"
    environment = {
        "DASHPLATE_DATABASE_URL": database_url, "DASHPLATE_REDIS_URL": redis_url,
        "DASHPLATE_DATA_DIR": str(tmp_path), "DASHPLATE_METRICS_TOKEN": TOKEN,
    }  # fmt: skip
    monkeypatch.setenv("DASHPLATE_METRICS_URL", f"http://127.0.0.1:{port}")
    with running("metrics", "--port", str(port), log=log, **environment) as program:
        wait_until("the metrics", lambda: program.poll() is not None or is_well())
        assert program.poll() is None, log.read_text()
        assert "The metrics' program answers" in health._metrics()
        for token in (None, "", "wrong", f"{TOKEN}x", TOKEN[:-1]):
            assert status(port, "/metrics", token) == 401
            assert status(port, "/", token) == 401
        assert status(port, "/anything", TOKEN) == 404
        said = fetched(port, "/metrics", TOKEN)
    names = {sample.name for family in text_string_to_metric_families(said) for sample in family.samples}
    assert {"dashplate_segments", "dashplate_postgres_up", "process_resident_memory_bytes"} <= names
    assert 'dashplate_segments{state="pending"} 2.0' in said
    assert "/cam/" not in said
    assert "a tour" not in said
    promtool = shutil.which("promtool")
    if promtool is None:
        missing("there is no promtool here to ask; run: sudo apt-get install --no-install-recommends prometheus")
    checked = subprocess.run([promtool, "check", "metrics"], input=said, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def is_well() -> bool:
    try:
        return bool(health._metrics())
    except health.ServiceUnavailable:
        return False


def fetched(port: int, path: str, token: str | None) -> str:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
        return str(answer.read().decode())


def status(port: int, path: str, token: str | None) -> int:
    try:
        fetched(port, path, token)
    except urllib.error.HTTPError as error:
        return error.code
    return 200
