"""Statements in files of their own: each begins with a line `-- name: NAME`."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import TextClause, text

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def statements(file: Path) -> dict[str, TextClause]:
    """The file's statements by name, with `:parameters`; what stands before the first name is for readers."""
    _, *parts = _NAME.split(file.read_text(encoding="utf-8"))
    return {name: text(_without_comments(sql)) for name, sql in zip(parts[::2], parts[1::2], strict=True)}


def _without_comments(sql: str) -> str:
    # A colon in a comment would be taken for a parameter.
    return "\n".join(line for line in sql.strip().splitlines() if not line.lstrip().startswith("--"))
