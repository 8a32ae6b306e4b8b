"""No name, note or text that strangers chose does anything to a terminal, whichever command shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.standin import Drive
from tests.support.command_line import forkserver
from tests.support.road import Road, stand_in_road
from tests.support.terminal import HOSTILE, obeyed, on_a_terminal

NAME = f"{HOSTILE}.mp4"
#: What data may hold that is no control: a new line inside of a quoted field.
DATA = ("export", "sql")


@pytest.fixture
def road(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Road]:
    """A finished job of such a file, under such a name, a crop called like that, and such a note."""
    with stand_in_road(database_url, tmp_path / "data", DASHPLATE_REDIS_URL=redis_url) as made:
        made.run(NAME)
        made.do("UPDATE jobs SET name = :name, state = 'finished'", name=HOSTILE)
        made.do("UPDATE videos SET problem = :problem", problem=f"It is {HOSTILE}.")
        made.do("INSERT INTO watched (key, plate, note) VALUES ('AB12', 'AB12', :note)", note=HOSTILE)
        made.do(
            "INSERT INTO audit (who, host, action, query) VALUES (:text, :text, 'plates', :text)",
            text=HOSTILE.replace("\n", ""),
        )
        made.do("UPDATE crops SET name = :name WHERE id = 1", name=HOSTILE)
        yield made


def _check(words: tuple[str, ...], codes: tuple[int, ...] = (0,), **env: str) -> str:
    code, said = on_a_terminal(*words, env=env)
    assert code in codes, (words, said)
    assert not obeyed(said), (words, said)
    # Nor does a name choose its colour.
    assert "\x1b[31m\\u202e" not in said, (words, said)
    assert "Traceback" not in said, (words, said)
    if words[0] not in DATA:
        assert not [line for line in said.splitlines() if line.startswith("SPOOFED")], (words, said)
    return said


def test_commands_that_show_what_is_stored(road: Road) -> None:
    for words in (
        ("status",), ("status", "1"), ("status", "1", "--watch"), ("status", "1", "--json"), ("export", "1"),
        ("export", "1", "--format", "json"), ("sql", "-c", "SELECT path, problem FROM videos"),
        ("sql", "--json", "-c", "SELECT path, problem FROM videos"), ("audit", "--json"), ("watched", "list", "--json"),
    ):  # fmt: skip
        assert "evil" in _check(words), words
    # Words of several lines keep them, inside of their column.
    for words in (("watched", "list"), ("audit",)):
        assert "evil" in _check(words)
    assert "evil" in _check(("verify", "1"), (1,))
    assert "evil" in _check(("verify", "1", "--json"), (1,))


def test_commands_that_take_files_and_words(road: Road) -> None:
    file, gone, folder = road.folder / NAME, road.folder / f"{HOSTILE}-gone.mp4", road.folder / HOSTILE
    folder.mkdir()
    (folder / f"new {NAME}").write_bytes((road.folder / NAME).read_bytes())
    Drive(segments=1).write(folder / NAME)
    for words, codes in (
        (("submit", "--dry-run", str(file)), (0,)), (("submit", str(file), "--name", HOSTILE), (0,)),
        (("read", str(file), str(gone)), (3,)), (("read", str(file), "--json"), (3,)),
        (("watch", str(folder), "--settle", "0", "--every", "0.1", "--until-idle", "0"), (0,)),
        (("watch", str(gone)), (2,)), (("export", "1", "--out", str(file / "x.csv")), (1,)),
        (("export", "1", "--format", HOSTILE), (2,)), (("plates", HOSTILE), (0,)), (("watched", "add", HOSTILE), (2,)),
        (("watched", "remove", HOSTILE), (2,)), (("eval", "detection", str(file)), (2,)),
        (("eval", "reading", str(gone)), (2,)), (("eval", "stills", str(file)), (2,)),
        (("eval", "video", str(file)), (2,)), (("run", "--reader", f"/{HOSTILE}", "x"), (2,)),
        (("submit", f"@{file}"), (0, 2)), (("purge", "--older-than", HOSTILE), (2,)), (("worker", HOSTILE), (2,)),
        (("health", HOSTILE), (2,)), (("health", "worker", "read"), (5,)),
        ((HOSTILE,), (2,)), (("status", HOSTILE), (2,)), (("submit", f"--{HOSTILE}"), (2,)),
        (("down", "--data", str(road.folder / HOSTILE)), (0,)),
    ):  # fmt: skip
        _check(words, codes)


def test_json_is_the_same_wherever_it_goes(road: Road) -> None:
    def paths(said: str) -> list[str]:
        return [json.loads(line)["path"] for line in said.splitlines() if line.startswith("{")]

    words = ("sql", "--json", "-c", "SELECT path FROM videos")
    piped = forkserver.run(*words, check=True)
    expected = [str(road.folder / NAME)]
    assert paths(piped.stdout) == paths(_check(words)) == expected


def test_data_for_a_pipe_stay_as_they_are(road: Road) -> None:
    assert HOSTILE in forkserver.run("export", "1", check=True).stdout
