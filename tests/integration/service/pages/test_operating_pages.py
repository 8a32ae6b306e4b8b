"""Audit, tokens, settings and exports as pages: what they show, to whom, and what they change."""

from __future__ import annotations

import re
from itertools import count

import httpx
import pytest
from sqlalchemy import text

from db.access import tokens
from db.access.scopes import Scope
from db.engine import session
from db.keeping import audit
from tests.support.database import forget_job, make_job
from tests.support.pages import person
from tests.support.service import Served

OPERATING = ("/audit", "/tokens", "/settings", "/settings/models", "/health", "/health/looks")
_numbers = count()


def entries_of(html: str) -> list[str]:
    return re.findall(r'<span class="asked">(.*?)(?:<|$)', html)


def recorded(served: Served, who: str, number: int, action: str = "plates") -> None:
    with session(served.database_url) as db:
        for index in range(number):
            audit.record(db, who, "gate", action, f"{who} asks {index}", index)


@pytest.mark.parametrize("address", OPERATING)
def test_operators_alone_see_them(served: Served, address: str) -> None:
    with person(served, Scope.SEARCH, Scope.SUBMIT, Scope.CORRECT, Scope.READ) as others:
        refused = others.get(address)
        assert refused.status_code == 403
        assert "lacks the scope admin" in refused.text
        assert address not in re.findall(r'href="(/[a-z]+)"', others.get("/").text)
    with person(served, Scope.ADMIN) as operator:
        assert operator.get(address).status_code == 200


def test_the_record_is_shown_page_by_page_and_once(served: Served) -> None:
    who = f"pager {next(_numbers)}"
    recorded(served, who, 130)
    with person(served, Scope.ADMIN) as client:
        first = client.get("/audit", params={"who": who})
        older = re.search(r'hx-get="(/audit\?[^"]+)"', first.text)
        assert older
        second = client.get(older[1].replace("&amp;", "&"), headers={"HX-Request": "true"})
    shown = [*entries_of(first.text), *entries_of(second.text)]
    assert "<html" not in second.text
    # Those of one transaction have one time: their numbers order them.
    assert [entry for entry in shown if "asks" in entry] == [f"{who} asks {index}" for index in reversed(range(130))]


def test_the_record_is_narrowed(served: Served) -> None:
    who = f"seeker {next(_numbers)}"
    recorded(served, who, 3, "export")
    with person(served, Scope.ADMIN) as client:

        def found(**asked: str) -> int:
            page = client.get("/audit", params={"who": who, **asked})
            assert page.status_code == 200, page.text
            return len([one for one in entries_of(page.text) if "asks" in one])

        assert found() == 3
        assert found(action="export") == 3
        assert found(action="plates") == 0
        assert found(words="ASKS 2") == 1
        assert found(words="%") == 0
        assert found(since="2000-01-01", until="2999-12-31") == 3
        assert found(since="2000-01-01", until="9999-12-31") == 3, "no day comes after it"
        assert found(until="2000-01-01") == 0
        assert "No entry fits" in client.get("/audit", params={"who": "nobody at all", "since": "2999-01-01"}).text
        assert client.get("/audit", params={"since": "yesterday"}).status_code == 422


def test_whoever_reads_the_record_is_in_it(served: Served) -> None:
    with person(served, Scope.ADMIN) as client:
        client.get("/audit", params={"action": "export"})
    who, asked = served.last_audited("audit")
    assert who.startswith("token ")
    assert asked == "action export"


def test_a_token_is_made_shown_once_and_opens(served: Served) -> None:
    name = f"ada <b> {next(_numbers)}"
    with person(served, Scope.ADMIN) as client:
        made = client.post("/tokens", json={"name": f" {name} ", "scopes": ["search"], "days": 30})
        assert made.status_code == 201, made.text
        token = made.json()["token"]
        assert made.headers["cache-control"] == "no-store"
        assert client.post("/tokens", json={"name": name, "scopes": ["search"]}).status_code == 409
        page = client.get("/tokens").text
    assert token not in page
    assert "ada &lt;b&gt;" in page
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx.get(f"{served.url}/v1/plates?pattern=A*", headers=headers).status_code == 200
    assert httpx.get(f"{served.url}/v1/jobs", headers=headers).status_code == 403
    assert served.last_audited("token")[1] == f"add {name}: search"
    with session(served.database_url) as db:
        stored = db.execute(text("SELECT to_jsonb(t)::text FROM tokens t WHERE name = :name"), {"name": name})
        assert token.split("_", 2)[2] not in stored.scalar_one()


