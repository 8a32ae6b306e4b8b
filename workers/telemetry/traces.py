"""Traces from submit to sighting, for a collector of OpenTelemetry: on where its standard variables name one.

A video is one trace. Its ids are made from the video's number and the database's identity, so that a message which is
sent again, by whichever process, belongs to the same trace, and nothing has to be stored or carried along. Nothing of
OpenTelemetry is imported while it is off.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from workers.telemetry.otlp import Recorder

log = logging.getLogger(__name__)

#: Ids, counts and seconds. Never a plate, never a name.
Value: TypeAlias = str | int | float | bool
#: What a span says, to be added to while it lasts.
Attributes: TypeAlias = dict[str, Value]

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
#: The `traceparent` that the caller of the service sent.
_caller: ContextVar[str | None] = ContextVar("dashplate_caller", default=None)


@lru_cache(maxsize=1)
def _recorder() -> Recorder | None:
    """None where traces are off, or cannot be."""
    if not any(os.environ.get(name) for name in _ENDPOINTS):
        return None
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or os.environ.get("OTEL_TRACES_EXPORTER") == "none":
        return None
    try:
        from workers.telemetry.otlp import Recorder

        return Recorder()
    except ImportError:
        log.warning("Traces are off although an OTLP endpoint is set: install the extra with dashplate[traces].")
    except Exception as error:
        log.warning("Traces are off: the OTEL_ variables cannot be used (%s).", type(error).__name__)
    return None


def trace_id(url: str, video: int) -> str | None:
    """The id of a video's trace, 32 hexadecimal digits; None where traces are off."""
    recorder = _recorder()
    try:
        return None if recorder is None else recorder.trace_id(url, video)
    except Exception as error:
        _not_recorded(error)
        return None


@contextmanager
def span(name: str, url: str, *, video: int, **attributes: Value) -> Iterator[Attributes]:
    """A span of a video's trace, as long as the block; the block may add attributes to what it is given."""
    recorder = _recorder()
    attributes["video"] = video
    if recorder is None:
        yield attributes
        return
    begun, problem = time.time_ns(), None
    try:
        yield attributes
    except BaseException as error:
        problem = type(error).__name__
        raise
    finally:
        try:
            recorder.step(name, url, video, begun, attributes, problem)
        except Exception as error:
            _not_recorded(error)


def video_ended(url: str, job: int, video: int, submitted_at: datetime, **attributes: Value) -> None:
    """The root of a video's trace, from its submission until now."""
    if (recorder := _recorder()) is not None:
        try:
            begun = round(submitted_at.timestamp() * 1e9)
            recorder.video(url, job, video, begun, {**attributes, "job": job, "video": video})
        except Exception as error:
            _not_recorded(error)


def now_ns() -> int:
    """When something begins, nanoseconds since 1970; 0 where traces are off."""
    return time.time_ns() if _recorder() is not None else 0


def job_submitted(url: str, job: int, begun_ns: int, *, files: int, first: bool) -> None:
    """The span that a job's videos link to; `first` where the job had no files before."""
    if (recorder := _recorder()) is not None:
        try:
            recorder.job(url, job, begun_ns, {"job": job, "files": files}, first, _caller.get())
        except Exception as error:
            _not_recorded(error)


def told(url: str, job: int | None, video: int | None, begun_ns: int, problem: str | None, **attributes: Value) -> None:
    """A try to tell an endpoint of an event: in the trace of its video, else of its job."""
    if (recorder := _recorder()) is not None:
        try:
            if video is not None:
                recorder.step("tell", url, video, begun_ns, attributes, problem)
            elif job is not None:
                recorder.step_of_job("tell", url, job, begun_ns, attributes, problem)
        except Exception as error:
            _not_recorded(error)


@contextmanager
def called_by(traceparent: str | None) -> Iterator[None]:
    """What is submitted in the block was asked for by that caller (W3C Trace Context)."""
    token = _caller.set(traceparent)
    try:
        yield
    finally:
        _caller.reset(token)


def flush() -> None:
    """Send what is still here: the process ends."""
    if _recorder.cache_info().currsize and (recorder := _recorder()) is not None:
        recorder.flush()


def _not_recorded(error: Exception) -> None:
    """A database that is away, for instance. The work goes on."""
    log.warning("A span is not recorded: %s.", type(error).__name__)
