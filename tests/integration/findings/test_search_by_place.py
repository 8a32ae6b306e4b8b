"""Search by place on a real PostgreSQL: each kind of area finds what looking at every sighting finds."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pytest
from sqlalchemy import text

from db.engine import session
from db.findings.search import Behind, Wanted, plates, search
from db.where.area import Area, along, near
from db.where.asked import heat
from pipeline.camera.tracks import geometry
from pipeline.errors import UsageError
from tests.support.database import make_job
from tests.support.searching import index_all, saying, store

#: A city, what lies across 180° on Fiji, and a research station near a pole.
CENTRES = [(48.137, 11.575), (-16.8, 179.99), (-16.8, -179.99), (89.97, 20.0)]


@dataclass(frozen=True)
class Spot:
    sighting: int
    plate: str
    lat: float
    lon: float


@pytest.fixture
def spots(database_url: str) -> list[Spot]:
    """Four hundred sightings around the centres, and one without a place."""
    _, (video,) = make_job(database_url, 0)
    rng = random.Random(3)
    store(database_url, video, [saying(i, f"{'KA' if i % 3 else 'B'}{1000 + i}") for i in range(401)])
    found = []
    with session(database_url) as db:
        for row in db.execute(text("SELECT id, text FROM sightings ORDER BY id")).all()[:400]:
            lat, lon = CENTRES[row.id % 4]
            lat, lon = geometry.step(lat, lon, rng.uniform(0, 360), rng.expovariate(1 / 1500))
            found.append(Spot(row.id, row.text, lat, lon))
        moved = text("UPDATE sightings SET lat = :lat, lon = :lon WHERE id = :id")
        db.execute(moved, [{"lat": spot.lat, "lon": spot.lon, "id": spot.sighting} for spot in found])
    index_all(database_url)
    return found


def inside(url: str, area: Area, wanted: str | None = None, most: int = 1000) -> list[int]:
    with session(url) as db:
        return [row["sighting"] for row in search(db, Wanted(wanted, area=area), most)]


def newest_first(spots: Sequence[Spot]) -> list[int]:
    return sorted((spot.sighting for spot in spots), reverse=True)


@pytest.mark.parametrize("radius_m", [30.0, 700.0, 4000.0, 30_000.0])
@pytest.mark.parametrize("centre", CENTRES)
def test_near_a_point(database_url: str, spots: list[Spot], centre: tuple[float, float], radius_m: float) -> None:
    expected = [spot for spot in spots if geometry.distance_m(*centre, spot.lat, spot.lon) <= radius_m]
    assert inside(database_url, near(*centre, radius_m)) == newest_first(expected)


@pytest.mark.parametrize(
    "box",
    [(48.13, 11.56, 48.145, 11.6), (-17.0, 179.98, -16.79, -179.985), (-90, -180, 90, 180), (89.9, -180, 90, 180)],
)
def test_in_a_box(database_url: str, spots: list[Spot], box: tuple[float, float, float, float]) -> None:
    south, west, north, east = box

    def within(spot: Spot) -> bool:
        around = west <= spot.lon <= east if west <= east else spot.lon >= west or spot.lon <= east
        return south <= spot.lat <= north and around

    expected = [spot for spot in spots if within(spot)]
    assert expected
    assert inside(database_url, Area(box=box)) == newest_first(expected)


def test_along_a_track_also_over_180_degrees(database_url: str, spots: list[Spot]) -> None:
    for line in ([(48.12, 11.55), (48.137, 11.575), (48.13, 11.6)], [(-16.81, 179.97), (-16.79, -179.97)]):
        area = along(line, 300.0)
        expected = {spot.sighting for spot in spots if _off_line_m(spot, area.path) <= 300.0}
        assert expected
        assert set(inside(database_url, area)) == expected


def _off_line_m(spot: Spot, line: Sequence[tuple[float, float]]) -> float:
    """By small steps along the line."""
    nearest = math.inf
    for (lat, lon), (to_lat, to_lon) in pairwise(line):
        for step in range(2001):
            point = geometry.between(lat, lon, to_lat, to_lon, step / 2000)
            nearest = min(nearest, geometry.distance_m(*point, spot.lat, spot.lon))
    return nearest


@pytest.mark.parametrize("wanted", ["KA*", "*1", "KA1001", "B10?3", "*"])
def test_a_plate_in_an_area(database_url: str, spots: list[Spot], wanted: str) -> None:
    everywhere = set(inside(database_url, Area(box=(-90, -180, 90, 180)), wanted))
    area = near(*CENTRES[0], 1500.0)
    there = set(inside(database_url, area))
    assert inside(database_url, area, wanted) == sorted(everywhere & there, reverse=True)
    with session(database_url) as db:
        numbers = {spot.sighting: spot.plate for spot in spots}
        found = {row["plate"] for row in plates(db, wanted, 1000, area=area)}
        assert found == {numbers[one] for one in everywhere & there if numbers[one] in found}


def test_a_large_area_is_looked_through_from_the_newest_on(database_url: str, spots: list[Spot]) -> None:
    """As with broad patterns: so many sightings lie there that they are not gathered."""
    world = Area(box=(-90, -180, 90, 180))
    with session(database_url) as db:
        assert db.scalar(text("SELECT sightings_inside(ARRAY[-90, -180, 90, 180], NULL, NULL, 399)")) is None
        # Rows enough for that are not stored here; so the planner is told that there are few.
    circle = near(*CENTRES[0], 2000.0)
    source = "SELECT pg_get_functiondef('search_plates'::regproc)"
    with session(database_url) as db:
        small = str(db.scalar(text(source)))
    try:
        # As large as it would be taken for among a million times as many.
        _redefine(
            database_url,
            small.replace("many_candidates CONSTANT integer := 2 *", "many_candidates CONSTANT integer := 0 *"),
        )
        for area in (world, circle, along([(48.12, 11.55), (48.15, 11.6)], 500.0)):
            for wanted in (None, "KA*", "KA1001"):
                looked_through = inside(database_url, area, wanted, 20)
                _redefine(database_url, small)
                assert looked_through == inside(database_url, area, wanted, 20)
                _redefine(
                    database_url,
                    small.replace("many_candidates CONSTANT integer := 2 *", "many_candidates CONSTANT integer := 0 *"),
                )
    finally:
        _redefine(database_url, small)


def _redefine(url: str, function: str) -> None:
    with session(url) as db:
        db.connection().exec_driver_sql(function, execution_options={"no_parameters": True})


def test_pages_go_on_where_the_last_one_ended(database_url: str, spots: list[Spot]) -> None:
    area = near(*CENTRES[0], 5000.0)
    whole = inside(database_url, area)
    paged: list[int] = []
    with session(database_url) as db:
        behind = None
        while rows := search(db, Wanted(None, area=area), 7, behind):
            paged += [row["sighting"] for row in rows]
            behind = Behind(rows[-1]["distance"], rows[-1]["sighting"])
    assert paged == whole


def test_pages_of_what_is_alike_go_on_where_the_last_one_ended(database_url: str) -> None:
    _, (video,) = make_job(database_url, 0)
    store(database_url, video, [saying(i, ("AB12CDE", "A812CDE")[i % 2]) for i in range(20)])
    with session(database_url) as db:
        db.execute(text("UPDATE sightings SET lat = 48, lon = 11"))
    index_all(database_url)
    wanted = Wanted("AB12CDE", alike=True, area=near(48, 11, 500))
    paged: list[int] = []
    with session(database_url) as db:
        whole = [row["sighting"] for row in search(db, wanted, 100)]
        behind = None
        while rows := search(db, wanted, 4, behind):
            paged += [row["sighting"] for row in rows]
            behind = Behind(rows[-1]["distance"], rows[-1]["sighting"])
    assert len(whole) == 20
    assert paged == whole


@pytest.mark.parametrize(
    ("box", "there"),
    [((-90, -180, 90, 180), 4), ((9, 170, 11, 180), 2), ((9, -180, 11, -170), 2), ((10, 180, 10, 180), 2),
     ((9, 170, 11, -170), 2), ((10, 0, 10, 0), 1)],
)  # fmt: skip
def test_what_lies_at_180_degrees_is_counted_once(
    database_url: str, box: tuple[float, float, float, float], there: int
) -> None:
    _, (video,) = make_job(database_url, 0)
    store(database_url, video, [saying(i, f"AB{i}") for i in range(4)])
    with session(database_url) as db:
        db.execute(text("UPDATE sightings SET lat = 10, lon = (ARRAY[-180, 180, 0, 90])[id % 4 + 1]"))
        assert sum(cell["sightings"] for cell in heat(db, Area(box=box))) == there


def test_the_heat_of_a_box_counts_every_sighting_in_it_once(database_url: str, spots: list[Spot]) -> None:
    asked = text("SELECT * FROM heat(ARRAY[48.1, 11.5, 48.2, 11.7], :across)")
    there = [spot for spot in spots if 48.1 <= spot.lat <= 48.2 and 11.5 <= spot.lon <= 11.7]
    with session(database_url) as db:
        for across in (1, 8, 64, 1000):
            cells = db.execute(asked, {"across": across}).mappings().all()
            assert sum(cell["sightings"] for cell in cells) == len(there)
            size = cells[0]["size"]
            assert 0.2 / min(across, 256) <= size < 0.4 / min(across, 256)
            for cell in cells:
                expected = [
                    spot
                    for spot in there
                    if cell["lat"] <= spot.lat < cell["lat"] + size and cell["lon"] <= spot.lon < cell["lon"] + size
                ]
                assert cell["sightings"] == len(expected)


NOWHERE: list[dict[str, object]] = [
    {"path": ((91, 0),), "within_m": 5}, {"path": ((0, 181),), "within_m": 5}, {"path": ((0, 0),), "within_m": 0},
    {"path": ((math.nan, 0),), "within_m": 5}, {"box": (2, 0, 1, 1)},
]  # fmt: skip


@pytest.mark.parametrize("said", NOWHERE)
def test_nowhere_is_refused(said: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        Area(**said)  # type: ignore[arg-type]
