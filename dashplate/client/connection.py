"""Requests to a service: the token, the errors, and what is asked again when the service is busy or away."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError
from tenacity import RetryCallState, Retrying

from dashplate.addresses import base_address
from pipeline.errors import DashplateError, UsageError
from pipeline.retry_policy import waits

T = TypeVar("T", bound=BaseModel)
R = TypeVar("R")

#: Seconds to connect; and without a byte, in which a photograph has its turn, and an event stream sends four breaths.
_CONNECT_S, TIMEOUT_S = 10.0, 60.0
#: A call is made so often at most; a service that asks for a longer pause than so many seconds is not waited for.
MOST_ATTEMPTS, LONGEST_PAUSE_S = 5, 60.0
#: What a busy or restarting service, or a proxy before it, answers.
_BUSY = frozenset({429, 502, 503, 504})
#: Of a token: what stands in a header, so that no library quotes a header that it refuses.
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
            with self._http.stream(method, path, **sent) as answer:
                if not answer.is_success:
                    answer.read()
                    raise _refusal(answer)
                yield answer
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
            answer = self._http.request(method, path, **sent)
        except httpx.RequestError as error:
            raise self._lost(error) from None
        if not answer.is_success:
            raise _refusal(answer)
        return answer

    def _lost(self, error: httpx.RequestError) -> ServiceError:
        why = "does not answer in time" if isinstance(error, httpx.TimeoutException) else "cannot be reached"
        return ServiceError(f"The service at {self.url} {why}. See that it runs, and that DASHPLATE_URL is right.")


class Patience:
    """How often something that may be made again is made again: a few times in a row, and anew after a success."""

    def __init__(self) -> None:
        self._policy = RetryCallState(Retrying(), None, (), {})
        self._policy.attempt_number = 0

    def succeeded(self) -> None:
        """What comes now is the first failure again."""
        self._policy.attempt_number = 0

    def wait(self, error: ServiceError) -> None:
        """Wait as long as the service asks for, or the policy says where that is more.

        Raises the error: at once where waiting would not help or takes too long, else after the last attempt.
        """
        self._policy.attempt_number += 1
        pause_s = max(error.retry_after_s or 0.0, _PAUSES(self._policy))
        if not error.may_pass or self._policy.attempt_number >= MOST_ATTEMPTS or pause_s > LONGEST_PAUSE_S:
            raise error
        time.sleep(pause_s)


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
