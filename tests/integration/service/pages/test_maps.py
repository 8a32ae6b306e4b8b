"""Maps on pages: tracks and sightings beside a video, areas that lists are narrowed to, counts by area, places."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from db.access.scopes import Scope
from db.engine import session
from db.findings.search import index_some
from db.where.tracks import store_track
from pipeline.camera.records import Fix, Track
from tests.support.found import sighted
from tests.support.media_files import Recipe, write_clip
from tests.support.pages import person
from tests.support.service import Serve, Served

#: Where the sightings of a video were, at seconds 1 and 9: 1.1 km apart, in the middle of an ocean of this test alone.
FIRST, SECOND = (-48.8765, -123.3930), (-48.8665, -123.3930)
AROUND_FIRST, AROUND_BOTH = "-48.8765,-123.393,100", "-48.88,-123.40,-48.86,-123.38"


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[httpx.Client]:
    with person(served, Scope.SEARCH) as one:
        yield one


@pytest.fixture
def seen(served: Served, tmp_path: Path) -> Iterator[list[int]]:
    """Two sightings of a video with a track that has a gap between them, and its place's name."""
    path = served.folder / tmp_path.name / "way.mp4"
    path.parent.mkdir()
    numbers = sighted(served.database_url, write_clip(path, Recipe(seconds=1.0)), [1.0, 9.0], plate="OC{:02}EAN")
    fixes = (
        *(Fix(FIRST[0], FIRST[1], offset_s=float(at), speed_mps=10.0, bearing_deg=0.0) for at in range(3)),
        Fix(0.5, 0.5, offset_s=2.5, doubt="far from its neighbours"),
        *(Fix(SECOND[0], SECOND[1], offset_s=float(at)) for at in range(8, 11)),
    )
    with session(served.database_url) as db:
        video = db.scalar(text("SELECT video_id FROM sightings WHERE id = :id"), {"id": numbers[0]})
        store_track(db, int(video), Track(fixes, "Novatek freeGPS"))
        for number, (lat, lon) in zip(numbers, (FIRST, SECOND), strict=True):
            placed = "UPDATE sightings SET lat = :lat, lon = :lon, place_error_m = 7, bearing_deg = 90 WHERE id = :id"
            db.execute(text(placed), {"lat": lat, "lon": lon, "id": number})
        db.execute(
            text("INSERT INTO places (name, lat, lon, radius_m) VALUES ('Point Nemo', :lat, :lon, 300)"),
            {"lat": FIRST[0], "lon": FIRST[1]},
        )
        index_some(db, 1000)
    yield numbers
    with session(served.database_url) as db:
        db.execute(text("DELETE FROM places"))
        db.execute(text("UPDATE sightings SET lat = NULL, lon = NULL WHERE id = ANY (:ids)"), {"ids": numbers})


def video_of(served: Served, sighting: int) -> int:
    with session(served.database_url) as db:
        return int(db.scalar(text("SELECT video_id FROM sightings WHERE id = :id"), {"id": sighting}))


def numbers_on(html: str) -> set[int]:
    return {int(number) for number in re.findall(r'id="s(\d+)"', html)}


def say(served: Served, video: int, **values: Any) -> None:
    """Say something of a video's clock."""
    named = ", ".join(f"{name} = :{name}" for name in values)
    with session(served.database_url) as db:
        db.execute(text(f"UPDATE videos SET {named} WHERE id = :video"), {**values, "video": video})


def test_the_map_beside_a_video_has_its_track_with_the_gap_and_its_sightings(
    served: Served, client: httpx.Client, seen: list[int]
) -> None:
    video = video_of(served, seen[0])
    page = client.get(f"/videos/{video}").text
    assert f'data-from="/videos/{video}/track"' in page
    shown = client.get(f"/videos/{video}/track").json()
    assert [len(stretch) for stretch in shown["track"]] == [3, 3]
    assert shown["track"][0][0] == [*FIRST, 0.0, 10.0, 0.0]
    assert shown["doubted"] == [[0.5, 0.5, "far from its neighbours"]]
    assert [(mark["id"], mark["at"]) for mark in shown["marks"]] == [(seen[0], 1.0), (seen[1], 9.0)]
    assert [place["name"] for place in shown["places"]] == ["Point Nemo"]
    assert served.last_audited("track")[1] == f"video {video}"


