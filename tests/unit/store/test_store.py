"""What the result store does in every kind of place."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from pipeline.errors import DashplateError
from store import (
    DamagedFile,
    MissingFile,
    Store,
    Stored,
    attempt_folder,
    crop_name,
    frame_name,
    job_folders,
    video_folders,
)
from tests.support.moving_texture import picture
from tests.support.store import NAME, faulty, names, tracklet

pytestmark = pytest.mark.usefixtures("no_store_waits")


@pytest.fixture(params=["folder", "file_url", "faulty", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Every kind of place; what holds for one holds for all."""
    if request.param == "folder":
        yield Store(tmp_path / "store")
    elif request.param == "file_url":
        yield Store(f"file://{tmp_path}/store")
    elif request.param == "faulty":
        yield faulty(tmp_path, every=10)
    else:
        yield Store("memory://store/below")
        MemoryFileSystem.store.clear()
        MemoryFileSystem.pseudo_dirs[:] = [""]


def test_what_was_put_is_got(store: Store) -> None:
    data = os.urandom(50_000)
    assert store.put(NAME, data) == Stored(NAME, 50_000, hashlib.sha256(data).hexdigest())
    assert store.get(NAME) == data
    store.put(NAME, b"again")
    assert store.get(NAME) == b"again"


def test_pictures_come_back(store: Store) -> None:
    image = picture(1, 161, 47)
    stored = store.put_image(NAME, image)
    assert np.array_equal(store.get_image(NAME, stored.sha256), image)
    assert store.get(NAME).startswith(b"\x89PNG")
    frame = store.put_image(frame_name(1, 2, "7-1", 3000), image)
    assert store.get(frame.name).startswith(b"\xff\xd8\xff")
    back = store.get_image(frame.name, frame.sha256)
    assert np.abs(back.astype(int) - image).mean() < 3


def test_the_crops_of_a_segment_lie_under_its_attempt(store: Store) -> None:
    tracklets = [tracklet(0, 3), tracklet(1, 1), tracklet(7, 12)]
    stored = store.put_crops(1, 2, 3, 4, tracklets)
    assert set(stored) == {(t.index, rank) for t in tracklets for rank in range(len(t.crops))}
    assert names(store) == {one.name for one in stored.values()}
    for one in tracklets:
        for rank, crop in enumerate(one.crops):
            kept = stored[one.index, rank]
            assert kept.name == crop_name(1, 2, 3, 4, one.index, rank)
            assert kept.name.startswith(attempt_folder(1, 2, 3, 4))
            assert kept.size == len(store.get(kept.name))
            assert np.array_equal(store.get_image(kept.name, kept.sha256), crop.image)
    assert store.put_crops(1, 2, 9, 1, []) == {}


def test_missing_and_damaged_are_told_apart(store: Store) -> None:
    stored = store.put_image(NAME, picture(1, 100, 30))
    with pytest.raises(MissingFile, match=r"0005-1\.png is not in the result store"):
        store.get(crop_name(1, 2, 3, 4, 5, 1))
    with pytest.raises(MissingFile):
        store.get_image(attempt_folder(1, 2, 3, 4) + "none.png")
    data = store.get(NAME)
    store.put(NAME, data[:-1] + b"x")
    with pytest.raises(DamagedFile, match="not what was written"):
        store.get_image(NAME, stored.sha256)
    for broken in (b"", b"no picture"):
        store.put(NAME, broken)
        with pytest.raises(DamagedFile, match="no picture any more"):
            store.get_image(NAME)


def test_folders_are_removed_whole_and_alone(store: Store) -> None:
    kept = [
        crop_name(1, 20, 0, 1, 0, 0),
        crop_name(10, 2, 0, 1, 0, 0),
        frame_name(1, 20, "7-1", 5),
        frame_name(2, 1, "7-1", 5),
    ]
    gone = [crop_name(1, 2, 0, 1, 0, 0), crop_name(1, 2, 1, 3, 0, 1), frame_name(1, 2, "7-1", 5)]
    for name in kept + gone:
        store.put(name, b"data")
    for folder in video_folders(1, 2):
        store.remove(folder)
        store.remove(folder)
    assert names(store) == set(kept)
    for folder in job_folders(1):
        store.remove(folder)
    assert names(store) == {kept[1], kept[3]}


def test_a_file_is_removed_and_may_be_missing(store: Store) -> None:
    store.put(NAME, b"data")
    store.put(crop_name(1, 2, 3, 4, 5, 1), b"data")
    for _ in range(2):
        store.remove(NAME)
    assert names(store) == {crop_name(1, 2, 3, 4, 5, 1)}


def test_files_tell_size_and_age(store: Store) -> None:
    store.put(NAME, b"12345")
    store.put(frame_name(1, 2, "7-1", 3), b"123")
    assert {(file.name, file.size) for file in store.files()} == {(NAME, 5), (frame_name(1, 2, "7-1", 3), 3)}
    assert (
        names(store, "frames/1/") == names(store, "frames/1") == names(store, "frames/1/2/") == {"frames/1/2/7-1/3.jpg"}
    )
    assert names(store, "crops/7/") == set()
    assert all(file.age_s is not None and -1 < file.age_s < 60 for file in store.files())


@pytest.mark.parametrize(
    "name",
    ["", "/", "/etc/passwd", "..", "../x", "a/../../x", "a/..", "./a", "a//b", "a/", "a\\..\\b", "..\\x", "a\0b", "~/a",
     "s3://other/x", "a/*", "a?b", "a\n", "C:x"],
)  # fmt: skip
def test_no_name_leads_out(store: Store, name: str) -> None:
    store.put(NAME, b"data")
    for act in (lambda: store.put(name, b""), lambda: store.get(name), lambda: store.location(name)):
        with pytest.raises(DashplateError, match="does not lie in the result store"):
            act()
    for doomed in {name, name.rstrip("/") + "/"} - {"a/"}:
        with pytest.raises(DashplateError, match="does not lie in the result store"):
            store.remove(doomed)
    assert names(store) == {NAME}


def test_many_threads_share_one_store(store: Store) -> None:
    """Two contents race for each name: a reader gets one of them, whole."""
    contents = [bytes([byte]) * 30_000 for byte in (1, 2)]
    errors: list[BaseException] = []

    def work(content: bytes) -> None:
        try:
            for index in range(20):
                store.put(crop_name(1, 1, 1, 1, index, 0), content)
                assert store.get(crop_name(1, 1, 1, 1, index, 0)) in contents
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(names(store)) == 20
