"""Calls many at once for photographs to be read: none is lost, each answer is what a single call gives."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import httpx

from bench.parts.watching import resident_bytes, watched
from bench.service.running import PATIENCE_S, Service

#: What confidences may differ by: plates share calls of the network, whose sums then run in another order.
_CONFIDENCE = 0.01
_LOOK_S = 0.2


@dataclass(slots=True)
class Flood:
    """What became of the calls."""

    calls: int
    seconds: float = 0.0
    #: Answers by status, those that asked to come again included; 0 counts connections that were cut.
    statuses: Counter[int] = field(default_factory=Counter)
    #: Why connections were cut.
    cuts: Counter[str] = field(default_factory=Counter)
    #: Calls that ended without an answer, and those whose answer is not that of a single call.
    lost: int = 0
    different: int = 0
    #: Highest resident memory of the web process and of the one that reads, bytes.
    web_bytes: int = 0
    reader_bytes: int = 0


def flood(
    here: Service,
    token: str,
    pictures: Sequence[bytes],
    calls: int,
    at_once: int,
    fault: Callable[[], object] = lambda: None,
) -> Flood:
    """Have pictures read in turn; whoever is told to come again does, until there is an answer.

    The fault comes once a tenth has been answered.
    """
    found = Flood(calls)
    with here.client(token) as client:
        single = [_plates(_posted(client, picture).raise_for_status().json()) for picture in pictures]
    began = time.monotonic()
    with _watching(here, found), ThreadPoolExecutor(1) as pool:
        struck = pool.submit(_strike, found, fault)
        asyncio.run(_all(here, token, pictures, single, found, at_once))
        struck.result()
    found.seconds = time.monotonic() - began
    return found


def same(one: Sequence[dict[str, Any]], other: Sequence[dict[str, Any]]) -> bool:
    """Whether two answers tell the same plates."""
    texts = [plate.get("text") for plate in one] == [plate.get("text") for plate in other]
    boxes = [plate["box"] for plate in one] == [plate["box"] for plate in other]
    return (
        texts
        and boxes
        and all(
            abs(a.get("confidence", 0.0) - b.get("confidence", 0.0)) <= _CONFIDENCE
            for a, b in zip(one, other, strict=True)
        )
    )


async def _all(
    here: Service,
    token: str,
    pictures: Sequence[bytes],
    single: Sequence[list[dict[str, Any]]],
    found: Flood,
    at_once: int,
) -> None:
    turns = asyncio.Semaphore(at_once)
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=at_once)
    headers = {"Authorization": f"Bearer {token}"}

    async def one(number: int) -> None:
        which = number % len(pictures)
        async with turns:
            answer = await _until_answered(client, pictures[which], found)
        if answer is None:
            found.lost += 1
        elif not same(_plates(answer), single[which]):
            found.different += 1

    async with httpx.AsyncClient(base_url=here.url, headers=headers, timeout=PATIENCE_S, limits=limits) as client:
        await asyncio.gather(*(one(number) for number in range(found.calls)))


def _strike(found: Flood, fault: Callable[[], object]) -> None:
    while found.statuses[200] < found.calls / 10 and found.lost == 0:
        time.sleep(0.01)
    fault()


async def _until_answered(client: httpx.AsyncClient, picture: bytes, found: Flood) -> dict[str, Any] | None:
    """The answer; None where there is another than that it was read or that one may come again."""
    end = time.monotonic() + 4 * PATIENCE_S
    while time.monotonic() < end:
        try:
            answer = await client.post("/v1/read", files={"upload": ("car.jpg", picture)})
        except httpx.TransportError as cut:
            found.statuses[0] += 1
            found.cuts[f"{type(cut).__name__}: {cut}"] += 1
            await asyncio.sleep(1.0)
            continue
        found.statuses[answer.status_code] += 1
        if answer.status_code == 200:
            told: dict[str, Any] = answer.json()
            return told
        if answer.status_code == 408:
            # On a machine so busy that a body takes a minute.
            continue
        if answer.status_code not in (429, 503):
            return None
        await asyncio.sleep(int(answer.headers["Retry-After"]))
    return None


def _posted(client: httpx.Client, picture: bytes) -> httpx.Response:
    return client.post("/v1/read", files={"upload": ("car.jpg", picture)})


def _plates(told: dict[str, Any]) -> list[dict[str, Any]]:
    return [*told["plates"], *told["unread"]]


def _watching(here: Service, found: Flood) -> AbstractContextManager[None]:
    """Keep the highest memory of both processes."""

    def look() -> None:
        found.web_bytes = max(found.web_bytes, resident_bytes(here.web()))
        found.reader_bytes = max(found.reader_bytes, resident_bytes(here.reader()))

    return watched(look, _LOOK_S)
