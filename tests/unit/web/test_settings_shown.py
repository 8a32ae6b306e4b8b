"""Settings on their page: all of them, each once, and no secret."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from dashplate.web.pages.operating.settings import GROUPS, grouped, masked, other_variables
from workers.settings import Settings


def test_every_setting_is_in_a_group_once() -> None:
    shown = [one.about.name for group in grouped(Settings(), {}).values() for one in group]
    assert sorted(shown) == sorted(Settings.model_fields)
    named = [name for names in GROUPS.values() for name in names]
    assert set(named) <= set(Settings.model_fields)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("redis_url", SecretStr("redis://:geheim@host/0"), "redis://:***@host/0"),
        ("plate_key", SecretStr("a://geheim"), "set"),
        ("plate_key", None, "not set"),
        ("store_dir", "s3://id:geheim@bucket/x", "s3://id:***@bucket/x"),
        ("roots", (), "not set"),
        ("window", 32, "32"),
        ("delivery_delays_s", (5.0, 300.0), "5, 300"),
        ("lease_s", 20.0, "20"),
    ],
)
def test_what_is_secret_is_not_shown(name: str, value: object, said: str) -> None:
    assert masked(name, value) == said


def test_who_set_it_is_told() -> None:
    config = Settings(window=5)
    environment = {"DASHPLATE_LEASE_S": "20"}
    source = {one.about.name: one.source for group in grouped(config, environment).values() for one in group}
    assert (source["window"], source["lease_s"], source["threads"]) == ("command", "environment", "default")


def test_a_variable_that_nothing_reads_is_strange() -> None:
    given = dict.fromkeys(
        ("DASHPLATE_CHILD_OF", "DASHPLATE_WINDOWS", "DASHPLATE_TELL_A", "DASHPLATE_WINDOW", "PATH"), "1"
    )
    assert other_variables(given) == [("DASHPLATE_TELL_A", True), ("DASHPLATE_WINDOWS", False)]
