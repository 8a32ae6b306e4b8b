"""Holds the service against its own description with schemathesis: `python -m bench.service.fuzz --examples 500`.

All checks and all phases: the description's examples, its limits, values and sequences of calls made at random. The
service is a real one with rows to be found, and stand-in workers that make more.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2

from bench.service.footage import sighting_in_a_video
from bench.service.pictures import frames
from bench.service.running import PATIENCE_S, Service, service
from bench.standin import Drive
from dashplate.client import Client
from db.access.scopes import Scope

#: Variables for `fuzz_hooks`. JSON: what the service may open, a picture's file and its address, a sighting whose clip
#: can be cut, and its video, of which an annotated one is made; and where each call is written down: method, path of
#: the description, status.
GIVEN, CALLS = "FUZZ_GIVEN", "FUZZ_CALLS"
#: Of an answer: how fast they are is measured elsewhere, and a busy machine is no finding.
_PATIENCE_S = "300"
#: Without an end: it is followed by tests of its own.
_ENDLESS = "/v1/jobs/{job}/events"
#: These share their address with calls of other methods: a page, and what takes an entry's number in its place. Of
#: files of entries schemathesis makes none.
_SHARED = ("/", "/v1/watchlist/import")
_LEFT_OUT = (_ENDLESS, *_SHARED)
_PICTURE = "car.png"
#: schemathesis knows none of 408, 412 and 413 as a refusal. What an upload is answered with beyond its description
#: depends on its state and its bytes: a piece goes beyond its end, another call sends to it, a checksum does not fit.
_CONFIG = """
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 408, 409, 412, 413, 415, 422, 428, 429]
[checks.missing_required_header]
expected-statuses = [400, 401, 403, 406, 412, 415, 422]
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", 401, 403, 404, 409, 413, 423, 429, 460, "5xx"]
"""


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """What came out."""

    passed: bool
    #: What schemathesis said.
    text: str
    #: Calls by method, path and status.
    calls: Counter[tuple[str, str]]
    #: Calls that were never answered with what they promise.
    never: tuple[str, ...]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.service.fuzz", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--examples", type=int, default=100, metavar="N", help="cases of a call in each phase")
    parser.add_argument("--seconds", type=int, metavar="S", help="end, or begin anew, so that it takes this long")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(argv)
    began = time.monotonic()
    found = fuzz(asked.examples, asked.seed, asked.seconds)
    print(found.text)
    for (call, status), count in sorted(found.calls.items()):
        print(f"{call:45} {status} {count:6}")
    print(f"{sum(found.calls.values())} calls in {time.monotonic() - began:.0f} s")
    for call in found.never:
        print(f"{call} never succeeded")
    return 0 if found.passed else 1


def fuzz(examples: int, seed: int, seconds: int | None = None) -> Fuzzed:
    """Call a service of its own with the rights of an administrator, so many cases of each call in each phase."""
    with TemporaryDirectory(prefix="dashplate-fuzz-") as name, _pictures(Path(name)) as picture_url:
        place = Path(name)
        with service(workers=True, roots=(picture_url,)) as here:
            token = here.token("fuzz", Scope.ADMIN)
            sighting, video = sighting_in_a_video(here.database_url, here.folder / "drive.mp4")
            with Client(here.url, token) as client:
                client.annotated(video, PATIENCE_S)
            sources, paused = _rows(here, token)
            given = {
                "sources": sources,
                "paused": paused,
                "picture": str(place / _PICTURE),
                "picture_url": picture_url,
                "sighting": sighting,
                "video": video,
            }
            (place / "schemathesis.toml").write_text(_CONFIG)
            env = {
                **os.environ,
                "SCHEMATHESIS_HOOKS": "bench.service.fuzz_hooks",
                GIVEN: json.dumps(given),
                CALLS: str(place / "calls"),
            }
            # Made at the first call, which takes longer than schemathesis waits on a busy machine.
            with here.client(token) as client:
                described = client.get("/v1/openapi.json").json()["paths"]
            argv = _command(here, token, examples, seed)
            argv += [] if seconds is None else ["--max-time", str(seconds)]
            done = subprocess.run(argv, cwd=place, env=env, capture_output=True, text=True, check=False)
            text = done.stdout + done.stderr + here.log
            if not (place / "calls").exists():
                raise RuntimeError(f"Nothing was called:\n{text}")
        counted = Counter(
            (call, status) for call, _, status in map(_parted, (place / "calls").read_text().splitlines())
        )
    wanted = {
        f"{method.upper()} {path}" for path, item in described.items() for method in item if path not in _LEFT_OUT
    }
    never = wanted - {call for call, status in counted if status.startswith("2")}
    return Fuzzed(done.returncode == 0 and not never, text, counted, tuple(sorted(never)))


def _parted(line: str) -> tuple[str, str, str]:
    return line.rpartition(" ")


def _command(here: Service, token: str, examples: int, seed: int) -> list[str]:
    return [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{here.url}/v1/openapi.json"),
        *("-H", f"Authorization: Bearer {token}", "--checks", "all"),
        *(word for path in _LEFT_OUT for word in ("--exclude-path", path)),
        # Calls are limited for everybody: it comes again when it is told to.
        *("--rate-limit", "auto", "--max-examples", str(examples), "--seed", str(seed)),
        *("--continue-on-failure", "--no-color", "--request-timeout", _PATIENCE_S, "--max-response-time", _PATIENCE_S),
    ]


def _rows(here: Service, token: str) -> tuple[list[str], int]:
    """Have a job done and another one paused; give files for more, and the paused one."""
    folder = here.folder / "videos"
    folder.mkdir()
    files = [folder / f"{number}.mp4" for number in range(4)]
    for number, file in enumerate(files):
        Drive(segments=3, plates=2, name=str(number)).write(file)
    # Some jobs are to go on while they are paused, resumed and cancelled.
    slow = here.folder / "slow.mp4"
    Drive(segments=1000, look_s=1.0, name="slow").write(slow)
    with here.client(token) as client:
        # Somebody is owed what is found; no sender runs.
        told = {"name": "gate", "address": "https://example.org/hooks"}
        client.post("/v1/endpoints", json=told).raise_for_status()
        wanted = {"sources": [str(folder)], "alerts": "all"}
        job = client.post("/v1/jobs", json=wanted).raise_for_status().json()["job"]
        end = time.monotonic() + PATIENCE_S
        while client.get(f"/v1/jobs/{job}").json()["finished_at"] is None:
            if time.monotonic() > end:
                raise RuntimeError(f"The job did not end:\n{here.log}")
            time.sleep(0.2)
        paused: int = client.post("/v1/jobs", json={"sources": [str(slow)]}).raise_for_status().json()["job"]
        client.post(f"/v1/jobs/{paused}/pause").raise_for_status()
    return [str(slow), str(folder), *map(str, files)], paused


@contextmanager
def _pictures(folder: Path) -> Iterator[str]:
    """A web server with a picture in it, and the picture's address."""
    cv2.imwrite(str(folder / _PICTURE), cv2.resize(frames(1)[0], (320, 180)))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/{_PICTURE}"
    finally:
        server.shutdown()
        server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *words: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    sys.exit(main())
