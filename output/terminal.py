"""Writes to the terminal: nothing that goes through it can move the cursor or turn the direction of text.

Names of files come from memory cards and from strangers, and a terminal obeys what stands in them. `out` and `err`
spell such characters out before rich adds its own styling. `guard` does the same for everything else that this process
writes to a terminal: plain prints, the command parser's complaints, tracebacks. Data for a file or a pipe stay as they
are.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from typing import Any, TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from pipeline.sources.source import spelled

#: A file or a pipe has no width; in this one, lines stay whole.
_UNSEEN_WIDTH = 240
#: What lays out text, and cannot do harm.
_LAYOUT = "\n\t"
#: Sets colours and weights of what follows, and nothing else.
_STYLE = re.compile(r"(\x1b\[[0-9;]*m)")


class Terminal(Console):
    """Rich's console, for text that strangers may have written."""

    def render_str(self, text: str, **options: Any) -> Text:
        # Before the layout, so that columns stay straight.
        return super().render_str(spelled(text, _LAYOUT), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=spelled(segment.text, _LAYOUT))


#: Results go to standard output, everything about the way there to standard error. `:car:` in a name is no picture.
out = Terminal(highlight=False, emoji=False, soft_wrap=True, width=None if sys.stdout.isatty() else _UNSEEN_WIDTH)
err = Terminal(stderr=True, highlight=False, emoji=False)


class _Guarded:
    """A text stream to a terminal that lets styling through and spells other controls out."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        parts = _STYLE.split(text)
        parts[::2] = [spelled(part, _LAYOUT) for part in parts[::2]]
        self._stream.write("".join(parts))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def guard() -> None:
    """From now on, nothing reaches a terminal through `sys.stdout` and `sys.stderr` but through the filter."""
    # What the consoles write has passed it already, and they do move the cursor.
    if sys.stdout.isatty():
        out.file, sys.stdout = sys.stdout, _Guarded(sys.stdout)
    if sys.stderr.isatty():
        err.file, sys.stderr = sys.stderr, _Guarded(sys.stderr)


def write_data(text: str) -> None:
    """Data on standard output: as they are for a file or a pipe, spelled out on a terminal."""
    sys.stdout.write(spelled(text, _LAYOUT) if sys.stdout.isatty() else text)


def say(sentence: str) -> None:
    """A result in words, on standard output."""
    out.print(sentence, markup=False)


def complain(sentence: str) -> None:
    """What is wrong, in words that may quote anything, as one line on standard error."""
    err.print(spelled(sentence), markup=False, soft_wrap=True)
