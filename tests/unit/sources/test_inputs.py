"""What a user names becomes files: folders searched, roots respected, changes noticed."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.errors import Inaccessible, UsageError
from pipeline.sources.expand import FINGERPRINT_BYTES, check_allowed, expand, find_media, fingerprint, fingerprints


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


def test_many_are_fingerprinted_in_their_order_and_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    paths = [touched(tmp_path / f"{number}.mp4", str(number).encode()) for number in range(300)]
    paths[100] = tmp_path / "gone.mp4"
    os.mkfifo(tmp_path / "pipe.mp4")
    paths[200] = tmp_path / "pipe.mp4"
    found = list(fingerprints(paths, threads=4))
    assert [item.source for item in found] == paths
    for number, item in enumerate(found):
        if number in (100, 200):
            assert item.fingerprint == f"path:{paths[number]}"
            assert paths[number].name in (item.reason or "")
        else:
            assert (item.fingerprint, item.reason) == (fingerprint(paths[number]), None)


# Patterns


def named(words: Sequence[str | Path], below: Path) -> list[str]:
    return [str(Path(str(source)).relative_to(below)) for source in expand(words)]


def test_a_pattern_means_the_files_that_it_matches(tmp_path: Path) -> None:
    for name in ("a/1.mp4", "a/b/2.mp4", "a/b/3.dat", "c/4.MP4", "a/.x/5.mp4", "a/._1.mp4", "6.mp4", "a/notes.txt"):
        touched(tmp_path / name)
    pattern = str(tmp_path)
    assert named([f"{pattern}/**/*.mp4"], tmp_path) == ["6.mp4", "a/1.mp4", "a/b/2.mp4"]
    assert named([f"{pattern}/*/*"], tmp_path) == ["a/1.mp4", "a/b/2.mp4", "c/4.MP4"]
    assert named([f"{pattern}/a/*/*.dat"], tmp_path) == ["a/b/3.dat"]
    assert named([f"{pattern}/[ac]"], tmp_path) == ["a/1.mp4", "a/b/2.mp4", "c/4.MP4"]
    assert named([f"{pattern}/?.mp4", f"{pattern}/*.mp4"], tmp_path) == ["6.mp4"]


def test_a_pattern_that_starts_here_means_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touched(tmp_path / "card/a/1.mp4")
    monkeypatch.chdir(tmp_path)
    assert list(expand(["c*/**/*.mp4"])) == list(expand(["./card/*/1.*"])) == [Path("card/a/1.mp4")]


def test_a_file_with_wildcards_in_its_name_wins_over_the_pattern(tmp_path: Path) -> None:
    for name in ("take [1].mp4", "take 1.mp4", "*.mp4"):
        touched(tmp_path / name)
    assert named([f"{tmp_path}/take [1].mp4"], tmp_path) == ["take [1].mp4"]
    assert named([f"{tmp_path}/*.mp4"], tmp_path) == ["*.mp4"]


def test_a_pattern_that_matches_nothing_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"No file fits .*\*\.mp4"):
        list(expand([f"{tmp_path}/*.mp4"]))
    there = touched(tmp_path / "a.mov")
    assert named([f"{tmp_path}/*.mp4", str(there)], tmp_path) == ["*.mp4", "a.mov"]


def test_patterns_do_not_follow_links_out_of_their_folder_nor_in_circles(tmp_path: Path) -> None:
    outside = touched(tmp_path / "outside/secret.mp4")
    touched(tmp_path / "card/a.mp4")
    (tmp_path / "card/link.mp4").symlink_to(outside)
    (tmp_path / "card/folder").symlink_to(outside.parent)
    (tmp_path / "card/round").symlink_to(tmp_path / "card")
    assert named([f"{tmp_path}/card/**/*.mp4"], tmp_path) == ["card/a.mp4"]


# Lists


def test_a_list_names_a_path_or_address_a_line(tmp_path: Path) -> None:
    for name in ("b.mp4", "day/1.mp4", "day/2.mp4", " spaces .mp4", "[x]*.mp4"):
        touched(tmp_path / name)
    lines = [
        "\ufeff# the drives of today", "", "b.mp4", "day", "gone.mp4", "  # no", " spaces .mp4", "s3://b/k.mp4 ",
        "[x]*.mp4", str(tmp_path / "b.mp4"), "day/2.mp4",
    ]  # fmt: skip
    (tmp_path / "list.txt").write_bytes("\r\n".join(lines).encode())
    found = [str(source).removeprefix(f"{tmp_path}/") for source in expand([f"@{tmp_path}/list.txt"])]
    assert found == [
        "b.mp4", "day/1.mp4", "day/2.mp4", "gone.mp4", " spaces .mp4", "s3://b/k.mp4", "[x]*.mp4",
    ]  # fmt: skip


def test_a_list_with_zero_bytes_takes_names_with_newlines(tmp_path: Path) -> None:
    names = ["two\nlines.mp4", "#1.mp4", os.fsdecode(b"caf\xe9.mp4"), "🚗.mp4"]
    (tmp_path / "list").write_bytes(b"".join(os.fsencode(name) + b"\0" for name in names))
    assert list(expand([f"@{tmp_path}/list"])) == [tmp_path / name for name in names]


def test_a_list_as_powershell_writes_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes("a.mp4\r\nü.mp4\r\n".encode("utf-16"))
    assert list(expand([f"@{tmp_path}/list.txt"])) == [tmp_path / "a.mp4", tmp_path / "ü.mp4"]


def test_a_file_that_begins_like_a_list_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touched(tmp_path / "@home.mp4")
    monkeypatch.chdir(tmp_path)
    assert list(expand(["@home.mp4"])) == [Path("@home.mp4")]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "list.txt names no path"),
        (b"# nothing\n\n", "list.txt names no path"),
        (b"a.mp4\nhttps://me:pw@h/a.mp4\n", "list.txt, line 2: A https:// address carries"),
        (b"zip://a::s3://b/c\n", "line 1: An address on top of another"),
    ],
)
def test_a_list_that_cannot_be_meant_is_told(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "list.txt").write_bytes(content)
    with pytest.raises(UsageError, match=sentence) as problem:
        list(expand([f"@{tmp_path}/list.txt"]))
    assert "pw" not in str(problem.value)


def test_a_list_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"The list list\.txt cannot be read"):
        list(expand([f"@{tmp_path}/list.txt"]))


@pytest.mark.parametrize("data", [b"a.mp4\nb.mp4\n", b"a.mp4\0b.mp4\0"])
def test_standard_input_is_a_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert list(expand(["-"])) == [Path("a.mp4"), Path("b.mp4")]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    with pytest.raises(UsageError, match="Standard input names no path"):
        list(expand(["-"]))


# Size


def test_ten_thousand_files_are_found_and_fingerprinted_in_seconds(tmp_path: Path) -> None:
    for number in range(10_000):
        touched(tmp_path / f"{number % 100}/{number}.mp4")
    begin = time.process_time()
    found = list(expand([str(tmp_path)]))
    assert len(found) == 10_000
    assert time.process_time() - begin < 5
    assert len({item.fingerprint for item in fingerprints(found)}) == 10_000
    assert time.process_time() - begin < 20
