"""`POST /v1/read` as a client meets it: what it answers, whom it refuses, and what happens when many call at once."""

from __future__ import annotations

import base64
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import cv2
import httpx
import numpy as np
import psutil
import pytest

from db.access import tokens
from db.access.scopes import Scope
from db.engine import session
from tests.conftest import SHARED_DATA
from tests.support.processes import wait_until
from tests.support.service import QUEUE, Serve, Served


@pytest.fixture(scope="module")
def picture(shared_data: Path) -> bytes:
    return (SHARED_DATA / "hongkong" / "GV5679.png").read_bytes()


def upload(content: bytes, field: str = "upload") -> dict[str, tuple[str, bytes]]:
    return {field: ("car.png", content)}


def test_a_photograph_is_read(served: Served, picture: bytes) -> None:
    with served.client(Scope.READ) as client:
        answer = client.post("/v1/read", files=upload(picture), params={"country": "HK", "drawn": True})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    (plate,) = told["plates"]
    assert (plate["text"], plate["country"], told["image"]) == ("GV5679", "HK", "car.png")
    assert [c["char"] for c in plate["characters"]] == list("GV5679")
    drawn = cv2.imdecode(np.frombuffer(base64.b64decode(told["drawn"]), np.uint8), cv2.IMREAD_COLOR)
    assert drawn is not None
    assert drawn.shape[:2] == (told["height"], told["width"])


def test_the_picture_itself_may_be_the_body(served: Served, picture: bytes) -> None:
    with served.client(Scope.READ) as client:
        answer = client.post("/v1/read", content=picture, headers={"Content-Type": "image/png"})
    assert [plate["text"] for plate in answer.json()["plates"]] == ["GV5679"]


