"""Commands in a terminal of their own, and what of their output it would obey in place of showing it."""

from __future__ import annotations

import os
import pty
import re
import unicodedata
from collections.abc import Mapping

from tests.support.command_line import forkserver

#: Sets a window's title, clears the screen, turns the direction of text, begins a line of its own.
HOSTILE = "evil\x1b]0;title\x07\x1b[2J\x1b[31m\u202ecod.\u009b2J\x7f[red]\nSPOOFED"
#: Sets colours and weights; rich's cursor commands for its progress bars.
_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_PROGRESS = re.compile(r"\x1b\[(\?25[lh]|1A|2K)|\r")


def on_a_terminal(*words: str, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run `dashplate WORDS` with a terminal for all three streams; returns its exit code and what was written."""
    ours, its = pty.openpty()
    environment = {**os.environ, **(env or {}), "TERM": "xterm", "COLUMNS": "200"}
    process = forkserver.start(*words, stdin=its, stdout=its, stderr=its, env=environment)
    os.close(its)
    said = bytearray()
    try:
        while data := _read(ours):
            said += data
        code = forkserver.wait(process, words)
    finally:
        process.kill()
        os.close(ours)
    return code, said.decode("utf-8", "surrogateescape").replace("\r\n", "\n")


def obeyed(said: str) -> list[str]:
    """Characters in a command's output that move the cursor or turn text, styling and progress bars left out."""
    plain = _PROGRESS.sub("", _STYLE.sub("", said))
    return [c for c in plain if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and c not in "\n\t"]


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:
        # Its last writer has closed it.
        return b""
