"""Who is told: a receiver of webhooks that keeps what it takes, and is away, in error or slow on demand."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

_LOOPBACK = "127.0.0.1"


class Mood(StrEnum):
    """What the receiver does with a message."""

    WELL = "well"
    #: Hangs up on whoever comes.
    AWAY = "away"
    #: Takes nothing and answers 500.
    ERROR = "error"
    #: Takes it, and hangs up later without an answer: it will be told again.
    SLOW = "slow"


@dataclass(frozen=True, slots=True)
class Heard:
    """A message that was taken."""

    uid: str
    type: str
    data: Mapping[str, Any]
    body: str
    #: Whether it bore the endpoint's signature.
    signed: bool

    @property
    def job(self) -> int:
        """The job that it is about."""
        return int(self.data.get("sighting", self.data)["job"])


class Receiver:
    """Listens on a port of this machine, in threads of its own."""

    def __init__(self, secret: str) -> None:
        """`secret` is the endpoint's, `whsec_…`."""
        self._key = base64.b64decode(secret.removeprefix("whsec_"))
        self._mood, self._slow_s, self._met = Mood.WELL, 0.0, 0
        self._heard: list[Heard] = []
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"receiver": self})
        self._http = ThreadingHTTPServer((_LOOPBACK, 0), handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, name="receiver", daemon=True)
        self.url = f"http://{_LOOPBACK}:{self._http.server_address[1]}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def be(self, mood: Mood, slow_s: float = 0.0) -> int:
        """Be in that mood from now on, `slow_s` slow; returns how many messages met the one before."""
        with self._lock:
            met, self._met = self._met, 0
            self._mood, self._slow_s = mood, slow_s
        return met

    def heard(self, job_id: int | None = None) -> list[Heard]:
        """What was taken, of that job or of all, in its order."""
        with self._lock:
            return [one for one in self._heard if job_id is None or one.job == job_id]

    def meet(self) -> tuple[Mood, float]:
        """How the next message finds it."""
        with self._lock:
            self._met += 1
            return self._mood, self._slow_s

    def take(self, headers: Mapping[str, str], body: bytes) -> None:
        """Keep a message."""
        told = json.loads(body)
        uid = headers["webhook-id"]
        signed = f"{uid}.{headers['webhook-timestamp']}.".encode() + body
        signature = base64.b64encode(hmac.new(self._key, signed, hashlib.sha256).digest()).decode()
        right = f"v1,{signature}" in headers["webhook-signature"].split()
        with self._lock:
            self._heard.append(Heard(uid, told["type"], told["data"], body.decode(), right))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    receiver: Receiver

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        mood, slow_s = self.receiver.meet()
        if mood is Mood.AWAY:
            self.close_connection = True
            return
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if mood is not Mood.ERROR:
            self.receiver.take({name.lower(): value for name, value in self.headers.items()}, body)
        if mood is Mood.SLOW:
            time.sleep(slow_s)
            self.close_connection = True
            return
        self.send_response(500 if mood is Mood.ERROR else 204)
        self.send_header("Content-Length", "0")
        self.end_headers()
