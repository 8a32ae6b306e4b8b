"""Faults in the middle of calls: the queue's bound, processes that are killed, clients that hang up, the end itself."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import httpx
import psutil
from sqlalchemy import text

from bench.service.flood import Flood, flood
from bench.service.running import PATIENCE_S, Service
from bench.standin import Drive
from db.engine import session

T = TypeVar("T")


def beyond_the_bound(here: Service, token: str, picture: bytes, queue: int, more: int) -> Counter[int]:
    """Statuses of calls that come while the reader stands still: the queue's bound are read, once it goes on."""
    reader = here.reader()
    assert reader is not None
    reader.suspend()
    with here.client(token) as client, ThreadPoolExecutor(queue + more) as pool:
        asked = [pool.submit(_status, client, picture) for _ in range(queue + more)]
        try:
            until("what is beyond the bound is refused", lambda: sum(one.done() for one in asked) >= more)
        finally:
            reader.resume()
        return Counter(one.result() for one in asked)


def reader_killed(here: Service, token: str, pictures: Sequence[bytes], calls: int) -> Flood:
    """Calls, some at once, while the process that reads is killed."""
    return flood(here, token, pictures, calls, calls, lambda: _kill_reader(here))


def service_killed(here: Service, token: str, pictures: Sequence[bytes], calls: int) -> tuple[Flood, float]:
    """The same while the whole service is killed and started again; and seconds until its reader had ended, too."""
    took: list[float] = []

    def kill() -> None:
        reader = here.reader()
        here.stop(signal.SIGKILL)
        began = time.monotonic()
        if reader is not None:
            reader.wait(PATIENCE_S)
        took.append(time.monotonic() - began)
        here.start()

    found = flood(here, token, pictures, calls, calls, kill)
    return found, took[0]


def submission_killed(here: Service, token: str, files: int, key: str) -> tuple[int, int]:
    """Kill the service while it takes files in, and submit them again with the key: how many jobs, how many files."""
    folder = here.folder / key
    folder.mkdir()
    for number in range(files):
        Drive(segments=1, plates=0, name=f"{key} {number}").write(folder / f"{number:05d}.mp4")
    ask = "SELECT count(*) FROM videos WHERE path LIKE :here"
    here_of = {"here": f"{folder}/%"}

    def taken_in() -> int:
        with session(here.database_url) as db:
            return int(db.execute(text(ask), here_of).scalar_one())

    def submit() -> int:
        with here.client(token) as client:
            try:
                answer = client.post("/v1/jobs", json={"sources": [str(folder)]}, headers={"Idempotency-Key": key})
            except httpx.TransportError:
                return 0
            return answer.status_code

    sender = threading.Thread(target=submit)
    sender.start()
    until("some files are taken in", lambda: taken_in() > 0, every_s=0.001)
    here.stop(signal.SIGKILL)
    sender.join()
    here.start()
    until("it is taken in", lambda: submit() == 201, every_s=1.0)
    with session(here.database_url) as db:
        jobs = db.execute(text("SELECT count(DISTINCT job_id) FROM videos WHERE path LIKE :here"), here_of)
        return int(jobs.scalar_one()), taken_in()


def hung_up(here: Service, token: str, times: int) -> tuple[int, int, int]:
    """Begin to send pictures and go away: open files before and after, and files that are left behind."""
    web = here.web()
    assert web is not None
    before = web.num_fds()
    head = f"POST /v1/read HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 9000000\r\n"
    kinds = ("Content-Type: image/jpeg\r\n\r\n", "Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n"
             'Content-Disposition: form-data; name="upload"; filename="a.jpg"\r\n\r\n')  # fmt: skip
    for number in range(times):
        with socket.create_connection(("127.0.0.1", here.port)) as sender:
            sender.sendall((head + kinds[number % 2]).encode() + bytes(300_000))
            time.sleep(0.02)
    end = time.monotonic() + 30.0
    while web.num_fds() > before and time.monotonic() < end:
        time.sleep(0.2)
    return before, web.num_fds(), sum(1 for one in (here.folder / "tmp").iterdir() if one.is_file())


def ended(here: Service, token: str, picture: bytes, calls: int) -> tuple[Counter[int], float, int]:
    """SIGTERM with calls under way: their statuses (0 for a cut), seconds until it had ended, processes left behind."""
    web = here.web()
    assert web is not None
    family = web.children(recursive=True)
    with here.client(token) as client, ThreadPoolExecutor(calls) as pool:
        asked = [pool.submit(_status, client, picture) for _ in range(calls)]
        time.sleep(0.3)
        began = time.monotonic()
        here.stop()
        took = time.monotonic() - began
        statuses = Counter(one.result() for one in asked)
    _, left = psutil.wait_procs(family, timeout=5.0)
    return statuses, took, len(left)


def until(what: str, look: Callable[[], T | None], every_s: float = 0.02) -> T:
    """The first answer that is true. Raises RuntimeError after a long time."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(every_s)
    raise RuntimeError(f"Waited {PATIENCE_S:.0f} s in vain until {what}.")


def _kill_reader(here: Service) -> None:
    until("there is a reader", here.reader).kill()


def _status(client: httpx.Client, picture: bytes) -> int:
    try:
        return client.post("/v1/read", files={"upload": ("car.jpg", picture)}).status_code
    except httpx.TransportError:
        return 0
