"""Jobs over HTTP, on real workers: submitted, followed to their end, asked for, steered, and kept from strangers."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest

from db.access.scopes import Scope
from tests.conftest import ROOT, missing
from tests.support.found import JOINED, joined, searchable
from tests.support.jobs_over_http import SEGMENTS, card, events, paged, submitted
from tests.support.processes import wait_until
from tests.support.service import Served


def newest(client: httpx.Client) -> list[int]:
    return [one["job"] for one in client.get("/v1/jobs", params={"most": 1}).json()["items"]]


def _but_joined(sightings: list[dict[str, object]]) -> dict[object, dict[str, object]]:
    return {one["id"]: {name: one[name] for name in one.keys() - JOINED} for one in sightings}


def test_a_job_is_followed_to_its_end_and_asked_for(working: Served, client: httpx.Client) -> None:
    job = submitted(client, card(working, files=3), name="monday", priority="high")
    told = events(client, job)
    progress = [one for kind, one in told if kind == "progress"]
    assert (progress[-1]["state"], progress[-1]["videos_ended"], progress[-1]["name"]) == ("finished", 3, "monday")
    seen = [one for kind, one in told if kind == "sighting"]
    assert len({one["id"] for one in seen}) == len(seen) > 0

    joined(working.database_url, job)
    videos = paged(client, f"/v1/jobs/{job}/videos", 2)
    assert [video["state"] for video in videos] == ["done"] * 3
    assert client.get(f"/v1/videos/{videos[0]['id']}").json() == videos[0]
    listed = paged(client, f"/v1/jobs/{job}/sightings", 2)
    assert _but_joined(listed) == _but_joined(seen)
    assert client.get(f"/v1/sightings/{listed[0]['id']}").json() == listed[0]
    assert told[-1] == ("end", {})
    behind = [kind for kind, _ in events(client, job, after=10**9)]
    assert behind == ["progress", "end"]

    rows = list(csv.DictReader(io.StringIO(client.get(f"/v1/jobs/{job}/export").text)))
    assert {row["plate"] for row in rows} == {one["plate"] for one in listed}
    lines = client.get(f"/v1/jobs/{job}/export", params={"format": "jsonl"}).text.splitlines()
    assert [json.loads(line)["plate"] for line in lines] == [row["plate"] for row in rows]
    assert client.get(f"/v1/jobs/{job}/export", params={"format": "json"}).json()["job"]["job"] == job
    searchable(working.database_url)
    plate = str(listed[0]["plate"])
    (found,) = [one for one in client.get("/v1/plates", params={"pattern": plate}).json() if one["plate"] == plate]
    assert found["sightings"] >= 1
    assert plate in {one["plate"] for one in client.get("/v1/plates", params={"pattern": f"{plate[:3]}*"}).json()}


def test_a_sighting_has_its_pictures_whole_and_in_ranges(working: Served, client: httpx.Client) -> None:
    job = submitted(client, card(working))
    events(client, job)
    sighting = client.get(f"/v1/jobs/{job}/sightings").json()["items"][0]
    for path, kind in ((sighting["crop"], "image/png"), (sighting["frame"], "image/jpeg")):
        whole = client.get(path)
        assert (whole.status_code, whole.headers["content-type"]) == (200, kind)
        assert cv2.imdecode(np.frombuffer(whole.content, np.uint8), cv2.IMREAD_COLOR) is not None
        size = len(whole.content)
        for asked, start, end in (("bytes=0-9", 0, 10), ("bytes=10-", 10, size), ("bytes=-7", size - 7, size)):
            part = client.get(path, headers={"Range": asked})
            assert part.status_code == 206
            assert part.content == whole.content[start:end]
            assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
        beyond = client.get(path, headers={"Range": f"bytes={size}-"})
        assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")


def test_the_same_key_again_is_the_same_job(working: Served, client: httpx.Client) -> None:
    folder = card(working)
    job = submitted(client, folder, key="card 7".replace(" ", "-"))
    assert submitted(client, folder, key="card-7") == job
    assert client.get(f"/v1/jobs/{job}").json()["videos"] == 1
    other = client.post("/v1/jobs", json={"sources": [folder], "country": "GB"}, headers={"Idempotency-Key": "card-7"})
    assert other.status_code == 409
    assert "other options" in other.json()["detail"]
    with working.client(Scope.SUBMIT) as stranger:
        assert submitted(stranger, folder, key="card-7") != job, "a key is its token's own"


def test_a_job_is_steered(working: Served, client: httpx.Client) -> None:
    job = submitted(client, card(working, files=4, look_s=0.5))
    assert client.post(f"/v1/jobs/{job}/pause").json()["state"] == "paused"
    twice = client.post(f"/v1/jobs/{job}/pause")
    assert (twice.status_code, twice.json()["title"]) == (409, "Conflict")
    assert client.post(f"/v1/jobs/{job}/rerun", json={"step": "read"}).status_code == 409
    assert client.post(f"/v1/jobs/{job}/resume").json()["state"] == "running"
    assert client.post(f"/v1/jobs/{job}/cancel").json()["state"] == "cancelled"
    wait_until("its end", lambda: client.get(f"/v1/jobs/{job}").json()["finished_at"])
    done = submitted(client, card(working))
    events(client, done)
    assert client.post(f"/v1/jobs/{done}/retry").json() == {"videos": 0, "segments": 0}
    assert client.post(f"/v1/jobs/{done}/rerun", json={}).json()["segments"] == SEGMENTS
    events(client, done)
    listed = [one["job"] for one in paged(client, "/v1/jobs", 2)]
    assert listed == sorted(set(listed), reverse=True)
    assert {job, done} <= set(listed)


@pytest.mark.parametrize(
    ("source", "status"),
    [("/etc/passwd", 422), ("@/etc/passwd", 400), ("-", 400), ("/tmp/*.mp4", 422), ("http://127.0.0.1/a.mp4", 422),
     ("ftp://example.org/a.mp4", 422), ("", 422), ("a\0b", 400), ("~/a.mp4", 400), ("a.mp4", 400),
     (" http://127.0.0.1/a.mp4", 400)],
)  # fmt: skip
def test_nothing_is_submitted_that_no_root_holds(client: httpx.Client, source: str, status: int) -> None:
    before = newest(client)
    answer = client.post("/v1/jobs", json={"sources": [source]})
    assert answer.status_code == status, answer.text
    assert "root:" not in answer.text
    assert newest(client) == before


def test_a_submission_that_is_too_long_is_refused(client: httpx.Client) -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"sources": ["'
        for _ in range(90):
            yield b"a" * 100_000

    answer = client.post("/v1/jobs", content=chunks(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413, answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_what_is_not_there_is_not_found(client: httpx.Client) -> None:
    for path in ("/v1/jobs/999999", "/v1/jobs/999999/videos", "/v1/videos/999999", "/v1/jobs/999999/sightings",
                 "/v1/sightings/999999", "/v1/sightings/999999/crop", "/v1/jobs/999999/export",
                 "/v1/jobs/999999/events", "/nowhere"):  # fmt: skip
        answer = client.get(path)
        assert (path, answer.status_code) == (path, 404)
        assert answer.headers["content-type"] == "application/problem+json"
    assert client.get("/v1/jobs/none").status_code == 422
    assert client.get("/v1/jobs/1/videos", params={"cursor": "x"}).status_code == 422


def test_who_asked_for_plates_is_on_record(working: Served, client: httpx.Client) -> None:
    client.get("/v1/plates", params={"pattern": "KA05*"})
    who, query = working.last_audited("plates")
    assert query == "KA05*"
    assert who.startswith("token ")


def test_the_curl_lines_of_the_page_run(working: Served, tmp_path: Path) -> None:
    """`docs/service.md`, its section about jobs, line by line."""
    if shutil.which("curl") is None:
        missing("curl is not installed; run: sudo apt-get install curl")
    section = (ROOT / "docs" / "service.md").read_text("utf-8").partition("## Jobs")[2].partition("## ")[0]
    lines = [line.partition("    #")[0] for line in re.findall(r"^curl .*", section, re.MULTILINE)]
    assert len(lines) >= 5
    job = ""
    env = {"TOKEN": working.token(Scope.SUBMIT, Scope.SEARCH), "PATH": "/usr/bin:/bin"}
    for line in lines:
        here = line.replace("http://127.0.0.1:8080", working.url).replace("/videos/monday", card(working))
        here = here.replace("/jobs/1/", f"/jobs/{job}/").replace("curl ", "curl -sS --fail-with-body ")
        done = subprocess.run(["sh", "-c", here], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        if "Idempotency-Key" in line:
            job = str(json.loads(done.stdout)["job"])
        if "/events" in line:
            assert '"state":"finished"' in done.stdout
    assert (tmp_path / "plates.csv").read_text().startswith("video,plate,")
