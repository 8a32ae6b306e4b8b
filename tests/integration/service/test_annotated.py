"""Annotated videos over HTTP: made by a process of their own, sent once they are whole, refused with a sentence."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import av
import httpx
import psutil
import pytest
from sqlalchemy import text

from dashplate.client import Client, ServiceError
from db.access.scopes import Scope
from db.engine import session
from pipeline.job_options import JobOptions
from tests.support.found import followed, sighted
from tests.support.media_files import photo
from tests.support.processes import PATIENCE_S, wait_until
from tests.support.seen_drive import SeenDrive, assert_boxed
from tests.support.service import Served


@pytest.fixture
def video(served: Served, seen_drive: SeenDrive) -> int:
    return followed(
        served.database_url, Path(shutil.copy(seen_drive.video, served.folder / "seen.mp4")), seen_drive.result
    )


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    with served.client(Scope.SEARCH) as opened:
        yield opened


def processes(served: Served) -> list[psutil.Process]:
    """Those that make annotated videos for this service."""
    found = []
    for process in psutil.process_iter():
        try:
            parent = process.parent()
            ours = parent is not None and served.url.rpartition(":")[2] in parent.cmdline()
            if ours and any("annotate_process" in word for word in process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_a_video_is_made_and_saved(
    served: Served, client: httpx.Client, video: int, seen_drive: SeenDrive, tmp_path: Path
) -> None:
    path = f"/v1/videos/{video}/annotated"
    none = client.get(path)
    assert (none.status_code, "have it made" in none.json()["detail"]) == (404, True)
    begun = client.post(path).raise_for_status().json()
    assert (begun["video"], begun["size"], begun["problem"]) == (video, None, None)
    early = client.get(path)
    assert (early.status_code, "being made" in early.json()["detail"]) == (409, True)
    with Client(served.url, served.token(Scope.SEARCH)) as user:
        saved = user.annotated(video, PATIENCE_S).save(tmp_path / "annotated.mp4")
        told = user.annotate(video)
    assert (told.state, told.share, told.size) == ("made", 1.0, saved.stat().st_size)
    with av.open(str(saved)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
    assert_boxed(saved, seen_drive.sighting)
    answer = client.get(path)
    assert (answer.headers["content-type"], answer.content) == ("video/mp4", saved.read_bytes())
    with session(served.database_url) as db:
        asked = text("SELECT action, rows FROM audit WHERE query = :what ORDER BY id")
        rows = [tuple(row) for row in db.execute(asked, {"what": f"video {video}"})]
    # Two were refused; how far it is was asked more often than it was begun.
    assert rows == [("annotated", 1), ("annotate", 1), ("annotated", 1), ("annotated", 1), ("annotated", 1)]
    # What was found has changed: what was made of it is not sent any more.
    with session(served.database_url) as db:
        db.execute(text("UPDATE sightings SET confirmed = false WHERE video_id = :id"), {"id": video})
    assert client.get(path).status_code == 404


def test_where_there_is_none_it_is_said(served: Served, client: httpx.Client, seen_drive: SeenDrive) -> None:
    url = served.database_url

    def refused(video: int, status: int, words: str) -> None:
        for method in ("GET", "POST"):
            answer = client.request(method, f"/v1/videos/{video}/annotated")
            assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text

    def video_of(sighting: int) -> int:
        with session(url) as db:
            return int(db.scalar(text("SELECT video_id FROM sightings WHERE id = :id"), {"id": sighting}) or 0)

    refused(999_999, 404, "There is no video")
    refused(video_of(sighted(url, photo(served.folder), [0.0])[0]), 409, "is no video")
    hashed = JobOptions(hashed=True, evidence=False)
    refused(video_of(sighted(url, seen_drive.video, [1.0], hashed)[0]), 409, "keyed hashes")
    # It has no segments.
    refused(video_of(sighted(url, seen_drive.video, [1.0])[0]), 409, "has not been opened")


def test_what_goes_wrong_is_told_once_and_tried_again(
    served: Served, client: httpx.Client, seen_drive: SeenDrive
) -> None:
    outside = followed(served.database_url, seen_drive.video, seen_drive.result)
    with Client(served.url, served.token(Scope.SEARCH)) as user:
        with pytest.raises(ServiceError, match="outside the folders"):
            user.annotated(outside, PATIENCE_S)
        assert user.annotate(outside).state in ("waiting", "making"), "it is tried again"


def test_a_process_that_dies_takes_nothing_along(served: Served, client: httpx.Client, video: int) -> None:
    path = f"/v1/videos/{video}/annotated"
    client.post(path).raise_for_status()
    # Another's may be under way before.
    (process,) = wait_until("the making", lambda: _state(client, path) == "making" and processes(served))
    assert not any(name.startswith("DASHPLATE_") for name in process.environ()), "it is told no password"
    os.kill(process.pid, signal.SIGKILL)
    told = wait_until("its failure", lambda: _failed(client, path), every_s=0.2)
    assert "ended over it" in told["problem"]


def _state(client: httpx.Client, path: str) -> str:
    return str(client.post(path).raise_for_status().json()["state"])


def _failed(client: httpx.Client, path: str) -> dict[str, str] | None:
    told: dict[str, str] = client.post(path).raise_for_status().json()
    return told if told["state"] == "failed" else None


def test_so_many_may_wait(served: Served, client: httpx.Client, seen_drive: SeenDrive) -> None:
    file = Path(shutil.copy(seen_drive.video, served.folder / "many.mp4"))
    videos = [followed(served.database_url, file, seen_drive.result) for _ in range(7)]
    answers = [client.post(f"/v1/videos/{video}/annotated") for video in videos]
    assert [answer.status_code for answer in answers][:2] == [200, 200]
    full = [answer for answer in answers if answer.status_code == 429]
    assert full
    assert all(answer.headers["retry-after"] for answer in full)
    assert len(processes(served)) <= 1
    wait_until(
        "those that wait to be made", lambda: not _under_way(client, videos, answers), 4 * PATIENCE_S, every_s=1.0
    )


def _under_way(client: httpx.Client, videos: list[int], answers: list[httpx.Response]) -> bool:
    begun = [video for video, answer in zip(videos, answers, strict=True) if answer.status_code == 200]
    states = [client.post(f"/v1/videos/{video}/annotated").json().get("state") for video in begun]
    return any(state in ("waiting", "making") for state in states)
