"""The distributed road on real servers and real worker processes, held against the road in one process.

What is killed, flushed or broken on the way must not show in the rows.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
from sqlalchemy import RowMapping, text

from dashplate import jobs
from dashplate.bring_up import everything
from dashplate.stack import Stack
from dashplate.supervisor import Supervisor
from db.engine import session
from db.findings import queries
from db.findings.mapping import sighting_row
from db.findings.stage_results import read_tracklets_of
from pipeline import run
from pipeline.job_options import JobOptions
from pipeline.reading.recognizers import BUNDLED_MODEL
from pipeline.records import ReadTracklet, Sighting
from synthesis.drive import Drive
from synthesis.lens import CLOCK_START
from tests.support.branded import BOARD_TEXT
from tests.support.command_line import forkserver
from tests.support.processes import family, wait_until
from workers.settings import settings

#: What a sighting's row has of its own; the crop's name holds the ids of its job and video. Passings go over videos.
_OWN = ("id", "video_id", "plate_id", "crop", "passing_id")


@dataclass(frozen=True)
class Fleet:
    """Servers with one worker of each role."""

    url: str
    redis_url: str
    data_dir: Path
    workers: Supervisor

    def submit(self, paths: Sequence[Path], *countries: str, **options: Any) -> int:
        return jobs.submit(self.url, paths, JobOptions(countries, **options))

    def finish(self, job: int) -> None:
        """Wait for a job's end."""
        wait_until(f"the end of job {job}", lambda: self.ask(_FINISHED, job=job), every_s=0.2)

    def ask(self, query: str, **values: Any) -> Sequence[RowMapping]:
        with session(self.url) as db:
            return db.execute(text(query), values).mappings().all()

    def wait_for_state(self, job: int, state: str, besides: Sequence[RowMapping] = ()) -> RowMapping:
        """The first segment of the job that is in the state, `besides` left out, each with its attempt."""

        def look() -> RowMapping | None:
            rows = self.ask(_IN_STATE, job=job, state=state)
            return next((row for row in rows if row not in besides), None)

        return wait_until(f"a segment {state}", look)


_FINISHED = "SELECT 1 FROM jobs WHERE id = :job AND finished_at IS NOT NULL"
_IN_STATE = """
    SELECT s.id, s.attempt, s.worker FROM segments s JOIN videos v ON v.id = s.video_id
    WHERE v.job_id = :job AND s.state = :state ORDER BY s.id
"""
_VIDEOS = "SELECT id, path, state, problem FROM videos WHERE job_id = :job ORDER BY id"
_SEGMENTS = """
    SELECT s.index, s.state, s.attempt, s.problem, s.frames_looked, s.lease_until
    FROM segments s JOIN videos v ON v.id = s.video_id WHERE v.job_id = :job ORDER BY v.id, s.index
"""


@pytest.fixture(scope="module")
def fleet(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet") / "data"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DASHPLATE_REDIS_URL", stack.redis_url)
        patch.setenv("DASHPLATE_DATABASE_URL", stack.database_url)
        # Lost workers are noticed soon, so that the tests need not wait long.
        patch.setenv("DASHPLATE_LEASE_S", "4")
        patch.setenv("DASHPLATE_SWEEP_EVERY_S", "1")
        patch.setenv("DASHPLATE_DATA_DIR", str(folder))
        settings.cache_clear()
        with redis.Redis.from_url(stack.redis_url) as client:
            client.flushall()
        with everything(folder, [tmp_path_factory.getbasetemp()]) as around:
            assert around.workers is not None
            yield Fleet(around.settings.require_database(), stack.redis_url, folder, around.workers)
    settings.cache_clear()


@pytest.fixture(scope="module")
def expected(fleet: Fleet, demo_drive: Drive) -> run.VideoResult:
    """What one process makes of the drive, with the models that the workers use."""
    return run.run(demo_drive.video, settings().models)


@pytest.fixture(scope="module")
def undisturbed(fleet: Fleet, demo_drive: Drive) -> int:
    """The drive's job, on workers that are left alone."""
    job = fleet.submit([demo_drive.video])
    fleet.finish(job)
    return job


def test_a_distributed_run_gives_the_rows_of_one_process(
    fleet: Fleet, undisturbed: int, expected: run.VideoResult
) -> None:
    assert len(expected.sightings) >= 2, "a drive without plates would prove nothing"
    assert [s["attempt"] for s in fleet.ask(_SEGMENTS, job=undisturbed)] == [1, 1]
    _assert_rows(fleet, undisturbed, expected)


