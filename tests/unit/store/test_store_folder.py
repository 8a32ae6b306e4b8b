"""The result store in a folder: whole files or none, trouble told apart, nothing outside reached."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from pipeline.errors import DashplateError
from store import Store, StoreError, StoreFull, StoreUnavailable, attempt_folder, crop_name
from tests.support.store import NAME, everything, names, tracklet

pytestmark = pytest.mark.usefixtures("no_store_waits")


def modes_below(root: Path) -> set[tuple[bool, int]]:
    """(whether it is a folder, permissions) of everything in a store."""
    return {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in root.rglob("*")}


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_store_that_is_made_is_its_owners_alone(tmp_path: Path, umask: int) -> None:
    root, before = tmp_path / "store", os.umask(umask)
    try:
        Store(root).put(NAME, b"data")
    finally:
        os.umask(before)
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    assert modes_below(root) == {(True, 0o700), (False, 0o600)}


@pytest.mark.parametrize(
    ("mode", "folders", "files"),
    [
        (0o755, 0o755, 0o644),
        (0o750, 0o750, 0o640),
        (0o2770, 0o2770, 0o660),
        (0o777, 0o777, 0o666),
        (0o700, 0o700, 0o600),
    ],
)
@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_what_is_written_is_as_open_as_the_store(
    tmp_path: Path, mode: int, folders: int, files: int, umask: int
) -> None:
    """Workers of several users share a store that somebody opened to them, whatever their umask."""
    tmp_path.chmod(mode)
    before = os.umask(umask)
    try:
        Store(tmp_path).put(NAME, b"data")
    finally:
        os.umask(before)
    assert modes_below(tmp_path) == {(True, folders), (False, files)}


def test_a_file_leaves_no_draft(tmp_path: Path) -> None:
    Store(tmp_path / "store").put(NAME, b"data")
    [path] = everything(tmp_path)
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
        "import os, signal, sys; from store import Store\n"
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
    assert isinstance(told.value, StoreError)
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