def test_without_a_position_the_page_says_what_would_give_one(
    served: Served, client: httpx.Client, seen: list[int]
) -> None:
    video = video_of(served, seen[0])
    with session(served.database_url) as db:
        db.execute(text("DELETE FROM tracks WHERE video_id = :video"), {"video": video})
        db.execute(text("UPDATE videos SET state = 'cancelled' WHERE id = :video"), {"video": video})
    page = client.get(f"/videos/{video}").text
    assert "<dash-map" not in page
    assert "No position in this video." in page
    assert ".gpx" in page
    assert client.get(f"/videos/{video}/track").json()["track"] == []


def test_a_clock_says_its_zone_or_that_none_is_known_and_what_others_say(
    served: Served, client: httpx.Client, seen: list[int]
) -> None:
    video = video_of(served, seen[0])
    others = json.dumps(
        [
            {"at": "2026-03-01T09:00:47", "from": "filename", "error_s": 1},
            {"at": "2026-03-01T09:00:01", "from": "container", "error_s": 61, "agrees": True},
        ]
    )
    at = {"recorded_at": "2026-03-01 09:00:00+00", "recorded_from": "overlay", "clock_error_s": 1}
    say(served, video, **at, clock_zone=None, clock_others=others, recovered=True)
    page = unescape(client.get(f"/videos/{video}").text)
    assert "2026-03-01 09:00" in page
    assert "the camera's local time, zone not known" in page
    assert "2026-03-01 09:00:47 (the camera's local time, zone not known), by the name of the file" in page
    assert "2026-03-01 09:00:01" not in page
    assert "This recording was never finished" in page
    sighting = unescape(client.get(f"/sightings/{seen[0]}").text)
    assert "by the clock on screen, as it was read, ± 1 s; the camera's local time, zone not known" in sighting
    say(served, video, clock_zone="+02:00", recovered=False)
    page = unescape(client.get(f"/videos/{video}").text)
    assert 'datetime="2026-03-01T09:00:00+00:00"' in page
    assert "the camera's zone is +02:00" in page


def test_a_sighting_has_a_map_with_its_error_its_bearing_and_its_place(client: httpx.Client, seen: list[int]) -> None:
    page = client.get(f"/sightings/{seen[0]}").text
    (shown,) = re.findall(r"data-shown='([^']*)'", page)
    (mark,) = json.loads(unescape(shown))["marks"]
    assert (mark["lat"], mark["lon"], mark["error_m"], mark["bearing_deg"]) == (*FIRST, 7, 90)
    assert '<a href="/sightings?place=Point%20Nemo">Point Nemo</a>' in page


def test_a_plate_has_all_its_places(client: httpx.Client, seen: list[int]) -> None:
    assert 'data-from="/plates/OC00EAN/places"' in client.get("/plates/OC00EAN").text
    shown = client.get("/plates/OC00EAN/places").json()
    assert [mark["address"] for mark in shown["marks"]] == [f"/sightings/{seen[0]}"]
    assert shown["marks"][0]["text"].startswith("Point Nemo, ")


@pytest.mark.parametrize(
    ("asked", "which"),
    [
        (f"near={AROUND_FIRST}", [0]), (f"box={AROUND_BOTH}", [1, 0]), ("place=Point+Nemo", [0]), ("place=Nowhere", []),
        (f"box={AROUND_BOTH}&plate=OC01EAN", [1]), (f"near={AROUND_FIRST}&plate=OC01EAN", []),
    ],
)  # fmt: skip
def test_the_gallery_is_narrowed_to_an_area(
    client: httpx.Client, seen: list[int], asked: str, which: list[int]
) -> None:
    page = client.get(f"/sightings?{asked}").text
    assert numbers_on(page) == {seen[index] for index in which}
    assert 'class="chip on"' in page


def test_search_is_narrowed_to_an_area(client: httpx.Client, seen: list[int]) -> None:
    assert numbers_on(client.get(f"/search?plate=OC0*&near={AROUND_FIRST}").text) == {seen[0]}
    assert numbers_on(client.get(f"/search?plate=OC0*&box={AROUND_BOTH}").text) == set(seen)


