"""A rolling upgrade: the previous release's workers and this one's beside each other, on one database."""

from __future__ import annotations

import io
import subprocess
import tarfile
import time
from dataclasses import replace
from pathlib import Path

from alembic import command

from bench.chaos.compared.tables import Difference
from bench.chaos.disturbed.fleet import wait_for
from bench.chaos.disturbed.processes import ROOT, Processes
from bench.chaos.operating.actions import ended, reach
from bench.chaos.run import Chaos
from bench.chaos.scene import MAIN, Scene
from db.engine import engine_for
from db.migrate import config, upgrade
from pipeline.errors import MissingDependency

#: The previous release and its schema. When a release is made, its predecessor's commit and newest revision are
#: written here.
PREVIOUS, PREVIOUS_REVISION = "c68231a", "0013"
_PARTS = ("bench", "dashplate", "db", "pipeline", "store", "workers", "models")
#: What the previous release says less of: options that it did not have, columns of what is told.
_LESS = ("job: ", "told: ")
_BEFORE, _BESIDE = 4, 8
_READY_S = 60.0


def previous_release(folder: Path) -> Path:
    """Write the previous release's code, from the history of this repository, into a new folder.

    Raises MissingDependency where there is no history.
    """
    asked = subprocess.run(["git", "-C", ROOT, "archive", PREVIOUS, *_PARTS], capture_output=True, check=False)
    if asked.returncode:
        raise MissingDependency(f"Commit {PREVIOUS} is not in this checkout: clone the repository with its history.")
    with tarfile.open(fileobj=io.BytesIO(asked.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def upgrade_while_it_runs(chaos: Chaos, previous: Path) -> Difference:
    """Submit to the old workers, migrate under them, let new ones work beside them, and end the old ones."""
    fleet = chaos.fleet
    fleet.ready("folder")
    chaos.undisturbed(["plain", "small", "old"])
    fleet.processes.stop()
    engine_for(fleet.url).dispose()
    with engine_for(fleet.url).begin() as connection:
        prepared = config()
        prepared.attributes["connection"] = connection
        command.downgrade(prepared, PREVIOUS_REVISION)
    fleet.root = previous
    fleet.start()
    scene = Scene(fleet, "plain", f"upgrade {time.monotonic():.0f}")
    scene.submit(MAIN, "plain")
    reach(chaos, scene, _BEFORE)
    upgrade(fleet.url)
    # Old workers alone, on the new schema, which the new command submits to.
    fleet.root = ROOT
    scene.submit("small")
    reach(chaos, scene, _BESIDE)
    old, fleet.processes = fleet.processes, Processes(fleet.folder)
    fleet.start_beside(fleet.processes)
    try:
        wait_for("the new workers", fleet.processes.all_run, _READY_S)
    finally:
        old.stop()
    scene.submit("old")
    wrong = ended(chaos, scene)
    return replace(wrong, changed=tuple(one for one in wrong.changed if not one.startswith(_LESS)))
