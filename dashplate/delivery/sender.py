"""The sender: tells endpoints what they are owed, until it is stopped.

Any number of senders may run. A delivery is taken under a lease; what a killed one had in hand is told by the next.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import logging
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy.orm import Session

from dashplate.delivery import messages, notifications, told
from dashplate.delivery.message import Answer, Message
from dashplate.delivery.mqtt import Brokers
from dashplate.delivery.pictures import picture_of
from dashplate.delivery.receivers import Carrier, carrier_of, filled_in
from dashplate.delivery.signing import WebhookKey, webhook_key
from dashplate.delivery.told import Told
from dashplate.delivery.webhook import Webhooks
from db.engine import retrying
from db.models import Endpoint, Event
from db.states import EndpointFormat
from db.telling import deliveries, endpoints
from db.telling.deliveries import Held
from pipeline.errors import DashplateError
from store import StoreError
from workers.settings import Settings
from workers.telemetry import bound, traces

log = logging.getLogger(__name__)

#: How often it looks for what is due, and for what is old.
_LOOK_S, _FORGET_S = 1.0, 3_600.0
#: How often it says that it is still connected to brokers.
_HOLD_S = endpoints.HOLD_S / 3
#: Deliveries of one endpoint that are told at a time.
_AT_ONCE = 4
#: An endpoint that takes nothing is left alone for 1, 2, 4 … seconds, and at most so long: each delivery of its own
#: has a longer plan, and all that are due would be tried one after the other.
_LONGEST_PAUSE_S = 60.0

T = TypeVar("T")


@dataclass(slots=True)
class _Pause:
    """How long an endpoint that takes nothing is left alone."""

    until: float = 0.0
    length_s: float = 1.0


class Sender:
    """Tells what is owed. To be made in a running event loop."""

    def __init__(self, config: Settings, alive: Callable[[], None] = lambda: None) -> None:
        """`alive` is called with every look that the database answers."""
        self._config, self._alive = config, alive
        self._url = config.require_database()
        self._webhooks, self._brokers = Webhooks(config.private_hosts), Brokers(config.private_hosts)
        #: Names this sender among others.
        self._name = uuid.uuid4().hex
        #: Endpoints at brokers that are this sender's.
        self._held: dict[int, tuple[str, str]] = {}
        self._serving: dict[int, asyncio.Task[None]] = {}
        self._pauses: dict[int, _Pause] = {}
        self._hold_at = self._forget_at = 0.0
        self._stop = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; what is being sent by then is waited for."""
        self._stop = stop
        try:
            while not stop.is_set():
                try:
                    await self._look()
                    self._alive()
                except Exception as problem:
                    # A server is away: the next look tries again.
                    log.warning("%s", str(problem).partition("\n")[0])
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), _LOOK_S)
            await asyncio.gather(*self._serving.values(), return_exceptions=True)
        finally:
            await self.close()
            with contextlib.suppress(Exception):
                await self._ask(lambda db: endpoints.leave_brokers(db, self._name))

    async def close(self) -> None:
        """Leave all connections."""
        await self._webhooks.close()
        await asyncio.to_thread(self._brokers.keep_only, ())

    async def _look(self) -> None:
        self._serving = {number: task for number, task in self._serving.items() if not task.done()}
        now = time.monotonic()
        if now >= self._hold_at:
            self._hold_at = now + _HOLD_S
            await self._hold()
        for number in await self._ask(deliveries.due):
            if number not in self._serving and self._pauses.setdefault(number, _Pause()).until <= now:
                self._serving[number] = asyncio.create_task(self._serve(number))
        if now >= self._forget_at:
            self._forget_at = now + _FORGET_S
            await self._ask(deliveries.forget_old)

    async def _hold(self) -> None:
        """Stay connected to the brokers of endpoints that no other sender has."""
        self._held = await self._ask(lambda db: endpoints.hold_brokers(db, self._name))
        await asyncio.to_thread(self._brokers.keep_only, [name for name, _ in self._held.values()])
        for name, address in self._held.values():
            try:
                await asyncio.to_thread(self._brokers.hold, name, filled_in(address))
            except DashplateError as problem:
                log.warning("Endpoint %s: %s", name, problem)

    async def _serve(self, number: int) -> None:
        """Tell one endpoint what it is owed, for as long as it takes it."""
        while await self._tell_some(number) and not self._stop.is_set():
            pass

    async def _tell_some(self, number: int) -> bool:
        """Whether the endpoint took all of some, and may be owed more."""
        try:
            lease_s = self._config.delivery_lease_s
            endpoint, held = await self._ask(lambda db: _taken(db, number, number in self._held, lease_s))
            took = await asyncio.gather(*(self._tell(endpoint, one) for one in held)) if endpoint else []
        except Exception as problem:
            log.warning("Endpoint %d: %s", number, str(problem).partition("\n")[0])
            took = [False]
        pause = self._pauses[number]
        if any(took) or not took:
            pause.length_s = 1.0
        else:
            pause.until = time.monotonic() + pause.length_s
            pause.length_s = min(_LONGEST_PAUSE_S, 2 * pause.length_s)
        return bool(took) and all(took)

    async def _tell(self, endpoint: Endpoint, held: Held) -> bool:
        """Whether the endpoint has it now."""
        begun_ns, about = traces.now_ns(), None
        try:
            address = filled_in(endpoint.address)
            event = await self._ask(lambda db: told.find(db, held.event, held.uid))
            if event is None:
                gone = "What it was about is gone: purged, or not found again by a redo."
                await self._ask(lambda db: deliveries.told(db, held, None, gone))
                return True
            about = event.event
            bound.bind(job=about.job_id, video=about.video_id)
            # Outside of any transaction: a share or bucket may take its time.
            picture = await asyncio.to_thread(_picture, event) if messages.takes_picture(endpoint.format) else None
            found = messages.message(event, endpoint.format, address, picture)
            answer = await self.send(endpoint, address, found, held.tries)
        except told.StoredAnew:
            await self._ask(lambda db: deliveries.put_back(db, held, _LOOK_S))
            return True
        except DashplateError as problem:
            answer = Answer(str(problem))
        await self._ask(lambda db: _note(db, endpoint, held, answer, self._config.delivery_delays_s))
        if begun_ns and about is not None:
            await asyncio.to_thread(_record, self._url, about, endpoint, held, answer, begun_ns)
        if answer.problem is not None:
            log.info("%s of endpoint %s: %s", held.uid, endpoint.name, answer.problem)
        return answer.problem is None

    async def send(self, endpoint: Endpoint, address: str, found: Message, tries: int = 0) -> Answer:
        """Tell an endpoint; `tries` says how often that was tried before. Raises DashplateError."""
        match carrier_of(address):
            case Carrier.WEBHOOK:
                secrets = _secrets(webhook_key(self._config), endpoint)
                return await self._webhooks.send(address, found, secrets)
            case Carrier.BROKER:
                return await asyncio.to_thread(self._brokers.send, endpoint.name, address, found)
            case Carrier.SERVICE:
                return await asyncio.to_thread(notifications.notify, address, found, tries)

    async def _ask(self, question: Callable[[Session], T]) -> T:
        return await asyncio.to_thread(retrying, self._url, question)


