"""The service's own figures: calls by template and status, for whoever has a token, and nothing that was asked for."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from dashplate.service import measured
from db.access.scopes import Scope
from tests.support.service import QUEUE, Served


def samples(served: Served) -> dict[tuple[str, str, str], float]:
    """Values by name, route and status."""
    with served.client(Scope.READ) as client:
        said = client.get("/metrics").raise_for_status()
    assert said.headers["content-type"].startswith("text/plain")
    found = [sample for family in text_string_to_metric_families(said.text) for sample in family.samples]
    return {(one.name, one.labels.get("route", ""), one.labels.get("status", "")): one.value for one in found}


def grown(served: Served, before: dict[tuple[str, str, str], float], route: str, status: str) -> float:
    key = (measured.REQUESTS, route, status)
    return samples(served)[key] - before.get(key, 0.0)


def test_calls_are_counted_by_template_and_status(served: Served) -> None:
    before = samples(served)
    with served.client(Scope.SEARCH, Scope.SUBMIT) as client:
        for plate in ("KA05MH1234", "GV5679"):
            client.get("/v1/search", params={"plate": plate}).raise_for_status()
        assert client.get("/v1/jobs/123456789").status_code == 404
        assert client.request("KA05MH1234", "/v1/jobs").status_code == 405
        assert client.get("/v1/KA05MH1234").status_code == 404
    with served.client() as stranger:
        assert stranger.get("/v1/jobs").status_code == 401
    assert grown(served, before, "GET /v1/search", "200") == 2
    assert grown(served, before, "GET /v1/jobs/{job}", "404") == 1
    assert grown(served, before, "none", "401") == 1
    assert grown(served, before, "none", "404") == 1
    assert grown(served, before, "none", "405") == 1
    assert "KA05MH1234" not in " ".join(" ".join(key) for key in samples(served))


def test_the_time_of_an_answer_is_counted_and_photographs_that_wait_are(served: Served) -> None:
    counted = (f"{measured.SECONDS}_count", "GET /v1/jobs", "")
    before = samples(served).get(counted, 0.0)
    with served.client(Scope.SUBMIT) as client:
        client.get("/v1/jobs").raise_for_status()
    after = samples(served)
    assert after[counted] == before + 1
    assert after[f"{measured.SECONDS}_sum", "GET /v1/jobs", ""] > 0
    assert after[measured.PHOTOGRAPHS, "", ""] == 0
    assert after[measured.MOST_PHOTOGRAPHS, "", ""] == QUEUE


def test_nobody_sees_the_figures_without_a_token(served: Served) -> None:
    with served.client() as stranger:
        assert stranger.get("/metrics").status_code == 401
