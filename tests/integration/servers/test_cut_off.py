"""Connections that are cut or refused: nobody waits for ever where nothing comes from, or ends where it could wait."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from kombu import Connection, Exchange, Message, Queue
from kombu.asynchronous import Hub
from kombu.transport.redis import SUBCLIENT_MAX_MISSED_HEALTH_CHECKS
from redis.exceptions import ConnectionError as Gone
from sqlalchemy import text
from sqlalchemy.engine import make_url

from bench.chaos.disturbed.proxy import Proxy
from db.engine import IDLE_TRANSACTION_MS, engine_for
from tests.support.processes import PATIENCE_S
from workers.celery_app import redis_transport

#: How a worker reaches its broker, whichever that is.
_ASK = """
import json
from workers.celery_app.config import values
print(json.dumps({"transport_options": values.broker_transport_options}))
"""


@pytest.fixture(scope="module")
def ways() -> dict[str, Any]:
    """What a worker opens its connections with. From another process: the module is bound to one broker."""
    redis_transport.use()
    env = {**os.environ, "DASHPLATE_REDIS_URL": "redis://localhost"}
    said = subprocess.run([sys.executable, "-c", _ASK], env=env, capture_output=True, text=True, check=True)
    asked: dict[str, Any] = json.loads(said.stdout)
    return asked


def test_a_worker_hears_that_its_subscription_was_reset(redis_url: str, ways: dict[str, Any]) -> None:
    url = make_url(redis_url)
    with Proxy(lambda: url.port) as network, ThreadPoolExecutor(1) as beside:
        through = url.set(port=network.port).render_as_string(hide_password=False)
        with Connection(through, **ways) as connection:
            listening = connection.default_channel.subclient
            listening.psubscribe("anything")
            listening.parse_response()
            network.cut()
            waiting = beside.submit(listening.parse_response)
            try:
                # Behind our back the driver would connect again, and read until somebody publishes.
                with pytest.raises(Gone):
                    waiting.result(timeout=PATIENCE_S)
            finally:
                network.cut()


def test_a_worker_gives_up_a_subscription_that_is_silent(redis_url: str, ways: dict[str, Any]) -> None:
    """After some questions that nobody answered: within a minute, and sooner here."""
    options = ways["transport_options"]
    assert (SUBCLIENT_MAX_MISSED_HEALTH_CHECKS + 2) * options["health_check_interval"] <= 60
    quickly = {**options, "health_check_interval": 0.5, "socket_timeout": 3.0}
    url, heard, hub = make_url(redis_url), [], Hub()
    with Proxy(lambda: url.port) as network:
        through = url.set(port=network.port).render_as_string(hide_password=False)
        with Connection(through, transport_options=quickly) as connection:
            queue = Queue("orders", Exchange("orders", type="fanout"), auto_delete=True)
            connection.register_with_event_loop(hub)
            with connection.Consumer(queue, on_message=heard.append, no_ack=True):
                # Where everything is answered, nothing is given up, however long it takes.
                turn(hub, 2.0)
                with Connection(redis_url, **ways) as another:
                    another.Producer().publish({}, exchange=queue.exchange, declare=[queue.exchange])
                turn(hub, PATIENCE_S, lambda: bool(heard))
                assert len(heard) == 1
                network.silence()
                # The worker connects anew, and hears that this is silent too.
                with pytest.raises(connection.connection_errors):
                    turn(hub, PATIENCE_S)
                network.cut()
    hub.close()


def turn(hub: Hub, seconds: float, enough: Callable[[], bool] = lambda: False) -> None:
    """What a worker's main process does, for so long or until it is enough."""
    loop, end = hub.create_loop(), time.monotonic() + seconds
    while time.monotonic() < end and not enough():
        next(loop)


def test_a_full_redis_is_taken_for_one_that_is_away(redis_url: str, ways: dict[str, Any]) -> None:
    with redis.Redis.from_url(redis_url) as client, Connection(redis_url, **ways) as connection:
        before = client.config_get("maxmemory")["maxmemory"]
        client.config_set("maxmemory", 1)
        try:
            # Whatever else reaches Celery's loop ends the worker.
            with pytest.raises(connection.connection_errors):
                connection.Producer().publish({}, routing_key="anything")
        finally:
            client.config_set("maxmemory", before)


def test_a_worker_goes_on_where_a_full_or_silent_redis_hears_of_nothing(redis_url: str, ways: dict[str, Any]) -> None:
    """Each message that it has taken and could not acknowledge would keep it from taking the next."""
    taken: list[Message] = []
    with redis.Redis.from_url(redis_url) as client, Connection(redis_url, **ways) as connection:
        queue = Queue("letters")
        for number in range(3):
            connection.Producer().publish(number, routing_key="letters", declare=[queue])
        channel = connection.channel()
        with connection.Consumer(queue, channel=channel, on_message=taken.append, prefetch_count=1):
            take(connection, taken, 1)
            before = client.config_get("maxmemory")["maxmemory"]
            client.config_set("maxmemory", 1)
            try:
                taken[0].ack()
            finally:
                client.config_set("maxmemory", before)
            assert client.hlen("unacked") == 0, "making room is allowed"
            take(connection, taken, 2)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(channel, "conn_or_acquire", gone)
                with pytest.raises(Gone):
                    taken[1].ack()
            take(connection, taken, 3)
            taken[2].ack()
    assert [one.payload for one in taken] == [0, 1, 2]


def take(connection: Connection, taken: list[Message], number: int) -> None:
    """Wait until so many messages have been taken."""
    while len(taken) < number:
        connection.drain_events(timeout=PATIENCE_S)


@contextmanager
def gone() -> Iterator[None]:
    """In place of a connection to Redis."""
    raise Gone("Redis went away.")
    yield


def test_both_ends_of_a_database_connection_notice_a_silent_network(database_url: str) -> None:
    with engine_for(database_url).connect() as connection:
        kept = {
            name: connection.scalar(text(f"SHOW {name}"))
            for name in (
                "tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count", "tcp_user_timeout",
                "idle_in_transaction_session_timeout",
            )
        }  # fmt: skip
        assert kept == {
            "tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3",
            "tcp_user_timeout": "60000", "idle_in_transaction_session_timeout": f"{IDLE_TRANSACTION_MS // 60_000}min",
        }  # fmt: skip
        ours = socket.socket(fileno=connection.connection.dbapi_connection.fileno())  # type: ignore[union-attr]
        try:
            assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            if hasattr(socket, "TCP_KEEPIDLE"):
                assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30
                assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 10
                assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == 3
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 60_000
        finally:
            ours.detach()


@pytest.mark.parametrize(("scheme", "encrypted"), [("redis", False), ("rediss", True)])
def test_each_address_is_reached_in_its_own_way(scheme: str, encrypted: bool) -> None:
    """Named in place of the address's scheme, a transport would do without TLS."""
    redis_transport.use()
    with Connection(f"{scheme}://:word@localhost:6380/0") as connection:
        assert isinstance(connection.transport, redis_transport.Transport)
        assert bool(connection.ssl) is encrypted
        assert connection.as_uri().startswith(f"{scheme}://")
