"""The form of log lines: text for people, or one JSON object a line where `DASHPLATE_LOG_FORMAT=json`.

Celery sets up a worker's logging, and `install` puts this form in place of its own. The other programs that run until a
signal comes call `configure`.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TextIO

from workers.settings import settings
from workers.telemetry import bound

#: Fields that a line may have beside time, level, logger, message, role and pid, in their order.
FIELDS = (
    "job", "video", "segment", "attempt", "task", "task_id", "trace_id", "request_id", "route", "status", "duration_s",
)  # fmt: skip
#: What text lines say in brackets. The rest is for machines.
_FOR_PEOPLE = ("job", "video", "segment")
#: A password in an address.
_PASSWORD = re.compile(r"(://[^\s/@:]*):[^\s/]+@")
#: How the label of a task begins that has one segment or video; see `workers.dispatch.label`.
_LABEL = re.compile(r"job (\d+): (?!.* and \d+ more$)")
#: Their lines count from this level on. Other libraries' only from WARNING: some write addresses with tokens at INFO.
_OURS = ("dashplate", "workers", "db", "store", "pipeline", "output")
_ADDRESSES_AT_INFO = ("httpx", "apprise", "botocore")


def as_json() -> bool:
    """Whether lines are JSON."""
    return settings().log_format == "json"


class JsonFormatter(logging.Formatter):
    """One JSON object for each record."""

    def __init__(self, role: str) -> None:
        super().__init__()
        self._role = role

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _masked(record.getMessage().strip()),
            "role": self._role,
            "pid": record.process,
        }
        known = {**_of_celery(record), **bound.ids(), **vars(record)}
        line |= {name: known[name] for name in FIELDS if known.get(name) is not None}
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = _masked("".join(traceback.format_exception(*record.exc_info)).rstrip())
        return json.dumps(line, ensure_ascii=False, default=str)


class TextFormatter(logging.Formatter):
    """The form that was there before, with the ids at the end of our own lines."""

    def __init__(self, before: logging.Formatter) -> None:
        super().__init__()
        self._before = before

    def format(self, record: logging.LogRecord) -> str:
        first, newline, rest = _masked(self._before.format(record)).partition("\n")
        named = bound.ids() if record.name.startswith(_OURS) else {}
        shown = ", ".join(f"{name} {named[name]}" for name in _FOR_PEOPLE if name in named)
        return f"{first} [{shown}]{newline}{rest}" if shown else f"{first}{newline}{rest}"


def install(logger: logging.Logger, role: str) -> None:
    """Give the form to each handler that a logger has."""
    for handler in logger.handlers:
        before = handler.formatter or logging.Formatter()
        if not isinstance(before, JsonFormatter | TextFormatter):
            handler.setFormatter(JsonFormatter(role) if as_json() else TextFormatter(before))
    if as_json():
        for name in _ADDRESSES_AT_INFO:
            logging.getLogger(name).setLevel(logging.WARNING)


def configure(role: str) -> None:
    """Make each line that this program writes from now on a JSON object, prints too; text stays as it is."""
    if not as_json():
        return
    handler = logging.StreamHandler(sys.__stderr__)
    handler.setFormatter(JsonFormatter(role))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for name in _OURS:
        logging.getLogger(name).setLevel(logging.INFO)
    logging.captureWarnings(True)
    sys.stdout, sys.stderr = _Printed(logging.INFO), _Printed(logging.WARNING)


class _Printed:
    """A stream whose lines become log lines."""

    encoding = "utf-8"

    def __init__(self, level: int) -> None:
        self._level = level
        self._begun = ""

    def write(self, text: str) -> int:
        *lines, self._begun = (self._begun + text).split("\n")
        for line in filter(str.strip, lines):
            logging.getLogger("dashplate.printed").log(self._level, "%s", line)
        return len(text)

    def flush(self) -> None:
        """Lines are written as they end."""

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        stream: TextIO | None = sys.__stderr__
        return 2 if stream is None else stream.fileno()


def say_at_once(role: str) -> Callable[..., None]:
    """What Celery calls in signal handlers, where a logger's lock may be held: one write, and no logger."""
    formatter = JsonFormatter(role)

    def say(message: str, *_: object) -> None:
        record = logging.LogRecord("celery.worker", logging.WARNING, "", 0, message, None, None)
        os.write(2, f"{formatter.format(record)}\n".encode())

    return say


def _of_celery(record: logging.LogRecord) -> dict[str, object]:
    """The task of a line that Celery writes about one, and its job where the task has only one."""
    about: Any = getattr(record, "data", None)
    if not isinstance(about, dict) or "id" not in about:
        return {}
    found: dict[str, object] = {"task_id": about["id"], "task": str(about.get("name")).removeprefix("dashplate.")}
    if label := _LABEL.match(str(about.get("args"))):
        found["job"] = int(label[1])
    return found


def _masked(text: str) -> str:
    return _PASSWORD.sub(r"\1:***@", text) if "://" in text else text
