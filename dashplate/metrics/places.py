"""What is asked of Redis and of the result store's disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import redis
from prometheus_client.core import Metric

from dashplate.metrics import figures
from store.store import RESERVE_BYTES
from workers.celery_app.app import QUEUES


def queues(server: redis.Redis) -> Iterator[Metric]:
    """Messages on each queue, and the memory that they may fill. Raises RedisError."""
    with server.pipeline(transaction=False) as asked:
        for queue in QUEUES:
            asked.llen(queue)
        asked.info("memory")
        *lengths, memory = asked.execute()
    yield figures.QUEUE.by(zip(QUEUES, lengths, strict=True))
    yield figures.REDIS_BYTES.of(memory["used_memory"])
    yield figures.MOST_REDIS_BYTES.of(memory["maxmemory"])


def disk(store: str) -> Iterator[Metric]:
    """Room for results, where the store is a folder of this machine that can be looked at."""
    if "://" in store:
        return
    try:
        usage = shutil.disk_usage(_there(Path(store)))
    except OSError:
        return
    yield figures.STORE_FREE.of(usage.free)
    yield figures.STORE_SIZE.of(usage.total)
    yield figures.STORE_RESERVE.of(RESERVE_BYTES)


def _there(folder: Path) -> Path:
    """The folder, or the next above it that is there: the store is made with its first file."""
    return next(path for path in (folder, *folder.parents) if path.exists())
