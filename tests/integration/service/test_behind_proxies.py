"""The service behind a proxy: who calls is whom the proxy names, and nobody whom it lets in needs no token."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from dashplate.service.server import Place
from db.access.scopes import Scope
from db.engine import session
from pipeline.errors import UsageError
from tests.support.service import Serve, Served

ONE, OTHER = {"X-Forwarded-For": "203.0.113.7"}, {"X-Forwarded-For": "203.0.113.8"}


@pytest.fixture(scope="module")
def behind(serve: Serve) -> Served:
    """A service that believes the proxy on this machine."""
    few = {"DASHPLATE_CALLS_AT_ONCE": "30", "DASHPLATE_CALLS_A_SECOND": "0.01"}
    return serve("--proxy", "127.0.0.1", "--no-token", **few)


def test_wrong_tokens_are_counted_for_whom_the_proxy_names(behind: Served) -> None:
    with behind.client() as client:
        wrong = {"X-API-Key": f"dp_{'0' * 12}_{'A' * 43}"}
        said = [client.get("/v1/jobs", headers={**ONE, **wrong}).status_code for _ in range(32)]
        assert said == [401] * 30 + [429] * 2
        # What a caller writes himself stands before what the proxy adds.
        lied = {"X-Forwarded-For": f"203.0.113.99, {ONE['X-Forwarded-For']}"}
        assert client.get("/v1/jobs", headers={**lied, **wrong}).status_code == 429
        assert client.get("/v1/jobs", headers={**OTHER, **wrong}).status_code == 401


@pytest.mark.parametrize(("forwarded", "trusting"), [("203.0.113.9", True), ("127.0.0.1", False)])
def test_the_audit_names_the_caller(behind: Served, served: Served, forwarded: str, trusting: bool) -> None:
    asked = behind if trusting else served
    headers = {"X-Forwarded-For": "203.0.113.9", "X-API-Key": behind.token(Scope.SEARCH)}
    with asked.client() as client:
        assert client.get("/v1/plates", params={"pattern": "XY*"}, headers=headers).status_code == 200
    query = text("SELECT host FROM audit WHERE action = 'plates' ORDER BY id DESC LIMIT 1")
    with session(served.database_url) as db:
        assert db.execute(query).scalar_one() == forwarded


def test_whoever_comes_through_a_proxy_needs_a_token(behind: Served) -> None:
    with behind.client() as client:
        assert client.get("/v1/openapi.json").status_code == 200
        for header in ({"X-Forwarded-For": "127.0.0.1"}, ONE, {"Forwarded": "for=127.0.0.1"}, {"Via": "1.1 x"}):
            assert client.get("/v1/openapi.json", headers=header).status_code == 401, header


@pytest.mark.parametrize("proxy", ["*", "", "proxy.example.org", "10.0.0.5/24", "10.0.0.0/33", "[::1]"])
def test_a_proxy_is_an_address_or_a_network(proxy: str) -> None:
    Place(proxies=("10.0.0.5", "10.0.0.0/24", "::1", "fd00::/8"))
    with pytest.raises(UsageError, match="no address of a proxy"):
        Place(proxies=(proxy,))
