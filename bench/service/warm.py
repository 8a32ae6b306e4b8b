"""How much longer a call takes than its models: pairs of one photograph, in a process with models and over HTTP."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from statistics import median

import httpx
import psutil

from bench.service.running import Service
from pipeline.photo import read_batch
from pipeline.records import MediaKind
from pipeline.run import ModelConfig, load_detector, load_reader
from pipeline.video.photograph import decode_photo

#: A call may take so many times what its models take.
MOST = 1.5
#: Pairs before the first that counts: what is new to caches on either side.
_NEW = 2
#: Calls at once, where throughput is measured.
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Warm:
    """Medians in milliseconds, of pairs."""

    size: str
    bytes: int
    #: Finding and reading alone; decoding the JPEG; the whole call.
    models: float
    decoding: float
    call: float
    #: The median of the pairs' ratios: of calls to models, and to decoding and models.
    to_models: float
    to_reading: float
    #: Processor time of the web and the photograph process to that of decoding and models.
    processor: float


def measure(here: Service, client: httpx.Client, photographs: Mapping[str, Sequence[bytes]], pairs: int) -> list[Warm]:
    """Each size's photographs in turn, in interleaved pairs whose order alternates."""
    found = []
    with _models() as (models, process):
        for size, pictures in photographs.items():
            rows = []
            for number in range(pairs + _NEW):
                if number == _NEW:
                    before = _processor_s(here, process)
                picture = pictures[number % len(pictures)]
                if number % 2:
                    call, (decoding, reading) = _call(client, picture), _asked(models, picture)
                else:
                    (decoding, reading), call = _asked(models, picture), _call(client, picture)
                rows.append((reading, decoding, call))
            calls_s, models_s = (
                after - begun for after, begun in zip(_processor_s(here, process), before, strict=True)
            )
            found.append(_summary(size, len(pictures[0]), rows[_NEW:], calls_s / models_s))
    return found


def throughput(client: httpx.Client, pictures: Sequence[bytes], calls: int) -> tuple[float, float]:
    """Photographs a second: one call after the other, and some at once."""
    asked = [pictures[number % len(pictures)] for number in range(calls)]
    began = time.perf_counter()
    for picture in asked:
        _call(client, picture)
    alone = calls / (time.perf_counter() - began)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        began = time.perf_counter()
        list(pool.map(lambda picture: _call(client, picture), asked))
    return alone, calls / (time.perf_counter() - began)


def _processor_s(here: Service, models: psutil.Process) -> tuple[float, float]:
    """Seconds that the service's two processes have used, and the one with the models."""

    def used(process: psutil.Process | None) -> float:
        assert process is not None
        times = process.cpu_times()
        return float(times.user + times.system)

    return used(here.web()) + used(here.reader()), used(models)


def _summary(size: str, length: int, rows: Sequence[tuple[float, float, float]], processor: float) -> Warm:
    def ms(values: Iterator[float]) -> float:
        return round(1000 * median(values), 1)

    return Warm(
        size,
        length,
        ms(reading for reading, _, _ in rows),
        ms(decoding for _, decoding, _ in rows),
        ms(call for _, _, call in rows),
        round(median(call / reading for reading, _, call in rows), 2),
        round(median(call / (reading + decoding) for reading, decoding, call in rows), 2),
        round(processor, 2),
    )


def _call(client: httpx.Client, picture: bytes) -> float:
    began = time.perf_counter()
    answer = client.post("/v1/read", files={"upload": ("car.jpg", picture)})
    took = time.perf_counter() - began
    answer.raise_for_status()
    return took


def _asked(models: Connection, picture: bytes) -> tuple[float, float]:
    models.send(picture)
    decoding, reading = models.recv()
    return decoding, reading


@contextmanager
def _models() -> Iterator[tuple[Connection, psutil.Process]]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_read_all, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours, psutil.Process(process.pid)
    finally:
        ours.close()
        process.join(10.0)


def _read_all(connection: Connection) -> None:
    """Read pictures and tell how many seconds decoding and reading took, until nobody asks any more."""
    config = ModelConfig()
    detector, reader = load_detector(config, MediaKind.PHOTO), load_reader(config)
    while True:
        try:
            picture = connection.recv()
        except EOFError:
            return
        began = time.perf_counter()
        photo = decode_photo(picture, "car.jpg")
        assert photo is not None
        decoded = time.perf_counter()
        read_batch([photo.image], detector, reader)
        connection.send((decoded - began, time.perf_counter() - decoded))