def test_the_clock_on_screen_tells_when_a_video_began_where_only_its_file_does(
    fleet: Fleet, undisturbed: int, expected: run.VideoResult
) -> None:
    wanted = "SELECT recorded_at, recorded_from, clock_zone, clock_error_s, screen_read FROM videos WHERE job_id = :job"
    [video] = fleet.ask(wanted, job=undisturbed)
    assert (video["recorded_from"], video["clock_zone"], video["screen_read"]) == ("overlay", None, True)
    assert abs((video["recorded_at"] - CLOCK_START).total_seconds()) <= video["clock_error_s"] < 0.5
    assert expected.media.recorded is not None
    assert (expected.media.recorded.at, expected.media.recorded.told_by) == (video["recorded_at"], "overlay")


def test_text_that_stands_still_on_screen_is_ignored_by_the_workers_too(fleet: Fleet, branded: Path) -> None:
    alone = run.run(branded, settings().models)
    assert alone.media.overlays
    job = fleet.submit([branded])
    kept = fleet.submit([branded], keep_overlays=True)
    fleet.finish(job)
    fleet.finish(kept)
    _assert_rows(fleet, job, alone)
    with session(fleet.url) as db:
        (masked,), (whole,) = queries.videos(db, job), queries.videos(db, kept)
    assert masked["overlays"] == [list(box.as_tuple()) for box in alone.media.overlays]
    assert whole["overlays"] == []
    board = BOARD_TEXT.replace(" ", "")
    assert board not in {s["text"] for s in _sightings(fleet, masked["id"])}
    assert board in {s["text"] for s in _sightings(fleet, whole["id"])}


def test_the_same_video_again_in_the_same_job_adds_nothing(fleet: Fleet, undisturbed: int, demo_drive: Drive) -> None:
    # The job was open once more, and so has a new end; nothing else may tell.
    before = _everything_of(fleet, undisturbed)
    again = _dashplate("submit", str(demo_drive.video), "--job", str(undisturbed), "--wait")
    assert (again.returncode, again.stdout) == (0, f"{undisturbed}\n"), again.stderr
    assert _everything_of(fleet, undisturbed) == before


def test_a_redis_that_loses_everything_loses_no_work(
    fleet: Fleet, demo_drive: Drive, expected: run.VideoResult, tmp_path: Path
) -> None:
    job = fleet.submit(_copies(demo_drive.video, tmp_path, 2))
    fleet.wait_for_state(job, "detecting")
    with redis.Redis.from_url(fleet.redis_url) as client:
        assert sum(client.llen(queue) for queue in ("detect", "read")) > 0, "there was nothing to lose"
        client.flushall()
    fleet.finish(job)
    _assert_rows(fleet, job, expected, videos=2)


def test_bad_files_end_with_a_sentence_and_the_others_go_on(fleet: Fleet, demo_drive: Drive, tmp_path: Path) -> None:
    good = _copies(demo_drive.video, tmp_path, 1)[0]
    fake = tmp_path / "fake.mp4"
    fake.write_text("This is a text.\n" * 500)
    reader = {"reader": BUNDLED_MODEL, "reader_engine": "onnxruntime"}
    job = fleet.submit([fake, tmp_path / "gone.mp4", good], "FR", **reader)
    fleet.finish(job)
    videos = {Path(v["path"]).name: v for v in fleet.ask(_VIDEOS, job=job)}
    assert {name: v["state"] for name, v in videos.items()} == {
        "fake.mp4": "unreadable",
        "gone.mp4": "inaccessible",
        good.name: "done",
    }
    assert videos[good.name]["problem"] is None
    for name in ("fake.mp4", "gone.mp4"):
        assert name in videos[name]["problem"]
        assert videos[name]["problem"].endswith(".")
    (stored,) = fleet.ask("SELECT options->>'reader' AS reader FROM jobs WHERE id = :job", job=job)
    assert stored["reader"] == BUNDLED_MODEL
    # The countries asked for travelled with the job to the reader, and only there is a format a country.
    with session(fleet.url) as db:
        readings = [t.reading for t in read_tracklets_of(db, videos[good.name]["id"])]
    assert readings
    assert {reading.country for reading in readings} <= {"FR", None}


def test_killed_workers_change_nothing_in_the_rows(
    fleet: Fleet, demo_drive: Drive, expected: run.VideoResult, tmp_path: Path
) -> None:
    before = {state.name: state.restarts for state in fleet.workers.states()}
    job = fleet.submit(_copies(demo_drive.video, tmp_path, 2))

    # First the pool's process alone: the worker itself lives on, and must not be needed to find the segment again.
    victims = [_kill_at_work(fleet, job, "worker-detect", "detecting", [], pool_only=True)]
    victims.append(_kill_at_work(fleet, job, "worker-detect", "detecting", victims))
    victims.append(_kill_at_work(fleet, job, "worker-read", "reading", victims))

    fleet.finish(job)
    after = {state.name: state.restarts for state in fleet.workers.states()}
    assert {name: after[name] - before[name] for name in after} == {
        "worker-control": 0,
        "worker-detect": 1,
        "worker-read": 1,
    }
    for victim in victims:
        assert _segment(fleet, victim["id"])["attempt"] > victim["attempt"]
    _assert_rows(fleet, job, expected, videos=2)


