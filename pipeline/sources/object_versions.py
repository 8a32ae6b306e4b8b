"""Reads what storages say of an object: its version, and a checksum of its content."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Any

from pipeline.utc import as_utc

#: What a driver's listing may call its mark of a version, best first, and the time of change.
_VERSION_MARKS = (
    "etag", "content-md5", "content_md5", "md5hash", "md5", "checksum", "digest", "repr-digest", "generation", "crc32c",
)  # fmt: skip
#: Those that are made from all of the content, and what a digest has to be of: the 32 bits of a crc32c or an adler32
#: are too few among a fleet's files.
_CHECKSUMS = ("content-md5", "content_md5", "md5hash", "md5", "digest", "repr-digest")
_STRONG = re.compile(r"\b(?:sha|md5)", re.IGNORECASE)
#: Schemes whose etag is one too: the MD5 of the content, or of its parts' MD5s. On the web it is often made from size
#: and second of change, which two cameras share; `gs`, `az` and the others count versions with it.
_CONTENT_ETAGS = frozenset({"s3", "s3a", "oss", "tos"})
_TIMES = ("lastmodified", "last-modified", "last_modified", "mtime", "updated", "modified", "created")


def version(details: Mapping[str, Any]) -> str | None:
    """What marks this version of an object: its etag or another checksum, else size and time; None for neither."""
    known = _by_name(details)
    if mark := _first(known, _VERSION_MARKS):
        return mark
    when = next((known[name] for name in _TIMES if known.get(name)), None)
    return None if when is None else f"changed {known.get('size')} {_text(when)}"


def changed_at(details: Mapping[str, Any]) -> dt.datetime | None:
    """When an object was last changed, in UTC, as far as its storage says."""
    known = _by_name(details)
    for value in (known[name] for name in _TIMES if known.get(name)):
        with suppress(ValueError, TypeError, OverflowError, OSError):
            if isinstance(value, int | float):
                return dt.datetime.fromtimestamp(value, dt.UTC)
            time = value if isinstance(value, dt.datetime) else _parsed(str(value))
            return as_utc(time)
    return None


def _parsed(text: str) -> dt.datetime:
    """A time in ISO 8601, or as HTTP writes it. Raises ValueError for neither."""
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        return parsedate_to_datetime(text)


def content_mark(scheme: str, details: Mapping[str, Any]) -> str | None:
    """What only objects of the same bytes have in common, wherever they lie; None where nothing such is said."""
    known = _by_name(details)
    weak = [name for name in ("digest", "repr-digest") if not _STRONG.search(str(known.get(name)))]
    names = ("etag", *_CHECKSUMS) if scheme in _CONTENT_ETAGS else _CHECKSUMS
    return _first(known, [name for name in names if name not in weak])


def _by_name(details: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name).lower(): value for name, value in details.items()}


def _first(known: Mapping[str, Any], names: Sequence[str]) -> str | None:
    for name in names:
        if value := known.get(name):
            # A weak etag (W/"...") says the same of bytes as a strong one for files that are stored whole.
            return f"{name} {_text(value).removeprefix('W/').strip(chr(34))}"
    return None


def _text(value: Any) -> str:
    return str(value.hex() if isinstance(value, bytes | bytearray) else value)
