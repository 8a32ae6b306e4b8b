"""Search over HTTP: what workers stored is found, a page at a time, narrowed, and put on record."""

from __future__ import annotations

import datetime as dt

import httpx
import pytest

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
        {"plate": ""}, {}, {"plate": "A", "share": 2},
        {"plate": "A", "since": "2026-11-01T00:00:00"}, {"plate": "A", "cursor": "0:x"}, {"plate": "A", "most": 501},
        {"plate": "A", "lick": True},
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
