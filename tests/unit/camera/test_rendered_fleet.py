"""A rendered fleet: what its cameras write is what Dashplate reads, and the truth beside it is true."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.camera.embedded import embedded_track
from pipeline.camera.file_names import named
from pipeline.camera.records import Track
from pipeline.camera.timing import began_by_track
from pipeline.camera.tracks import geometry
from synthesis.fleet.plan import CAMERAS, Plan
from synthesis.fleet.recorder import add_track
from synthesis.fleet.truth import FleetTruth, fleet_truth, read_fleet_truth, write_fleet_truth
from synthesis.fleet.way import Way
from synthesis.scene import DriveSpec, Scene, traffic_of
from synthesis.street.traffic import Traffic
from synthesis.truth import TrueBox, true_boxes
from tests.support import media_files

PLAN = Plan()


@pytest.fixture(scope="module")
def traffic() -> Traffic:
    return Traffic(np.random.default_rng([PLAN.seed, 1]), PLAN.traffic_s, PLAN.plates)


@pytest.fixture(scope="module")
def way(traffic: Traffic) -> Way:
    return Way(traffic.own, PLAN.traffic_s, PLAN.start, PLAN.bearing_deg)


@pytest.fixture(scope="module")
def boxes() -> dict[str, list[TrueBox]]:
    return {camera: true_boxes(PLAN.spec(camera)) for camera in CAMERAS}


@pytest.fixture(scope="module")
def truth(way: Way, traffic: Traffic, boxes: dict[str, list[TrueBox]]) -> FleetTruth:
    return fleet_truth(PLAN, way, boxes, {one.vehicle.plate.text: "X" for one in traffic.actors})


def recorded(folder: Path, way: Way, clip: int) -> Track:
    path = media_files.single_frame(folder)
    add_track(path, PLAN, way, clip)
    with path.open("rb") as file:
        track = embedded_track(file, path.stat().st_size)
    assert track is not None
    return track


def test_names_are_a_makes_and_follow_the_cameras_clock() -> None:
    """47 s fast; by that clock, the clocks go back in the second clip, so the third is named before the first."""
    names = [PLAN.file_name(clip, "front") for clip in range(3)]
    assert names == ["20261025_025937_NF.mp4", "20261025_025957_NF.mp4", "20261025_020017_NF.mp4"]
    said = named(PLAN.file_name(0, "rear"))
    assert (said.make, said.camera, said.at) == ("BlackVue", "rear", dt.datetime(2026, 10, 25, 2, 59, 37))


def test_the_clock_on_screen_is_the_cameras() -> None:
    """Another time is other pixels in its corner, and the same one is the same."""
    front, rear = (PLAN.spec(camera) for camera in CAMERAS)
    later = replace(front, clock_start=front.clock_start + dt.timedelta(minutes=11))
    frame = PLAN.frames(1).start
    corner, same, other = (Scene(spec).frame(frame)[-50:, :450].min(axis=2) > 200 for spec in (front, rear, later))
    assert np.mean(corner) > 0.02
    assert np.mean(corner != same) < 0.001
    assert np.mean(corner != other) > 0.003
    assert PLAN.shown(PLAN.begins_s(1)).isoformat() == "2026-10-25T02:59:57.400000"
    assert PLAN.shown(PLAN.begins_s(2)).isoformat() == "2026-10-25T02:00:17.400000"


@pytest.mark.parametrize("clip", range(3))
def test_the_track_tells_the_true_moment_whatever_the_clock_says(tmp_path: Path, way: Way, clip: int) -> None:
    track = recorded(tmp_path, way, clip)
    began = began_by_track(track)
    assert began is not None
    assert abs((began[0] - PLAN.moment(PLAN.begins_s(clip))).total_seconds()) < 0.15
    assert began[1] < 1.0


def test_the_track_tells_the_true_place_and_nothing_in_the_tunnel(tmp_path: Path, way: Way, truth: FleetTruth) -> None:
    fixes = [fix for clip in range(3) for fix in recorded(tmp_path, way, clip).fixes]
    moments = [fix.at for fix in fixes if fix.at is not None]
    assert len(moments) == len(fixes)
    assert not any(truth.tunnel[0] <= moment < truth.tunnel[1] for moment in moments)
    assert len(fixes) == pytest.approx(PLAN.clips * PLAN.clip_s - 20, abs=2)
    for fix, moment in zip(fixes, moments, strict=True):
        assert geometry.distance_m(fix.lat, fix.lon, *truth.place_at(moment)) < 8.0


def test_the_truth_holds_what_a_drive_is_tried_with(truth: FleetTruth, tmp_path: Path) -> None:
    assert sum(passing.spans_a_cut for passing in truth.passings) >= 2
    assert sum(len(passing.cameras) == 2 for passing in truth.passings) >= 5
    began, ended = truth.began_at, truth.began_at + dt.timedelta(seconds=60)
    assert all(began <= passing.first_at <= passing.last_at <= ended for passing in truth.passings)
    write_fleet_truth(tmp_path / "truth.json", truth)
    assert read_fleet_truth(tmp_path / "truth.json") == truth


def test_what_the_front_camera_has_passed_the_rear_one_sees_later(boxes: dict[str, list[TrueBox]]) -> None:
    first = {camera: {box.text: box.time_s for box in reversed(found)} for camera, found in boxes.items()}
    later = [first["rear"][text] > first["front"][text] for text in first["front"].keys() & first["rear"].keys()]
    # But for those that overtake, which are seen behind first.
    assert len(later) >= 10
    assert sum(later) > len(later) / 2


def test_the_rear_cameras_road_is_the_front_ones_turned() -> None:
    front, rear = (DriveSpec(7, 8.0, 15, 320, 180, 3, rear=rear) for rear in (False, True))
    ahead, behind = traffic_of(front), traffic_of(rear)
    for time_s in (0.0, 3.0, 7.5):
        seen, met = ahead.own.view(time_s, 320, 180), behind.own.view(time_s, 320, 180)
        for one, other in zip(ahead.actors, behind.actors, strict=True):
            pose, turned = one.pose(time_s), other.pose(time_s)
            assert turned.s - met.s == pytest.approx(seen.s - pose.s - one.vehicle.shape.length)
            assert turned.u - met.u == pytest.approx(seen.u - pose.u)
    assert np.any(Scene(front).frame(60) != Scene(rear).frame(60))
