"""docker-compose.yml as Compose reads it, for tests that look at it or run it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
GPU_FILE = ROOT / "docker-compose.gpu.yml"
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
RAW: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = RAW["services"]

#: What has to be said before anything starts, with something to say.
REQUIRED = {
    "REDIS_PASSWORD": "not-the-redis-password",
    "POSTGRES_PASSWORD": "not-the-postgres-password",
    "DASHPLATE_FLOWER_AUTH": "somebody:not-the-flower-password",
    "DASHPLATE_METRICS_TOKEN": "not-the-metrics-token",
    "DASHPLATE_VIDEOS": "/videos",
}
ONE_SHOT = "migrate"


_INTERPOLATION = re.compile(r"\$\$|\$\{(\w+)(?::([-?])([^}]*))?\}")


class Unset(Exception):
    """A required variable is not set; the message is the file's sentence."""


def interpolate(value: Any, variables: Mapping[str, str]) -> Any:
    """Replace `$$`, `${NAME:-default}` and `${NAME:?sentence}` in all strings, as Compose does."""
    if isinstance(value, dict):
        return {key: interpolate(part, variables) for key, part in value.items()}
    if isinstance(value, list):
        return [interpolate(part, variables) for part in value]
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        name, kind, rest = match.groups()
        if name is None:
            return "$"
        if found := variables.get(name):
            return found
        if kind == "?":
            raise Unset(rest)
        return rest or ""

    return _INTERPOLATION.sub(replace, value)


def seconds(duration: str) -> float:
    number, unit = float(duration[:-1]), duration[-1]
    return number * {"s": 1, "m": 60}[unit]
