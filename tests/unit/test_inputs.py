"""What a user names becomes files: folders searched, roots respected, changes noticed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.errors import Inaccessible, UsageError
from pipeline.inputs import FINGERPRINT_BYTES, check_allowed, find_media, fingerprint


def touched(path: Path, data: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_a_folder_is_searched_through_and_sorted(tmp_path: Path) -> None:
    wanted = [touched(tmp_path / name) for name in ("a/2.MP4", "a/b/1.mov", "c.jpeg", "d.ts")]
    for name in ("notes.txt", "a/._2.MP4", ".Trashes/old.mp4", "a/thumb.thm"):
        touched(tmp_path / name)
    assert find_media([tmp_path]) == sorted(wanted)


def test_the_order_of_the_arguments_is_kept_and_a_file_comes_once(tmp_path: Path) -> None:
    first, second = touched(tmp_path / "z.mp4"), touched(tmp_path / "y/a.mp4")
    assert find_media([str(first), tmp_path / "y", first]) == [first, second]


def test_a_missing_file_does_not_stop_the_others(tmp_path: Path) -> None:
    there, missing = touched(tmp_path / "a.mp4"), tmp_path / "gone.mp4"
    assert find_media([missing, there]) == [missing, there]


def test_a_file_named_by_itself_is_taken_whatever_its_ending(tmp_path: Path) -> None:
    foreign = touched(tmp_path / "recording.dat")
    assert find_media([foreign]) == [foreign]


@pytest.mark.parametrize("names", [[], ["notes.txt"]])
def test_a_folder_without_media_is_a_mistake_that_is_told(tmp_path: Path, names: list[str]) -> None:
    folder = tmp_path / "card"
    folder.mkdir()
    for name in names:
        touched(folder / name)
    with pytest.raises(UsageError, match="card holds no video and no photo") as problem:
        find_media([folder])
    assert str(tmp_path) not in str(problem.value)


def test_no_path_at_all_is_a_mistake() -> None:
    with pytest.raises(UsageError, match="Name at least one"):
        find_media([])


def test_links_do_not_lead_out_of_a_folder(tmp_path: Path) -> None:
    outside = touched(tmp_path / "outside/secret.mp4")
    inside = touched(tmp_path / "card/a.mp4")
    (tmp_path / "card/link.mp4").symlink_to(outside)
    (tmp_path / "card/folder").symlink_to(outside.parent)
    assert find_media([tmp_path / "card"]) == [inside]


def test_a_link_out_of_the_allowed_roots_is_refused(tmp_path: Path) -> None:
    outside = touched(tmp_path / "outside/secret.mp4")
    root = tmp_path / "root"
    allowed = touched(root / "a.mp4")
    link = root / "link.mp4"
    link.symlink_to(outside)
    assert check_allowed(root / "x/../a.mp4", [root]) == allowed.resolve()
    for path in (link, outside, root / "../outside/secret.mp4", tmp_path / "root2/a.mp4"):
        with pytest.raises(Inaccessible, match="outside the folders") as problem:
            check_allowed(path, [root])
        assert str(tmp_path) not in str(problem.value)


def test_without_roots_every_path_is_allowed(tmp_path: Path) -> None:
    assert check_allowed(tmp_path / "gone.mp4", []) == (tmp_path / "gone.mp4").resolve()


def test_a_fingerprint_stays_until_the_file_changes(tmp_path: Path) -> None:
    path = touched(tmp_path / "a.mp4", bytes(3 * FINGERPRINT_BYTES))
    os.utime(path, ns=(0, 1_000_000_000))
    before = fingerprint(path)
    assert fingerprint(path) == before
    for position in (0, -1):
        data = bytearray(3 * FINGERPRINT_BYTES)
        data[position] = 1
        path.write_bytes(data)
        os.utime(path, ns=(0, 1_000_000_000))
        assert fingerprint(path) != before
    path.write_bytes(bytes(3 * FINGERPRINT_BYTES))
    os.utime(path, ns=(0, 2_000_000_000))
    assert fingerprint(path) != before


def test_a_missing_file_has_no_fingerprint(tmp_path: Path) -> None:
    with pytest.raises(Inaccessible, match="gone"):
        fingerprint(tmp_path / "gone.mp4")
