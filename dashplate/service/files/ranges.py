"""Sends bytes whole, or the range of them that a player or a download asks for."""

from __future__ import annotations

import re
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
    headers = {"Accept-Ranges": "bytes"}
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    first, last = (asked[1], asked[2]) if asked else ("", "")
    # What is no range is not heeded, and one that depends on a version cannot be told to be of this one.
    if not (first or last) or (first and last and int(first) > int(last)) or "if-range" in request.headers:
        return Response(data, media_type=kind, headers=headers)
    start = int(first) if first else max(0, len(data) - int(last))
    end = min(len(data), int(last) + 1) if first and last else len(data)
    if start >= end:
        raise Refused(416, "That range lies beyond the file's end.", {"Content-Range": f"bytes */{len(data)}"})
    headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(data)}"
    return Response(data[start:end], 206, media_type=kind, headers=headers)
