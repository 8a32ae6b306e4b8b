"""The receiver of webhooks: what it takes and keeps, and how it treats its callers when it is not well."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator

import httpx
import pytest

from bench.chaos.disturbed.receiver import Mood, Receiver
from dashplate.delivery.signing import signatures

_SECRET = f"whsec_{base64.b64encode(b'a secret').decode()}"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(_SECRET) as made:
        yield made


def _post(receiver: Receiver, uid: str = "evt_1", secret: str = _SECRET) -> int | None:
    """The status that is answered; None where it hangs up."""
    body = json.dumps({"type": "video.done", "data": {"job": 7, "path": "/a/north.mp4"}}).encode()
    at = int(time.time())
    headers = {
        "webhook-id": uid,
        "webhook-timestamp": str(at),
        "webhook-signature": signatures([secret], uid, at, body),
    }
    try:
        return httpx.post(receiver.url, content=body, headers=headers).status_code
    except httpx.TransportError:
        return None


def test_it_keeps_what_it_takes_and_knows_who_signed(receiver: Receiver) -> None:
    assert _post(receiver) == 204
    assert _post(receiver, "evt_2", f"whsec_{base64.b64encode(b'another').decode()}") == 204
    assert [(one.uid, one.type, one.signed) for one in receiver.heard(7)] == [
        ("evt_1", "video.done", True), ("evt_2", "video.done", False),
    ]  # fmt: skip
    assert receiver.heard(8) == []


@pytest.mark.parametrize(
    ("mood", "answer", "takes"), [(Mood.AWAY, None, 0), (Mood.ERROR, 500, 0), (Mood.SLOW, None, 1)]
)
def test_a_mood_lasts_until_the_next(receiver: Receiver, mood: Mood, answer: int | None, takes: int) -> None:
    receiver.be(mood, slow_s=0.1)
    assert _post(receiver) == answer
    assert len(receiver.heard()) == takes
    assert receiver.be(Mood.WELL) == 1
    assert _post(receiver) == 204
