"""Pictures in requests, as forms of the two kinds bring them."""

from __future__ import annotations

import asyncio
import base64
from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi import Request

from dashplate.service.errors import Refused
from dashplate.service.photographs.forms import admitted
from dashplate.service.photographs.reader import PhotoReader
from workers.settings import settings


def _urlencoded(fields: list[tuple[str, str]]) -> Request:
    body = urlencode(fields).encode()
    pieces = iter([body[start : start + 65_536] for start in range(0, len(body), 65_536)])

    async def receive() -> Any:
        piece = next(pieces, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    headers = [(b"content-type", b"application/x-www-form-urlencoded")]
    return Request({"type": "http", "method": "POST", "path": "/v1/read", "headers": headers}, receive)


async def _picture(request: Request) -> bytes:
    async with admitted(request, PhotoReader(settings().models, 1), "upload") as form:
        assert form.picture is not None
        return form.picture.read()


def test_a_large_picture_may_come_as_base64_in_a_plain_form() -> None:
    picture = bytes(range(256)) * 8000
    request = _urlencoded([("upload", base64.b64encode(picture).decode())])
    assert asyncio.run(_picture(request)) == picture


def test_a_form_of_too_many_fields_is_refused() -> None:
    with pytest.raises(Refused, match="cannot be read") as refused:
        asyncio.run(_picture(_urlencoded([(f"field {number}", "x") for number in range(1100)])))
    assert refused.value.status == 400
