"""The result store in a bucket, against a real S3 server over HTTP that can be made to fail."""

from __future__ import annotations

import multiprocessing
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import fsspec
import numpy as np
import pytest
from moto.server import DomainDispatcherApplication, create_backend_app
from tenacity import wait_none
from werkzeug.serving import make_server

from pipeline.retry_policy import STORE
from store import (
    DamagedFile,
    MissingFile,
    Store,
    StoreFull,
    StoreUnavailable,
    crop_name,
    frame_name,
    fsspec_backend,
    video_folders,
)
from tests.support.moving_texture import picture
from tests.support.store import NAME, names, tracklet

#: What an S3 server that is out of room answers.
FULL = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>XMinioStorageFull</Code>'
    b"<Message>Storage backend has reached its minimum free drive threshold.</Message></Error>"
)
SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


class Bucket:
    """A WSGI application: S3, with faults in front of it."""

    def __init__(self) -> None:
        self.inner = DomainDispatcherApplication(create_backend_app)
        self.reset()

    def reset(self) -> None:
        self.puts = 0
        self.together = 0
        self.most_together = 0
        self.answer: Callable[[int], tuple[str, bytes] | None] = lambda put: None
        self.delay_s = 0.0
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "PUT" or environ["PATH_INFO"].count("/") < 2:
            return self.inner(environ, start)
        with self._lock:
            self.puts += 1
            self.together += 1
            self.most_together = max(self.most_together, self.together)
            fault = self.answer(self.puts)
        try:
            time.sleep(self.delay_s)
            if fault is None:
                return self.inner(environ, start)
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start(fault[0], [("Content-Type", "application/xml"), ("Content-Length", str(len(fault[1])))])
            return [fault[1]]
        finally:
            with self._lock:
                self.together -= 1


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Bucket, str]]:
    bucket = Bucket()
    running = make_server("127.0.0.1", 0, bucket, threaded=True)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield bucket, f"http://127.0.0.1:{running.server_port}"
    running.shutdown()


@pytest.fixture
def bucket(server: tuple[Bucket, str], monkeypatch: pytest.MonkeyPatch) -> Bucket:
    bucket, endpoint = server
    bucket.reset()
    monkeypatch.setattr("pipeline.retry_policy.STORE", STORE.copy(wait=wait_none()))
    use(monkeypatch, endpoint)
    files = fsspec.filesystem("s3", skip_instance_cache=True, use_listings_cache=False)
    if files.exists("results"):
        files.rm("results", recursive=True)
    files.mkdir("results")
    return bucket


@pytest.fixture
def store(bucket: Bucket) -> Store:
    return Store("s3://results/fleet")


