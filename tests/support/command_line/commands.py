"""Runs commands in this process, and walks them: every command, every parameter, values that nobody can mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args
from unittest.mock import patch

import typer
from typer import testing
from typer.main import get_command

from dashplate.cli.program import app

#: For parameters that are numbers.
NO_NUMBERS = ("-1", "99999999999999999999", "-99999999999999999999", "1e400", "nan", "inf", "two", "")
#: For those that are text: a zero byte, a byte that is no UTF-8, a terminal's command, what looks like markup, much.
TEXTS = ("a\0b", "caf\udce9", "\x1b[2J\u202e", "[/red][link=x]", "%s{}$(x)'\"", "x" * 5000)


@cache
def tree(asked: typer.Typer) -> Any:
    """The commands as Typer builds them, each time anew: that takes longer than most commands."""
    return get_command(asked)


def invoke(*words: str) -> testing.Result:
    """As `CliRunner` does."""
    with patch.object(testing, "_get_command", tree):
        return testing.CliRunner().invoke(app, words)


@dataclass(frozen=True)
class Asked:
    """A parameter of a command, and how to give it."""

    command: tuple[str, ...]
    name: str
    kind: str
    #: Arguments that come first because the command needs them.
    needed: tuple[str, ...]
    #: Of the option; empty for an argument, which then is the last word.
    flag: tuple[str, ...]

    def words(self, value: str) -> list[str]:
        given = [f"{self.flag[0]}={value}"] if self.flag and self.flag[0].startswith("--") else [*self.flag, value]
        return [*self.command, *given, "--", *self.needed] if self.flag else [*self.command, "--", *self.needed, value]


def parameters() -> Iterator[Asked]:
    """Every parameter that takes a value."""
    for command, found in _commands(tree(app), ()):
        arguments = [p for p in found.params if p.param_type_name == "argument"]
        for place, argument in enumerate(arguments):
            before = tuple(map(_something, arguments[:place]))
            yield Asked(command, argument.name, _kind(argument), before, ())
        needed = tuple(_something(a) for a in arguments if a.required)
        for option in found.params:
            if option.param_type_name == "option" and _kind(option) != "bool":
                long = max(option.opts, key=len)
                yield Asked(command, option.name, _kind(option), needed, (long,))


def _commands(group: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*path, name))
        else:
            yield (*path, name), command


def _kind(parameter: Any) -> str:
    """`int`, `float`, `str`, `Path`, the name of an enumeration, or `bool` for one without a value."""
    annotation = parameter.type_descriptor.annotation
    inner = [one for one in get_args(annotation) if one is not type(None)] or [annotation]
    return str(getattr(inner[0], "__name__", inner[0]))


def _something(parameter: Any) -> str:
    return "1" if _kind(parameter) in ("int", "float") else "x"
