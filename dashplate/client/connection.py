"""Requests to a service: the token, the errors, and what is asked again when the service is busy or away."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError
from tenacity import RetryCallState, Retrying

from dashplate.typed.addresses import base_address
from pipeline.errors import DashplateError, UsageError
from pipeline.retry_policy import waits

T = TypeVar("T", bound=BaseModel)
R = TypeVar("R")

#: Seconds to connect; and without a byte, in which a photograph has its turn, and an event stream sends four breaths.
_CONNECT_S, TIMEOUT_S = 10.0, 60.0
#: A call is made so often at most; a service that asks for a longer pause than so many seconds is not waited for.
MOST_ATTEMPTS, LONGEST_PAUSE_S = 5, 60.0
#: Another call holds the upload. Of one whose connection was lost without a word the service hears after 30 s; one that
#: brings a whole file into a bucket takes minutes. So long it is asked again, however often.
_HELD, HELD_S = 423, 300.0
#: What a busy or restarting service, or a proxy before it, answers; and where bytes took too long to arrive.
_BUSY = frozenset({408, _HELD, 429, 502, 503, 504})
#: What stands in a header: no library quotes a header that it refuses, and none is sent that the service refuses.
_IN_A_HEADER = re.compile(r"[\x21-\x7e]{1,200}")
#: Tokens are as long as their makers like.
_TOKEN = re.compile(r"[\x21-\x7e]+")
_PAUSES = waits(0.3, 1.2, 4.5)


class ServiceError(DashplateError):
    """The service refused a call, or did not answer; the message is its sentence."""

    def __init__(self, sentence: str, status: int | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(sentence)
        #: The HTTP status; None where there was no answer.
        self.status = status
        #: When the service may be asked again, where it says so.
        self.retry_after_s = retry_after_s

    @property
    def may_pass(self) -> bool:
        """Whether the same call may succeed in a while."""
        return self.status is None or self.status in _BUSY


#: Whether the request on its way is one of ours.
_ours: ContextVar[bool] = ContextVar("dashplate_request", default=False)


def _is_of_others(record: logging.LogRecord) -> bool:
    return not _ours.get()


# httpx logs every address, at a level that many programs show; what is searched for stands in ours.
logging.getLogger("httpx").addFilter(_is_of_others)


class Connection:
    """Where the service is, and how it is asked."""

    def __init__(self, url: str | None, token: str | None, timeout_s: float = TIMEOUT_S) -> None:
        """`DASHPLATE_URL` and `DASHPLATE_TOKEN` where none are given. Raises UsageError for what cannot be meant."""
        self.url = base_address(
            url or os.environ.get("DASHPLATE_URL") or "", "The service's address, or DASHPLATE_URL,"
        )
        given = token if token is not None else os.environ.get("DASHPLATE_TOKEN")
        if given is not None and not _TOKEN.fullmatch(given):
            raise UsageError("The token is empty, or holds a space or a line break. Give it as it was printed.")
        headers = {"Authorization": f"Bearer {given}"} if given else {}
        # A redirect is an answer like others: the token goes to no other address.
        timeout = httpx.Timeout(timeout_s, connect=_CONNECT_S)
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=timeout, follow_redirects=False)

    def close(self) -> None:
        self._http.close()

    def ask(self, method: str, path: str, kind: type[T], *, again: bool | None = None, **sent: Any) -> T:
        """The answer to a call, as `kind`; see `answer`."""
        return self.as_kind(kind, self.answer(method, path, again=again, **sent).content)

    def answer(self, method: str, path: str, *, again: bool | None = None, **sent: Any) -> httpx.Response:
        """The whole answer to a call, which is made again if `again`: by default where the method changes nothing.

        Raises ServiceError.
        """
        if again if again is not None else method in ("GET", "HEAD"):
            return patiently(lambda: self._once(method, path, **sent))
        return self._once(method, path, **sent)

    @contextmanager
    def stream(self, method: str, path: str, **sent: Any) -> Iterator[httpx.Response]:
        """An answer whose body is yet to be read. Raises ServiceError, also for a connection that is lost meanwhile."""
        try:
            answer = self._sent(method, path, stream=True, **sent)
            try:
                if not answer.is_success:
                    answer.read()
                    raise _refusal(answer)
                yield answer
            finally:
                answer.close()
        except httpx.RequestError as error:
            raise self._lost(error) from None

    def as_kind(self, kind: type[T], content: bytes) -> T:
        """What the service sent, as one of its documents. Raises ServiceError for what is none."""
        try:
            return kind.model_validate_json(content)
        except ValidationError:
            raise ServiceError(
                f"What answers at {self.url} is no Dashplate service, or one of another version: its {kind.__name__}"
                " is not as expected."
            ) from None

    def _once(self, method: str, path: str, **sent: Any) -> httpx.Response:
        try:
            answer = self._sent(method, path, **sent)
        except httpx.RequestError as error:
            raise self._lost(error) from None
        if not answer.is_success:
            raise _refusal(answer)
        return answer

    def _sent(self, method: str, path: str, *, stream: bool = False, **sent: Any) -> httpx.Response:
        """The answer, its body yet to be read if `stream`."""
        request = self._http.build_request(method, path, **sent)
        ours = _ours.set(True)
        try:
            return self._http.send(request, stream=stream)
        finally:
            _ours.reset(ours)

    def _lost(self, error: httpx.RequestError) -> ServiceError:
        why = "does not answer in time" if isinstance(error, httpx.TimeoutException) else "cannot be reached"
        return ServiceError(f"The service at {self.url} {why}. See that it runs, and that DASHPLATE_URL is right.")


class Patience:
    """How often something that may be made again is made again: a few times in a row, and anew after a success."""

    def __init__(self) -> None:
        self._policy = RetryCallState(Retrying(), None, (), {})
        self._policy.attempt_number = 0
        #: When it was first heard that another call holds the upload.
        self._held_since: float | None = None

    def succeeded(self) -> None:
        """What comes now is the first failure again."""
        self._policy.attempt_number = 0
        self._held_since = None

    def wait(self, error: ServiceError) -> None:
        """Wait as long as the service asks for, or the policy says where that is more.

        Raises the error: at once where waiting would not help or takes too long, else after the last attempt.
        """
        over = self._is_over(error.status)
        pause_s = max(error.retry_after_s or 0.0, _PAUSES(self._policy))
        if not error.may_pass or over or pause_s > LONGEST_PAUSE_S:
            raise error
        time.sleep(pause_s)

    def _is_over(self, status: int | None) -> bool:
        if status != _HELD:
            self._policy.attempt_number += 1
            return self._policy.attempt_number >= MOST_ATTEMPTS
        now = time.monotonic()
        self._held_since = self._held_since or now
        return now - self._held_since > HELD_S


def named_once(key: str) -> str:
    """An idempotency key, as it stands in a header. Raises UsageError."""
    if not _IN_A_HEADER.fullmatch(key):
        raise UsageError("An idempotency key has 1 to 200 letters, digits and signs of ASCII, without spaces.")
    return key


def patiently(call: Callable[[], R]) -> R:
    """Make a call that may be made again, with patience."""
    patience = Patience()
    while True:
        try:
            return call()
        except ServiceError as error:
            patience.wait(error)


def _refusal(answer: httpx.Response) -> ServiceError:
    after = answer.headers.get("retry-after", "")
    sentence = _sentence(answer) or f"The service answered with status {answer.status_code}, {answer.reason_phrase}."
    return ServiceError(sentence, answer.status_code, float(after) if re.fullmatch(r"[0-9]{1,6}", after) else None)


def _sentence(answer: httpx.Response) -> str | None:
    """What the service says is wrong: `detail` of its problem document, and where in the request."""
    try:
        said = answer.json()
        places = [f"{one['where']}: {one['problem']}" for one in said.get("errors", [])]
        return " ".join([str(said["detail"]), *(f"({place})" for place in places)])
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
