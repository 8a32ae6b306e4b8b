"""Celery's Redis transport: a full Redis is treated like one that is away, and clients are kept."""

from __future__ import annotations

from typing import Any

import redis
from kombu.transport import TRANSPORT_ALIASES, virtual
from kombu.transport import redis as base
from redis.exceptions import OutOfMemoryError


class QoS(base.QoS):  # type: ignore[misc]
    """Which messages the worker has taken and not yet acknowledged: with one of them, it takes no other."""

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge a message: outside of a transaction, in which a full Redis refuses even what makes room.

        The worker goes on whatever comes of it, and an error is logged. A message that comes back is stale.
        """
        try:
            with self.channel.conn_or_acquire() as client, client.pipeline(transaction=False) as pipe:
                # In this order: a number without its message is forgotten, a message without its number is not.
                pipe.hdel(self.unacked_key, delivery_tag).zrem(self.unacked_index_key, delivery_tag).execute()
        finally:
            virtual.QoS.ack(self, delivery_tag)


class Channel(base.Channel):  # type: ignore[misc]
    """A channel that acknowledges in this way, and keeps the client that it gives commands with.

    Kombu makes one for each command, which takes longer than most commands do. What it waits for messages with is
    another one, which has a connection of its own.
    """

    QoS = QoS
    _kept: redis.Redis | None = None

    def _create_client(self, asynchronous: bool = False) -> Any:
        if asynchronous:
            return super()._create_client(asynchronous)
        if self._kept is None or self._kept.connection_pool is not self.pool:
            self._kept = super()._create_client()
        return self._kept


class Transport(base.Transport):  # type: ignore[misc]
    """A full Redis is taken for one that is away: the worker connects again until there is room, and does not end.

    Ending would take the segments along that its processes are at.
    """

    Channel = Channel
    connection_errors = (*base.Transport.connection_errors, OutOfMemoryError)


def use() -> None:
    """Put it in the place of Celery's own: by the addresses' schemes, from which much follows, TLS among it."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:{Transport.__name__}"
