"""What people fill into the forms of pages: an empty field asks for nothing, and days are UTC's."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

from fastapi import Request
from pydantic import BaseModel, BeforeValidator, Field

from dashplate.service.findings.search import Moment

T = TypeVar("T")
#: What pages of a list are asked for by; no part of what is wanted.
_PLACES = frozenset({"before", "last", "distance"})


def _nothing(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


def _since(value: Any) -> Any:
    """The beginning of a day."""
    return f"{value}T00:00:00Z" if _is_day(value) else _nothing(value)


def _until(value: Any) -> Any:
    """The beginning of the next day, so that the day itself is within."""
    if not _is_day(value):
        return _nothing(value)
    day = dt.date.fromisoformat(value)
    return f"{day + dt.timedelta(days=1) if day < dt.date.max else day}T00:00:00Z"


def _is_day(value: Any) -> bool:
    if not isinstance(value, str) or len(value) != len("2026-11-01"):
        return False
    try:
        dt.date.fromisoformat(value)
    except ValueError:
        return False
    return True


Filled = Annotated[T | None, BeforeValidator(_nothing)]
Number = Filled[Annotated[int, Field(ge=1, le=2**63 - 1)]]
Percent = Filled[Annotated[float, Field(ge=0, le=100)]]
Word = Filled[Annotated[str, Field(max_length=100)]]
Since = Annotated[Moment | None, BeforeValidator(_since)]
Until = Annotated[Moment | None, BeforeValidator(_until)]
#: A tick sends `1`.
Tick = Annotated[bool, BeforeValidator(lambda value: value in (True, "1", "true", "on"))]


class Asked(BaseModel, extra="ignore"):
    """What the gallery and the search are both narrowed by."""

    plate: Word = None
    job: Number = None
    country: Filled[Annotated[str, Field(max_length=10)]] = None
    since: Since = None
    until: Until = None
    #: Where a page of the list begins.
    before: Number = None

    def text(self) -> str:
        """The plate as it was typed; the database holds no zero bytes."""
        return (self.plate or "").replace("\0", "").strip()

    def code(self) -> str | None:
        """The country's code in capitals."""
        return self.country.replace("\0", "").strip().upper() if self.country else None


@dataclass(frozen=True, slots=True)
class Chip:
    """One thing that a list is narrowed by, and the address of the list without it."""

    text: str
    without: str


def address(request: Request, without: Sequence[str] = (), **more: object) -> str:
    """The address that was asked for, without some of its fields and the page, and with others."""
    left_out = _PLACES | {*without, *more}
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in left_out and value]
    query = urlencode([*kept, *((name, str(value)) for name, value in more.items() if value is not None)])
    return f"{request.url.path}?{query}" if query else request.url.path
