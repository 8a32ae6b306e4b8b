"""Sends one webhook: signed, to the host that was named and no other, with a bounded answer in bounded time."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Collection, Mapping, Sequence
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import aiohttp

from dashplate.delivery.message import ANSWER_S, Answer, Message
from dashplate.delivery.signing import signatures
from pipeline.sources.http import PublicResolver
from pipeline.sources.roots import NotAllowed, check_public

_TIMEOUT = aiohttp.ClientTimeout(total=ANSWER_S, sock_connect=10.0)
_GONE = 410
#: A receiver may ask to be left alone for a day at most.
_LONGEST_S = 86_400.0


class Webhooks:
    """The sender's connections to webhooks."""

    def __init__(self, private_hosts: Collection[str]) -> None:
        """`private_hosts` may stand for private addresses. To be made in a running event loop."""
        self._private = frozenset(private_hosts)
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=PublicResolver(self._may_be_private), limit=64, limit_per_host=8),
            timeout=_TIMEOUT,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "dashplate"},
        )

    async def close(self) -> None:
        await self._http.close()

    async def send(self, address: str, message: Message, secrets: Sequence[str]) -> Answer:
        """Post a message to an address, signed with each secret. Nothing is raised: what went wrong is the answer."""
        host = urlsplit(address).hostname or ""
        at = int(time.time())
        headers = {
            "Content-Type": message.content_type,
            "webhook-id": message.uid,
            "webhook-timestamp": str(at),
            "webhook-signature": signatures(secrets, message.uid, at, message.body),
        }
        try:
            if not self._may_be_private(host):
                # Numbers are no names, and are never looked up.
                check_public(host, host)
            async with self._http.post(address, data=message.body, headers=headers, allow_redirects=False) as answer:
                return _told(answer.status, answer.headers)
        except NotAllowed:
            return Answer(f"{host} lies on a private network; DASHPLATE_PRIVATE_HOSTS of the sender does not name it.")
        except (TimeoutError, aiohttp.ServerTimeoutError):
            return Answer(f"{host} did not answer within {ANSWER_S:g} s.")
        except aiohttp.ClientSSLError:
            return Answer(f"{host} shows a certificate that is not trusted here.")
        except aiohttp.ClientConnectorDNSError:
            return Answer(f"The host {host} is not known.")
        except (aiohttp.ClientError, OSError, ValueError):
            return Answer(f"{host} cannot be reached, or broke off.")

    def _may_be_private(self, host: str) -> bool:
        return host.lower() in self._private


def _told(status: int, headers: Mapping[str, str]) -> Answer:
    if 200 <= status < 300:
        return Answer(status=status)
    if status == _GONE:
        return Answer("It wants nothing any more (status 410).", status, gone=True)
    if 300 <= status < 400:
        return Answer(f"It sends us elsewhere (status {status}), which is not followed. Name that address.", status)
    return Answer(f"It answered with status {status}.", status, wait_s=_asked_wait(headers.get("Retry-After")))


def _asked_wait(text: str | None) -> float:
    """Seconds that `Retry-After` asks for: a number, or a time."""
    if not text:
        return 0.0
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(text) - dt.datetime.now(dt.UTC)).total_seconds()
        except (ValueError, TypeError):
            return 0.0
    return min(_LONGEST_S, max(0.0, seconds)) if seconds == seconds else 0.0
