"""Drives over HTTP, by the client, on pages and at the terminal: their clips, their way, and who passed."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text, update

from dashplate.client import Client, ServiceError
from dashplate.commands.findings import where
from db.access.scopes import Scope
from db.engine import session
from db.findings.search import index_some
from db.models import DriveRow, SightingRow, Video
from db.where.tracks import store_track
from pipeline.camera.records import Fix, Track
from tests.support.found import sighted
from tests.support.media_files import Recipe, write_clip
from tests.support.pages import person
from tests.support.processes import PATIENCE_S
from tests.support.service import Served

BEGAN = dt.datetime(2026, 3, 29, 7, 0, tzinfo=dt.UTC)
#: A road of this test alone, in the middle of an ocean.
ROAD = [(-40.0 + at / 1000, -130.0) for at in range(5)]


@dataclass(frozen=True)
class Driven:
    """A drive of a front and a rear camera: three vehicles, one of them seen by both."""

    drive: int
    job: int
    front: list[int]
    rear: list[int]


@pytest.fixture(scope="module")
def driven(served: Served) -> Driven:
    def seen(camera: str, moments_s: list[float], plate: str) -> list[int]:
        path = write_clip(served.folder / f"20260329_070000_{camera}.mp4", Recipe(seconds=1.0))
        return sighted(served.database_url, path, moments_s, plate=plate)

    front, rear = seen("front", [1.0, 4.0], "DR{:02}ONE"), seen("rear", [2.5, 6.0], "DR{:02}TWO")
    with session(served.database_url) as db:
        one, other = (db.get_one(Video, db.get_one(SightingRow, ids[0]).video_id) for ids in (front, rear))
        drive = DriveRow(
            job_id=one.job_id, began_at=BEGAN, ended_at=BEGAN + dt.timedelta(seconds=60), clock_zone="+02:00"
        )
        db.add(drive)
        db.flush()
        for video, camera, zone in ((one, "front", "+02:00"), (other, "rear", None)):
            video.job_id, video.drive_id, video.camera, video.clock_zone = one.job_id, drive.id, camera, zone
            # The rear camera knows no zone: what it says is the local time.
            video.recorded_at = BEGAN if zone else BEGAN + dt.timedelta(hours=2)
        fixes = tuple(Fix(lat, lon, offset_s=float(at)) for at, (lat, lon) in enumerate(ROAD))
        store_track(db, one.id, Track(fixes, "Novatek freeGPS"))
        both = [front[0], rear[0]]
        db.execute(update(SightingRow).where(SightingRow.id.in_(both)).values(passing_id=min(both)))
        for number, (lat, lon) in zip((*front, *rear), ROAD, strict=False):
            db.execute(update(SightingRow).where(SightingRow.id == number).values(lat=lat + 0.0005, lon=lon))
        index_some(db, 1000)
        return Driven(drive.id, one.job_id, front, rear)


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with Client(served.url, served.token(Scope.SEARCH), timeout_s=PATIENCE_S) as made:
        yield made


def test_a_drive_tells_what_it_holds_and_who_passed_once(client: Client, driven: Driven) -> None:
    (told,) = client.drives(driven.job)
    assert told == client.drive(driven.drive)
    assert (told.cameras, told.clips, told.passings, told.began_at) == (["front", "rear"], 2, 3, BEGAN)
    assert told.length_m == pytest.approx(444.8, abs=1)
    clips = client.clips(driven.drive)
    assert [(clip.camera, clip.began_at, clip.sightings) for clip in clips] == [("front", BEGAN, 2), ("rear", BEGAN, 2)]
    passed = list(client.passings(driven.drive))
    assert [[one.id for one in passing.sightings] for passing in passed] == [
        [driven.front[0], driven.rear[0]], [driven.front[1]], [driven.rear[1]],
    ]  # fmt: skip
    assert [(passing.began_at - BEGAN).total_seconds() for passing in passed] == [1.0, 4.0, 6.0]
    with pytest.raises(ServiceError) as refused:
        client.drive(2**62)
    assert refused.value.status == 404


def test_passings_come_a_page_at_a_time(served: Served, driven: Driven) -> None:
    header = {"Authorization": f"Bearer {served.token(Scope.SEARCH)}"}
    with httpx.Client(base_url=served.url, timeout=PATIENCE_S, headers=header) as asked:
        found, cursor = [], None
        while True:
            about = {"most": 1} if cursor is None else {"most": 1, "cursor": cursor}
            page = asked.get(f"/v1/drives/{driven.drive}/passings", params=about).json()
            found += [one["plate"] for one in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
        # Of the vehicle that both saw, the sighting with the lower number stands for it.
        assert found == ["DR00ONE", "DR01ONE", "DR01TWO"]
        assert asked.get("/v1/drives", params={"cursor": "-99999999999999999:1"}).status_code == 422


def test_what_was_seen_along_its_way_is_found(served: Served, client: Client, driven: Driven) -> None:
    everything = {*driven.front, *driven.rear}
    assert everything <= {one.id for one in client.search(along=(driven.drive, 100.0))}
    assert {one.plate for one in client.plates("DR*", along=(driven.drive, 100.0))} >= {"DR00ONE", "DR01TWO"}
    assert served.last_audited("search")[1] == f"along drive:{driven.drive},100"
    with pytest.raises(ServiceError, match="no drive"):
        list(client.search(along=(2**50, 100.0)))


def test_the_pages_of_drives(served: Served, driven: Driven) -> None:
    with person(served, Scope.SEARCH) as asked:
        listed = asked.get("/drives", params={"job": driven.job}).text
        assert f'href="/drives/{driven.drive}"' in listed
        assert "3 passings" in listed
        page = asked.get(f"/drives/{driven.drive}").text
        assert f'data-from="/drives/{driven.drive}/track"' in page
        assert page.index("DR00ONE") < page.index("DR01ONE") < page.index("DR01TWO")
        assert all(f'href="/sightings/{number}"' in page for number in (*driven.front, *driven.rear))
        shown = asked.get(f"/drives/{driven.drive}/track").json()
        assert [len(stretch) for stretch in shown["track"]] == [5]
        assert {one["id"] for one in shown["marks"]} == {driven.front[0], driven.front[1], driven.rear[1]}
        gallery = asked.get("/sightings", params={"along": f"drive:{driven.drive},100m"}).text
        assert f"of the way of drive {driven.drive}" in gallery
        assert all(f'id="s{number}"' in gallery for number in (*driven.front, *driven.rear))
        beside = asked.get(f"/sightings/{driven.front[0]}").text
        assert "The same passing" in beside
        assert f'href="/sightings/{driven.rear[0]}"' in beside
        assert f'href="/drives/{driven.drive}"' in beside
        alone = asked.get(f"/sightings/{driven.front[1]}").text
        assert "The same passing" not in alone
        assert asked.get(f"/drives/{2**62}").status_code == 404


def test_a_redo_that_leaves_no_drive_breaks_no_page(served: Served, driven: Driven) -> None:
    def move(drive: int | None) -> None:
        with session(served.database_url) as db:
            moved = "UPDATE videos SET drive_id = :drive FROM sightings s WHERE s.id = :id AND videos.id = s.video_id"
            db.execute(text(moved), {"drive": drive, "id": driven.front[0]})

    move(None)
    try:
        with person(served, Scope.SEARCH) as asked:
            page = asked.get(f"/drives/{driven.drive}")
            assert page.status_code == 200
            assert "No position is known of this drive." in page.text
            gone = asked.get("/sightings", params={"along": f"drive:{driven.drive},100m"}).text
            assert "data-item" not in gone
    finally:
        move(driven.drive)


def test_the_terminal_lists_them(
    served: Served, driven: Driven, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("DASHPLATE_DATABASE_URL", served.database_url)
    monkeypatch.setenv("DASHPLATE_REDIS_URL", served.env["DASHPLATE_REDIS_URL"])
    where.show_drives(driven.job, 5, as_json=True, data=tmp_path)
    (told,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (told["id"], told["clips"], told["passings"]) == (driven.drive, 2, 3)
