"""Many uploads, half of them cut and taken up again, the service killed meanwhile: `python -m bench.parts.uploads`.

A real service on the embedded servers, and a client of tus that knows no more than HTTP. Every file is read back from
the result store and compared by its SHA-256. `--megabytes 100 --uploads 64` needs twice 6.4 GB of disk for some
minutes.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import http.client
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar
from urllib.parse import urlsplit

from bench.parts.watching import resident_bytes, watched
from bench.service.running import Service
from dashplate.stack import Stack
from db.access import tokens
from db.access.scopes import Scope
from db.engine import session
from db.migrate import upgrade

T = TypeVar("T")
#: Bytes of one PATCH, as clients on a bad line choose them; bytes that are sent at a time.
_PIECE_BYTES, _SENT_BYTES = 32_000_000, 64_000
_LOOK_S, _PATIENCE_S = 0.2, 300.0
_HEADERS = {"Tus-Resumable": "1.0.0"}
_KIND = "application/offset+octet-stream"
_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Client:
    """Speaks tus to a service."""

    url: str
    token: str

    def create(self, name: str, size: int) -> str:
        """The path of a new upload."""
        filename = base64.b64encode(name.encode()).decode()
        about = {"Upload-Length": str(size), "Upload-Metadata": f"filename {filename}"}
        status, headers = self._call("POST", "/v1/uploads", about)
        if status != 201:
            raise OSError(f"an upload was answered with {status}")
        return headers["Location"]

    def offset(self, path: str) -> int:
        """How many bytes are there."""
        status, headers = self._call("HEAD", path, {})
        if status != 200:
            raise OSError(f"HEAD was answered with {status}")
        return int(headers["Upload-Offset"])

    def send(self, path: str, file: BinaryIO, offset: int, length: int, cut_after: int | None = None) -> int:
        """Send a piece; cut the line after so many bytes. Returns the status, 0 for a line that was cut."""
        file.seek(offset)
        connection = self._connection()
        try:
            connection.putrequest("PATCH", path)
            about = {**_HEADERS, "Upload-Offset": offset, "Content-Type": _KIND, "Content-Length": length}
            for name, value in {**about, "Authorization": f"Bearer {self.token}"}.items():
                connection.putheader(name, str(value))
            connection.endheaders()
            left = length if cut_after is None else min(cut_after, length)
            while left:
                data = file.read(min(_SENT_BYTES, left))
                connection.send(data)
                left -= len(data)
            if cut_after is not None and cut_after < length:
                return 0
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()

    def _call(self, method: str, path: str, headers: dict[str, str]) -> tuple[int, http.client.HTTPMessage]:
        connection = self._connection()
        try:
            connection.request(method, path, headers={**_HEADERS, "Authorization": f"Bearer {self.token}", **headers})
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.headers
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        there = urlsplit(self.url)
        return http.client.HTTPConnection(str(there.hostname), there.port, timeout=_PATIENCE_S)


@dataclass(frozen=True, slots=True)
class Sent:
    """How one upload went."""

    path: str
    sha256: str
    cuts: int


def upload(client: Client, source: Path, *, cut: bool, seed: int) -> Sent:
    """Upload a file to its end, whatever breaks; a `cut` one has its line cut on purpose once, at any place."""
    size, cuts = source.stat().st_size, 0
    at = random.Random(seed).randrange(size) if cut else None
    path = _insisting(lambda: client.create(source.name, size))
    with source.open("rb") as file:
        while (offset := _insisting(lambda: client.offset(path))) < size:
            length = min(_PIECE_BYTES, size - offset)
            here = at is not None and offset <= at < offset + length
            try:
                status = client.send(path, file, offset, length, at - offset if here and at is not None else None)
            except OSError:
                status = 0
            at = None if here else at
            cuts += status == 0
            if status not in (0, 204):
                # Held by the connection that was cut, or further on than we knew.
                time.sleep(_LOOK_S)
        file.seek(0)
        return Sent(path, hashlib.file_digest(file, "sha256").hexdigest(), cuts)


def _insisting(ask: Callable[[], T]) -> T:
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return ask()
        except (OSError, http.client.HTTPException):
            if time.monotonic() > until:
                raise
            time.sleep(_LOOK_S)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run showed."""

    seconds: float
    cuts: int
    #: Files in the store that are not what was sent.
    different: int
    #: Resident bytes of the service's own process: before, and at most.
    rest: int
    peak: int


