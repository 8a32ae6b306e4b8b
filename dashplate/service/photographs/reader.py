"""Hands photographs to the process that reads them: a bounded queue, batches, and a new process where one ends."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import queue
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from dashplate.service.photographs.process import Answer, Picture, Question, answer_all, ask, receive
from pipeline.errors import ServiceUnavailable, Unreadable
from pipeline.run import ModelConfig

log = logging.getLogger(__name__)
#: Pictures that are read in one go, and bytes of them: their plates share the calls of the reader's network.
BATCH, _BATCH_BYTES = 8, 32_000_000
#: A picture that takes longer has hung the process. A batch may take this long for each of its pictures.
_LONGEST_S = 60.0
#: Loading the models takes some seconds, on a busy machine minutes.
_LONGEST_START_S = 600.0


class QueueFull(Exception):
    """As many photographs wait as may."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    question: Question
    picture: Picture
    future: Future[Answer]


class PhotoReader:
    """Reads photographs in a process of its own; `with` starts and ends it. Any thread may ask."""

    def __init__(self, config: ModelConfig, longest_queue: int) -> None:
        self.longest_queue = longest_queue
        self._config = config
        self._queue: queue.Queue[_Waiting | None] = queue.Queue()
        #: Taken by whatever waits or is being read.
        self._places = threading.Semaphore(longest_queue)
        self._taken, self._counting = 0, threading.Lock()
        self._process: Any = None
        self._connection: Any = None
        self._thread = threading.Thread(target=self._serve, name="photographs", daemon=True)
        self._closing = threading.Event()

    def __enter__(self) -> PhotoReader:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._queue.put(None)
        # What it reads just now is not waited for: its thread hears the end of the process.
        process = self._process
        if process is not None:
            process.kill()
        self._thread.join(10.0)

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """A place in the queue, for as long as the block runs. Raises QueueFull."""
        if not self._places.acquire(blocking=False):
            raise QueueFull
        self._count(+1)
        try:
            yield
        finally:
            self._count(-1)
            self._places.release()

    @property
    def waiting(self) -> int:
        """Photographs that have a place, those being read included."""
        return self._taken

    def _count(self, more: int) -> None:
        with self._counting:
            self._taken += more

    def read(self, question: Question, picture: Picture) -> Future[Answer]:
        """The answer, in time; whoever asks has a place, and may cancel it.

        It raises ServiceUnavailable where the process cannot be had, Unreadable for a picture that ends it.
        """
        future: Future[Answer] = Future()
        self._queue.put(_Waiting(question, picture, future))
        return future

    def _serve(self) -> None:
        try:
            self._start()
        except Exception:
            # The first photograph meets the same error, and whoever sent it hears of it.
            if not self._closing.is_set():
                log.warning("The models for photographs could not be loaded ahead of the first one.", exc_info=True)
            self._stop()
        while not self._closing.is_set():
            # Whoever has hung up needs no answer.
            batch = [one for one in self._batch() if one.future.set_running_or_notify_cancel()]
            try:
                self._read(batch)
            except Exception as problem:
                log.exception("A batch of photographs was given up.")
                _fail(batch, _unavailable(problem))
        self._stop()
        while not self._queue.empty():
            if (left := self._queue.get()) is not None and left.future.set_running_or_notify_cancel():
                _fail([left], ServiceUnavailable("The service stops. Try again later."))

    def _batch(self) -> list[_Waiting]:
        """What waits, up to a batch; waits for the first."""
        found: list[_Waiting] = []
        held = 0
        while len(found) < BATCH and held < _BATCH_BYTES:
            try:
                one = self._queue.get(block=not found)
            except queue.Empty:
                break
            if one is None:
                break
            found.append(one)
            held += one.picture.size
        return found

    def _read(self, batch: list[_Waiting], *, alone: bool = False) -> None:
        """Have a batch read; where that ends the process, each once more and alone, so that one fails for itself."""
        asked = []
        for one in batch:
            try:
                asked.append((one, one.picture.read()))
            except Exception as problem:
                one.future.set_exception(problem)
        if not asked:
            return
        try:
            self._start()
        except Exception as problem:
            self._stop()
            _fail(batch, _unavailable(problem))
            return
        # A process that was stopped takes nothing in, and sending would wait for it without end.
        watchdog = threading.Timer(_LONGEST_S * len(asked), self._process.kill)
        watchdog.start()
        try:
            ask(self._connection, [one.question for one, _ in asked], [data for _, data in asked])
            for one, _ in asked:
                one.future.set_result(receive(self._connection))
        except (EOFError, OSError):
            self._stop()
            left = [one for one in batch if not one.future.done()]
            if alone or self._closing.is_set():
                sentence = "the process that reads photographs ended over it"
                _fail(left, Unreadable(f"{left[0].question.name} was not read: {sentence}."))
                return
            for one in left:
                self._read([one], alone=True)
        finally:
            watchdog.cancel()

    def _start(self) -> None:
        """See that there is a process. Raises EOFError or OSError where there can be none."""
        if self._closing.is_set():
            raise EOFError("the service stops")
        if self._process is not None and self._process.is_alive():
            return
        self._stop()
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._connection = ours
        process = context.Process(target=answer_all, args=(theirs, self._config), name="photographs", daemon=True)
        process.start()
        self._process = process
        theirs.close()
        if not ours.poll(_LONGEST_START_S) or ours.recv_bytes() != b"ready":
            raise EOFError("it did not come up")

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.join(5.0)
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _fail(waiting: list[_Waiting], problem: Exception) -> None:
    for one in waiting:
        if not one.future.done():
            one.future.set_exception(problem)


def _unavailable(problem: Exception) -> ServiceUnavailable:
    log.warning("The process that reads photographs cannot be had: %s", problem)
    return ServiceUnavailable("The process that reads photographs cannot be had at the moment. Try again later.")
