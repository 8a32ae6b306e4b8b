"""A real Prometheus with the shipped configuration: it is let in by both programs, and answers the whole dashboard."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from dashplate.stack.server import free_port
from db.access.scopes import Scope
from tests.conftest import ROOT, missing
from tests.support.processes import wait_until
from tests.support.service import Served

FOLDER = ROOT / "deploy" / "monitoring"
TOKEN = "what Prometheus shows"


@pytest.fixture(scope="module")
def figures(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """`dashplate metrics` beside the service, behind a token; its port."""
    port, log = free_port(), tmp_path_factory.mktemp("metrics") / "log"
    with log.open("wb") as output:
        program = subprocess.Popen(
            [sys.executable, "-m", "dashplate", "metrics", "--port", str(port)], cwd=ROOT, stdout=output, stderr=output,
            env={**served.env, "DASHPLATE_METRICS_TOKEN": TOKEN},
        )  # fmt: skip
    try:
        wait_until("the metrics", lambda: program.poll() is not None or answers(f"http://127.0.0.1:{port}/healthz"))
        assert program.poll() is None, log.read_text()
        yield port
    finally:
        program.terminate()
        assert program.wait(60) == 128 + 15


@pytest.fixture(scope="module")
def prometheus(served: Served, figures: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Prometheus with the files of deploy/monitoring/, at the ports of here."""
    if shutil.which("prometheus") is None:
        missing("there is no prometheus here; run: sudo apt-get install --no-install-recommends prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    shutil.copy(FOLDER / "alerts.yml", folder)
    config = (FOLDER / "prometheus.yml").read_text("utf-8").replace("scrape_interval: 15s", "scrape_interval: 1s")
    service = served.url.rpartition(":")[2]
    (folder / "prometheus.yml").write_text(config.replace(":9464", f":{figures}").replace(":8080", f":{service}"))
    (folder / "metrics-token").write_text(f"{TOKEN}\n")
    (folder / "service-token").write_text(f"{served.token(Scope.READ)}\n")
    port = free_port()
    with (folder / "log").open("wb") as output:
        program = subprocess.Popen(
            ["prometheus", "--config.file=prometheus.yml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address=127.0.0.1:{port}"],
            cwd=folder, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until("Prometheus", lambda: program.poll() is not None or answers(f"{url}/-/ready"))
        assert program.poll() is None, (folder / "log").read_text()
        with httpx.Client(base_url=url, timeout=30) as client:
            yield client
    finally:
        program.terminate()
        program.wait(60)


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.HTTPError:
        return False


def asked(prometheus: httpx.Client, expression: str) -> list[Any]:
    said = prometheus.get("/api/v1/query", params={"query": expression}).raise_for_status().json()
    found: list[Any] = said["data"]["result"]
    return found


def test_both_programs_let_prometheus_in(prometheus: httpx.Client) -> None:
    def health() -> dict[str, str]:
        targets = prometheus.get("/api/v1/targets").json()["data"]["activeTargets"]
        return {one["labels"]["job"]: one["health"] for one in targets}

    wait_until("both targets", lambda: health() == {"dashplate": "up", "dashplate-service": "up"})


def test_the_rules_are_loaded_and_nothing_is_wrong_with_them(prometheus: httpx.Client) -> None:
    def rules() -> list[dict[str, Any]]:
        groups = prometheus.get("/api/v1/rules").json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    assert len(rules()) == (FOLDER / "alerts.yml").read_text("utf-8").count("expr:")
    wait_until("the rules' first turn", lambda: all(rule["health"] == "ok" for rule in rules()), every_s=1.0)


def test_every_panel_of_the_dashboard_is_answered(prometheus: httpx.Client) -> None:
    wait_until("figures", lambda: len(asked(prometheus, "dashplate_postgres_up")) == 1)
    panels = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))["panels"]
    expressions = [
        one["expr"].replace("$__rate_interval", "1m") for panel in panels for one in panel.get("targets", ())
    ]
    assert len(expressions) > 30
    unanswered = {one for one in expressions if not asked(prometheus, one)}
    # What needs two looks, work that is done, or a server without a limit, may have nothing to say yet.
    later = ("rate(", "increase(", "mean10m", "sweep", "> 0")
    assert [one for one in unanswered if not any(word in one for word in later)] == []
    assert asked(prometheus, "min(dashplate_redis_up)")[0]["value"][1] == "1"
