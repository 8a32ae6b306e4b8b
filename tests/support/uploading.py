"""Uploads as tests make and follow them, in tus's own words."""

from __future__ import annotations

import base64
import http.client
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from sqlalchemy import text

from bench.standin import Drive
from db.access.scopes import Scope
from db.engine import session
from tests.support.processes import PATIENCE_S, wait_until
from tests.support.service import Served

TUS = {"Tus-Resumable": "1.0.0"}
PIECE = {**TUS, "Content-Type": "application/offset+octet-stream"}
CLIP = bytes(range(256)) * 4000


def named(name: str) -> str:
    return f"filename {base64.b64encode(name.encode()).decode()}"


def made(client: httpx.Client, size: int, name: str = "trip.mp4", key: str | None = None) -> str:
    headers = {**TUS, "Upload-Length": str(size), "Upload-Metadata": named(name)}
    answer = client.post("/v1/uploads", headers=headers | ({"Idempotency-Key": key} if key else {}))
    assert answer.status_code == 201, answer.text
    assert answer.headers["tus-resumable"] == "1.0.0"
    return answer.headers["location"]


def sent(client: httpx.Client, path: str, data: bytes, offset: int = 0, **headers: str) -> httpx.Response:
    return client.patch(path, content=data, headers={**PIECE, "Upload-Offset": str(offset), **headers})


def offset(client: httpx.Client, path: str) -> int:
    answer = client.head(path, headers=TUS)
    assert answer.status_code == 200
    return int(answer.headers["upload-offset"])


def uploaded(client: httpx.Client, data: bytes, name: str = "trip.mp4") -> str:
    """A whole upload; returns its id."""
    path = made(client, len(data), name)
    assert sent(client, path, data).status_code == 204
    return path.rpartition("/")[2]


def folder_of(served: Served, path: str) -> Path:
    return Path(served.env["DASHPLATE_DATA_DIR"]) / "store" / "uploads" / path.rpartition("/")[2]


def stored(served: Served, path: str) -> bytes:
    (file,) = folder_of(served, path).iterdir()
    return file.read_bytes()


def half_sent(served: Served, path: str, data: bytes, length: int, **headers: str) -> http.client.HTTPConnection:
    """A PATCH that announces `length` bytes and has sent fewer."""
    there = urlsplit(served.url)
    connection = http.client.HTTPConnection(str(there.hostname), there.port, timeout=PATIENCE_S)
    connection.putrequest("PATCH", path)
    about = {**PIECE, "Upload-Offset": "0", "Content-Length": str(length), **headers}
    for name, value in {**about, "Authorization": f"Bearer {served.token(Scope.SUBMIT, Scope.SEARCH)}"}.items():
        connection.putheader(name, value)
    connection.endheaders()
    connection.send(data)
    return connection


def actions(served: Served, upload: str) -> list[str]:
    with session(served.database_url) as db:
        asked = "SELECT action FROM audit WHERE query LIKE :upload ORDER BY id"
        return list(db.execute(text(asked), {"upload": f"{upload}%"}).scalars())


def drive(name: str, **about: Any) -> bytes:
    """A stand-in drive as a file's bytes."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "drive.mp4"
        Drive(segments=2, plates=2, name=name, **about).write(file)
        return file.read_bytes()


def finished(client: httpx.Client, job: int) -> dict[str, Any]:
    wait_until("the job's end", lambda: client.get(f"/v1/jobs/{job}").json()["finished_at"], every_s=0.2)
    (video,) = client.get(f"/v1/jobs/{job}/videos").json()["items"]
    return dict(video)
