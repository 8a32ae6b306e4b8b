"""Search over HTTP: what workers stored is found, a page at a time, narrowed, and put on record."""

from __future__ import annotations

import datetime as dt

import httpx
import pytest
from sqlalchemy import text

from db.access.scopes import Scope
from db.engine import session
from db.web.where import convoys
from pipeline.errors import UsageError
from tests.support.jobs_over_http import card, events, submitted
from tests.support.processes import wait_until
from tests.support.service import Served


@pytest.fixture
def job(working: Served, client: httpx.Client) -> int:
    number = submitted(client, card(working, files=2))
    events(client, number)
    return number


def found(client: httpx.Client, plate: str, **narrowed: object) -> list[dict[str, object]]:
    """All pages of two, of a search that finds everything."""
    items: list[dict[str, object]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = client.get("/v1/search", params={"plate": plate, "most": 2, **narrowed, **cursor})  # type: ignore[arg-type]
        assert answer.status_code == 200, answer.text
        page = answer.json()
        items += page["items"]
        if page["next"] is None:
            return items
        cursor = {"cursor": page["next"]}


def test_what_workers_stored_is_found(client: httpx.Client, job: int) -> None:
    wait_until(
        "everything is searchable",
        lambda: client.get("/v1/search", params={"plate": "*", "most": 1}).json()["complete"],
    )
    listed = client.get(f"/v1/jobs/{job}/sightings").json()["items"]
    one = listed[0]
    (exact,) = found(client, one["plate"].lower(), job=job, winners=True)
    assert (exact["id"], exact["said"], exact["winner"], exact["distance"]) == (one["id"], one["read_as"], True, 0)
    assert exact["share"] == one["confidence"]
    for pattern in ("*", one["plate"][:2] + "*", "*" + one["plate"][-2:]):
        assert one["id"] in {other["id"] for other in found(client, pattern, job=job)}
    assert {other["id"] for other in found(client, "*", job=job)} == {other["id"] for other in listed}
    misread = one["plate"][:-1] + ("8" if one["plate"][-1] != "8" else "B")
    alike = found(client, misread, job=job, like=True)
    assert one["id"] in {other["id"] for other in alike}
    assert [other["distance"] for other in alike] == sorted(float(str(other["distance"])) for other in alike)
    # The stand-in's runners-up.
    for other in one["alternatives"]:
        hits = [hit for hit in found(client, other["text"], job=job) if hit["id"] == one["id"]]
        assert [(hit["said"], hit["winner"]) for hit in hits] == [(other["text"], False)]


def test_a_search_is_narrowed_and_wrong_ones_are_refused(client: httpx.Client, job: int) -> None:
    wait_until(
        "everything is searchable",
        lambda: client.get("/v1/search", params={"plate": "*", "most": 1}).json()["complete"],
    )
    tomorrow = (dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).isoformat()
    assert found(client, "*", job=job, since="2020-01-01T00:00:00Z", until=tomorrow)
    assert found(client, "*", job=job, since=tomorrow) == []
    assert found(client, "*", job=job, country="ZZ") == []
    assert found(client, "*", job=10**15) == []
    for wrong in (
        {"plate": ""}, {"until": "0.5"}, {"plate": "A", "share": 2},
        {"plate": "A", "since": "2026-11-01T00:00:00"}, {"plate": "A", "cursor": "0:x"}, {"plate": "A", "most": 501},
        {"plate": "A", "lick": True}, {"near": "91,0,5m"}, {"near": "1,2,0m"}, {"box": "1,2,3"},
    ):  # fmt: skip
        answer = client.get("/v1/search", params=wrong)  # type: ignore[arg-type]
        assert answer.status_code == 422, wrong
        assert answer.headers["content-type"] == "application/problem+json"
    for since, until in (
        ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"),
        ("0001-01-01T00:00:00Z", tomorrow),
    ):
        assert found(client, "*", job=job, since=since, until=until)
        assert not found(client, "*", job=job, since=until, until=since)


def test_likeness_has_no_effect_where_nothing_can_be_like(client: httpx.Client, job: int) -> None:
    wait_until(
        "everything is searchable",
        lambda: client.get("/v1/search", params={"plate": "*", "most": 1}).json()["complete"],
    )
    for pattern in ("*", "?" * 6):
        assert found(client, pattern, job=job, like=True) == found(client, pattern, job=job) != []
    assert found(client, "A" * 17, like=True) == []


def test_a_search_is_on_record(working: Served, client: httpx.Client) -> None:
    client.get("/v1/search", params={"plate": "ka05*"})
    who, query = working.last_audited("search")
    assert query == "ka05*"
    assert who.startswith("token ")


def test_a_video_tells_its_clock(working: Served, client: httpx.Client, job: int) -> None:
    (video, *_) = client.get(f"/v1/jobs/{job}/videos").json()["items"]
    told = text(
        "UPDATE videos SET recorded_from = 'gps', clock_zone = '+02:00',"
        " clock_error_s = 2, camera = 'rear', clock_others = CAST(:others AS jsonb) WHERE id = :id"
    )
    others = '[{"at": "2026-05-01T14:00:01", "from": "filename", "error_s": 1.0}]'
    with session(working.database_url) as db:
        db.execute(told, {"id": video["id"], "others": others})
    about = client.get(f"/v1/videos/{video['id']}").json()
    assert (about["clock_zone"], about["clock_error_s"], about["camera"]) == ("+02:00", 2, "rear")
    assert about["clock_others"] == [{"at": "2026-05-01T14:00:01", "recorded_from": "filename", "error_s": 1.0}]


def test_what_takes_too_long_is_answered_with_a_sentence(working: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    with session(working.database_url) as db:
        monkeypatch.setattr(convoys, "convoys", lambda db, days, **_: db.execute(text("SELECT pg_sleep(5)")))
        with pytest.raises(UsageError, match="fewer days"):
            convoys.convoys_in_time(db, 0.05, None)
        assert db.scalar(text("SELECT 1")) == 1


def test_search_by_place_and_named_places(working: Served, client: httpx.Client, job: int) -> None:
    (first, *_) = client.get(f"/v1/jobs/{job}/sightings").json()["items"]
    with session(working.database_url) as db:
        db.execute(text("UPDATE sightings SET lat = 48.137, lon = 11.575 WHERE id = :id"), {"id": first["id"]})
    assert client.get("/v1/search", params={"near": "1.5,2.5,10m", "box": "1,2,3,4"}).status_code == 409
    unknown = client.get("/v1/search", params={"place": "depot"})
    assert unknown.status_code == 404
    assert "dashplate" not in unknown.json()["detail"]
    circle = {"lat": 48.137, "lon": 11.575, "radius_m": 50}
    assert client.put("/v1/places/depot", json=circle).status_code == 403
    operator = working.client(Scope.ADMIN)
    assert operator.put("/v1/places/depot", json=circle).json() == {"name": "depot", **circle}
    assert [one["name"] for one in client.get("/v1/places").json()] == ["depot"]
    for area in ({"place": "depot"}, {"near": "48.137,11.575,5m"}, {"box": "48.1,11.5,48.2,11.6"}):
        (there,) = client.get("/v1/search", params=area).json()["items"]
        assert (there["id"], there["lat"], there["lon"], there["place"]) == (first["id"], 48.137, 11.575, "depot")
        assert [one["plate"] for one in client.get("/v1/plates", params=area).json()] == [first["plate"]]
    (cell,) = client.get("/v1/heat", params={"box": "48.1,11.5,48.2,11.6"}).json()
    assert cell["sightings"] == 1
    assert first["plate"] not in {one["plate"] for one in client.get("/v1/convoys").json()}
    assert client.get("/v1/heat", params={"box": "48.2,11.5,48.1,11.6"}).json() == [cell]
    assert operator.delete("/v1/places/depot").status_code == 204
    assert operator.delete("/v1/places/depot").status_code == 404
