"""The client of a service: all its calls, and photographs and uploads."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from dashplate.client.connection import TIMEOUT_S, Connection
from dashplate.client.findings import FindingCalls
from dashplate.client.jobs import JobCalls
from dashplate.client.telling import TellingCalls
from dashplate.client.uploads import OnProgress, Upload
from dashplate.service.documents import PhotoRead
from pipeline.errors import Inaccessible

if TYPE_CHECKING:
    from dashplate.footage.picture import Picture


class Client(JobCalls, FindingCalls, TellingCalls):
    """Calls one HTTP service (`dashplate serve`); any number of threads may share it.

    Calls raise ServiceError: what the service refused, with its sentence and status, or that it did not answer. Those
    that may be made twice are made again while the service is busy or away.
    """

    def __init__(self, url: str | None = None, token: str | None = None, *, timeout_s: float = TIMEOUT_S) -> None:
        """`url` such as `http://host:8080` and a token of `dashplate token add`.

        Without them `DASHPLATE_URL` and `DASHPLATE_TOKEN`; a service on this machine may want no token. Without a byte
        for `timeout_s` seconds the service counts as away; the first photograph waits until its models are loaded.
        Raises UsageError where there is no address, or one that cannot be meant.
        """
        self._connection = Connection(url, token, timeout_s)

    def __repr__(self) -> str:
        return f"Client({self._connection.url!r})"

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the client is of no use after it."""
        self._connection.close()

    def read(self, image: Picture, country: str | None = None, *, drawn: bool = False) -> PhotoRead:
        """What a photograph shows: a path, the bytes of a picture file, or a BGR array of uint8, (height, width, 3).

        `drawn` has the picture come back, too, with boxes and texts. Raises Inaccessible for a file that cannot be
        read.
        """
        name, data = _named(image)
        asked = {"country": country, "drawn": str(drawn).lower()}
        wanted = {key: value for key, value in asked.items() if value is not None}
        # Nothing comes of reading the same twice.
        return self._connection.ask(
            "POST", "/v1/read", PhotoRead, again=True, params=wanted, files={"upload": (name, data)}
        )

    def upload(
        self, path: str | os.PathLike[str], on_progress: OnProgress | None = None, *, resume: str | None = None
    ) -> str:
        """Send a file, for `submit(uploads=[…])`; returns its id there.

        It is read from the disk in pieces, and goes on where it was after a lost connection; `on_progress` hears how
        many of how many bytes the service has. `resume` is the id of an upload that an earlier error has named: of
        the same file, unchanged since; the service knows its size alone, and another of that size would be joined to
        what was sent. Raises Inaccessible for a file that cannot be read, DashplateError for one that changes
        meanwhile.
        """
        return Upload(self._connection, Path(path), on_progress or (lambda sent, size: None), resume).send()


def _named(image: Picture) -> tuple[str, bytes]:
    """A picture as a file's name and bytes."""
    if isinstance(image, bytes | bytearray | memoryview):
        return "picture", bytes(image)
    if isinstance(image, str | os.PathLike):
        path = Path(image)
        try:
            return path.name, path.read_bytes()
        except OSError as error:
            raise Inaccessible(f"{path} cannot be read: {error.strerror}. Check the path and its disk.") from error
    # Only arrays need OpenCV.
    from dashplate.footage.picture import checked
    from output.files import png_bytes

    return "picture.png", png_bytes(checked(image))
