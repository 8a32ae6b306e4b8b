"""Watch lists as CSV files, for command line and service: read whole, and put in whole."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any

from dashplate.typed.durations import parse_duration
from db.telling.watch_lists import Wish
from pipeline.errors import UsageError

#: Columns; `plate` has to be there.
COLUMNS = ("plate", "like", "label", "colour", "note", "expires")
#: Entries of one transaction of an import.
IMPORTED = 5_000
_TRUE, _FALSE = frozenset({"1", "true", "yes", "y", "x"}), frozenset({"", "0", "false", "no", "n"})


def wishes(lines: Iterable[str], label: str | None, *, alert_existing: bool) -> Iterator[Wish]:
    """The entries of a file; `label` is that of those that name none.

    Raises UsageError, which names the line, for whatever cannot be meant.
    """
    reader = csv.DictReader(lines)
    try:
        names = [(name or "").strip().lower() for name in reader.fieldnames or ()]
        if "plate" not in names:
            raise UsageError(f"The first line has no column `plate`. Name the columns: {', '.join(COLUMNS)}.")
        if unknown := sorted(set(names) - set(COLUMNS)):
            raise UsageError(f"There is no column {', '.join(unknown)}; there are {', '.join(COLUMNS)}.")
        reader.fieldnames = names
        for row in reader:
            try:
                yield _wish_of(row, label, alert_existing)
            except UsageError as error:
                raise UsageError(f"Line {reader.line_num}: {error}") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise UsageError(f"Line {reader.line_num + 1} is no CSV in UTF-8: {error}.") from None


def _wish_of(row: dict[str, Any], label: str | None, alert_existing: bool) -> Wish:
    if None in row:
        raise UsageError("it has more fields than the first line.")
    given = {name: (value or "").strip() for name, value in row.items()}
    alike = given.get("like", "").lower()
    if alike not in _TRUE | _FALSE:
        raise UsageError(f"{alike!r} under `like` is neither yes nor no.")
    named = given.get("label") or label
    if not named:
        raise UsageError("it names no label; give one for all that have none.")
    return Wish(
        given["plate"], named, alike in _TRUE, given.get("colour") or None, given.get("note") or None,
        end_of(given.get("expires") or None), alert_existing,
    )  # fmt: skip


def end_of(expires: str | None) -> dt.datetime | None:
    """When an entry ends: a span from now, or a moment. Raises UsageError for what is neither."""
    if expires is None:
        return None
    now = dt.datetime.now(dt.UTC)
    try:
        return now + dt.timedelta(seconds=parse_duration(expires))
    except UsageError:
        pass
    try:
        return dt.datetime.fromisoformat(expires.strip()).astimezone()
    except (ValueError, OverflowError):
        raise UsageError(f"{expires!r} is no time. Give a span, as 30d, or a date, as 2027-01-31.") from None
