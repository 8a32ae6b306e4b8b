"""The result store in a folder and behind fsspec: whole files or none, trouble told apart, nothing outside reached."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from celery.exceptions import SoftTimeLimitExceeded
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from pipeline.errors import DashplateError, MissingDependency, UsageError
from pipeline.records import Box, Crop, Observation, Tracklet
from tests.media_files import picture
from workers.store import (
    DamagedFile,
    MissingFile,
    Store,
    Stored,
    StoreFull,
    StoreTrouble,
    StoreUnavailable,
    attempt_folder,
    crop_name,
    frame_name,
    job_folders,
    trouble,
    video_folders,
)

NAME = crop_name(1, 2, 3, 4, 5, 0)


class Flaky(LocalFileSystem):
    """Local files where every tenth write fails half way."""

    protocol = "flaky"
    writes = 0
    failed = 0
    every = 10
    error = errno.EIO

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any) -> None:
        Flaky.writes += 1
        if Flaky.writes % Flaky.every == 0:
            super().pipe_file(path, value[: len(value) // 2], mode, **kwargs)
            Flaky.failed += 1
            raise OSError(Flaky.error, os.strerror(Flaky.error))
        super().pipe_file(path, value, mode, **kwargs)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trouble, "WAITS_S", (0.001, 0.001, 0.001))


@pytest.fixture(params=["folder", "file_url", "flaky", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Every kind of place; what holds for one holds for all."""
    if request.param == "folder":
        yield Store(tmp_path / "store")
    elif request.param == "file_url":
        yield Store(f"file://{tmp_path}/store")
    elif request.param == "flaky":
        yield flaky(tmp_path, every=10)
    else:
        yield Store("memory://store/below")
        MemoryFileSystem.store.clear()
        MemoryFileSystem.pseudo_dirs[:] = [""]


def flaky(folder: Path, every: int, error: int = errno.EIO) -> Store:
    fsspec.register_implementation("flaky", Flaky, clobber=True)
    Flaky.writes = Flaky.failed = 0
    Flaky.every, Flaky.error = every, error
    return Store(f"flaky://{folder}/store")


def tracklet(index: int, crops: int) -> Tracklet:
    seen = Observation(index, 0.0, Box(0, 0, 10, 10), 0.9)
    images = [picture(10 * index + rank, 120 + index, 40) for rank in range(crops)]
    return Tracklet(index, (seen,), tuple(Crop(seen, Box(0, 0, 1, 1), 1.0, image) for image in images))


def names(store: Store, folder: str = "") -> set[str]:
    return {file.name for file in store.files(folder)}


