"""Uploads in tus's words, on the real service: begun, taken up again, refused, and removed."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterator

import httpx
import pytest
from sqlalchemy import text

from db.access.scopes import Scope
from db.engine import session
from tests.support.processes import wait_until
from tests.support.service import Served
from tests.support.uploading import (
    CLIP,
    PIECE,
    TUS,
    actions,
    folder_of,
    half_sent,
    made,
    named,
    offset,
    sent,
    stored,
    uploaded,
)


def test_a_video_comes_in_pieces_and_is_told_of(working: Served, client: httpx.Client) -> None:
    path = made(client, len(CLIP), "my trip.MP4")
    assert offset(client, path) == 0
    first = sent(client, path, CLIP[:1000])
    assert (first.status_code, first.headers["upload-offset"]) == (204, "1000")
    assert first.headers["upload-expires"].endswith(" GMT")
    told = client.get(path).json()
    assert (told["filename"], told["offset"], told["state"]) == ("my trip.MP4", 1000, "receiving")
    assert sent(client, path, CLIP[1000:], 1000).headers["upload-offset"] == str(len(CLIP))
    assert stored(working, path) == CLIP
    assert [file.name for file in folder_of(working, path).iterdir()] == ["my_trip.MP4"]
    head = client.head(path, headers=TUS).headers
    assert (head["upload-length"], head["upload-metadata"]) == (str(len(CLIP)), named("my trip.MP4"))
    assert head["cache-control"] == "no-store"
    assert client.get(path).json()["state"] == "whole"
    assert sent(client, path, b"", len(CLIP)).status_code == 204
    assert sent(client, path, b"more", len(CLIP)).status_code == 413
    unannounced = client.patch(path, content=iter([b"more"]), headers={**PIECE, "Upload-Offset": str(len(CLIP))})
    assert unannounced.status_code == 413
    assert path.rpartition("/")[2] in {one["id"] for one in client.get("/v1/uploads").json()["items"]}
    assert actions(working, path.rpartition("/")[2]) == ["upload"]


def test_the_first_bytes_may_come_at_once(working: Served, client: httpx.Client) -> None:
    headers = {**PIECE, "Upload-Length": str(len(CLIP)), "Upload-Metadata": named("a.mp4")}
    answer = client.post("/v1/uploads", content=CLIP, headers=headers)
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, str(len(CLIP)))
    assert stored(working, answer.headers["location"]) == CLIP


def test_what_came_in_before_a_cut_stays(working: Served, client: httpx.Client) -> None:
    path = made(client, len(CLIP))
    connection = half_sent(working, path, CLIP[:300_000], len(CLIP))
    connection.close()
    there = wait_until("what was sent", lambda: offset(client, path))
    assert 0 < there <= 300_000
    wait_until("the rest", lambda: sent(client, path, CLIP[offset(client, path) :], offset(client, path)).is_success)
    assert stored(working, path) == CLIP


def test_one_of_two_calls_for_an_upload_wins(working: Served, client: httpx.Client) -> None:
    path = made(client, len(CLIP))
    connection = half_sent(working, path, CLIP[:300_000], len(CLIP))
    wait_until("its begin", lambda: offset(client, path))
    second = sent(client, path, CLIP, 0)
    assert second.status_code in (409, 423)
    locked = wait_until(
        "a call in time", lambda: (got := sent(client, path, b"x", offset(client, path))).status_code == 423 and got
    )
    assert locked.headers["content-type"] == "application/problem+json"
    assert client.delete(path, headers=TUS).status_code == 423
    connection.send(CLIP[300_000:])
    assert connection.getresponse().status == 204
    assert stored(working, path) == CLIP


def test_a_piece_goes_on_where_the_upload_is(client: httpx.Client) -> None:
    path = made(client, len(CLIP))
    sent(client, path, CLIP[:10])
    for wrong in (0, 9, 11):
        answer = sent(client, path, CLIP[wrong:], wrong)
        assert (answer.status_code, answer.headers["upload-offset"]) == (409, "10")
    assert sent(client, path, CLIP[10:], 10, **{"Upload-Offset": "ten"}).status_code == 400
    assert client.patch(path, content=b"x", headers={**TUS, "Upload-Offset": "10"}).status_code == 415
    assert offset(client, path) == 10


def test_more_than_was_announced_is_refused_and_leaves_nothing(client: httpx.Client) -> None:
    path = made(client, 1000)
    sent(client, path, CLIP[:100])
    assert sent(client, path, CLIP[:901], 100).status_code == 413

    def chunks() -> Iterator[bytes]:
        for _ in range(20):
            yield b"x" * 50_000

    answer = client.patch(path, content=chunks(), headers={**PIECE, "Upload-Offset": "100"})
    assert answer.status_code == 413, answer.text
    assert offset(client, path) == 100


def test_a_piece_that_its_checksum_does_not_fit_does_not_count(working: Served, client: httpx.Client) -> None:
    path = made(client, len(CLIP))
    right = base64.b64encode(hashlib.sha256(CLIP[:500_000]).digest()).decode()
    damaged = sent(client, path, b"x" + CLIP[1:500_000], **{"Upload-Checksum": f"sha256 {right}"})
    assert (damaged.status_code, damaged.json()["title"]) == (460, "Checksum Mismatch")
    assert offset(client, path) == 0
    for wrong in ("md5 aaaa", "sha256", "sha256 AAAA", "sha256 %%"):
        assert sent(client, path, b"x", **{"Upload-Checksum": wrong}).status_code == 400
    connection = half_sent(working, path, CLIP[:400_000], 500_000, **{"Upload-Checksum": f"sha256 {right}"})
    wait_until("its begin", lambda: (folder_of(working, path) / "part").stat().st_size)
    # Nobody compared it yet: it would be taken up again from its beginning.
    time.sleep(0.5)
    assert offset(client, path) == 0
    connection.close()
    wait_until("it", lambda: sent(client, path, CLIP[:500_000], **{"Upload-Checksum": f"sha256 {right}"}).is_success)
    assert sent(client, path, CLIP[500_000:], 500_000).is_success
    assert stored(working, path) == CLIP


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Upload-Length": "10"}, 422),
        ({"Upload-Length": "10", "Upload-Metadata": named("notes.txt")}, 422),
        ({"Upload-Length": "10", "Upload-Metadata": named("noending")}, 422),
        # The sign for kelvin, whose small letter is k.
        ({"Upload-Length": "10", "Upload-Metadata": named("trip.m\u212av")}, 422),
        ({"Upload-Length": "10", "Upload-Metadata": "filename %%%"}, 400),
        ({"Upload-Length": "10", "Upload-Metadata": "filename /w=="}, 400),
        ({"Upload-Length": "10", "Upload-Metadata": f"{named('a.mp4')},{named('b.mp4')}"}, 400),
        ({"Upload-Length": "0", "Upload-Metadata": named("a.mp4")}, 422),
        ({"Upload-Length": "-1", "Upload-Metadata": named("a.mp4")}, 400),
        ({"Upload-Length": "1e3", "Upload-Metadata": named("a.mp4")}, 400),
        ({"Upload-Metadata": named("a.mp4")}, 400),
        ({"Upload-Defer-Length": "1", "Upload-Metadata": named("a.mp4")}, 400),
        ({"Upload-Length": "50000000001", "Upload-Metadata": named("a.mp4")}, 413),
        ({"Upload-Length": "10", "Upload-Metadata": named("a.mp4"), "Tus-Resumable": "0.2.2"}, 412),
    ],
)
def test_what_is_no_video_is_not_begun(client: httpx.Client, headers: dict[str, str], status: int) -> None:
    before = client.get("/v1/uploads").json()["items"][:1]
    answer = client.post("/v1/uploads", headers={**TUS, **headers})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert client.get("/v1/uploads").json()["items"][:1] == before


@pytest.mark.parametrize(
    ("name", "kept"),
    [("../../../etc/cron.d/x.mp4", "x.mp4"), ("..\\..\\x.mp4", "x.mp4"), ("/.mp4.mp4", "mp4.mp4"),
     ("Fahrt ä.MOV", "Fahrt_a.MOV"), ("%2e%2e%2fx.mp4", "2e_2e_2fx.mp4"), ("中文.mp4", "video.mp4"),
     ("a\nb.mp4", "a_b.mp4"), ("x" * 300 + ".mp4", "x" * 80 + ".mp4")],
)  # fmt: skip
def test_a_name_is_a_label_and_no_path(working: Served, client: httpx.Client, name: str, kept: str) -> None:
    upload = uploaded(client, b"0123", name)
    assert [file.name for file in folder_of(working, upload).iterdir()] == [kept]


def test_only_its_token_and_the_operator_go_on_with_an_upload(working: Served, client: httpx.Client) -> None:
    path = made(client, 10)
    with working.client(Scope.SUBMIT) as other, working.client(Scope.ADMIN) as admin:
        assert other.head(path, headers=TUS).status_code == 404
        assert sent(other, path, b"0123456789").status_code == 404
        assert other.delete(path, headers=TUS).status_code == 404
        assert other.get(path).status_code == 404
        upload = path.rpartition("/")[2]
        assert other.post("/v1/jobs", json={"uploads": [upload]}).status_code == 404
        assert upload not in {one["id"] for one in other.get("/v1/uploads").json()["items"]}
        assert upload in {one["id"] for one in admin.get("/v1/uploads").json()["items"]}
        assert offset(client, path) == 0
        assert sent(admin, path, b"01234").status_code == 204
        assert admin.delete(path, headers=TUS).status_code == 204
    assert client.head(path, headers=TUS).status_code == 404
    assert not folder_of(working, path).exists()
    assert actions(working, upload) == ["upload", "delete upload"]


def test_the_same_key_again_is_the_same_upload(working: Served, client: httpx.Client) -> None:
    path = made(client, 10, key="card-9")
    sent(client, path, b"0123")
    assert made(client, 10, key="card-9") == path
    headers = {**TUS, "Upload-Length": "11", "Upload-Metadata": named("trip.mp4"), "Idempotency-Key": "card-9"}
    assert client.post("/v1/uploads", headers=headers).status_code == 409
    with working.client(Scope.SUBMIT) as stranger:
        assert made(stranger, 10, key="card-9") != path, "a key is its token's own"
    assert offset(client, path) == 4


def test_clients_that_know_neither_patch_nor_delete_are_served(client: httpx.Client) -> None:
    path = made(client, 10)
    headers = {**PIECE, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert client.post(path, content=b"0123456789", headers=headers).status_code == 204
    assert client.post(path, headers={**TUS, "X-HTTP-Method-Override": "DELETE"}).status_code == 204
    assert client.head(path, headers=TUS).status_code == 404
    told = client.options("/v1/uploads").headers
    assert (told["tus-version"], told["tus-max-size"], told["tus-checksum-algorithm"]) == (
        "1.0.0", "50000000000", "sha256",
    )  # fmt: skip
    assert "termination" in told["tus-extension"]


@pytest.mark.parametrize("is_whole", [False, True])
def test_what_nobody_goes_on_with_is_removed(working: Served, client: httpx.Client, is_whole: bool) -> None:
    path = made(client, 10)
    sent(client, path, b"0123456789" if is_whole else b"0123")
    assert folder_of(working, path).is_dir()
    with session(working.database_url) as db:
        late = "UPDATE uploads SET expires_at = now() - interval '1 second' WHERE id = :id"
        db.execute(text(late), {"id": path.rpartition("/")[2]})
    assert client.head(path, headers=TUS).status_code in (404, 410)
    wait_until("the sweeper", lambda: client.head(path, headers=TUS).status_code == 404)
    wait_until("its files' end", lambda: not folder_of(working, path).exists())