def run(folder: Path, uploads: int, size: int, seed: int = 0) -> Outcome:
    """Upload so many files of that size at once; the service is killed when a third of the bytes are there."""
    with Stack.open(folder / "data") as stack:
        upgrade(stack.database_url)
        with session(stack.database_url) as db:
            token = tokens.create(db, f"bench {uploads} {size}", [Scope.SUBMIT], None)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DASHPLATE_")}
        env = kept | {
            "DASHPLATE_REDIS_URL": stack.redis_url,
            "DASHPLATE_DATABASE_URL": stack.database_url,
            "DASHPLATE_DATA_DIR": str(folder / "data"),
            "DASHPLATE_STORE_DIR": str(folder / "store"),
        }
        service = Service(stack.database_url, env, folder)
        service.start()
        try:
            return _measured(service, Client(service.url, token), folder, uploads, size, seed)
        finally:
            service.stop()


def _measured(service: Service, client: Client, folder: Path, uploads: int, size: int, seed: int) -> Outcome:
    sources = [_written(folder / f"{index}.mp4", size, seed + index) for index in range(uploads)]
    rest, begun = resident_bytes(service.web()), time.monotonic()
    peak = rest

    def look() -> None:
        nonlocal peak
        peak = max(peak, resident_bytes(service.web()))

    with watched(look, _LOOK_S), ThreadPoolExecutor(uploads) as pool:
        going = [
            pool.submit(upload, client, source, cut=index % 2 == 0, seed=seed + index)
            for index, source in enumerate(sources)
        ]
        while _gathered(folder / "store") < uploads * size / 3 and not all(one.done() for one in going):
            time.sleep(_LOOK_S)
        service.stop(signal.SIGKILL)
        service.start()
        sent = [one.result() for one in going]
    seconds = time.monotonic() - begun
    # Of one whose last byte was on the disk when the service was killed, the part lies there until it is submitted.
    stored = {path.parent.name: path for path in (folder / "store" / "uploads").glob("*/*")}
    different = sum(_sha256(stored.get(one.path.rpartition("/")[2])) != one.sha256 for one in sent)
    return Outcome(seconds, sum(one.cuts for one in sent), different, rest, peak)


def _written(path: Path, size: int, seed: int) -> Path:
    noise = random.Random(seed).randbytes(_MB)
    with path.open("wb") as file:
        for number in range(-(-size // _MB)):
            # Each megabyte differs, so that one in another's place shows.
            file.write((number.to_bytes(8, "big") + noise[8:])[: size - number * _MB])
    return path


def _gathered(store: Path) -> int:
    found = 0
    for path in store.glob("uploads/*/*"):
        with suppress(FileNotFoundError):
            found += path.stat().st_size
    return found


def _sha256(path: Path | None) -> str:
    if path is None:
        return "missing"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(words: Sequence[str]) -> int:
    """Run it and print the figures; 1 where a file is not what was sent."""
    parser = argparse.ArgumentParser(prog="python -m bench.parts.uploads", description=__doc__)
    parser.add_argument("--uploads", type=int, default=16)
    parser.add_argument("--megabytes", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="dashplate-bench-") as folder:
        found = run(Path(folder), wanted.uploads, wanted.megabytes * _MB, wanted.seed)
    total = wanted.uploads * wanted.megabytes
    print(f"{wanted.uploads} uploads of {wanted.megabytes} MB at once, the service killed once")
    print(f"{found.seconds:.0f} s, {total / found.seconds:.0f} MB/s, {found.cuts} connections cut and taken up again")
    print(f"{found.different} files differ from what was sent")
    print(f"memory of the service: {found.rest / _MB:.0f} MB before, {found.peak / _MB:.0f} MB at most")
    return int(found.different > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
