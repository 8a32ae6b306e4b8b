"""The process that reads photographs for the service: models loaded once, pictures decoded and read in batches.

It speaks through one pipe, in turns: a JSON list of questions and then the bytes of each picture. For each, in order,
come back its answer as JSON and its drawn picture, empty where none is wanted.
"""

from __future__ import annotations

import json
import signal
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from output.annotate import draw
from output.files import jpeg_bytes
from output.photos import as_json_object
from pipeline.errors import DashplateError, MediaError, Unreadable
from pipeline.photo import PhotoPlate, read_batch
from pipeline.records import Image, MediaKind
from pipeline.run import ModelConfig, load_detector, load_reader
from pipeline.video.probe import decode_photo

#: Pixels of the largest photograph that the service decodes: 300 MB as BGR.
MOST_PIXELS = 100_000_000
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


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of it; without `photo` there is a sentence that says why."""

    #: As `output.photos` spells it, `ms` of decoding and reading added.
    photo: dict[str, Any] | None
    problem: str | None = None
    #: JPEG, where it was asked for.
    drawn: bytes = b""


def answer_all(connection: Connection, config: ModelConfig) -> None:
    """Read what comes through the connection until it is closed."""
    # Ctrl-C reaches the whole group; the web process says when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    read_batch([np.zeros((*_FIRST_PX, 3), np.uint8)], load_detector(config, MediaKind.PHOTO), load_reader(config))
    connection.send_bytes(b"ready")
    while True:
        try:
            asked = json.loads(connection.recv_bytes())
            pictures = [connection.recv_bytes() for _ in asked]
        except EOFError:
            return
        questions = [Question(one["name"], tuple(one["countries"]), one["drawn"]) for one in asked]
        for answer in _answers(questions, pictures, config):
            connection.send_bytes(json.dumps({"photo": answer.photo, "problem": answer.problem}).encode())
            connection.send_bytes(answer.drawn)


def ask(connection: Connection, questions: Sequence[Question], pictures: Sequence[bytes]) -> None:
    """Send a batch of questions to the other end."""
    connection.send_bytes(json.dumps([asdict(question) for question in questions]).encode())
    for picture in pictures:
        connection.send_bytes(picture)


def receive(connection: Connection) -> Answer:
    """The next answer from the other end."""
    said = json.loads(connection.recv_bytes())
    return Answer(said["photo"], said["problem"], connection.recv_bytes())


def _answers(questions: Sequence[Question], pictures: Sequence[bytes], config: ModelConfig) -> list[Answer]:
    answers: dict[int, Answer] = {}
    images: dict[int, Image] = {}
    spent: dict[int, float] = {}
    for number, (question, data) in enumerate(zip(questions, pictures, strict=True)):
        begun = time.perf_counter()
        try:
            images[number] = _decoded(question.name, data)
        except MediaError as error:
            answers[number] = Answer(None, str(error))
        spent[number] = time.perf_counter() - begun
    by_countries: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number in images:
        by_countries[questions[number].countries].append(number)
    for countries, numbers in by_countries.items():
        begun = time.perf_counter()
        try:
            detector, reader = load_detector(config, MediaKind.PHOTO), load_reader(config, countries)
            batch = read_batch([images[number] for number in numbers], detector, reader)
        except DashplateError as error:
            answers |= {number: Answer(None, str(error)) for number in numbers}
            continue
        share = (time.perf_counter() - begun) / len(numbers)
        for number, plates in zip(numbers, batch, strict=True):
            answers[number] = _told(questions[number], images[number], plates, spent[number] + share)
    return [answers[number] for number in range(len(questions))]


def _decoded(name: str, data: bytes) -> Image:
    photo = decode_photo(data, name, MOST_PIXELS)
    if photo is None:
        raise Unreadable(f"{name} is no photograph: JPEG, PNG, WebP, BMP and TIFF are read.")
    return photo.image


def _told(question: Question, image: Image, plates: Sequence[PhotoPlate], seconds: float) -> Answer:
    told = {**as_json_object(question.name, image, plates), "ms": round(seconds * 1000, 1)}
    return Answer(told, None, jpeg_bytes(draw(image, plates)) if question.drawn else b"")
