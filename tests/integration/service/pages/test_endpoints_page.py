"""Endpoints: how telling somebody goes, what is dead, and what an operator does about it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from sqlalchemy import text

from db.access.scopes import Scope
from db.engine import session
from tests.support.database import make_job, run_sql
from tests.support.pages import person
from tests.support.scripted_server import serving
from tests.support.service import Serve, Served
from tests.support.webhook_receiver import Receiver


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    with person(served, Scope.ADMIN) as opened:
        yield opened


def owed(url: str, endpoint: str, count: int, state: str, problem: str | None = None) -> int:
    """Deliveries in a state; returns their job."""
    job, (video,) = make_job(url, 0, name="<i>told</i>")
    owe = """
        WITH e AS (INSERT INTO events (kind, job_id, video_id, state)
                   SELECT 'video', :job, :video, 'done' FROM generate_series(1, :count) RETURNING id)
        INSERT INTO deliveries (event_id, endpoint_id, state, tries, tried_at, problem)
        SELECT e.id, p.id, :state, 3, now(), :problem FROM e, endpoints p WHERE p.name = :endpoint
    """
    with session(url) as db:
        values = {"job": job, "video": video, "count": count, "state": state, "problem": problem, "endpoint": endpoint}
        db.execute(text(owe), values)
    return job


def panel(page: str, name: str) -> str:
    return page.partition(f'data-name="{name}"')[2].partition("</article>")[0]


def test_an_endpoint_is_shown_with_how_it_goes(served: Served, client: httpx.Client) -> None:
    made = {"name": "pages: <b>\u202e", "address": "https://example.org/${DASHPLATE_TELL_X}", "events": ["hit"]}
    assert client.post("/v1/endpoints", json=made).status_code == 201
    assert client.post("/v1/endpoints", json={**made, "name": "pages: road", "labels": ["stolen"]}).status_code == 201
    owed(served.database_url, "pages: road", 2, "dead", "It answered with status 500. <i>")
    owed(served.database_url, "pages: road", 1, "pending", "It answered with status 503.")
    page = client.get("/endpoints").text
    assert "<b>" not in page
    assert "<i>" not in page
    assert "\u202e" not in page
    assert "whsec_" not in page
    road = panel(page, "pages: road")
    assert "failing" in road
    assert "of the lists stolen" in road
    assert re.search(r"state=dead&amp;endpoint=[^\"]+\">2<", road)
    assert re.search(r"state=pending&amp;endpoint=[^\"]+\">1<", road)
    owed(served.database_url, "pages: road", 1, "told")
    assert "well" in panel(client.get("/endpoints").text, "pages: road")


def test_dead_letters_are_shown_and_sent_again(served: Served, client: httpx.Client) -> None:
    client.post("/v1/endpoints", json={"name": "pages: dead", "address": "https://example.org/"})
    owed(served.database_url, "pages: dead", 60, "dead", "It answered with status 500.")
    asked = {"state": "dead", "endpoint": "pages: dead"}
    page = client.get("/endpoints/deliveries", params=asked).text
    assert page.count("<article") == 50
    assert page.count("It answered with status 500.") == 50
    assert "<i>told" not in page
    behind = re.search(r'hx-get="(/endpoints/deliveries[^"]+)"', page)
    assert behind
    part = client.get(behind[1].replace("&amp;", "&"), headers={"HX-Request": "true"}).text
    assert part.count("<article") == 10
    one = re.search(r'data-delivery="(\d+)"', page)
    assert one
    assert client.post(f"/v1/deliveries/{one[1]}/resend").status_code == 200
    assert f'data-delivery="{one[1]}"' in client.get("/endpoints/deliveries", params={**asked, "state": "pending"}).text
    assert client.post("/v1/deliveries/resend", params={"endpoint": "pages: dead"}).json() == {"deliveries": 59}
    assert "Nothing was given up" in client.get("/endpoints/deliveries", params=asked).text
    told = client.get("/endpoints/deliveries", params={**asked, "state": "told"})
    assert "Nothing was told lately" in told.text


def test_an_endpoint_is_paused_and_goes_on(served: Served, client: httpx.Client) -> None:
    client.post("/v1/endpoints", json={"name": "pages: rest", "address": "https://example.org/"})
    assert client.post("/endpoints/pages: rest/pause").status_code == 204
    shown = panel(client.get("/endpoints").text, "pages: rest")
    assert "Paused by" in shown
    assert 'data-do="enable"' in shown
    assert served.last_audited("endpoint")[1] == "pause pages: rest"
    assert client.post("/v1/endpoints/pages: rest/enable").json()["enabled"]
    assert client.post("/endpoints/nobody/pause").status_code == 404
    assert client.post("/endpoints/nobody/test").status_code == 404


def test_a_test_says_what_is_answered(serve: Serve) -> None:
    served = serve(DASHPLATE_PRIVATE_HOSTS="127.0.0.1")
    with serving(Receiver()) as receiver, person(served, Scope.ADMIN) as client:
        assert isinstance(receiver, Receiver)
        made = client.post("/v1/endpoints", json={"name": "pages: test", "address": f"{receiver.url}/"}).json()
        receiver.secret = made["secret"]
        answer = client.post("/endpoints/pages: test/test").json()
        assert answer["took"], answer
        assert receiver.types() == ["test"]
        client.post(
            "/v1/endpoints", json={"name": "pages: deaf", "address": "https://example.org/${DASHPLATE_TELL_NO}"}
        )
        deaf = client.post("/endpoints/pages: deaf/test").json()
        assert not deaf["took"]
        assert "DASHPLATE_TELL_NO" in deaf["said"]
    run_sql(served.database_url, "DELETE FROM endpoints")


def test_only_an_operator_sees_endpoints(served: Served) -> None:
    with person(served, Scope.SEARCH, Scope.SUBMIT, Scope.CORRECT) as client:
        for address in ("/endpoints", "/endpoints/deliveries"):
            assert client.get(address).status_code == 403
        assert client.post("/endpoints/gate/pause").status_code == 403
        assert client.post("/endpoints/gate/test").status_code == 403
        assert 'href="/endpoints"' not in client.get("/hits").text
