"""docs/operations.md: every alert has its section, and nothing else does."""

from __future__ import annotations

import re

import yaml

from tests.conftest import ROOT


def test_every_alert_is_explained_in_the_order_of_the_rules() -> None:
    rules = yaml.safe_load((ROOT / "deploy" / "monitoring" / "alerts.yml").read_text(encoding="utf-8"))
    alerts = [rule["alert"] for group in rules["groups"] for rule in group["rules"] if "alert" in rule]
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    section = page.split("\n## Alerts\n")[1].split("\n## ")[0]
    assert re.findall(r"^### (\w+)$", section, re.MULTILINE) == alerts