def test_an_unknown_country_is_refused_in_a_sentence(fleet: Fleet, demo_drive: Drive) -> None:
    before = fleet.ask("SELECT count(*) FROM jobs")
    refused = _dashplate("submit", str(demo_drive.video), "--country", "GB,Atlantis")
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert "ATLANTIS" in refused.stderr.upper()
    assert "Traceback" not in refused.stderr
    assert fleet.ask("SELECT count(*) FROM jobs") == before


def _assert_rows(fleet: Fleet, job: int, expected: run.VideoResult, videos: int = 1) -> None:
    """Every video of the job has ended well, with exactly the tracklets and sightings of one process."""
    rows = fleet.ask(_VIDEOS, job=job)
    assert [(v["state"], v["problem"]) for v in rows] == [("done", None)] * videos
    segments = fleet.ask(_SEGMENTS, job=job)
    assert {s["state"] for s in segments} == {"done"}
    assert {(s["lease_until"], s["problem"]) for s in segments} == {(None, None)}
    assert sum(s["frames_looked"] for s in segments) == videos * expected.frames_looked
    for video in rows:
        with session(fleet.url) as db:
            found = read_tracklets_of(db, video["id"])
        assert [_tracklet(t) for t in found] == [_tracklet(t) for t in expected.tracklets]
        assert _sightings(fleet, video["id"]) == [_sighting(s) for s in expected.sightings]


def _tracklet(tracklet: ReadTracklet) -> tuple[object, ...]:
    """All of a tracklet but the name of its picture."""
    return (
        tracklet.segment,
        tracklet.index,
        tracklet.first,
        tracklet.last,
        tracklet.seen,
        tracklet.best,
        tracklet.reading,
    )


def _sighting(sighting: Sighting) -> dict[str, Any]:
    row = sighting_row(0, 0, sighting)
    columns = {c.name: getattr(row, c.name) for c in row.__table__.columns if c.name not in _OWN}
    return {**columns, "text": sighting.text}


def _sightings(fleet: Fleet, video: int) -> list[dict[str, Any]]:
    rows = fleet.ask(
        "SELECT s.*, p.text FROM sightings s JOIN plates p ON p.id = s.plate_id WHERE video_id = :video ORDER BY index",
        video=video,
    )
    return [{name: value for name, value in row.items() if name not in _OWN} for row in rows]


def _everything_of(fleet: Fleet, job: int) -> list[list[dict[str, Any]]]:
    """All rows that belong to a job, ids and times included, but for when the job itself ended."""
    tables = {
        "jobs": "id = :job",
        "videos": "job_id = :job",
        "segments": "video_id IN (SELECT id FROM videos WHERE job_id = :job)",
        "sightings": "video_id IN (SELECT id FROM videos WHERE job_id = :job)",
        "outbox": "key IN (SELECT id FROM videos WHERE job_id = :job)",
    }
    rows = {
        table: [dict(row) for row in fleet.ask(f"SELECT * FROM {table} WHERE {which} ORDER BY id", job=job)]
        for table, which in tables.items()
    }
    for row in rows["jobs"]:
        del row["finished_at"]
    return list(rows.values())


def _kill_at_work(
    fleet: Fleet, job: int, worker: str, state: str, dead: Sequence[RowMapping], pool_only: bool = False
) -> RowMapping:
    """SIGKILL a worker while it holds a segment, none of those whose holder is `dead`; returns the segment."""
    while True:
        held = fleet.wait_for_state(job, state, dead)
        child = psutil.Process(int(held["worker"].rpartition(":")[2]))
        processes = [child] if pool_only else family(fleet.workers, worker)
        # Frozen first: it may have finished since it was seen.
        for process in processes:
            process.suspend()
        now = _segment(fleet, held["id"])
        if (now["state"], now["attempt"]) == (state, held["attempt"]):
            for process in processes:
                process.kill()
            return held
        for process in processes:
            process.resume()


def _segment(fleet: Fleet, segment: int) -> RowMapping:
    return fleet.ask("SELECT state, attempt FROM segments WHERE id = :segment", segment=segment)[0]


def _copies(video: Path, folder: Path, count: int) -> list[Path]:
    """The video under other names and times: other files, as far as a job can tell."""
    copies = [folder / f"copy-{number}.mp4" for number in range(count)]
    for number, copy in enumerate(copies):
        shutil.copyfile(video, copy)
        os.utime(copy, (number, number))
    return copies


def _dashplate(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command line against the fleet's servers, which are in this program's environment."""
    return forkserver.run(*words)
