"""Clips over HTTP: cut by a process of their own out of the original, sent in ranges, and refused with a sentence."""

from __future__ import annotations

import io
import os
import shutil
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import av
import httpx
import psutil
import pytest
from sqlalchemy import text

from db.access.scopes import Scope
from db.engine import session
from pipeline.job_options import JobOptions
from tests.support.command_line.in_process import run_command
from tests.support.found import sighted
from tests.support.media_files import B_FRAMES, TIDY, photo, write_clip
from tests.support.processes import wait_until
from tests.support.service import Served

SMALL = replace(B_FRAMES, width=320, height=180, seconds=8)


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    with served.client(Scope.SEARCH) as opened:
        yield opened


@pytest.fixture
def video(served: Served) -> Path:
    return write_clip(served.folder / "drive.mp4", SMALL)


def length_s(data: bytes) -> float:
    with av.open(io.BytesIO(data)) as container:
        return sum(1 for _ in container.decode(video=0)) / SMALL.fps


def cutters(served: Served) -> list[psutil.Process]:
    """The processes that cut clips for this service."""
    found = []
    for process in psutil.process_iter():
        try:
            mine = process.environ().get("PYTHONPATH") and str(served.url.rpartition(":")[2]) in " ".join(
                process.parent().cmdline() if process.parent() else []
            )
            if mine and any("clip_process" in word for word in process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_a_clip_is_sent_whole_and_in_ranges(served: Served, client: httpx.Client, video: Path) -> None:
    (sighting,) = sighted(served.database_url, video, [4.0])
    path = f"/v1/sightings/{sighting}/clip"
    whole = client.get(path, params={"before": 1, "after": 0.5})
    assert (whole.status_code, whole.headers["content-type"]) == (200, "video/mp4"), whole.text
    assert length_s(whole.content) == pytest.approx(1.5, abs=0.05)
    assert length_s(client.get(path).content) == pytest.approx(6.0, abs=0.05)
    size = len(whole.content)
    began = time.monotonic()
    for asked, start, end in (("bytes=0-", 0, size), ("bytes=0-99", 0, 100), (f"bytes={size // 2}-", size // 2, size)):
        part = client.get(path, params={"before": 1, "after": 0.5}, headers={"Range": asked})
        assert (part.status_code, part.content) == (206, whole.content[start:end])
        assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
    assert time.monotonic() - began < 3, "a player's ranges are not cut again"
    with session(served.database_url) as db:
        last = db.execute(text("SELECT action, query, rows FROM audit ORDER BY id DESC LIMIT 1")).one()
    assert tuple(last) == ("clip", f"sighting {sighting}", 1)


@pytest.mark.parametrize("asked", [{"before": 16}, {"after": -1}, {"before": "nan"}, {"after": "inf"}])
def test_seconds_are_bounded(client: httpx.Client, asked: dict[str, object]) -> None:
    assert client.get("/v1/sightings/1/clip", params=asked).status_code == 422


def test_where_there_is_no_clip_it_is_said(served: Served, client: httpx.Client, video: Path) -> None:
    def refused(sighting: int, status: int, words: str) -> None:
        answer = client.get(f"/v1/sightings/{sighting}/clip")
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
        assert words in answer.json()["detail"]

    url = served.database_url
    refused(999_999, 404, "There is no sighting")
    (still,) = sighted(url, photo(served.folder), [0.0])
    refused(still, 409, "is a photograph")
    (hashed,) = sighted(url, video, [4.0], JobOptions(hashed=True, evidence=False))
    refused(hashed, 409, "would show the plate")
    (outside,) = sighted(url, Path(shutil.copy(video, served.folder.parent / "outside.mp4")), [4.0])
    refused(outside, 409, "outside the folders")
    replaced = Path(shutil.copy(video, served.folder / "replaced.mp4"))
    (other,) = sighted(url, replaced, [4.0])
    write_clip(replaced, replace(TIDY, seconds=2))
    refused(other, 409, "is not the file that was looked at before")
    replaced.unlink()
    refused(other, 404, "is not there")
    cut_short = Path(shutil.copy(video, served.folder / "silent.mp4"))
    (away,) = sighted(url, cut_short, [4.0])
    moved = served.folder.rename(served.folder.with_name("unmounted"))
    try:
        refused(away, 503, "its share or disk is mounted")
    finally:
        moved.rename(served.folder)
    assert client.get(f"/v1/sightings/{away}/clip").status_code == 200, "its share is back"


def test_a_process_that_dies_takes_nothing_along(served: Served, client: httpx.Client) -> None:
    long = write_clip(served.folder / "large.mp4", replace(TIDY, width=1280, height=720, seconds=12))
    (sighting,) = sighted(served.database_url, long, [6.0])
    asked = {"before": 6, "after": 6}
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(client.get, f"/v1/sightings/{sighting}/clip", params=asked)
        (process,) = wait_until("the cutting", lambda: cutters(served))
        assert not any(name.startswith("DASHPLATE_") for name in process.environ()), "it is told no password"
        os.kill(process.pid, signal.SIGKILL)
        assert (answer.result().status_code, "ended over it" in answer.result().text) == (409, True)
    assert client.get(f"/v1/sightings/{sighting}/clip", params={"before": 0.1, "after": 0.1}).status_code == 200


def test_nobody_waits_nothing_is_cut(served: Served, client: httpx.Client) -> None:
    long = write_clip(served.folder / "longer.mp4", replace(TIDY, width=1280, height=720, seconds=13))
    (sighting,) = sighted(served.database_url, long, [6.0])
    with pytest.raises(httpx.ReadTimeout):
        client.get(f"/v1/sightings/{sighting}/clip", params={"before": 6, "after": 6}, timeout=2.0)
    wait_until("its end", lambda: not cutters(served), patience_s=5)


def test_so_many_are_cut_at_a_time(served: Served, client: httpx.Client) -> None:
    """Each of another length, so that none is another's."""
    long = write_clip(served.folder / "longest.mp4", replace(TIDY, width=1280, height=720, seconds=6))
    (sighting,) = sighted(served.database_url, long, [3.0])

    def ask(number: int) -> tuple[int, str | None]:
        answer = client.get(f"/v1/sightings/{sighting}/clip", params={"before": 0.5 + number / 30, "after": 0.5})
        return answer.status_code, answer.headers.get("retry-after")

    with ThreadPoolExecutor(16) as pool:
        answers = [pool.submit(ask, number) for number in range(16)]
        most = 0
        while not all(answer.done() for answer in answers):
            most = max(most, len(cutters(served)))
            assert client.get("/v1/openapi.json").status_code == 403, "others are answered meanwhile"
            time.sleep(0.05)
    told = [answer.result() for answer in answers]
    assert 1 <= most <= 2
    assert {status for status, _ in told} == {200, 429}
    assert sum(status == 200 for status, _ in told) >= 10
    assert all(after for status, after in told if status == 429)


def test_the_command_cuts_the_same(served: Served, client: httpx.Client, video: Path, tmp_path: Path,
                                   monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    (sighting,) = sighted(served.database_url, video, [2.0])
    for name in ("DASHPLATE_DATABASE_URL", "DASHPLATE_REDIS_URL", "DASHPLATE_ROOTS", "DASHPLATE_DATA_DIR"):
        monkeypatch.setenv(name, served.env[name])
    out = tmp_path / "clip.mp4"
    said = run_command("clip", str(sighting), "--out", str(out), "--before", "1", "--after", "1")
    assert said.code == 0, said.err
    assert out.read_bytes() == client.get(f"/v1/sightings/{sighting}/clip", params={"before": 1, "after": 1}).content
    missing = run_command("clip", "999999", "--out", str(tmp_path / "no.mp4"))
    assert (missing.code, "There is no sighting 999999" in missing.err) == (1, True)
    assert not (tmp_path / "no.mp4").exists()


def test_an_upload_lies_below_no_root_and_has_its_clips(served: Served, video: Path) -> None:
    data = video.read_bytes()
    about = {"Tus-Resumable": "1.0.0", "Upload-Length": str(len(data)), "Upload-Metadata": "filename dHJpcC5tcDQ="}
    with served.client(Scope.SUBMIT, Scope.SEARCH) as client:
        whole = {**about, "Content-Type": "application/offset+octet-stream"}
        made = client.post("/v1/uploads", content=data, headers=whole)
        assert made.status_code == 201, made.text
        with session(served.database_url) as db:
            upload = made.headers["location"].rpartition("/")[2]
            path = Path(db.execute(text("SELECT path FROM uploads WHERE id = :id"), {"id": upload}).scalar_one())
        (sighting,) = sighted(served.database_url, path, [4.0])
        clip = client.get(f"/v1/sightings/{sighting}/clip")
        assert (clip.status_code, clip.headers.get("content-type")) == (200, "video/mp4"), clip.text
        path.rename(path.with_name("other.mp4"))
        path.symlink_to("/etc/passwd")
        refused = client.get(f"/v1/sightings/{sighting}/clip", params={"before": 1})
        assert refused.status_code in (404, 409), refused.text
