"""What is asked of Redis and of the result store's disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import redis
from prometheus_client.core import Metric

from dashplate.metrics import figures
from store.store import RESERVE_BYTES
from workers.celery_app.app import QUEUES


@dataclass(frozen=True, slots=True)
class Broker:
    """What Redis says."""

    #: Messages that no worker has taken yet, by queue.
    lengths: Mapping[str, int]
    used_bytes: int
    #: 0 is no limit.
    most_bytes: int


@dataclass(frozen=True, slots=True)
class Room:
    """A disk."""

    free_bytes: int
    size_bytes: int


def broker(server: redis.Redis) -> Broker:
    """Messages on each queue, and the memory that they may fill. Raises RedisError."""
    with server.pipeline(transaction=False) as asked:
        for queue in QUEUES:
            asked.llen(queue)
        asked.info("memory")
        *lengths, memory = asked.execute()
    return Broker(dict(zip(QUEUES, lengths, strict=True)), memory["used_memory"], memory["maxmemory"])


def room(place: str) -> Room | None:
    """That of the disk of a folder; None for an address, and for a disk that cannot be looked at."""
    if "://" in place:
        return None
    try:
        usage = shutil.disk_usage(_there(Path(place)))
    except OSError:
        return None
    return Room(usage.free, usage.total)


def queues(server: redis.Redis) -> Iterator[Metric]:
    """The figures of Redis. Raises RedisError."""
    told = broker(server)
    yield figures.QUEUE.by(told.lengths.items())
    yield figures.REDIS_BYTES.of(told.used_bytes)
    yield figures.MOST_REDIS_BYTES.of(told.most_bytes)


def disk(store: str) -> Iterator[Metric]:
    """Room for results, where the store is a folder of this machine that can be looked at."""
    found = room(store)
    if found is None:
        return
    yield figures.STORE_FREE.of(found.free_bytes)
    yield figures.STORE_SIZE.of(found.size_bytes)
    yield figures.STORE_RESERVE.of(RESERVE_BYTES)


def _there(folder: Path) -> Path:
    """The folder, or the next above it that is there: the store is made with its first file."""
    return next(path for path in (folder, *folder.parents) if path.exists())
