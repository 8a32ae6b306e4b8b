"""Why a process of its own makes no clip or video, as it tells the web process."""

from __future__ import annotations

import logging
from enum import StrEnum

from pipeline.errors import Away, DashplateError, Inaccessible
from pipeline.sources.roots import NotAllowed


class Trouble(StrEnum):
    """Why there is none."""

    #: Its share, disk or server does not answer.
    AWAY = "away"
    #: The file is not there any more, or cannot be opened.
    GONE = "gone"
    #: It may not be opened, is another file by now, or cannot be decoded.
    NOT_THIS = "not this"
    #: What nobody foresaw.
    FAILED = "failed"


def trouble_of(problem: Exception) -> Trouble:
    """Which of these an error is; one that nobody foresaw is logged."""
    match problem:
        case Away():
            return Trouble.AWAY
        case NotAllowed():
            return Trouble.NOT_THIS
        case Inaccessible():
            return Trouble.GONE
        case DashplateError():
            return Trouble.NOT_THIS
    logging.error("What was asked for could not be made.", exc_info=problem)
    return Trouble.FAILED
