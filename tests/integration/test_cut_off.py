"""Connections that are cut or refused: nobody waits for ever where nothing comes from, or ends where it could wait."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
from kombu import Connection
from redis.exceptions import ConnectionError as Gone
from sqlalchemy import text
from sqlalchemy.engine import make_url

from bench.chaos.proxy import Proxy
from db.engine import IDLE_TRANSACTION_MS, engine_for

#: How a worker reaches its broker, whichever that is.
_ASK = """
import json
from workers.celeryconfig import values
print(json.dumps({"transport": values.broker_transport, "transport_options": values.broker_transport_options}))
"""


@pytest.fixture(scope="module")
def ways() -> dict[str, Any]:
    """What a worker opens its connections with. From another process: the module is bound to one broker."""
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
                    waiting.result(timeout=5)
            finally:
                network.cut()


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
