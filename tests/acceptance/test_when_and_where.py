"""Every sighting on the clock and on the map: a drive of three clips and two cameras, whose truth is known.

In its middle the clocks are put back, over its last cut it goes through a tunnel, and its cameras' clock is 47 s fast.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.camera.tracks import geometry
from synthesis.fleet import FleetTruth, render_fleet
from synthesis.fleet.truth import TruePassing
from tests.support.command_line.program import Command, Finished

#: What the issue asks for.
NEAR_M, NEAR_S = 15.0, 0.5
#: A place is told for so long beyond a fix.
REACH_S = 1.5
LEAST_FOUND = 0.8


@dataclass(frozen=True)
class Seen:
    """The job over the drive."""

    truth: FleetTruth
    finished: Finished
    sightings: list[dict[str, Any]]
    map: dict[str, Any]

    def true_moment(self, row: dict[str, Any], second: str) -> dt.datetime:
        """When a second of a sighting's video truly was."""
        return self.truth.file(Path(row["video"]).name).began_at + dt.timedelta(seconds=row[second])

    def of(self, passing: TruePassing) -> list[dict[str, Any]]:
        return [row for row in self.sightings if row["plate"] == passing.plate]

    def true(self) -> Iterator[tuple[dict[str, Any], TruePassing]]:
        """Sightings that say what is there."""
        known = {passing.plate: passing for passing in self.truth.passings}
        return ((row, known[row["plate"]]) for row in self.sightings if row["plate"] in known)


@pytest.fixture(scope="module")
def seen(dashplate: Command, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = tmp_path_factory.mktemp("fleet")
    truth = render_fleet(folder / "card")
    finished = dashplate("run", *sorted((folder / "card").glob("*.mp4")), "--json", folder / "job.json")
    job = json.loads((folder / "job.json").read_text("utf-8"))["job"]["job"]
    rows, drawn = folder / "sightings.jsonl", folder / "map.geojson"
    dashplate("export", job, "--format", "jsonl", "--rows", "sightings", "--out", rows)
    dashplate("export", job, "--format", "geojson", "--out", drawn)
    sightings = [json.loads(line) for line in rows.read_text("utf-8").splitlines()]
    return Seen(truth, finished, sightings, json.loads(drawn.read_text("utf-8")))


def test_the_drives_plates_are_read(seen: Seen) -> None:
    assert seen.finished.code == 0, seen.finished.err
    legible = [passing for passing in seen.truth.passings if passing.cameras]
    found = [passing for passing in legible if seen.of(passing)]
    assert len(found) >= LEAST_FOUND * len(legible), [p.plate for p in legible if p not in found]


def test_each_sighting_is_on_the_true_clock(seen: Seen) -> None:
    """Whatever the camera's clock, its file names and the change of the clocks say."""
    assert seen.sightings
    for row in seen.sightings:
        assert row["clock_from"] == "gps"
        for said, second in (("first_seen_at", "first_seen_s"), ("last_seen_at", "last_seen_s")):
            moment = dt.datetime.fromisoformat(row[said])
            assert moment.tzinfo is not None, row
            assert abs((moment - seen.true_moment(row, second)).total_seconds()) <= NEAR_S, row
        assert row["clock_error_s"] <= 1.0


def test_each_vehicle_was_there_when_it_was_seen(seen: Seen) -> None:
    near = dt.timedelta(seconds=NEAR_S)
    for row, passing in seen.true():
        video = Path(row["video"]).name
        inside = [sight for sight in passing.sights if sight.file == video]
        assert inside, f"{passing.plate} is not in {video}"
        read = seen.true_moment(row, "best_frame_s")
        assert inside[0].first_at - near <= read <= inside[0].last_at + near
        assert row["camera"] == inside[0].camera


def test_each_sighting_is_at_its_true_place(seen: Seen) -> None:
    begins, ends = seen.truth.tunnel
    placed = 0
    for row in seen.sightings:
        moment = seen.true_moment(row, "best_frame_s")
        if begins - dt.timedelta(seconds=1) <= moment <= ends + dt.timedelta(seconds=1):
            continue
        assert row["lat"] is not None, row
        assert geometry.distance_m(row["lat"], row["lon"], *seen.truth.place_at(moment)) <= NEAR_M
        assert row["place_error_m"] is not None
        placed += 1
    assert placed >= 10


def test_nothing_is_placed_in_the_tunnel(seen: Seen) -> None:
    reach = dt.timedelta(seconds=REACH_S)
    begins, ends = seen.truth.tunnel
    inside = [row for row in seen.sightings if begins + reach < seen.true_moment(row, "best_frame_s") < ends - reach]
    assert inside, "somebody drives in the tunnel too"
    assert [row["lat"] for row in inside] == [None] * len(inside)


def test_a_vehicle_is_one_passing_over_cuts_and_cameras(seen: Seen) -> None:
    numbers: dict[str, set[int]] = defaultdict(set)
    for row, passing in seen.true():
        numbers[passing.plate].add(row["passing"])
    assert {plate: found for plate, found in numbers.items() if len(found) > 1} == {}
    assert len({min(found) for found in numbers.values()}) == len(numbers), "two vehicles are never one"
    cuts = [one for one in seen.truth.passings if one.spans_a_cut]
    assert len(cuts) >= 2
    for passing in cuts:
        clips = defaultdict(set)
        for row in seen.of(passing):
            clips[row["camera"]].add(row["video"])
        assert max(map(len, clips.values()), default=0) == 2, f"{passing.plate} is seen before and behind the cut"
    both = [one for one in seen.truth.passings if len({row["camera"] for row in seen.of(one)}) == 2]
    assert len(both) >= 3


def test_all_clips_are_one_drive(seen: Seen) -> None:
    """Although the third is named an hour before the second."""
    assert len({row["drive"] for row in seen.sightings}) == 1
    assert seen.sightings[0]["drive"] is not None


def test_the_map_shows_the_way_but_for_the_tunnel(seen: Seen) -> None:
    lines = [one for one in seen.map["features"] if one["geometry"]["type"] == "LineString"]
    assert {line["properties"]["camera"] for line in lines} == {"front", "rear"}
    for line in lines:
        moments = [dt.datetime.fromisoformat(time) for time in line["properties"]["times"]]
        assert not any(seen.truth.tunnel[0] < moment < seen.truth.tunnel[1] for moment in moments)
        for (lon, lat), moment in zip(line["geometry"]["coordinates"], moments, strict=True):
            assert geometry.distance_m(lat, lon, *seen.truth.place_at(moment)) <= NEAR_M
    points = [one for one in seen.map["features"] if one["geometry"]["type"] == "Point"]
    assert [one["properties"] for one in points] == [row for row in seen.sightings if row["lat"] is not None]


def test_nothing_is_left(seen: Seen) -> None:
    assert seen.finished.left == []
