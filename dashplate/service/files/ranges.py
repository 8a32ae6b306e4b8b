"""Sends bytes whole, or the range of them that a player or a download asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response

from dashplate.service.errors import Refused, responses

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


def described(kind: str, *statuses: int) -> dict[int | str, dict[str, Any]]:
    """For OpenAPI: an answer of that media type, whole or in ranges, and the problems that the call may answer with."""
    content = {kind: {"schema": {"type": "string", "format": "binary"}}}
    here: dict[int | str, dict[str, Any]] = {
        200: {"content": content, "description": "OK"},
        206: {"content": content, "description": "A range of it"},
    }
    return {**responses(404, 416, *statuses), **here}


def ranged(request: Request, data: bytes, kind: str) -> Response:
    """The bytes, or the one range of them that the request asks for. Raises Refused, 416, for one beyond their end."""
    span = span_of(request, len(data))
    part = data[span.start : span.end]
    return Response(part, span.status, media_type=kind, headers=span.headers)


@dataclass(frozen=True, slots=True)
class Span:
    """Which bytes of a file are answered: `[start, end)` of `size`."""

    start: int
    end: int
    size: int
    #: A range was asked for.
    part: bool

    @property
    def status(self) -> int:
        return 206 if self.part else 200

    @property
    def headers(self) -> dict[str, str]:
        told = {"Content-Range": f"bytes {self.start}-{self.end - 1}/{self.size}"} if self.part else {}
        return {"Accept-Ranges": "bytes", **told}


def span_of(request: Request, size: int) -> Span:
    """What a request asks for of a file that has so many bytes. Raises Refused, 416, for what lies beyond its end."""
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    first, last = (asked[1], asked[2]) if asked else ("", "")
    # What is no range is not heeded, and one that depends on a version cannot be told to be of this one.
    if not (first or last) or (first and last and int(first) > int(last)) or "if-range" in request.headers:
        return Span(0, size, size, part=False)
    start = int(first) if first else max(0, size - int(last))
    end = min(size, int(last) + 1) if first and last else size
    if start >= end:
        raise Refused(416, "That range lies beyond the file's end.", {"Content-Range": f"bytes */{size}"})
    return Span(start, end, size, part=True)
