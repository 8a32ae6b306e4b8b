"""Reads YAML: plain data alone, by the fast reader where there is one."""

from __future__ import annotations

from typing import Any

import yaml

#: libyaml reads in a tenth of the time; not every build of PyYAML has it.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def from_yaml(text: str) -> Any:
    """What a text says. Raises `yaml.YAMLError` where it is no YAML."""
    return yaml.load(text, Loader=_LOADER)
