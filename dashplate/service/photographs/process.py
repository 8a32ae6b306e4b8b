"""The process that reads photographs for the service: models loaded once, pictures decoded and read in batches.

It speaks through one pipe, in turns: a JSON list of questions and then the bytes of each picture. For each, in order,
come back its answer as JSON and its drawn picture, empty where none is wanted.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from typing import Any, Protocol

import numpy as np

from output.annotate import draw
from output.files import jpeg_bytes
from output.photos import as_json_object
from pipeline.errors import DashplateError, MediaError
from pipeline.photo import PhotoPlate, read_batch
from pipeline.records import Image, MediaKind
from pipeline.run import ModelConfig, load_detector, load_reader
from pipeline.video.photograph import decode_photo, wanted_photo

#: Pixels of the largest photograph that the service decodes: 300 MB as BGR.
MOST_PIXELS = 100_000_000
#: Pixels that are held decoded, where a batch has several pictures.
_HELD_PIXELS = 40_000_000
#: What every process reads once before it is asked: the first run compiles.
_FIRST_PX = (640, 640)


@dataclass(frozen=True, slots=True)
class Question:
    """What is wanted of one picture."""

    name: str
    #: Countries whose formats are the prior; none means all.
    countries: tuple[str, ...] = ()
    #: Draw boxes and texts onto the picture, too.
    drawn: bool = False


class Picture(Protocol):
    """A picture's bytes, asked for when it is its turn: what waits may lie on a disk."""

    @property
    def size(self) -> int:
        """Bytes."""

    def read(self) -> bytes:
        """All of them."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of it; without `photo` there is a sentence that says why."""

    #: As `output.photos` spells it, `ms` of finding and reading added.
    photo: dict[str, Any] | None
    problem: str | None = None
    #: JPEG, where it was asked for.
    drawn: bytes = b""


def answer_all(connection: Connection, config: ModelConfig) -> None:
    """Read what comes through the connection until it is closed."""
    # Ctrl-C reaches the whole group; the web process says when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if os.environ.get("DASHPLATE_LOG_FORMAT") == "json":
        # Not at the top: with it come the settings and the database's driver, which this process has no use for.
        from workers.telemetry import logs

        logs.configure("photographs")
    read_batch([np.zeros((*_FIRST_PX, 3), np.uint8)], load_detector(config, MediaKind.PHOTO), load_reader(config))
    connection.send_bytes(b"ready")
    while True:
        try:
            asked = json.loads(connection.recv_bytes())
            pictures = [connection.recv_bytes() for _ in asked]
        except (EOFError, OSError):
            return
        questions = [Question(one["name"], tuple(one["countries"]), one["drawn"]) for one in asked]
        for answer in _answers(questions, pictures, config):
            try:
                connection.send_bytes(json.dumps({"photo": answer.photo, "problem": answer.problem}).encode())
                connection.send_bytes(answer.drawn)
            except OSError:
                # Whoever asked was killed.
                return


def ask(connection: Connection, questions: Sequence[Question], pictures: Sequence[bytes]) -> None:
    """Send a batch of questions to the other end."""
    connection.send_bytes(json.dumps([asdict(question) for question in questions]).encode())
    for picture in pictures:
        connection.send_bytes(picture)


def receive(connection: Connection) -> Answer:
    """The next answer from the other end."""
    said = json.loads(connection.recv_bytes())
    return Answer(said["photo"], said["problem"], connection.recv_bytes())


def _answers(questions: Sequence[Question], pictures: Sequence[bytes], config: ModelConfig) -> Iterator[Answer]:
    """Answers in the order of the questions; no more pixels are held decoded than one picture may have."""
    held: list[tuple[Question, Image | None, str]] = []
    pixels = 0
    for question, data in zip(questions, pictures, strict=True):
        try:
            image = _decoded(question.name, data)
        except MediaError as error:
            held.append((question, None, str(error)))
            continue
        if pixels and pixels + image.shape[0] * image.shape[1] > _HELD_PIXELS:
            yield from _read(held, config)
            held, pixels = [], 0
        held.append((question, image, ""))
        pixels += image.shape[0] * image.shape[1]
    yield from _read(held, config)


def _read(held: Sequence[tuple[Question, Image | None, str]], config: ModelConfig) -> list[Answer]:
    answers = {number: Answer(None, problem) for number, (_, image, problem) in enumerate(held) if image is None}
    by_countries: dict[tuple[str, ...], list[tuple[int, Question, Image]]] = defaultdict(list)
    for number, (question, image, _) in enumerate(held):
        if image is not None:
            by_countries[question.countries].append((number, question, image))
    for countries, some in by_countries.items():
        begun = time.perf_counter()
        try:
            detector, reader = load_detector(config, MediaKind.PHOTO), load_reader(config, countries)
            batch = read_batch([image for _, _, image in some], detector, reader)
        except DashplateError as error:
            answers |= {number: Answer(None, str(error)) for number, _, _ in some}
            continue
        share = (time.perf_counter() - begun) / len(some)
        for (number, question, image), plates in zip(some, batch, strict=True):
            answers[number] = _told(question, image, plates, share)
    return [answers[number] for number in range(len(held))]


def _decoded(name: str, data: bytes) -> Image:
    return wanted_photo(decode_photo(data, name, MOST_PIXELS), name).image


def _told(question: Question, image: Image, plates: Sequence[PhotoPlate], seconds: float) -> Answer:
    told = {**as_json_object(question.name, image, plates), "ms": round(seconds * 1000, 1)}
    return Answer(told, None, jpeg_bytes(draw(image, plates)) if question.drawn else b"")
