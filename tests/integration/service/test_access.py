"""Who may ask for what: every call that the application has, under every token, method and spelling of its address."""

from __future__ import annotations

import re
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from pydantic import SecretStr

from dashplate.service.access import Access
from dashplate.service.app import Parts
from dashplate.service.description import described
from dashplate.service.files.making.annotator import Annotator
from dashplate.service.files.making.cutter import Cutter
from dashplate.service.photographs.reader import PhotoReader
from dashplate.stack import Stack
from dashplate.stack.server import free_port
from dashplate.web.app import create_app_with_pages
from db.access import tokens
from db.access.scopes import Scope
from db.engine import session
from tests.support.service import Serve, Served
from workers.settings import settings, using

#: What opens the calls of each group; a new group says here what opens it.
OPENS = {
    "photographs": Scope.READ,
    "other programs' clients": Scope.READ,
    "jobs": Scope.SUBMIT,
    "plates and sightings": Scope.SEARCH,
    "search": Scope.SEARCH,
    "uploads": Scope.SUBMIT,
    "corrections": Scope.CORRECT,
    "hits": Scope.SEARCH,
    "places": Scope.SEARCH,
    "naming places": Scope.ADMIN,
    "watch lists": Scope.ADMIN,
    "endpoints": Scope.ADMIN,
    "": Scope.READ,
    **{f"pages {scope}": scope for scope in Scope},
    "pages any": None,
    # Of single scopes, that alone is both.
    "pages search and correct": Scope.ADMIN,
}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "JUNK")
OPEN = "/healthz"
#: Where nothing is: no call does anything there.
NOWHERE = str(2**62)

#: Method, address, and what opens it; None where every token does.
Call = tuple[str, str, Scope | None]


@pytest.fixture(scope="module")
def app(stack: Stack) -> FastAPI:
    """The application, to be asked for its calls alone."""
    with using(settings().model_copy(update={"database_url": SecretStr(stack.database_url)})) as config:
        reader = PhotoReader(config.models, 1)
        return create_app_with_pages(Parts(config, Access(stack.database_url), reader, Cutter(), Annotator(config)))


@pytest.fixture(scope="module")
def calls(app: FastAPI) -> list[Call]:
    """Method, address and scope of every call but health, hidden ones too."""
    found = []
    for route in iter_route_contexts(app.routes):
        address = re.sub(r"\{[^}]*\}", NOWHERE, route.path or "")
        # The innermost says it.
        tag = (route.tags or [""])[-1]
        if tag == "open":
            continue
        scope = OPENS[tag]
        found += [(method, address, scope) for method in route.methods or ("GET",) if address != OPEN]
    assert len(found) >= 25
    return found


@pytest.fixture(scope="module")
def guarded(serve: Serve) -> tuple[Served, int]:
    """A service of these tests alone, whose limits they may use up, and its second port."""
    port = free_port()
    return serve("--codeproject-port", str(port)), port


