"""When a file counts as complete: told with a clock that the test turns."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dashplate.commands.watch import Arrivals, _listing, signature
from pipeline.sources.expand import expand, split_roots
from pipeline.sources.source import Remote, Source
from tests.support.web_server import web_server


class Clock:
    """Seconds, as the test sets them."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def arrivals(clock: Clock) -> Arrivals:
    return Arrivals(10.0, clock)


def wrote(path: Path, data: bytes, when: int) -> Path:
    path.write_bytes(data)
    os.utime(path, (when, when))
    return path


def test_a_file_is_taken_once_it_has_rested(arrivals: Arrivals, clock: Clock, tmp_path: Path) -> None:
    file = wrote(tmp_path / "a.mp4", b"1", 1)
    assert (arrivals.look([file]), arrivals.waiting) == ([], 1)
    clock.now += 9.9
    assert arrivals.look([file]) == []
    clock.now += 0.1
    assert (arrivals.look([file]), arrivals.waiting) == ([file], 0)
    clock.now += 60.0
    assert (arrivals.look([file]), arrivals.waiting) == ([], 0), "once is enough"


@pytest.mark.parametrize(("data", "when"), [(b"12", 1), (b"2", 2)])
def test_a_file_that_changes_rests_anew(
    arrivals: Arrivals, clock: Clock, tmp_path: Path, data: bytes, when: int
) -> None:
    file = wrote(tmp_path / "a.mp4", b"1", 1)
    arrivals.look([file])
    clock.now += 9.0
    wrote(file, data, when)
    assert arrivals.look([file]) == []
    clock.now += 9.0
    assert arrivals.look([file]) == []
    clock.now += 1.0
    assert arrivals.look([file]) == [file]


def test_a_file_that_changes_after_it_was_taken_is_taken_again(
    arrivals: Arrivals, clock: Clock, tmp_path: Path
) -> None:
    file = wrote(tmp_path / "a.mp4", b"1", 1)
    arrivals.look([file])
    clock.now += 10.0
    assert arrivals.look([file]) == [file]
    wrote(file, b"other", 2)
    assert (arrivals.look([file]), arrivals.waiting) == ([], 1)
    clock.now += 10.0
    assert arrivals.look([file]) == [file]


def test_files_wait_apart(arrivals: Arrivals, clock: Clock, tmp_path: Path) -> None:
    first, second = wrote(tmp_path / "a.mp4", b"1", 1), wrote(tmp_path / "b.mp4", b"2", 1)
    arrivals.look([first])
    clock.now += 6.0
    assert (arrivals.look([first, second]), arrivals.waiting) == ([], 2)
    clock.now += 4.0
    assert (arrivals.look([first, second]), arrivals.waiting) == ([first], 1)
    clock.now += 6.0
    assert arrivals.look([first, second]) == [second]


def test_a_file_that_goes_is_no_longer_waited_for_and_begins_anew(
    arrivals: Arrivals, clock: Clock, tmp_path: Path
) -> None:
    file = wrote(tmp_path / "a.mp4", b"1", 1)
    arrivals.look([file])
    clock.now += 9.0
    file.unlink()
    assert (arrivals.look([file]), arrivals.waiting) == ([], 0), "it went between the listing and the look"
    wrote(file, b"1", 1)
    clock.now += 9.0
    assert arrivals.look([file]) == []
    clock.now += 10.0
    assert arrivals.look([file]) == [file]


def test_a_listing_that_fails_for_a_moment_takes_nothing_twice(
    arrivals: Arrivals, clock: Clock, tmp_path: Path
) -> None:
    file = wrote(tmp_path / "a.mp4", b"1", 1)
    arrivals.look([file])
    clock.now += 10.0
    assert arrivals.look([file]) == [file]
    assert arrivals.look([]) == []
    clock.now += 20.0
    assert arrivals.look([file]) == []


def test_objects_are_told_by_their_listing(arrivals: Arrivals, clock: Clock) -> None:
    def listed(etag: str) -> list[Source]:
        return [Remote("memory://cards/a.mp4", {"size": 5, "ETag": etag})]

    arrivals.look(listed("one"))
    clock.now += 10.0
    assert arrivals.look(listed("one")) == listed("one")
    clock.now += 10.0
    assert arrivals.look(listed("two")) == []
    clock.now += 10.0
    assert arrivals.look(listed("two")) == listed("two")


@pytest.mark.parametrize("name", ["size", "ETag", "etag", "LastModified", "last_modified", "mtime", "updated", "md5"])
def test_whatever_a_store_says_of_a_change_counts(name: str) -> None:
    before, after = (Remote("memory://cards/a.mp4", {name: value}) for value in ("1", "2"))
    assert signature(before) != signature(after)
    assert signature(before) == signature(Remote("memory://cards/a.mp4", {name: "1", "other": "3"}))


def test_what_is_gone_looks_like_nothing(tmp_path: Path) -> None:
    assert signature(tmp_path / "gone.mp4") is None


def test_a_file_on_the_web_is_asked_for_until_it_is_taken(arrivals: Arrivals, clock: Clock) -> None:
    """An index page says names alone."""
    with web_server() as site:
        site.files |= {"/cards/": '<a href="1.mp4">1</a>', "/cards/1.mp4": b"1"}

        def listed() -> list[Source]:
            return list(expand([f"{site.url}/cards/"], split_roots(f"{site.url}/")))

        arrivals.look(listed())
        clock.now += 9.0
        site.files["/cards/1.mp4"] = b"12"
        assert arrivals.look(listed()) == []
        clock.now += 9.0
        assert arrivals.look(listed()) == []
        clock.now += 1.0
        assert [source.name for source in arrivals.look(listed())] == ["1.mp4"]
        assert (arrivals.look(listed()), arrivals.waiting) == ([], 0)
        del site.files["/cards/1.mp4"]
        gone = listed()
        assert [signature(source) for source in gone] == [None]


def test_a_folder_that_cannot_be_looked_into_is_no_file(tmp_path: Path) -> None:
    """`expand` gives it on, so that a submission has a video that says why; a watch would take it in as one."""
    assert _listing(tmp_path / "gone") is None
    # On a private host, which nobody has allowed.
    assert _listing(Remote("http://127.0.0.1/cards/")) is None
    assert _listing(tmp_path) == []
    file = wrote(tmp_path / "a.mp4", b"1", 1)
    assert _listing(tmp_path) == [file]