def use(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    """As an operator sets it: nothing but the environment."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "reader")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    fsspec_backend._opened.cache_clear()


def test_what_was_put_is_got(bucket: Bucket, store: Store) -> None:
    image = picture(1, 161, 47)
    stored = store.put_image(NAME, image)
    assert bucket.puts == 1
    assert np.array_equal(store.get_image(NAME, stored.sha256), image)
    assert store.location(NAME) == f"s3://results/fleet/{NAME}"
    assert fsspec.filesystem("s3").size(store.location(NAME)) == stored.size
    with pytest.raises(MissingFile):
        store.get(frame_name(1, 2, "7-1", 3))
    store.put(NAME, b"something else")
    with pytest.raises(DamagedFile):
        store.get_image(NAME, stored.sha256)


def test_files_and_folders(store: Store) -> None:
    kept = {crop_name(1, 20, 0, 1, 0, 0), crop_name(10, 2, 0, 1, 0, 0), frame_name(1, 20, "7-1", 5)}
    gone = {crop_name(1, 2, 0, 1, 0, 0), crop_name(1, 2, 1, 3, 0, 1), frame_name(1, 2, "7-1", 5)}
    for name in kept | gone:
        store.put(name, b"12345")
    assert {(file.name, file.size) for file in store.files()} == {(name, 5) for name in kept | gone}
    assert all(file.age_s is not None and -5 < file.age_s < 60 for file in store.files())
    assert names(store, "crops/1/2/") == {name for name in gone if name.startswith("crops")}
    assert names(store, "crops/1/") == {name for name in kept | gone if name.startswith("crops/1/")}
    for folder in video_folders(1, 2):
        store.remove(folder)
        store.remove(folder)
    for name in ("crops/1/20/00000-1/0000-0.png", "crops/1/20/00000-1/0000-9.png"):
        store.remove(name)
    assert names(store) == kept - {"crops/1/20/00000-1/0000-0.png"}


def test_the_crops_of_a_segment_are_put_side_by_side(bucket: Bucket, store: Store) -> None:
    bucket.delay_s = 0.02
    tracklets = [tracklet(index, 6) for index in range(8)]
    stored = store.put_crops(1, 2, 3, 4, tracklets)
    assert names(store) == {one.name for one in stored.values()}
    assert len(stored) == bucket.puts == 48
    assert 2 <= bucket.most_together <= 8
    for one in tracklets:
        for rank, crop in enumerate(one.crops):
            kept = stored[one.index, rank]
            assert np.array_equal(store.get_image(kept.name, kept.sha256), crop.image)


def test_a_server_that_stumbles_is_asked_again(bucket: Bucket, store: Store) -> None:
    bucket.answer = lambda put: ("503 Service Unavailable", b"") if put % 3 == 1 else None
    stored = store.put_crops(1, 2, 3, 4, [tracklet(0, 6)])
    assert bucket.puts > 6
    assert names(store) == {one.name for one in stored.values()}


@pytest.mark.parametrize("status", ["500 Internal Server Error", "503 Slow Down"])
def test_a_server_that_stays_down_is_given_up(bucket: Bucket, store: Store, status: str) -> None:
    """Four tries, and not four times what the client under them would try."""
    bucket.answer = lambda put: (status, SLOW_DOWN if status.startswith("503") else b"")
    with pytest.raises(StoreUnavailable, match="s3://results/fleet cannot be used"):
        store.put(NAME, b"data")
    assert bucket.puts == 4
    assert names(store) == set()


def test_a_full_server_is_said_at_once(bucket: Bucket, store: Store) -> None:
    bucket.answer = lambda put: ("507 Insufficient Storage", FULL)
    with pytest.raises(StoreFull, match="minimum free drive threshold"):
        store.put(NAME, b"data")
    assert bucket.puts == 1


def test_a_bucket_that_is_not_there_is_no_missing_file(bucket: Bucket) -> None:
    elsewhere = Store("s3://nowhere/fleet")
    with pytest.raises(StoreUnavailable, match="s3://nowhere/fleet"):
        elsewhere.get(NAME)
    with pytest.raises(StoreUnavailable, match="s3://nowhere/fleet"):
        elsewhere.put(NAME, b"data")


def test_nobody_there(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        use(monkeypatch, f"http://127.0.0.1:{taken.getsockname()[1]}")
        for act in (lambda: Store("s3://results/x").put(NAME, b"data"), lambda: Store("s3://results/x").get(NAME)):
            with pytest.raises(StoreUnavailable) as told:
                act()
            assert "not-a-secret" not in str(told.value)


def put_and_get(store: Store, name: str) -> None:
    store.put(name, name.encode())
    assert store.get(name) == name.encode()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_store_goes_on_in_a_child_process(store: Store, method: str) -> None:
    """Celery forks its workers after the parent may have used the store."""
    put_and_get(store, NAME)
    child = multiprocessing.get_context(method).Process(target=put_and_get, args=(store, frame_name(1, 2, "7-1", 3)))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    put_and_get(store, frame_name(1, 2, "7-1", 4))
    assert len(names(store)) == 3
