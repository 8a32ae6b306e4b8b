"""deploy/monitoring/ names what is exported, and Prometheus' own program takes it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashplate.metrics.figures import FIGURES
from dashplate.service import measured
from tests.conftest import ROOT, missing

FOLDER = ROOT / "deploy" / "monitoring"
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text("utf-8"))["groups"] for rule in group["rules"]
]
#: Parts of a histogram.
_PARTS = re.compile(r"_(?:bucket|sum|count)$")
OF_SERVICE = {measured.REQUESTS, measured.SECONDS, measured.PHOTOGRAPHS, measured.MOST_PHOTOGRAPHS}
EXPORTED = {figure.name for figure in FIGURES} | OF_SERVICE
RECORDED = {rule["record"] for rule in RULES if "record" in rule}


def panels() -> Iterator[dict[str, Any]]:
    """Those that draw something."""
    return (panel for panel in DASHBOARD["panels"] if panel["type"] != "row")


def expressions() -> dict[str, str]:
    """Of all rules and panels, by what they are for."""
    of_rules = {rule.get("alert") or f"{rule['record']} {rule['labels']}": rule["expr"] for rule in RULES}
    return of_rules | {
        f"{panel['title']} {target['refId']}": target["expr"] for panel in panels() for target in panel["targets"]
    }


def promtool(*words: str | Path) -> str:
    """What Prometheus' own program says. Fails where that is an error."""
    program = shutil.which("promtool")
    if program is None:
        missing("there is no promtool here to ask; run: sudo apt-get install --no-install-recommends prometheus")
    said = subprocess.run([program, *words], cwd=FOLDER, capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr
    return said.stdout


@pytest.mark.parametrize("purpose", expressions())
def test_every_figure_that_is_asked_for_is_exported(purpose: str) -> None:
    expression = expressions()[purpose]
    named = set(re.findall(r"\bdashplate[_:][a-z0-9_:]+", expression))
    own = {name for name in named if _PARTS.sub("", name) in EXPORTED or name in RECORDED}
    assert named - own == set()
    assert named or re.fullmatch(r"up\{.*|.*\bup\{.*", expression)


def test_every_figure_is_shown_or_watched() -> None:
    asked = " ".join(expressions().values())
    shown = {_PARTS.sub("", name) for name in re.findall(r"\bdashplate_[a-z0-9_]+", asked)}
    assert {name for name in EXPORTED if name not in shown} == set()


def test_prometheus_takes_the_rules() -> None:
    assert f"{len(RULES)} rules found" in promtool("check", "rules", "alerts.yml")


def test_the_rules_say_what_they_are_for() -> None:
    assert "SUCCESS" in promtool("test", "rules", "alerts.test.yml")


def test_every_alert_is_tried_and_says_what_is_wrong() -> None:
    tried = (FOLDER / "alerts.test.yml").read_text("utf-8")
    for rule in RULES:
        if "alert" in rule:
            assert rule["alert"] in tried
            assert rule["annotations"]["summary"].endswith(".")
            assert rule["labels"]["severity"] in ("critical", "warning")


def test_prometheus_takes_the_configuration() -> None:
    assert "SUCCESS" in promtool("check", "config", "--syntax-only", "prometheus.yml")


def test_prometheus_takes_every_expression_of_the_dashboard(tmp_path: Path) -> None:
    asked = [target["expr"].replace("$__rate_interval", "5m") for panel in panels() for target in panel["targets"]]
    rules = [{"record": f"asked:{number}", "expr": expression} for number, expression in enumerate(asked)]
    file = tmp_path / "dashboard.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"{len(asked)} rules found" in promtool("check", "rules", file)


def test_the_dashboard_is_laid_out_without_gaps_for_any_prometheus() -> None:
    assert [variable["type"] for variable in DASHBOARD["templating"]["list"]] == ["datasource"]
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        own = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not own & taken, panel["title"]
        taken |= own
    assert taken == {(x, y) for x in range(24) for y in range(max(y for _, y in taken) + 1)}
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    for panel in panels():
        sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert {source["uid"] for source in sources} == {"${datasource}"}, panel["title"]


def test_no_label_tells_of_plates_files_or_jobs() -> None:
    assert {figure.label for figure in FIGURES} == {None, "state", "stage", "queue"}
    asked = " ".join(expressions().values())
    assert set(re.findall(r"\b(?:by|on) \(([a-z, ]*)\)", asked)) <= {"", "state", "status", "queue", "route, le"}


def test_the_page_lists_every_figure() -> None:
    rows = re.findall(
        r"^\| `(dashplate_\w+)` \| ([\w, ]*) ?\| (.+) \|$", (ROOT / "docs/monitoring.md").read_text("utf-8"), re.M
    )
    listed = {name: (label.strip(), says) for name, label, says in rows}
    assert set(listed) == EXPORTED
    for figure in FIGURES:
        assert listed[figure.name] == (figure.label or "", figure.help)


def test_each_alert_says_where_it_is_explained() -> None:
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    explained = re.findall(r"^### (Dashplate\w+)$", page, re.MULTILINE)
    alerts = [rule for rule in RULES if "alert" in rule]
    assert explained == [rule["alert"] for rule in alerts]
    for rule in alerts:
        assert rule["annotations"]["runbook_url"] == f"docs/operations.md#{rule['alert'].lower()}"
