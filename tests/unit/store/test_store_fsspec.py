"""The result store behind fsspec, where writes may fail half way."""

from __future__ import annotations

import errno
from pathlib import Path

import fsspec
import numpy as np
import pytest

from pipeline.errors import DashplateError, MissingDependency, UsageError
from store import Store, StoreFull, StoreUnavailable
from tests.support.store import NAME, Faulty, everything, faulty, names, tracklet

pytestmark = pytest.mark.usefixtures("no_store_waits")


def test_one_write_in_ten_may_fail(tmp_path: Path) -> None:
    store = faulty(tmp_path, every=10)
    tracklets = [tracklet(index, 12) for index in range(8)]
    stored = store.put_crops(1, 2, 3, 4, tracklets)
    assert Faulty.failed >= 9
    assert names(store) == {one.name for one in stored.values()}
    assert len(everything(tmp_path)) == 96
    for one in stored.values():
        store.get_image(one.name, one.sha256)


def test_a_write_that_always_fails_leaves_what_was_there(tmp_path: Path) -> None:
    store = faulty(tmp_path, every=1000)
    store.put(NAME, b"before")
    Faulty.every = 1
    with pytest.raises(StoreUnavailable, match="Input/output error"):
        store.put(NAME, b"after")
    assert Faulty.failed == 4
    assert store.get(NAME) == b"before"
    assert len(everything(tmp_path)) == 1


def test_a_full_far_side_is_said_at_once(tmp_path: Path) -> None:
    store = faulty(tmp_path, every=1, error=errno.ENOSPC)
    with pytest.raises(StoreFull):
        store.put(NAME, b"data")
    assert Faulty.failed == 1
    assert everything(tmp_path) == []


def test_a_store_that_may_not_be_written_is_not_asked_twice(tmp_path: Path) -> None:
    store = faulty(tmp_path, every=1, error=errno.EACCES)
    with pytest.raises(StoreUnavailable, match="Permission denied"):
        store.put(NAME, b"data")
    assert Faulty.failed == 1


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
