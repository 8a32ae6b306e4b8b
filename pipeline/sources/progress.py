"""Counts what has been read, so that a time limit can tell slow from stuck."""

from __future__ import annotations

from itertools import count

_steps = count(1)
_made = 0


def advance() -> None:
    """Something has come in: a server's answer, a packet. From any thread."""
    global _made
    _made = next(_steps)


def made() -> int:
    """A number that grows with each `advance` of this process."""
    return _made