async def send_once(config: Settings, endpoint: Endpoint, found: Message) -> Answer:
    """Send one message to an endpoint now, with connections of its own. Raises DashplateError."""
    sender = Sender(config)
    try:
        return await sender.send(endpoint, filled_in(endpoint.address), found)
    finally:
        await sender.close()


async def test_once(config: Settings, endpoint: Endpoint) -> Answer:
    """Send an endpoint a message of the type `test` now. Raises DashplateError."""
    at = dt.datetime.now(dt.UTC).isoformat()
    about = {"type": "test", "timestamp": at, "data": {"endpoint": endpoint.name}}
    body = "A test of Dashplate." if endpoint.format is EndpointFormat.TEXT else json.dumps(about)
    message = Message(f"evt_{uuid.uuid4().hex}", "test", body.encode(), title="A test")
    return await send_once(config, endpoint, message)


def _taken(db: Session, number: int, is_ours: bool, lease_s: float) -> tuple[Endpoint | None, Sequence[Held]]:
    """An endpoint with some of what it is owed; a broker's is told by the sender that is connected to it."""
    endpoint = db.get(Endpoint, number)
    if endpoint is None or endpoint.disabled_at is not None:
        return None, ()
    if carrier_of(endpoint.address) is Carrier.BROKER and not is_ours:
        return None, ()
    held = deliveries.take(db, number, _AT_ONCE, lease_s)
    db.expunge(endpoint)
    return endpoint, held


def _picture(event: Told) -> bytes | None:
    """The frame of an event that has one. Raises nothing: whoever waits for a hit would rather hear of it without."""
    try:
        return picture_of(event.sighting)
    except StoreError as problem:
        log.warning("%s is told without its picture: %s", event.uid, problem)
        return None


def _secrets(key: WebhookKey, endpoint: Endpoint) -> list[str]:
    """The endpoint's secret, and the one before it for as long as that counts too."""
    both = endpoint.former_until is not None and endpoint.former_until.timestamp() > time.time()
    return [key.secret(endpoint.name, endpoint.secret - old) for old in range(2 if both else 1)]


def _record(url: str, about: Event, endpoint: Endpoint, held: Held, answer: Answer, begun_ns: int) -> None:
    problem = None if answer.problem is None else "NotTold"
    traces.told(
        url, about.job_id, about.video_id, begun_ns, problem,
        endpoint=endpoint.id, delivery=held.id, event=held.kind, tries=held.tries, status=answer.status or 0,
    )  # fmt: skip


def _note(db: Session, endpoint: Endpoint, held: Held, answer: Answer, delays_s: Sequence[float]) -> None:
    if answer.problem is None:
        deliveries.told(db, held, answer.status)
        return
    if answer.gone:
        endpoints.disable(db, endpoint.id, answer.problem)
    deliveries.failed(db, held, answer.problem, answer.status, delays_s, answer.wait_s, final=answer.final)
