"""The pods of deploy/kubernetes, run natively by their own commands: a job goes through, scaling down loses nothing."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from sqlalchemy import RowMapping, text

from bench.standin import Drive
from dashplate.stack import Stack
from dashplate.stack.redis_server import redis_binary
from db.engine import engine_for
from pipeline.errors import MissingDependency
from tests.conftest import ROOT, missing
from tests.support.kubernetes.native import STOP, Native, Replica
from tests.support.kubernetes.rendered import FOLDER, SECRET, overlay, pods
from tests.support.processes import wait_until
from tests.support.schema import downgrade

WORKERS = ("control", "detect", "read")
#: In the order in which they start; PostgreSQL is the tests' own.
OTHERS = ("serve", "sender", "metrics", "flower")


def made_secrets(redis_port: int, database_url: str) -> dict[str, str]:
    """What `new-secrets` prints, with the test's addresses."""
    said = subprocess.run(["sh", str(FOLDER / "new-secrets")], capture_output=True, text=True, check=True).stdout
    values = dict(line.split("=", 1) for line in said.splitlines())
    assert values["REDIS_PASSWORD"] in values["DASHPLATE_REDIS_URL"]
    assert values["POSTGRES_PASSWORD"] in values["DASHPLATE_DATABASE_URL"]
    values["DASHPLATE_REDIS_URL"] = values["DASHPLATE_REDIS_URL"].replace("redis:6379", f"127.0.0.1:{redis_port}")
    return {**values, "DASHPLATE_DATABASE_URL": database_url}


@pytest.fixture(scope="module")
def native(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Native]:
    """All pods of the small overlay, each until its probes are content."""
    folder = tmp_path_factory.mktemp("kubernetes")
    try:
        path = [Path(sys.executable).parent, redis_binary().parent]
    except MissingDependency as error:
        missing(str(error))
    given: dict[str, dict[str, str]] = {SECRET: {}, "dashplate-tell": {"DASHPLATE_TELL_HOOK": secrets.token_hex(8)}}
    cluster = Native(
        overlay("small"), folder, given, os.pathsep.join([*map(str, path), os.defpath]),
        extra={"DASHPLATE_WORK": "bench.standin:StandIn", "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"},
    )  # fmt: skip
    given[SECRET] = made_secrets(cluster.port("redis", 0, 6379), stack.database_url)
    downgrade(stack.database_url)
    try:
        bring_up(cluster)
        yield cluster
    finally:
        for process in cluster.family():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        for replica in cluster.replicas:
            replica.process.wait()
        engine_for.cache_clear()


def bring_up(cluster: Native) -> None:
    cluster.wait_ready(cluster.start("redis"))
    early = cluster.launch_init("control", 99)
    # Before the schema is there, whoever needs it waits.
    wait_until("its first look", lambda: "dashplate migrate" in cluster.log("control-99"))
    assert early.poll() is None
    assert cluster.start("migrate").process.wait(120) == 0, cluster.log("migrate-0")
    assert early.wait(60) == 0
    for replica in [cluster.start(name) for name in (*WORKERS, *OTHERS)]:
        cluster.wait_ready(replica)


def submit(cluster: Native, url: str, name: str, drive: Drive) -> int:
    """A job of one stand-in drive, submitted where a person would: in a control pod."""
    videos = cluster.folder / "claims" / "videos"
    drive.write(videos / name)
    said = subprocess.run(
        ["dashplate", "submit", str(videos / name)], env=cluster.environment("control"), cwd=cluster.folder,
        capture_output=True, text=True,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    return int(ask(url, "SELECT max(id) AS id FROM jobs")[0]["id"])


def ask(url: str, statement: str, **values: object) -> Sequence[RowMapping]:
    with engine_for(url).connect() as connection:
        return connection.execute(text(statement), values).mappings().all()


def backlog(url: str, stage: str) -> tuple[int, int]:
    (row,) = ask(url, "SELECT waiting, working FROM stage_backlog WHERE stage = :stage", stage=stage)
    return row["waiting"], row["working"]


def finished(url: str, job: int) -> bool:
    (row,) = ask(url, "SELECT finished_at FROM jobs WHERE id = :job", job=job)
    return row["finished_at"] is not None


def states(url: str, job: int) -> list[tuple[str, int, int]]:
    rows = ask(url, "SELECT state, failures, losses FROM segments WHERE job_id = :job ORDER BY index", job=job)
    return [(row["state"], row["failures"], row["losses"]) for row in rows]


def test_every_pod_becomes_ready_and_a_job_goes_through(native: Native, stack: Stack) -> None:
    assert {one.pod for one in native.replicas} == set(pods(native.objects)) - {"postgres"}
    job = submit(native, stack.database_url, "a.mp4", Drive(segments=3))
    wait_until("the job", lambda: finished(stack.database_url, job))
    assert states(stack.database_url, job) == [("done", 0, 0)] * 3
    (row,) = ask(stack.database_url, "SELECT count(*) AS n FROM plate_sightings WHERE job = :job", job=job)
    assert row["n"] > 0
    assert [backlog(stack.database_url, stage) for stage in WORKERS] == [(0, 0)] * 3


def test_scaling_down_to_none_and_back_loses_no_work(native: Native, stack: Stack) -> None:
    url = stack.database_url
    (detect,) = native.running("detect")
    job = submit(native, url, "b.mp4", Drive(segments=4, look_s=3.0))
    wait_until("a segment in hand", lambda: backlog(url, "detect")[1] == 1)
    native.stop(detect)
    assert detect.process.returncode == 0, native.log(detect.name)
    done = [state for state, _, _ in states(url, job)]
    assert "detecting" not in done, "what was in hand was not ended"
    assert backlog(url, "detect")[0] >= 2
    assert not finished(url, job)

    native.wait_ready(native.start("detect"))
    wait_until("the job", lambda: finished(url, job))
    assert states(url, job) == [("done", 0, 0)] * 4


def test_a_segment_that_outlasts_the_soft_shutdown_is_done_by_another_pod(native: Native, stack: Stack) -> None:
    url = stack.database_url
    (detect,) = native.running("detect")
    job = submit(native, url, "c.mp4", Drive(segments=1, look_s=60.0))
    wait_until("the segment in hand", lambda: backlog(url, "detect")[1] == 1)
    native.stop(detect)
    assert states(url, job) == [("detecting", 0, 0)]
    assert "Restoring 1 unacknowledged message" in native.log(detect.name)

    # The next look shall not take a minute.
    Drive(segments=1).write(native.folder / "claims" / "videos" / "c.mp4")
    native.wait_ready(native.start("detect"))
    wait_until("the job", lambda: finished(url, job))
    assert states(url, job) == [("done", 0, 1)]


def test_every_process_hears_the_signal_that_ends_it(native: Native) -> None:
    """As the first process of its container it is not ended by a signal that it does not catch."""
    for one in native.running():
        status = Path(f"/proc/{one.process.pid}/status").read_text()
        (caught,) = re.findall(r"^SigCgt:\s*([0-9a-f]+)$", status, re.MULTILINE)
        assert int(caught, 16) & 1 << (STOP - 1), one.name


def test_pods_leave_within_their_grace_period(native: Native) -> None:
    family = native.family()
    first: list[Replica] = [one for one in native.running() if one.pod != "redis"]
    native.stop(*first)
    # Redis last: a worker takes its leave over it.
    native.stop(*native.running())
    _, left = psutil.wait_procs(family, timeout=5)
    assert not left
