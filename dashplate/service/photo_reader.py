"""Hands photographs to the process that reads them: a bounded queue, batches, and a new process where one ends."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from dashplate.service.photo_process import Answer, Question, answer_all, ask, receive
from pipeline.errors import ServiceUnavailable
from pipeline.run import ModelConfig

log = logging.getLogger(__name__)
#: Pictures that are read in one go: their plates share the calls of the reader's network.
BATCH = 8
#: A picture that takes longer has hung the process. A batch may take this long for each of its pictures.
_LONGEST_S = 60.0
#: Loading the models takes some seconds, on a busy machine a minute.
_LONGEST_START_S = 300.0


class QueueFull(Exception):
    """As many photographs wait as may."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    question: Question
    #: The picture's bytes, asked for when it is its turn: what waits may lie on a disk.
    picture: Callable[[], bytes]
    future: Future[Answer]


class PhotoReader:
    """Reads photographs in a process of its own; `with` starts and ends it. Any thread may ask."""

    def __init__(self, config: ModelConfig, longest_queue: int) -> None:
        self._config = config
        self._queue: queue.Queue[_Waiting | None] = queue.Queue()
        #: Taken by whatever waits or is being read.
        self._places = threading.Semaphore(longest_queue)
        self._process: Any = None
        self._connection: Any = None
        self._thread = threading.Thread(target=self._serve, name="photographs", daemon=True)
        self._ready = threading.Event()
        self._closing = False

    def __enter__(self) -> PhotoReader:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing = True
        self._queue.put(None)
        self._stop()
        self._thread.join(10.0)

    @property
    def ready(self) -> bool:
        """Whether the models are loaded."""
        return self._ready.is_set()

    @contextlib.contextmanager
    def place(self) -> Any:
        """A place in the queue, for as long as the block runs. Raises QueueFull."""
        if not self._places.acquire(blocking=False):
            raise QueueFull
        try:
            yield
        finally:
            self._places.release()

    def read(self, question: Question, picture: Callable[[], bytes]) -> Future[Answer]:
        """The answer, in time; whoever asks has a place. Its future raises ServiceUnavailable if the process ends."""
        future: Future[Answer] = Future()
        self._queue.put(_Waiting(question, picture, future))
        return future

    def _serve(self) -> None:
        try:
            self._start()
        except Exception:
            # The first photograph meets the same error, and whoever sent it hears of it.
            log.warning("The models for photographs could not be loaded ahead of the first one.", exc_info=True)
        while (first := self._queue.get()) is not None:
            batch = [first]
            while len(batch) < BATCH:
                try:
                    more = self._queue.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    self._queue.put(None)
                    break
                batch.append(more)
            # Whoever has hung up needs no answer.
            self._ask([one for one in batch if one.future.set_running_or_notify_cancel()])
        self._stop()

    def _ask(self, batch: list[_Waiting], *, again: bool = True) -> None:
        """Have a batch read; where that ends the process, each once more and alone, so that one fails for itself."""
        if not batch:
            return
        try:
            self._start()
            ask(self._connection, [one.question for one in batch], [one.picture() for one in batch])
            for one in batch:
                if not self._connection.poll(_LONGEST_S * len(batch)):
                    raise EOFError
                one.future.set_result(receive(self._connection))
        except Exception as problem:
            self._stop()
            left = [one for one in batch if not one.future.done()]
            if again and not self._closing:
                for one in left:
                    self._ask([one], again=False)
                return
            for one in left:
                one.future.set_exception(_unavailable(one.question.name, problem))

    def _start(self) -> None:
        if self._process is not None and self._process.is_alive():
            return
        self._stop()
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._process = context.Process(target=answer_all, args=(theirs, self._config), name="photographs", daemon=True)
        self._process.start()
        theirs.close()
        self._connection = ours
        if not ours.poll(_LONGEST_START_S) or ours.recv_bytes() != b"ready":
            raise EOFError
        self._ready.set()

    def _stop(self) -> None:
        self._ready.clear()
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.join(5.0)
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _unavailable(name: str, problem: Exception) -> ServiceUnavailable:
    reason = f" ({problem})" if str(problem) else ""
    return ServiceUnavailable(f"{name} was not read: the process that reads photographs ended over it{reason}.")
