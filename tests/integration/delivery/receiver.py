"""A receiver that takes plate reads as ALPR-Database does: what is not of its form is refused, what it has is known."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
from dataclasses import dataclass, field
from typing import Any

from tests.support.scripted_server import Answer, Asked, ScriptedServer


@dataclass
class Receiver(ScriptedServer):
    """Answers what it is told first, then by what it is sent."""

    key: str = ""
    reads: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, asked: Asked) -> Answer:
        if self.answers:
            return self.answers.popleft()
        if (asked.method, asked.path) != ("POST", "/api/plate-reads"):
            return Answer(404)
        if asked.headers.get("x-api-key") != self.key:
            return Answer(401)
        try:
            read = json.loads(asked.body)
            _check(read, asked.headers["content-type"])
        except (ValueError, LookupError, TypeError, AssertionError):
            return Answer(400)
        known = [_identity(one) for one in self.reads]
        if _identity(read) in known:
            return Answer(409)
        self.reads.append(read)
        return Answer(201)


def _identity(read: dict[str, Any]) -> tuple[str, str]:
    return read["ai_dump"][0]["found"]["predictions"][0]["plate"], read["timestamp"]


def _check(read: dict[str, Any], content_type: str) -> None:
    assert content_type == "application/json"
    assert set(read) - {"Image"} == {"ai_dump", "camera", "timestamp"}
    (dump,) = read["ai_dump"]
    assert dump["api"] == "alpr"
    assert set(dump["found"]) == {"predictions"}
    for one in dump["found"]["predictions"]:
        assert set(one) == {"confidence", "label", "plate", "x_min", "y_min", "x_max", "y_max"}
        assert 0 <= one["confidence"] <= 1
        assert all(isinstance(one[name], int) for name in ("x_min", "y_min", "x_max", "y_max"))
    assert dt.datetime.fromisoformat(read["timestamp"]).tzinfo is not None
    if "Image" in read:
        try:
            assert base64.b64decode(read["Image"], validate=True).startswith(b"\xff\xd8\xff")
        except binascii.Error as error:
            raise ValueError from error