def everything(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


# What every place does


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
    frame = store.put_image(frame_name(1, 2, 3000), image)
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
    kept = [crop_name(1, 20, 0, 1, 0, 0), crop_name(10, 2, 0, 1, 0, 0), frame_name(1, 20, 5), frame_name(2, 1, 5)]
    gone = [crop_name(1, 2, 0, 1, 0, 0), crop_name(1, 2, 1, 3, 0, 1), frame_name(1, 2, 5)]
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
    store.put(frame_name(1, 2, 3), b"123")
    assert {(file.name, file.size) for file in store.files()} == {(NAME, 5), (frame_name(1, 2, 3), 3)}
    assert names(store, "frames/1/") == names(store, "frames/1") == names(store, "frames/1/2/") == {"frames/1/2/3.jpg"}
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
    troubles: list[BaseException] = []

    def work(content: bytes) -> None:
        try:
            for index in range(20):
                store.put(crop_name(1, 1, 1, 1, index, 0), content)
                assert store.get(crop_name(1, 1, 1, 1, index, 0)) in contents
        except BaseException as error:
            troubles.append(error)

    threads = [threading.Thread(target=work, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []
    assert len(names(store)) == 20


# A folder


def test_a_file_is_readable_and_leaves_no_draft(tmp_path: Path) -> None:
    Store(tmp_path / "store").put(NAME, b"data")
    [path] = everything(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert Store(tmp_path / "store").location(NAME) == str(path)


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, str]] = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(handle: int) -> None:
        calls.append(("fsync", os.readlink(f"/proc/self/fd/{handle}")))
        fsync(handle)

    def noted_replace(draft: str, path: str) -> None:
        calls.append(("replace", path))
        replace(draft, path)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    store = Store(tmp_path / "store")
    store.put(NAME, b"data")
    folder = tmp_path / "store" / attempt_folder(1, 2, 3, 4)
    new = [tmp_path, *list(folder.relative_to(tmp_path).parents)[-2::-1]]
    assert [path for call, path in calls[: len(new)] if call == "fsync"] == [str(tmp_path / path) for path in new]
    draft, named, settled = calls[len(new) :]
    assert draft[0] == "fsync"
    assert Path(draft[1]).parent == folder
    assert Path(draft[1]).name.startswith(".draft-")
    assert (named, settled) == (("replace", str(folder / "0005-0.png")), ("fsync", str(folder)))
    calls.clear()
    store.put_crops(1, 2, 3, 4, [tracklet(0, 5)])
    assert calls.count(("fsync", str(folder))) == 1
    assert calls[-1] == ("fsync", str(folder))


def test_a_killed_writer_leaves_a_draft_that_can_be_swept(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.put(NAME, b"before")
    code = (
        "import os, signal, sys; from workers.store import Store\n"
        "os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "Store(sys.argv[1]).put(sys.argv[2], b'after')\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "store"), NAME], check=False)
    assert done.returncode == -signal.SIGKILL
    assert store.get(NAME) == b"before"
    [draft] = [path for path in everything(tmp_path) if path.name.startswith(".draft-")]
    assert names(store) == {NAME}
    hours_ago = time.time() - 2 * 3600
    os.utime(draft, (hours_ago, hours_ago))
    [swept] = [file for file in store.files() if file.name != NAME]
    assert swept.name == str(draft.relative_to(tmp_path / "store"))
    assert swept.age_s is not None
    assert swept.age_s > 3600
    store.remove(swept.name)
    assert not draft.exists()


def test_a_removed_job_leaves_no_folders(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.put(crop_name(1, 2, 3, 4, 5, 0), b"data")
    store.remove(attempt_folder(1, 2, 3, 4))
    assert list((tmp_path / "store").iterdir()) == []
    store.put(NAME, b"data")
    assert store.get(NAME) == b"data"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    tries = []

    def full(handle: int) -> None:
        tries.append(handle)
        raise OSError(number, os.strerror(number))

    store = Store(tmp_path)
    (tmp_path / NAME).parent.mkdir(parents=True)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreFull, match="is full") as told:
        store.put(NAME, b"data")
    assert isinstance(told.value, StoreTrouble)
    assert told.value.exit_code == 5
    assert len(tries) == 1
    assert everything(tmp_path) == []


def test_a_passing_fault_is_tried_again_from_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a failed fsync the disk may hold nothing of the draft, so each try writes a new one."""
    drafts, fsync = set(), os.fsync

    def flaky_fsync(handle: int) -> None:
        path = os.readlink(f"/proc/self/fd/{handle}")
        if ".draft-" in path:
            drafts.add(path)
            if len(drafts) < 4:
                raise OSError(errno.EIO, "Input/output error")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", flaky_fsync)
    store = Store(tmp_path)
    store.put(NAME, b"data")
    assert len(drafts) == 4
    assert [path.name for path in everything(tmp_path)] == ["0005-0.png"]


def test_a_lasting_fault_ends_as_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    store.put(NAME, b"before")
    tries = []

    def broken(handle: int) -> None:
        tries.append(handle)
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        store.put(NAME, b"after")
    assert len(tries) == 4
    assert store.get(NAME) == b"before"
    assert len(everything(tmp_path)) == 1


def test_a_folder_that_cannot_be_made_durable_is_not_tried_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, fsync, tries = Store(tmp_path), os.fsync, []
    store.put(NAME, b"before")

    def broken(handle: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{handle}"):
            tries.append(handle)
            raise OSError(errno.EIO, "Input/output error")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(StoreUnavailable):
        store.put(NAME, b"after")
    assert len(tries) == 1


def test_a_folder_that_is_away_is_not_a_missing_file(tmp_path: Path) -> None:
    """An unmounted disk must not look as if all crops had been lost."""
    with pytest.raises(StoreUnavailable, match="the folder is not there"):
        Store(tmp_path / "unmounted").get(NAME)


def test_our_own_mistakes_and_time_limits_pass_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    for error in (SoftTimeLimitExceeded(), KeyError("mistake")):
        monkeypatch.setattr(os, "replace", lambda *_, error=error: (_ for _ in ()).throw(error))
        with pytest.raises(type(error)):
            store.put(NAME, b"data")
        assert everything(tmp_path) == []


def test_links_that_lead_out_are_refused(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "store"
    outside.mkdir()
    root.mkdir()
    (outside / "secret.png").write_bytes(b"secret")
    (root / "crops").symlink_to(outside)
    (root / "file.png").symlink_to(outside / "secret.png")
    store = Store(root)
    for name in ("crops/secret.png", "crops/new.png", "file.png"):
        for act in (lambda: store.put(name, b""), lambda: store.get(name), lambda: store.remove(name)):  # noqa: B023
            with pytest.raises(DashplateError, match="does not lie in the result store"):
                act()
    with pytest.raises(DashplateError, match="does not lie in the result store"):
        store.remove("crops/")
    assert names(store) == set()
    assert (outside / "secret.png").read_bytes() == b"secret"
    assert len(list(outside.iterdir())) == 1


def test_a_root_that_is_a_link_is_fine(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "store").symlink_to(tmp_path / "real")
    Store(tmp_path / "store").put(NAME, b"data")
    assert (tmp_path / "real" / NAME).read_bytes() == b"data"


def test_foreign_files_are_not_listed(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir(mode=0o000)
    (tmp_path / "my notes.txt").write_text("mine")
    Store(tmp_path).put(NAME, b"data")
    assert names(Store(tmp_path)) == {NAME}


def test_room_is_kept_free(tmp_path: Path) -> None:
    free = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    Store(tmp_path / "not" / "yet", reserve_bytes=0).check_room()
    with pytest.raises(StoreFull, match=r"MB left and keeps \d+ MB free"):
        Store(tmp_path, reserve_bytes=2 * free).check_room()
    with pytest.raises(StoreFull):
        Store(tmp_path, reserve_bytes=0).check_room(2 * free)
    Store("memory://store", reserve_bytes=2 * free).check_room(2 * free)


# Behind fsspec


def test_one_write_in_ten_may_fail(tmp_path: Path) -> None:
    store = flaky(tmp_path, every=10)
    tracklets = [tracklet(index, 12) for index in range(8)]
    stored = store.put_crops(1, 2, 3, 4, tracklets)
    assert Flaky.failed >= 9
    assert names(store) == {one.name for one in stored.values()}
    assert len(everything(tmp_path)) == 96
    for one in stored.values():
        store.get_image(one.name, one.sha256)


def test_a_write_that_always_fails_leaves_what_was_there(tmp_path: Path) -> None:
    store = flaky(tmp_path, every=1000)
    store.put(NAME, b"before")
    Flaky.every = 1
    with pytest.raises(StoreUnavailable, match="Input/output error"):
        store.put(NAME, b"after")
    assert Flaky.failed == 4
    assert store.get(NAME) == b"before"
    assert len(everything(tmp_path)) == 1


def test_a_full_far_side_is_said_at_once(tmp_path: Path) -> None:
    store = flaky(tmp_path, every=1, error=errno.ENOSPC)
    with pytest.raises(StoreFull):
        store.put(NAME, b"data")
    assert Flaky.failed == 1
    assert everything(tmp_path) == []


def test_a_store_that_may_not_be_written_is_not_asked_twice(tmp_path: Path) -> None:
    store = flaky(tmp_path, every=1, error=errno.EACCES)
    with pytest.raises(StoreUnavailable, match="Permission denied"):
        store.put(NAME, b"data")
    assert Flaky.failed == 1


def test_a_url_is_checked_when_the_store_is_opened() -> None:
    with pytest.raises(UsageError, match="holds a password") as told:
        Store("sftp://user:hunter2@host/store")
    assert "hunter2" not in str(told.value)
    with pytest.raises(UsageError, match="cannot lie at nonsense://x"):
        Store("nonsense://x")
    fsspec.register_implementation("needy", "no_such_library.Files", clobber=True, errtxt="Install no_such_library.")
    with pytest.raises(MissingDependency, match=r"needs a library more: Install no_such_library\."):
        Store("needy://bucket/store")


def test_locations_are_for_people(tmp_path: Path) -> None:
    assert Store(Path("store")).location(NAME) == f"store/{NAME}"
    assert Store("memory://bucket/below/").location(NAME) == f"memory://bucket/below/{NAME}"


def test_png_is_refused_what_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(DashplateError, match="could not be encoded"):
        Store(tmp_path).put_image(NAME, np.zeros((0, 3, 3), np.uint8))
    assert everything(tmp_path) == []
