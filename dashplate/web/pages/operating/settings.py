"""The settings in force, models, countries and versions; no secret is ever shown."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Annotated, Any

from fastapi import Request
from fastapi.responses import Response
from pydantic import SecretStr

from dashplate.evidence.models_used import models_used
from dashplate.service.access import require, url_of
from dashplate.stack import mask_url
from dashplate.stack.system import CHILD_MARK
from dashplate.web.page import pages_for, render
from dashplate.web.texts import t
from db import migrate
from db.access.scopes import Principal, Scope
from db.engine import session
from db.web.operating import health
from pipeline.formats import country_names
from pipeline.job_options import JobOptions
from workers.settings import Described, Settings, described

router = pages_for(Scope.ADMIN)
Operator = Annotated[Principal, require(Scope.ADMIN)]
#: What belongs together, by the text of its heading; what is in none of them is about work.
GROUPS = {
    "places": ("data_dir", "redis_url", "database_url", "store_dir", "roots", "private_hosts"),
    "models": (
        "detector", "detector_input_px", "second_look_px", "detector_device", "reader", "reader_engine", "threads",
    ),
    "service": (
        "photo_queue", "calls_at_once", "calls_a_second", "upload_most_bytes", "upload_keep_s", "tile_url",
        "tile_attribution",
    ),
    "secrets": ("plate_key", "webhook_key"),
}  # fmt: skip
_WORK = "work"
#: What commands and clients read beside the settings.
_OTHERS = frozenset(
    f"DASHPLATE_{name}" for name in (
        "FLOWER_AUTH", "METRICS_TOKEN", "METRICS_URL", "PROGRESS", "SEND_KEY", "SERVICE_URL", "TOKEN",
        "URL", "USER",
    )
)  # fmt: skip
_TELL = "DASHPLATE_TELL_"
#: Told among the secrets.
_SIGNING = "DASHPLATE_SIGNING_KEY"


@dataclass(frozen=True, slots=True)
class Shown:
    """A setting as the page has it."""

    about: Described
    value: str
    #: environment, command or default: who set it.
    source: str


@router.get("/settings")
def show(request: Request, caller: Operator) -> Response:
    """What is set, by whom, and what it means."""
    settings: Settings = request.app.state.settings
    return render(
        request, caller, "settings/page.html", groups=grouped(settings, os.environ), others=other_variables(os.environ)
    )


@router.get("/settings/models")
def models(request: Request, caller: Operator) -> Response:
    """The models with their hashes, which takes some seconds the first time; countries; versions."""
    settings: Settings = request.app.state.settings
    used = models_used(settings.models, JobOptions())
    with session(url_of(request)) as db:
        versions = {
            "Dashplate": metadata.version("dashplate"), "Python": platform.python_version(),
            "PostgreSQL": health.version(db), t("settings.schema"): migrate.revision_of(db), **used["packages"],
        }  # fmt: skip
    countries = [(name, code) for code, name in country_names().items()]
    return render(request, caller, "settings/models.html", used=used, versions=versions, countries=countries)


def grouped(settings: Settings, environment: Mapping[str, str]) -> dict[str, list[Shown]]:
    """All settings by their group."""
    group_of = {name: group for group, names in GROUPS.items() for name in names}
    groups: dict[str, list[Shown]] = {group: [] for group in (*GROUPS, _WORK)}
    for about in described():
        shown = Shown(about, masked(about.name, getattr(settings, about.name)), _source(about, settings, environment))
        groups[group_of.get(about.name, _WORK)].append(shown)
    return groups


def masked(name: str, value: Any) -> str:
    """A setting's value without passwords; of a secret that is no address, only whether it is set."""
    match value:
        case None:
            return t("settings.unset")
        case SecretStr():
            return mask_url(value.get_secret_value()) if name.endswith("_url") else t("settings.set")
        case tuple():
            return ", ".join(masked(name, one) for one in value) or t("settings.unset")
        case float():
            return f"{value:g}"
        case int():
            return f"{value:,}"
        case _:
            return mask_url(str(value)) if "://" in str(value) else str(value)


def other_variables(environment: Mapping[str, str]) -> list[tuple[str, bool]]:
    """Names of Dashplate's other variables in this process, each with whether anything reads it."""
    settings = {_SIGNING, CHILD_MARK, *(about.variable for about in described())}
    names = sorted(name for name in environment if name.startswith("DASHPLATE_") and name not in settings)
    return [(name, name in _OTHERS or name.startswith(_TELL)) for name in names]


def _source(about: Described, settings: Settings, environment: Mapping[str, str]) -> str:
    if about.variable in environment:
        return "environment"
    return "command" if about.name in settings.model_fields_set else "default"
