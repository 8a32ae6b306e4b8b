"""Renders a drive of a fleet: what both cameras record, clip by clip, and the truth beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from synthesis.drive import encode
from synthesis.fleet.plan import CAMERAS, Plan
from synthesis.fleet.recorder import add_track
from synthesis.fleet.truth import FleetTruth, fleet_truth, write_fleet_truth
from synthesis.fleet.way import Way
from synthesis.street.traffic import Traffic
from synthesis.truth import true_boxes

TRUTH_FILE = "truth.json"


def render_fleet(folder: Path, plan: Plan | None = None, progress: Callable[[float], None] | None = None) -> FleetTruth:
    """Render a drive's clips into a folder, with `truth.json` beside them; returns the truth.

    Each clip has its track inside. The same plan gives the same pictures. `progress` is told the share done, 0 to 1.
    """
    plan = plan or Plan()
    folder.mkdir(parents=True, exist_ok=True)
    traffic = Traffic(np.random.default_rng([plan.seed, 1]), plan.traffic_s, plan.plates)
    way = Way(traffic.own, plan.traffic_s, plan.start, plan.bearing_deg)
    boxes = {camera: true_boxes(plan.spec(camera)) for camera in CAMERAS}
    countries = {one.vehicle.plate.text: one.vehicle.plate.style.name.split("-")[0] for one in traffic.actors}
    truth = fleet_truth(plan, way, boxes, countries)
    write_fleet_truth(folder / TRUTH_FILE, truth)
    todo = [(clip, camera) for clip in range(plan.clips) for camera in CAMERAS]
    for number, (clip, camera) in enumerate(todo):
        path = folder / plan.file_name(clip, camera)

        def told(share: float, done: int = number) -> None:
            if progress is not None:
                progress((done + share) / len(todo))

        encode(path, plan.spec(camera), plan.frames(clip), told)
        add_track(path, plan, way, clip)
    return truth