def test_areas_are_counted_as_the_gallery_is_narrowed(client: httpx.Client, seen: list[int]) -> None:
    def counted(more: str = "") -> list[list[float]]:
        found: list[list[float]] = client.get(f"/map/heat?seen={AROUND_BOTH}&across=64{more}").json()["areas"]
        return found

    areas = counted()
    assert [area[4] for area in areas] == [1, 1]
    for (lat, lon), (south, west, north, east, _) in zip((FIRST, SECOND), sorted(areas), strict=True):
        assert south <= lat < north
        assert west <= lon < east
        # Which leads to it.
        page = client.get(f"/sightings?box={south},{west},{north},{east}").text
        assert len(numbers_on(page)) == 1
    assert [area[4] for area in counted("&plate=OC01*")] == [1]
    assert counted("&at_most=50") == []
    assert counted("&corrected=1") == []
    assert [area[4] for area in counted(f"&near={AROUND_FIRST}")] == [1]
    assert [area[4] for area in client.get("/map/heat?seen=-90,-180,90,180&plate=OC0*").json()["areas"]] == [2]


@pytest.mark.parametrize("asked", ["seen=1,2,3", "seen=a", "seen=1,1,0,2", "across=0", "near=x"])
def test_what_is_no_area_is_refused(client: httpx.Client, asked: str) -> None:
    assert client.get(f"/map/heat?{asked}", headers={"Accept": "application/json"}).status_code == 422


def test_the_map_page_shows_named_places_and_lets_an_operator_name_them(
    served: Served, client: httpx.Client, seen: list[int]
) -> None:
    page = client.get("/map").text
    assert "Point Nemo" in page
    assert "data-names" not in page
    with person(served, Scope.ADMIN) as operator:
        assert "data-names" in operator.get("/map").text


def test_whoever_turns_up_again_and_again_is_asked_for(served: Served, client: httpx.Client, seen: list[int]) -> None:
    video = video_of(served, seen[0])
    with session(served.database_url) as db:
        # The same plate, in a drive a day, on three days.
        for day in (1, 2, 3):
            drive = db.scalar(
                text(
                    "INSERT INTO drives (job_id, began_at, ended_at) SELECT job_id, at, at FROM videos,"
                    " CAST(:at AS timestamptz) at WHERE id = :video RETURNING id"
                ),
                {"at": f"2020-05-0{day} 08:00+00", "video": video},
            )
            copied = text(
                "INSERT INTO videos (job_id, path, fingerprint, state, recorded_at, recorded_from, drive_id)"
                " SELECT job_id, path, fingerprint || :day, state, CAST(:at AS timestamptz), 'gps', :drive FROM videos"
                " WHERE id = :video RETURNING id"
            )
            at = {"at": f"2020-05-0{day} 08:00+00", "video": video}
            other = db.scalar(copied, {"day": str(day), "drive": drive, **at})
            columns = [
                name
                for name in db.scalars(
                    text("SELECT column_name FROM information_schema.columns WHERE table_name = 'sightings'")
                )
                if name not in ("id", "video_id")
            ]
            names = ", ".join(f'"{name}"' for name in columns)
            db.execute(
                text(f"INSERT INTO sightings (video_id, {names}) SELECT :to, {names} FROM sightings WHERE id = :one"),
                {"to": other, "one": seen[0]},
            )
    page = client.get("/convoys?always=1").text
    assert "OC00EAN" in page
    assert "on 3 days, in 3 drives" in page
    assert "SELECT * FROM convoys(least_drives =&gt; 3, least_days =&gt; 2);" in page
    assert "OC00EAN" not in client.get("/convoys?always=1&drives=4").text
    assert served.last_audited("convoys")[1] == "all days"
    assert "of_job =&gt; 1234567)" in client.get("/convoys?job=1234567").text


def test_pages_with_a_map_may_ask_the_tile_server_and_no_others_may(serve: Serve) -> None:
    tiled = serve(
        DASHPLATE_TILE_URL="https://tile.example/{z}/{x}/{y}.png", DASHPLATE_TILE_ATTRIBUTION="© Some <b>map</b>"
    )
    with person(tiled, Scope.SEARCH) as one:
        page = one.get("/map")
        assert "img-src 'self' data: https://tile.example;" in page.headers["content-security-policy"]
        assert 'data-tiles="https://tile.example/{z}/{x}/{y}.png"' in page.text
        assert "© Some &lt;b&gt;map&lt;/b&gt;" in page.text
        assert "tile.example" not in one.get("/").headers["content-security-policy"]
