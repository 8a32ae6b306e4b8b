"""All words of the pages, one TOML file a page in a folder a language; a translation is another folder."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
LANGUAGE = "en"


@cache
def texts(language: str = LANGUAGE) -> dict[str, str]:
    """Every text by its key: the file's name, then the tables' and the entry's, joined by dots."""
    found: dict[str, str] = {}
    for path in sorted((_HERE / language).glob("*.toml")):
        _gather(found, path.stem, tomllib.loads(path.read_text(encoding="utf-8")))
    return found


def t(key: str, **values: Any) -> str:
    """The text of a key, with `values` in place of its {names}.

    With `count`, `KEY.one` stands for one, and `KEY` for any other number. Raises KeyError for a text that is missing.
    """
    known = texts()
    if values.get("count") == 1 and f"{key}.one" in known:
        key = f"{key}.one"
    elif key not in known and f"{key}.other" in known:
        key = f"{key}.other"
    return known[key].format(**values) if values else known[key]


def _gather(found: dict[str, str], key: str, value: Any) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            _gather(found, f"{key}.{name}", inner)
    else:
        found[key] = str(value)
