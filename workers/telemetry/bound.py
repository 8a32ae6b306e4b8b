"""The ids that log lines carry: of the job, video, segment and task that this thread is at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_NOTHING: Mapping[str, object] = {}
_bound: ContextVar[Mapping[str, object]] = ContextVar("dashplate_ids", default=_NOTHING)


def ids() -> Mapping[str, object]:
    """What is bound here and now."""
    return _bound.get()


def begin(**named: object) -> None:
    """Forget what was bound, and bind these: a new task begins."""
    _bound.set(named)


def bind(**named: object) -> None:
    """Bind these too, until the task or the `scope` ends; what is None is left out."""
    _bound.set({**_bound.get(), **{name: value for name, value in named.items() if value is not None}})


@contextmanager
def scope(**named: object) -> Iterator[None]:
    """Bind these for the block; afterwards everything is as it was before."""
    token = _bound.set(_bound.get())
    bind(**named)
    try:
        yield
    finally:
        _bound.reset(token)