def ask(url: str, method: str, target: str, token: str | None = None, header: str = "Bearer") -> HTTPResponse:
    """The answer to a request whose target is sent as it stands."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=60)
    headers = {} if token is None else {"Authorization": f"{header} {token}"}
    connection.request(method, target, headers=headers)
    answer = connection.getresponse()
    answer.body = answer.read()  # type: ignore[attr-defined]
    connection.close()
    return answer


def test_every_call_opens_to_its_scope_and_to_no_other(guarded: tuple[Served, int], calls: list[Call]) -> None:
    served, _ = guarded
    for scope in Scope:
        with served.client(scope) as client:
            for method, address, wanted in calls:
                answer = client.request(method, address)
                opened = answer.status_code not in (401, 403)
                allowed = wanted is None or scope in (wanted, Scope.ADMIN)
                assert opened == allowed, (scope, method, address, answer.status_code)
                assert answer.status_code < 500
                assert opened or answer.headers["content-type"] == "application/problem+json"


def test_no_call_opens_without_a_token_whatever_the_method(guarded: tuple[Served, int], calls: list[Call]) -> None:
    served, second = guarded
    for url in (served.url, f"http://127.0.0.1:{second}"):
        for address in sorted({address for _, address, _ in calls} | {"/nowhere", "/docs", "/redoc", "/openapi.json"}):
            for method in METHODS:
                assert (method, address, ask(url, method, address).status) == (method, address, 401)
        assert ask(url, "GET", OPEN).status == 200


@pytest.mark.parametrize(
    "target",
    ["//v1/jobs", "/v1//jobs", "/v1/jobs/", "/v1/../healthz", "/healthz/../v1/jobs", "/healthz/..;/v1/jobs",
     "/healthz;/v1/jobs", "/healthz%2f..%2fv1%2fjobs", "/healthz/%2e%2e/v1/jobs", "/%2e%2e/v1/jobs",
     "/v1/jobs%00", "/healthz%00/v1/jobs", "/healthz/", "/healthz/v1/jobs", "//healthz", "/HEALTHZ",
     "/v1%2fjobs", "/v1/jobs?/healthz", "/v1/jobs#/healthz", "/healthz#/v1/jobs", "/v1/jobs;/healthz",
     "/healthz%3f/v1/jobs", "/healthz%23", "\\v1\\jobs", "/v1/jobs%ff", "http://127.0.0.1/v1/jobs",
     "http://127.0.0.1/healthz/../v1/jobs", "*", "/"],
)  # fmt: skip
def test_no_spelling_of_an_address_opens_it(guarded: tuple[Served, int], target: str) -> None:
    served, _ = guarded
    for method in ("GET", "POST", "OPTIONS"):
        assert ask(served.url, method, target).status in (400, 401)


def test_an_address_with_healths_name_tells_of_health_alone(guarded: tuple[Served, int]) -> None:
    served, _ = guarded
    for target in ("/healthz", "/healthz?a=/v1/jobs", "/%68ealthz"):
        assert ask(served.url, "GET", target).body == b'{"ok":true}'  # type: ignore[attr-defined]
    for method in METHODS[1:]:
        answer = ask(served.url, method, OPEN)
        assert (answer.status, answer.headers["allow"]) == (405, "GET")


def test_a_token_that_ended_was_revoked_or_never_was_opens_nothing(
    guarded: tuple[Served, int], calls: list[Call]
) -> None:
    served, _ = guarded
    with session(served.database_url) as db:
        ended = tokens.create(db, "access: ended", list(Scope), 0)
        revoked = tokens.create(db, "access: revoked", list(Scope), None)
        tokens.revoke(db, "access: revoked")
    right = served.token(Scope.ADMIN)
    for token in (ended, revoked, right[:-1], f"{right}x", "", "\\", "'--", "dp_0_0"):
        for header in ("Bearer", "Token", "bearer"):
            for method, address, _ in calls:
                # So many wrong ones are no longer looked at.
                assert ask(served.url, method, address, token, header).status in (401, 429)
    assert ask(served.url, "GET", "/v1/jobs", right).status == 200, "a right one opens all the same"


def test_without_tokens_photographs_alone_are_open(serve: Serve, calls: list[Call]) -> None:
    served = serve("--no-token")
    for method, address, wanted in calls:
        status = ask(served.url, method, address).status
        assert (status == 403) == (wanted not in (None, Scope.READ)), (method, address, status)
        assert status != 401


def test_what_an_address_takes_is_told(guarded: tuple[Served, int]) -> None:
    served, _ = guarded
    with served.client(Scope.ADMIN) as client:
        for method in ("PUT", "OPTIONS", "HEAD", "JUNK"):
            answer = client.request(method, "/v1/jobs")
            assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
            assert answer.headers["content-type"] == "application/problem+json"
        told = client.put("/v1/jobs").json()
    assert told["detail"] == "This address takes GET, POST."


def test_each_call_has_a_name_of_its_own_and_links_lead_to_calls(app: FastAPI) -> None:
    described_calls = [call for item in described(app)["paths"].values() for call in item.values()]
    names = [call["operationId"] for call in described_calls]
    assert len(set(names)) == len(names)
    links = {
        call["operationId"]: set(answer["links"])
        for call in described_calls
        for answer in call["responses"].values()
        if "links" in answer
    }
    assert {"show_job", "list_videos", "list_sightings", "pause"} <= links["submit"]
    assert "show_video" in links["list_videos"]
    assert {"show_sighting", "crop", "frame", "clip"} <= links["list_sightings"] & links["find"]
    assert {"show_upload", "upload_offset", "continue_upload", "remove_upload"} <= links["list_uploads"]
    assert all(one in names for found in links.values() for one in found)