@pytest.mark.parametrize(
    ("sent", "status", "sentence"),
    [
        ({"files": upload(b"no picture")}, 422, "car.png is no photograph"),
        ({"files": upload(b"", "other")}, 422, "Send a picture in the form field `upload`"),
        ({"data": {"upload": "!"}}, 422, "neither a file nor base64"),
        ({"data": {"upload": "", "note": "x" * 100_000}}, 422, "`note` is too long"),
        ({"content": b"--", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 422, "Send a picture"),
        ({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400, "The form cannot be read"),
        ({"content": b"{}", "headers": {"Content-Type": "application/json"}}, 415, "Send a form"),
        ({"files": upload(b"x"), "params": {"country": "XX"}}, 400, "No plate format for XX"),
        ({"files": upload(b"x"), "params": {"drawn": "perhaps"}}, 422, "not as the description asks"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_sentence(
    served: Served, sent: dict[str, object], status: int, sentence: str
) -> None:
    with served.client(Scope.READ) as client:
        answer = client.post("/v1/read", **sent)  # type: ignore[arg-type]
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert (answer.status_code, told["status"]) == (status, status), told
    assert sentence in told["detail"]


def test_a_picture_that_claims_too_many_pixels_is_not_decoded(served: Served) -> None:
    png = bytearray(cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    png[16:24] = (20_000).to_bytes(4, "big") * 2
    with served.client(Scope.READ) as client:
        answer = client.post("/v1/read", files=upload(bytes(png)))
    assert answer.status_code == 422
    assert "claims 20000 x 20000 pixels" in answer.json()["detail"]


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(served: Served) -> None:
    connection = HTTPConnection("127.0.0.1", int(_port_of(served)), timeout=60)
    connection.putrequest("POST", "/v1/read")
    token = served.token(Scope.READ)
    for name, value in (
        ("Authorization", f"Bearer {token}"),
        ("Content-Type", "image/png"),
        ("Content-Length", "9" * 9),
    ):
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 413
    assert b"at most" in answer.read()
    connection.close()


def test_a_picture_of_more_than_fifty_megabytes_is_refused(served: Served) -> None:
    with served.client(Scope.READ) as client:
        answer = client.post("/v1/read", content=bytes(50_000_001), headers={"Content-Type": "image/png"})
    assert answer.status_code == 413
    assert "at most 50 MB" in answer.json()["detail"]


def test_a_body_without_a_token_is_not_read(served: Served) -> None:
    """However long it is: chunks are sent until the answer is there."""
    with served.client() as client:
        for path in ("/v1/jobs", "/v1/read"):
            answer = client.post(path, content=b"{", headers={"Content-Type": "application/json"})
            assert (path, answer.status_code) == (path, 401)


def test_more_than_may_wait_are_told_to_come_again_and_none_is_lost(served: Served, picture: bytes) -> None:
    calls = 10 * QUEUE

    def call(client: httpx.Client) -> int:
        while True:
            answer = client.post("/v1/read", files=upload(picture))
            if answer.status_code != 429:
                return answer.status_code
            wait_s = int(answer.headers["Retry-After"])
            assert wait_s >= 1
            refused.append(wait_s)
            time.sleep(wait_s)

    refused: list[int] = []
    with served.client(Scope.READ) as client, ThreadPoolExecutor(calls) as pool:
        assert list(pool.map(call, [client] * calls)) == [200] * calls
    assert refused, "so many at once did not fill the queue"


def test_a_reader_that_is_killed_is_started_again(served: Served, picture: bytes) -> None:
    def readers() -> list[psutil.Process]:
        (service,) = [p for p in psutil.process_iter() if _port_of(served) in _words(p)]
        return [p for p in service.children() if "spawn_main" in " ".join(_words(p))]

    with served.client(Scope.READ) as client:
        assert client.post("/v1/read", files=upload(picture)).status_code == 200
        (reader,) = readers()
        os.kill(reader.pid, signal.SIGKILL)
        wait_until("its end", lambda: not reader.is_running() or reader.status() == psutil.STATUS_ZOMBIE)
        again = client.post("/v1/read", files=upload(picture))
        assert again.status_code == 200, again.text


def test_nothing_answers_without_a_token_but_health(served: Served, picture: bytes) -> None:
    with served.client() as client:
        assert client.get("/healthz").json() == {"ok": True}
        for path in ("/v1/openapi.json", "/v1/statistics"):
            assert client.get(path).status_code == 401
        for path, field in CALLS.items():
            answer = client.post(path, files=upload(picture, field))
            assert (path, answer.status_code) == (path, 401)
            assert answer.headers["www-authenticate"] == "Bearer"
    with served.client(Scope.SEARCH) as client:
        for path, field in CALLS.items():
            assert (path, client.post(path, files=upload(picture, field)).status_code) == (path, 403)
    with served.client(Scope.ADMIN) as client:
        assert client.get("/v1/openapi.json").json()["openapi"].startswith("3.")


def test_a_token_that_has_ended_opens_nothing(served: Served, picture: bytes) -> None:
    with session(served.database_url) as db:
        ended = tokens.create(db, "ended", list(Scope), 0)
    for header in ({"Authorization": f"Bearer {ended}"}, {"Authorization": f"Token {ended}"}, {"X-API-Key": ended}):
        with served.client() as client:
            for path, field in CALLS.items():
                answer = client.post(path, files=upload(picture, field), headers=header)
                assert (path, answer.status_code) == (path, 401)


def test_answers_carry_strict_headers(served: Served) -> None:
    with served.client() as client:
        headers = client.get("/healthz").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "server" not in headers


def test_this_machine_may_be_let_in_without_a_token_and_no_page_of_another_site(serve: Serve, picture: bytes) -> None:
    open_here = serve("--no-token")
    with open_here.client() as client:
        assert client.post("/v1/read", files=upload(picture)).status_code == 200
        for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"X-Forwarded-For": "9.9.9.9"}):
            assert client.post("/v1/read", files=upload(picture), headers=headers).status_code == 401
        assert client.post("/v1/read", files=upload(picture), headers={"X-API-Key": "wrong"}).status_code == 401


#: Paths that take a picture, and its form field.
CALLS = {
    "/": "file",
    "/v1/read": "upload",
    "/v1/plate-reader": "upload",
    "/v1/plate-reader/": "upload",
    "/v1/vision/alpr": "upload",
    "/v1/image/alpr": "upload",
}


def _port_of(served: Served) -> str:
    return served.url.rpartition(":")[2]


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
