"""ALPR-Database as a destination: a sighting becomes one `POST /api/plate-reads`, answered with 201 or, known, 409."""

from __future__ import annotations

import base64
import datetime as dt
import re
from enum import Enum
from typing import Any

import httpx
from sqlalchemy import RowMapping
from tenacity import retry_if_exception

from dashplate.typed.addresses import base_address
from output.photos import as_codeproject_prediction
from pipeline.errors import DashplateError, UsageError
from pipeline.retry_policy import SOURCE

#: Seconds to connect, and without a byte.
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
#: Of a key: what stands in a header, so that no library quotes a header that it refuses.
_KEY = re.compile(r"[\x21-\x7e]+")
_BUSY = frozenset({408, 429})
#: A key that is refused once is refused for all others.
_NOT_LET_IN = frozenset({401, 403})


class Delivered(Enum):
    """What the receiver said of a sighting."""

    NEW = 201
    #: It has the same plate at the same time.
    KNOWN = 409


class NotDelivered(DashplateError):
    """The receiver did not take a sighting; the message says why."""

    def __init__(self, sentence: str, *, may_pass: bool) -> None:
        super().__init__(sentence)
        #: Whether it may take the same in a while.
        self.may_pass = may_pass


class NotLetIn(DashplateError):
    """The receiver does not accept the key."""


class AlprDatabase:
    """One receiver."""

    def __init__(self, address: str, key: str) -> None:
        """`address` such as `http://host:3000`. Raises UsageError for what cannot be meant, without quoting the key."""
        self.address = base_address(address, "The receiver's address, --to,")
        if not _KEY.fullmatch(key):
            raise UsageError("The API key is empty, or holds a space or a line break. Copy it from ALPR-Database.")
        # The key goes to no address that the operator has not named.
        self._http = httpx.Client(headers={"x-api-key": key}, timeout=_TIMEOUT, follow_redirects=False)

    def close(self) -> None:
        self._http.close()

    def deliver(self, read: dict[str, Any]) -> Delivered:
        """Send one sighting; after a transient error again, as the retry policy has it.

        Sent twice, the receiver answers that it knows it. Raises NotDelivered, or NotLetIn.
        """
        again = retry_if_exception(lambda error: isinstance(error, NotDelivered) and error.may_pass)
        return SOURCE.copy(retry=again)(self._once, read)

    def _once(self, read: dict[str, Any]) -> Delivered:
        try:
            status = self._http.post(f"{self.address}/api/plate-reads", json=read).status_code
        except httpx.RequestError as error:
            why = "does not answer in time" if isinstance(error, httpx.TimeoutException) else "cannot be reached"
            raise NotDelivered(f"{self.address} {why}.", may_pass=True) from None
        if status in _NOT_LET_IN:
            raise NotLetIn(f"{self.address} does not accept the API key (status {status}). See its settings.")
        if status in (200, Delivered.NEW.value):
            return Delivered.NEW
        if status == Delivered.KNOWN.value:
            return Delivered.KNOWN
        if 300 <= status < 400:
            raise NotDelivered(f"{self.address} sends us elsewhere. Name the address that it leads to.", may_pass=False)
        raise NotDelivered(f"{self.address} answers with status {status}.", may_pass=status >= 500 or status in _BUSY)


def plate_read(sighting: RowMapping, camera: str, submitted_at: dt.datetime, jpeg: bytes | None) -> dict[str, Any]:
    """A sighting, a row of `plate_sightings`, as the receiver takes it; a person's reading is its plate."""
    person = sighting["corrected"]
    plate, sure = (person, 1.0) if person else (sighting["plate"], round(sighting["confidence"], 4))
    box = [sighting[corner] for corner in ("x1", "y1", "x2", "y2")]
    prediction = as_codeproject_prediction(plate, sure, box)
    read: dict[str, Any] = {
        "ai_dump": [{"api": "alpr", "found": {"predictions": [prediction]}}],
        "camera": camera,
        "timestamp": _moment(sighting, submitted_at).isoformat(),
    }
    return read if jpeg is None else {**read, "Image": base64.b64encode(jpeg).decode()}


def _moment(sighting: RowMapping, submitted_at: dt.datetime) -> dt.datetime:
    """When the frame was recorded; where nothing says so, when the video was submitted, and the seconds into it.

    It stays the same however often a video is done again, so that what was sent is known. The receiver takes equal
    plates at equal times for one; the last digits tell the photographs and videos of one submission apart.
    """
    seen_at = sighting["recorded_at"] or submitted_at + dt.timedelta(seconds=sighting["best_s"])
    milliseconds = seen_at.microsecond // 1000
    whole = seen_at.astimezone(dt.UTC).replace(microsecond=0)
    return whole + dt.timedelta(milliseconds=milliseconds, microseconds=sighting["video_id"] % 1000)