@pytest.mark.parametrize(
    "wrong",
    [{"name": " ", "scopes": ["read"]}, {"name": "x", "scopes": []}, {"name": "x", "scopes": ["root"]},
     {"name": "x\n", "scopes": ["read"]}, {"name": "x" * 101, "scopes": ["read"]},
     {"name": "x", "scopes": ["read"], "days": 0}, {"name": "x", "scopes": ["read"], "secret": "dp_1"}],
)  # fmt: skip
def test_a_token_that_cannot_be_meant_is_not_made(served: Served, wrong: dict[str, object]) -> None:
    with person(served, Scope.ADMIN) as client:
        assert client.post("/tokens", json=wrong).status_code == 422


def test_a_revoked_token_opens_nothing_and_ones_own_has_to_be_meant(served: Served) -> None:
    with session(served.database_url) as db:
        own, other = (f"{who} {next(_numbers)}" for who in ("own", "other"))
        token = tokens.create(db, own, [Scope.ADMIN], None)
        tokens.create(db, other, [Scope.READ], None)
        rows = {row.name: row.id for row in tokens.known(db)}
    with httpx.Client(base_url=served.url, headers={"Authorization": f"Bearer {token}"}) as client:
        assert client.post(f"/tokens/{rows[other]}/revoke", json={}).status_code == 204
        assert client.post(f"/tokens/{rows[other]}/revoke", json={}).status_code == 409
        assert client.post(f"/tokens/{2**62}/revoke", json={}).status_code == 404
        refused = client.post(f"/tokens/{rows[own]}/revoke", json={})
        assert (refused.status_code, "signed in with this token" in refused.text) == (409, True)
        assert client.post(f"/tokens/{rows[own]}/revoke", json={"own": True}).status_code == 204
    with session(served.database_url) as db:
        assert tokens.find(db, token) is None
    assert served.last_audited("token")[1] == f"revoke {own}"


def test_another_site_can_neither_make_nor_revoke_a_token(served: Served) -> None:
    with person(served, Scope.ADMIN) as client:
        del client.headers["X-CSRF-Token"]
        assert client.post("/tokens", json={"name": "evil", "scopes": ["admin"]}).status_code == 403
        assert client.post("/tokens/1/revoke", json={"own": True}).status_code == 403


def test_settings_show_no_secret(served: Served) -> None:
    with person(served, Scope.ADMIN) as client:
        page = client.get("/settings").text
        assert client.get("/settings/models").status_code == 200
    assert served.env["DASHPLATE_WEBHOOK_KEY"] not in page
    assert "DASHPLATE_WEBHOOK_KEY" in page
    assert str(served.folder) in page, "a root"
    assert "bench.standin:StandIn" in page


def test_exports_are_offered_with_their_job_and_come_with_the_session(served: Served) -> None:
    job, _ = make_job(served.database_url, 0, name="the tour & <i>")
    with person(served, Scope.SEARCH) as client:
        page = client.get(f"/exports?job={job}")
        assert f'action="/v1/jobs/{job}/export"' in page.text
        assert "the tour &amp; &lt;i&gt;" in page.text
        assert "No sightings so far" in client.get(f"/exports/about?job={job}", headers={"HX-Request": "true"}).text
        sent = client.get(f"/v1/jobs/{job}/export?format=csv&rows=plates")
        assert sent.headers["content-disposition"] == f'attachment; filename="job-{job}.csv"'
        assert client.get(f"/exports?job={2**62}").status_code == 404
    forget_job(served.database_url, job)
    with person(served, Scope.SUBMIT) as client:
        assert client.get("/exports").status_code == 403
