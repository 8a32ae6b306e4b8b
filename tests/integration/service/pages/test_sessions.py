"""The way in and out of the pages: sessions, what other sites cannot do with them, and what each scope shows."""

from __future__ import annotations

import re

import httpx
import pytest

from dashplate.service.access import COOKIE
from db.access import tokens
from db.access.scopes import Scope
from db.engine import session
from tests.support.pages import person, secret_of
from tests.support.service import Served

HTML = {"Accept": "text/html"}


def test_whoever_is_not_signed_in_is_led_to_the_form_and_back(served: Served) -> None:
    with httpx.Client(base_url=served.url, headers=HTML) as client:
        led = client.get("/?day=1")
        assert (led.status_code, led.headers["location"]) == (303, "/login?next=/%3Fday%3D1")
        form = client.get(led.headers["location"])
        assert 'name="next" value="/?day=1"' in form.text
        entered = client.post("/login", data={"token": served.token(Scope.READ), "next": "/?day=1"})
        assert (entered.status_code, entered.headers["location"]) == (303, "/?day=1")
        cookie = entered.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert client.get("/").status_code == 200


@pytest.mark.parametrize("next", ["https://evil.example", "//evil.example", "/\\evil.example", "\r\nX: y", "/a\r\nb"])
def test_nobody_is_led_elsewhere(served: Served, next: str) -> None:
    entered = httpx.post(f"{served.url}/login", data={"token": served.token(Scope.READ), "next": next})
    assert entered.headers["location"] == "/"


def test_a_wrong_token_is_told_and_opens_nothing(served: Served) -> None:
    answer = httpx.post(f"{served.url}/login", data={"token": "dp_0_0"}, headers=HTML)
    assert answer.status_code == 403
    assert "No such token" in answer.text
    assert COOKIE not in answer.cookies


def test_another_site_can_neither_sign_in_nor_change_anything(served: Served) -> None:
    token = served.token(Scope.SUBMIT)
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert httpx.post(f"{served.url}/login", data={"token": token}, headers=headers).status_code == 403
    with person(served, Scope.SUBMIT) as client:
        for wrong in ("", "0" * 64, "ü"):
            headers = {"X-CSRF-Token": wrong.encode()}
            assert client.post("/v1/jobs/1/pause", headers=headers).status_code == 403  # type: ignore[arg-type]
        assert client.post(f"/v1/jobs/{2**62}/pause").status_code == 404, "a page of its own may"
        assert client.get("/v1/jobs").status_code == 200


def test_a_session_is_no_token(served: Served) -> None:
    """Sent as one it would pass without what only a page of the service can know."""
    with person(served, Scope.SUBMIT) as client:
        assert client.get("/v1/jobs").status_code == 200
        bearer = {"Authorization": f"Bearer {client.cookies[COOKIE]}"}
    assert httpx.post(f"{served.url}/v1/jobs/{2**62}/pause", headers=bearer).status_code == 401


def test_a_session_ends_with_its_person_and_with_its_token(served: Served) -> None:
    with person(served, Scope.READ) as client:
        secret = client.cookies[COOKIE]
        left = client.post("/logout")
        assert (left.status_code, left.headers["hx-redirect"]) == (204, "/login")
        assert httpx.get(f"{served.url}/", cookies={COOKIE: secret}, headers=HTML).status_code == 303
    with session(served.database_url) as db:
        token = tokens.create(db, "pages: ends", [Scope.READ], None)
    with httpx.Client(base_url=served.url, headers=HTML) as client:
        client.post("/login", data={"token": token})
        with session(served.database_url) as db:
            tokens.revoke(db, "pages: ends")
        # It was not looked at yet, so nothing is remembered of it.
        assert client.get("/").status_code == 303


def test_pages_load_nothing_from_elsewhere_and_are_not_kept(served: Served) -> None:
    with person(served, Scope.ADMIN) as client:
        page = client.get("/")
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["cache-control"] == "no-store"
        assert "http://" not in page.text.replace("http://www.w3.org", "")
        for address in set(re.findall(r'"(/static/[^"]+)"', page.text)):
            kept = httpx.get(f"{served.url}{address}")
            assert kept.status_code == 200
            assert "immutable" in kept.headers["cache-control"]
    assert secret_of(page.text) != served.token(Scope.ADMIN)


def test_what_goes_wrong_is_a_page_for_people_and_a_problem_for_programs(served: Served) -> None:
    with person(served, Scope.READ) as client:
        missing = client.get("/nowhere<b>")
        assert missing.status_code == 404
        assert missing.headers["content-type"].startswith("text/html")
        told = client.get("/nowhere", headers={"Accept": "application/json"})
        assert told.headers["content-type"] == "application/problem+json"


def test_a_page_shows_only_what_the_token_may_see(served: Served) -> None:
    with person(served, Scope.READ) as reader, person(served, Scope.SUBMIT) as submitter:
        assert "/home/figures" not in reader.get("/").text
        assert reader.get("/home/figures").status_code == 403
        assert submitter.get("/home/running").status_code == 200
        assert submitter.get("/home/figures").status_code == 403
