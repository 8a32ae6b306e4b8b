"""What truly happened: when and where each vehicle was seen, by which cameras, in true UTC."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from synthesis.fleet.plan import CAMERAS, Plan
from synthesis.fleet.way import Way
from synthesis.truth import LEGIBLE_FRAMES, TrueBox

#: How closely the true way is written down, seconds.
_STEP_S = 0.1


@dataclass(frozen=True, slots=True)
class TrueFile:
    """One clip of one camera."""

    name: str
    camera: str
    began_at: dt.datetime
    duration_s: float


@dataclass(frozen=True, slots=True)
class TrueSight:
    """A vehicle in one clip of one camera, wholly in sight."""

    file: str
    camera: str
    first_at: dt.datetime
    last_at: dt.datetime
    #: Whether a reader has to find it there: it is legible in enough frames of this clip.
    legible: bool


@dataclass(frozen=True, slots=True)
class TruePassing:
    """A vehicle that passed once."""

    plate: str
    country: str
    #: In sight of any camera.
    first_at: dt.datetime
    last_at: dt.datetime
    #: Where the camera car was then: latitude and longitude, WGS 84.
    first_place: tuple[float, float]
    last_place: tuple[float, float]
    sights: tuple[TrueSight, ...]

    @property
    def cameras(self) -> tuple[str, ...]:
        """Those that show it legibly."""
        return tuple(camera for camera in CAMERAS if any(s.camera == camera and s.legible for s in self.sights))

    @property
    def spans_a_cut(self) -> bool:
        """Whether one camera shows it legibly in two clips."""
        shown = [sight.camera for sight in self.sights if sight.legible]
        return any(shown.count(camera) > 1 for camera in CAMERAS)


@dataclass(frozen=True, slots=True)
class FleetTruth:
    """The whole drive."""

    zone: str
    clock_ahead_s: float
    #: No satellite was seen from the first to the second moment.
    tunnel: tuple[dt.datetime, dt.datetime]
    files: tuple[TrueFile, ...]
    passings: tuple[TruePassing, ...]
    #: Since `began_at`, every tenth of a second: latitude and longitude of the camera car.
    began_at: dt.datetime
    way: tuple[tuple[float, float], ...]

    def place_at(self, moment: dt.datetime) -> tuple[float, float]:
        """Return where the camera car truly was."""
        steps = (moment - self.began_at).total_seconds() / _STEP_S
        lats, lons = np.array(self.way).T
        places = np.arange(len(self.way))
        return float(np.interp(steps, places, lats)), float(np.interp(steps, places, lons))

    def file(self, name: str) -> TrueFile:
        """Return the clip of a name."""
        return next(file for file in self.files if file.name == name)


def fleet_truth(
    plan: Plan, way: Way, boxes: Mapping[str, Iterable[TrueBox]], countries: Mapping[str, str]
) -> FleetTruth:
    """Return the truth of a drive, from the boxes of each camera."""
    of_plate: dict[str, dict[str, list[TrueBox]]] = {}
    recorded = range(plan.frames(0).start, plan.frames(plan.clips - 1).stop)
    for camera, found in boxes.items():
        for box in (box for box in found if box.frame in recorded):
            of_plate.setdefault(box.text, {}).setdefault(camera, []).append(box)
    passings = [_passing(plan, way, plate, countries[plate], seen) for plate, seen in of_plate.items()]
    files = [
        TrueFile(plan.file_name(clip, camera), camera, plan.moment(plan.begins_s(clip)), plan.clip_s)
        for clip in range(plan.clips)
        for camera in CAMERAS
    ]
    steps = round(plan.clips * plan.clip_s / _STEP_S) + 1
    spots = [way.spot(plan.from_s + step * _STEP_S) for step in range(steps)]
    return FleetTruth(
        plan.zone, plan.clock_ahead_s, (plan.moment(plan.tunnel[0]), plan.moment(plan.tunnel[1])), tuple(files),
        tuple(sorted(passings, key=lambda passing: passing.first_at)), plan.began_at,
        tuple((spot.lat, spot.lon) for spot in spots),
    )  # fmt: skip


def write_fleet_truth(path: Path, truth: FleetTruth) -> None:
    """Write it as JSON; moments in ISO 8601."""
    path.write_text(json.dumps(asdict(truth), indent=1, default=dt.datetime.isoformat), encoding="utf-8")


def read_fleet_truth(path: Path) -> FleetTruth:
    """Return what `write_fleet_truth` wrote."""
    told = json.loads(path.read_text(encoding="utf-8"))
    first, last = (dt.datetime.fromisoformat(moment) for moment in told["tunnel"])
    passings = [
        TruePassing(
            **{**_timed(one, "first_at", "last_at"), "first_place": tuple(one["first_place"]),
               "last_place": tuple(one["last_place"]),
               "sights": tuple(TrueSight(**_timed(sight, "first_at", "last_at")) for sight in one["sights"])}
        )
        for one in told["passings"]
    ]  # fmt: skip
    return FleetTruth(
        told["zone"], told["clock_ahead_s"], (first, last),
        tuple(TrueFile(**_timed(file, "began_at")) for file in told["files"]), tuple(passings),
        dt.datetime.fromisoformat(told["began_at"]), tuple((lat, lon) for lat, lon in told["way"]),
    )  # fmt: skip


def _timed(told: dict[str, Any], *names: str) -> dict[str, Any]:
    return {**told, **{name: dt.datetime.fromisoformat(told[name]) for name in names}}


def _passing(plan: Plan, way: Way, plate: str, country: str, seen: Mapping[str, Sequence[TrueBox]]) -> TruePassing:
    times = [box.time_s for boxes in seen.values() for box in boxes]
    first, last = way.spot(min(times)), way.spot(max(times))
    sights = [
        _sight(plan, clip, camera, inside)
        for camera, boxes in seen.items()
        for clip in range(plan.clips)
        if (inside := [box for box in boxes if box.frame in plan.frames(clip)])
    ]
    return TruePassing(
        plate, country, plan.moment(min(times)), plan.moment(max(times)), (first.lat, first.lon), (last.lat, last.lon),
        tuple(sights),
    )  # fmt: skip


def _sight(plan: Plan, clip: int, camera: str, boxes: Sequence[TrueBox]) -> TrueSight:
    legible = sum(box.legible for box in boxes) >= LEGIBLE_FRAMES
    first, last = (plan.moment(box.time_s) for box in (boxes[0], boxes[-1]))
    return TrueSight(plan.file_name(clip, camera), camera, first, last, legible)
