"""Jobs over HTTP, as tests make and follow them: a folder of stand-in drives, submitted, to its end."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Protocol

import httpx

from bench.standin import Drive

SEGMENTS, PLATES = 3, 2
_folders = count()


class HasFolder(Protocol):
    """A service that may open what lies in a folder."""

    @property
    def folder(self) -> Path: ...


def card(served: HasFolder, files: int = 1, **drive: object) -> str:
    """A folder of stand-in drives, each of another content."""
    number = next(_folders)
    folder = served.folder / f"card-{number}"
    folder.mkdir()
    for index in range(files):
        Drive(segments=SEGMENTS, plates=PLATES, name=f"{number} {index}", **drive).write(  # type: ignore[arg-type]
            folder / f"{index}.mp4"
        )
    return str(folder)


def submitted(client: httpx.Client, *sources: str, key: str | None = None, **wanted: object) -> int:
    headers = {"Idempotency-Key": key} if key else {}
    answer = client.post("/v1/jobs", json={"sources": list(sources), **wanted}, headers=headers)
    assert answer.status_code == 201, answer.text
    job = int(answer.json()["job"])
    assert answer.headers["location"] == f"/v1/jobs/{job}"
    return job


def events(client: httpx.Client, job: int, after: int | None = None) -> list[tuple[str, dict[str, object]]]:
    """All events up to the job's end."""
    headers = {"Last-Event-ID": str(after)} if after is not None else {}
    found: list[tuple[str, dict[str, object]]] = []
    kind = ""
    with client.stream("GET", f"/v1/jobs/{job}/events", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                kind = value
            if name == "data":
                found.append((kind, json.loads(value)))
    return found


def paged(client: httpx.Client, path: str, most: int) -> list[dict[str, object]]:
    items: list[dict[str, object]] = []
    cursor = None
    while True:
        page = client.get(path, params={"most": most, **({"cursor": cursor} if cursor else {})}).json()
        items += page["items"]
        assert len(page["items"]) <= most
        cursor = page["next"]
        if cursor is None:
            return items
