"""The outermost layer: lets nobody in without a token, before a body is read; bounds bodies; sets strict headers."""

from __future__ import annotations

import asyncio
import uuid
from concurrent.futures import ThreadPoolExecutor

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashplate.service.access import Access
from dashplate.service.errors import answer, problem, status_of
from dashplate.service.measured import Calls
from dashplate.service.photographs.forms import MOST_BODY_BYTES
from dashplate.service.uploads.headers import PIECE, method
from db.access.scopes import Principal
from pipeline.errors import ServiceUnavailable
from workers.telemetry import bound

#: Of bodies that hold no picture. JSON is parsed while all others wait: this takes some 20 ms.
MOST_JSON_BYTES = 2_000_000
#: Of a CSV file: some 300,000 entries of a watch list.
MOST_CSV_BYTES = 20_000_000
#: Besides `image/…`, what pictures come as.
_PICTURES = frozenset({"multipart/form-data", "application/x-www-form-urlencoded", "application/octet-stream"})
#: Threads that ask who calls. They are the door's own: others may wait for a share that hangs.
_ASKING = 6
#: A person who opens a page is told after so long that the database does not answer. Programs wait.
_PAGE_PATIENCE_S = 2.0
#: What anybody may ask: whether the service answers, the way in, and what its page is drawn with.
_OPEN, _OPEN_FOLDER = frozenset({"/healthz", "/login"}), "/static/"
#: Of what is no page: nothing may be loaded, framed, guessed or kept.
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Door:
    """Middleware around everything else; who calls stands in `request.state.caller` then."""

    def __init__(self, app: ASGIApp, access: Access, calls: Calls, most_upload_bytes: int) -> None:
        self._app = app
        self._access = access
        self._calls = calls
        self._most_upload_bytes = most_upload_bytes
        self._asking = ThreadPoolExecutor(_ASKING, thread_name_prefix="door")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Our own, and none that the caller sends: it stands in the log.
        with bound.scope(request_id=uuid.uuid4().hex):
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = False
        call = self._calls.begin()
        inner = {**scope}

        async def strict(message: Message) -> None:
            nonlocal began
            if message["type"] == "http.response.start":
                began = True
                call.answered(inner, message["status"])
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers["X-Request-ID"] = str(bound.ids()["request_id"])
            await send(message)

        request = Request(scope)
        try:
            if scope["path"] not in _OPEN and not scope["path"].startswith(_OPEN_FOLDER):
                request.state.caller = await self._caller(request)
            most = self._most(request)
            announced = request.headers.get("content-length", "")
            if announced.isdigit() and int(announced[:18]) > most:
                raise TooLarge(most)
            inner["method"] = method(request)
            await self._app(inner, _Bounded(receive, most), strict)
        except TooLarge as beyond:
            if not began:
                sentence = f"Requests of at most {beyond.most // 10**6} MB are taken here."
                await problem(413, sentence, {"Connection": "close"})(scope, receive, strict)
        except asyncio.CancelledError:
            # The service ends, and waits no longer for this call.
            if began:
                raise
            await problem(*status_of(ServiceUnavailable("The service stops. Try again later.")))(scope, receive, strict)
        except Exception as error:
            if began:
                raise
            await answer(request, *status_of(error))(scope, receive, strict)

    async def _caller(self, request: Request) -> Principal:
        """Who calls. Raises Refused, and ServiceUnavailable where that cannot be found out in a page's time."""
        asked = asyncio.get_running_loop().run_in_executor(self._asking, self._access.enter, request)
        headers = request.headers
        looks = "text/html" in headers.get("accept", "") or "hx-request" in headers
        try:
            return await asyncio.wait_for(asked, _PAGE_PATIENCE_S if looks else None)
        except TimeoutError:
            raise ServiceUnavailable("PostgreSQL does not answer. Try again once it is back.") from None

    def _most(self, request: Request) -> int:
        """Bytes: of a piece of an upload, of a CSV file, of a form that holds a picture, else of a JSON document."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == PIECE and request.scope["path"].startswith("/v1/uploads"):
            # Nothing collects them: each is written as it comes, up to what the upload still lacks.
            return self._most_upload_bytes
        if kind == "text/csv":
            return MOST_CSV_BYTES
        return MOST_BODY_BYTES if kind in _PICTURES or kind.startswith("image/") else MOST_JSON_BYTES


class _Bounded:
    """Receives a body up to its bound. Raises TooLarge beyond."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self._most = self._left = most

    async def __call__(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise TooLarge(self._most)
        return message


class TooLarge(BaseException):
    """A body beyond its bound; past every handler that would answer with something else."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.most = most
