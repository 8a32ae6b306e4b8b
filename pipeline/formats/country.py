"""The countries' files: YAML in `countries/` beside this module, one for each and one for the rest of the world."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from pipeline.formats.looks import LookShares, look_shares
from pipeline.formats.pattern import Shape, shapes
from pipeline.yaml_text import from_yaml


class Form(NamedTuple):
    """One fixed-length shape that a country issues."""

    shape: Shape
    #: Its share of the country's plates.
    share: float
    #: The state, province or territory that issues it; None where the form does not tell.
    region: str | None


@dataclass(frozen=True, slots=True)
class CountryFormat:
    """One YAML file."""

    name: str
    #: ISO 3166 code; None for the catch-all.
    code: str | None
    weight: float
    #: Their shares sum to 1.
    forms: tuple[Form, ...]
    #: Of the kinds of looks that its file speaks of.
    looks: LookShares


@cache
def all_countries() -> tuple[CountryFormat, ...]:
    """Every YAML file, the catch-all among them."""
    folder = resources.files("pipeline.formats") / "countries"
    files = sorted(file.name for file in folder.iterdir() if file.name.endswith(".yaml"))
    return tuple(_country((folder / name).read_text("utf-8")) for name in files)


def _country(text: str) -> CountryFormat:
    described: dict[str, Any] = from_yaml(text)
    never = str(described.get("never", ""))
    patterns = described["patterns"]
    total = sum(float(pattern["weight"]) for pattern in patterns)
    return CountryFormat(
        name=str(described["name"]),
        code=described["code"],
        weight=float(described["weight"]),
        forms=tuple(form for pattern in patterns for form in _forms(pattern, never, total)),
        looks=look_shares(described.get("looks", {})),
    )


def _forms(pattern: dict[str, Any], never: str, total: float) -> list[Form]:
    """A pattern's shapes, which share its part of `total` evenly."""
    found = shapes(pattern["form"], never)
    share = float(pattern["weight"]) / total / len(found)
    return [Form(shape, share, pattern.get("region")) for shape in found]
