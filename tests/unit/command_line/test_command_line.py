"""Whatever numbers and words a person gives to a command, the answer is a sentence and no traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import DashplateError
from tests.support.command_line.commands import NO_NUMBERS, TEXTS, Asked, invoke, parameters
from workers.settings import settings

NUMBERS = [one for one in parameters() if one.kind in ("int", "float")]
CHOICES = [one for one in parameters() if one.kind in ("Priority", "Stage")]
#: Of these, those that may be below zero.
SIGNED = {"clock_offset"}
#: Text that is stored or searched for.
PLAIN = {"name", "key", "pattern", "query", "plate", "note", "who", "reader"}


def _named(asked: Asked) -> str:
    return f"{'-'.join(asked.command)}-{asked.name}"


def answered(words: list[str]) -> tuple[int, str]:
    """A command's exit code and what it says; whatever it raises has to be one of our own errors."""
    result = invoke(*words)
    if isinstance(result.exception, DashplateError):
        return result.exception.exit_code, str(result.exception)
    if not isinstance(result.exception, SystemExit | None):
        raise AssertionError(words) from result.exception
    return result.exit_code, result.output


@pytest.fixture(autouse=True)
def _no_servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHPLATE_DATA_DIR", str(tmp_path / "data"))
    for name in ("DASHPLATE_REDIS_URL", "DASHPLATE_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    settings.cache_clear()


def test_every_command_is_walked() -> None:
    assert len({one.command for one in parameters()}) >= 28
    assert {one.name for one in NUMBERS} >= {
        "job", "limit", "seed", "seconds", "plates", "settle", "every", "until_idle", "flower_port", "port",
        "concurrency",
    }  # fmt: skip
    assert {one.name for one in parameters() if one.kind == "str"} >= PLAIN


@pytest.mark.parametrize("asked", NUMBERS, ids=_named)
def test_a_number_out_of_its_range_is_refused_before_anything_begins(asked: Asked, tmp_path: Path) -> None:
    for value in NO_NUMBERS:
        if asked.name in SIGNED and value == "-1":
            continue
        code, said = answered(asked.words(value))
        assert code == 2, (value, said)
        assert "Invalid value" in said, (value, said)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("asked", CHOICES, ids=_named)
def test_a_choice_that_there_is_none_of_is_refused(asked: Asked) -> None:
    for value in (*TEXTS, ""):
        assert answered(asked.words(value))[0] == 2


@pytest.mark.parametrize(
    "asked",
    [one for one in parameters() if one.kind == "str" and one.name in PLAIN and one.command[0] != "eval"],
    ids=_named,
)
def test_text_that_cannot_be_stored_is_refused_before_anything_begins(asked: Asked, tmp_path: Path) -> None:
    for value in TEXTS[:2]:
        code, said = answered(asked.words(value))
        assert code == 2, (value, said)
        assert "zero byte" in said or "no UTF-8" in said, said
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "words",
    [("worker",), ("worker", "read", "--loglevel"), ("health",), ("health", "worker"), ("flower", "--address"),
     ("export", "1", "--format"), ("purge", "--older-than"), ("audit", "--since"), ("run", "x", "--retain"),
     ("run", "x", "--country"), ("run", "x", "--reader-engine"), ("read", "x", "--country"), ("read", "x", "--reader"),
     ("eval", "reading"), ("eval", "stills"), ("eval", "detection"), ("eval", "video"), ("eval", "rides"), ("read",)],
    ids=" ".join,
)  # fmt: skip
def test_a_word_that_nobody_can_mean_is_refused(words: tuple[str, ...]) -> None:
    for value in TEXTS:
        code, said = answered([*words, value])
        assert code in (2, 3, 5), (value, said)


@pytest.mark.parametrize("span", ["0", "-1d", "99999999999d", "1y", "1.5d", "\u0663d", "", "36526d"])
@pytest.mark.parametrize("words", [("purge", "--older-than"), ("audit", "--since"), ("submit", "x", "--retain")])
def test_a_span_of_time_that_is_none_is_refused(words: tuple[str, ...], span: str) -> None:
    assert answered([*words[:-1], f"{words[-1]}={span}"])[0] == 2
