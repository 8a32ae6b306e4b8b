"""The project's errors: each carries a sentence that tells a user what happened and what to do."""

from __future__ import annotations


class OutOfTime(Exception):
    """Whoever called gave the work a limit of time, and it is over: never to be taken for a failure of one file's part.

    No DashplateError, and nothing in the pipeline raises it; `workers.celery_app.time_limit` does.
    """


class DashplateError(Exception):
    """Something a user can understand went wrong; the message is the sentence to show."""

    #: What the command line exits with.
    exit_code = 1


class UsageError(DashplateError):
    """The request itself cannot be carried out."""

    exit_code = 2


class MediaError(DashplateError):
    """A file gives no pictures; `state` says in which way."""

    exit_code = 3


class Inaccessible(MediaError):
    """The path leads nowhere, may not be read, or lies outside the allowed roots."""


class Away(Inaccessible):
    """It cannot be reached now and may come back: its share, disk, server or network does not answer."""


class Deleted(Inaccessible):
    """It was deleted on purpose, and nothing brings it back."""


class Unreadable(MediaError):
    """The file is there, but nothing in it can be decoded."""


class NoVideoStream(MediaError):
    """A media file without pictures."""


class MissingDependency(DashplateError):
    """A part of the installation is not there; the message names the command that installs it."""

    exit_code = 4


class ServiceUnavailable(DashplateError):
    """Redis or PostgreSQL cannot be reached or started."""

    exit_code = 5


class ModelError(DashplateError):
    """A model file is missing or is not what it should be."""

    exit_code = 6
