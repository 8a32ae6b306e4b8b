"""A person on the pages, without a browser: signs in with a token, and sends what a page sends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from db.access.scopes import Scope
from tests.support.processes import PATIENCE_S
from tests.support.service import Served


@contextmanager
def person(served: Served, *scopes: Scope) -> Iterator[httpx.Client]:
    """A client that has signed in with a token of these scopes; its calls carry the secret of its pages."""
    with httpx.Client(base_url=served.url, timeout=PATIENCE_S, headers={"Accept": "text/html"}) as client:
        answer = client.post("/login", data={"token": served.token(*scopes)})
        assert answer.status_code == 303, answer.text
        client.headers["X-CSRF-Token"] = secret_of(client.get("/").text)
        yield client


def secret_of(html: str) -> str:
    """What a page holds for its calls."""
    found = re.search(r'name="page-secret" content="([0-9a-f]{64})"', html)
    assert found, html[:500]
    return found[1]
