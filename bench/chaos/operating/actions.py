"""Scaling to zero and back, renewing workers one by one, and a restore, each in the middle of a job."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from functools import partial

import psutil
import redis
from sqlalchemy import make_url

from bench.chaos.compared.tables import Difference
from bench.chaos.disturbed.fleet import wait_for
from bench.chaos.disturbed.processes import WORKERS
from bench.chaos.run import Chaos
from bench.chaos.scene import MAIN, Scene
from dashplate.commands.findings.query import environment_of
from dashplate.stack.postgres_server import postgres_bin
from db.engine import engine_for

_CONTENT, _SEGMENTS_BEFORE = "plain", 6
#: Segments that end between the dump and the restore: what the restored database does not know of.
_SEGMENTS_AFTER = 8
#: As docs/operations.md has it.
RESTORE = ("--clean", "--if-exists", "--no-owner", "--single-transaction")
_PATIENCE_S, _READY_S = 180.0, 60.0
_QUIET_S = 1.0

Act = Callable[[Chaos, Scene], None]


def operate(chaos: Chaos, name: str, act: Act) -> Difference:
    """Do something to a fleet in the middle of a job; returns in what its rows differ from an undisturbed run's."""
    fleet = chaos.fleet
    fleet.ready("folder")
    chaos.undisturbed([_CONTENT])
    scene = Scene(fleet, _CONTENT, f"{name} {time.monotonic():.0f}")
    scene.submit(MAIN, _CONTENT)
    reach(chaos, scene, _SEGMENTS_BEFORE)
    act(chaos, scene)
    return ended(chaos, scene)


def reach(chaos: Chaos, scene: Scene, segments: int) -> None:
    """Wait until the scene's job is submitted and so many of its segments have ended."""
    wait_for("the submission", scene.submitted, _PATIENCE_S)
    found = scene.job(MAIN)
    assert found is not None
    scene.job_id = found.id
    wait_for(f"{segments} segments", lambda: chaos.progress(scene.job_id) >= segments, _PATIENCE_S)


def ended(chaos: Chaos, scene: Scene) -> Difference:
    """Wait for the end of all jobs of the scene, and compare them."""
    wait_for("the end", partial(_over, scene), _PATIENCE_S)
    return chaos.compare(scene)


def scale_to_zero_and_move_the_store(chaos: Chaos, scene: Scene) -> None:
    """End all workers softly, see that nothing moves, copy the store to another folder, and start them with that."""
    fleet = chaos.fleet
    fleet.processes.stop()
    before = chaos.progress(scene.job_id)
    time.sleep(_QUIET_S)
    assert chaos.progress(scene.job_id) == before
    old, fleet.store_folder = fleet.store_folder, fleet.folder / "moved"
    fleet.store_folder.mkdir()
    subprocess.run(["cp", "-a", f"{old}/.", str(fleet.store_folder)], check=True)
    shutil.rmtree(old)
    fleet.start()


def renew_one_by_one(chaos: Chaos, scene: Scene) -> None:
    """End each worker softly, one after the other; each is started again before the next one is ended."""
    processes = chaos.fleet.processes
    for name in WORKERS:
        old = processes.family(name)[0]
        processes.renew(name)
        wait_for(f"the end of {name}", partial(_is_gone, old), _READY_S)
        wait_for("all processes", processes.all_run, _READY_S)


def restore(chaos: Chaos, scene: Scene) -> None:
    """Dump the database, go on, and go back to the dump: with the store as it is by then, and an empty Redis."""
    fleet = chaos.fleet
    dump = fleet.folder / "dashplate.dump"
    _run(fleet.url, "pg_dump", "-Fc", "-f", str(dump))
    reach(chaos, scene, _SEGMENTS_BEFORE + _SEGMENTS_AFTER)
    fleet.processes.stop()
    before = chaos.progress(scene.job_id)
    # Its connections have prepared statements on tables that are about to go.
    engine_for(fleet.url).dispose()
    _run(fleet.url, "pg_restore", *RESTORE, "-d", str(make_url(fleet.url).database), str(dump))
    with redis.Redis.from_url(fleet.redis_url) as client:
        client.flushall()
    assert chaos.progress(scene.job_id) < before
    # What was told between dump and restore is told again.
    scene.turns[MAIN] += 1
    fleet.start()


def _is_gone(process: psutil.Process) -> bool:
    return not process.is_running()


def _run(url: str, program: str, *words: str) -> None:
    """Run one of PostgreSQL's programs on the database."""
    subprocess.run([str(postgres_bin() / program), *words], env=environment_of(url), check=True)


def _over(scene: Scene) -> bool:
    scene.keep_typing()
    return scene.over()
