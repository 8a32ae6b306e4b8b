"""The `probe` command: what a look at each file tells, without servers and models."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace

from rich.table import Table
from rich.text import Text

from output import terminal
from output.files import json_text
from output.probed import as_json_object, in_words
from pipeline.camera.clock import ClockOptions
from pipeline.camera.file_names import named
from pipeline.camera.media import WhenAndWhere
from pipeline.camera.on_screen.text import TextReader
from pipeline.camera.report import Report, report_on
from pipeline.errors import DashplateError, UsageError
from pipeline.sources.expand import check_allowed, expand
from pipeline.sources.source import Source, stored
from workers.settings import settings


def probe_files(words: Sequence[str], clock: ClockOptions, *, as_json: bool, screen: bool = False) -> int:
    """Look at each file and print what there is to know, with the clock on `screen` if wanted; returns the exit code.

    A file that gives neither pictures nor a track costs a sentence and the exit code, not the others. Raises UsageError
    for words that mean nothing, and for a clock that is given to several files.
    """
    roots = settings().roots
    worst, several = 0, False
    for source in expand(words, roots):
        if several and clock.given is not None:
            raise UsageError("A clock says when one recording began. Look at the files one by one.")
        several = True
        report = _report(source, clock, roots, screen)
        if report.error is not None:
            worst = max(worst, report.error.exit_code)
        if as_json:
            print(json_text(as_json_object(report)))
        else:
            _print(report)
        sys.stdout.flush()
    return worst


def _report(source: Source, clock: ClockOptions, roots: Sequence[Source], screen: bool) -> Report:
    def allowed(beside: Source) -> Source:
        return check_allowed(beside, tuple(roots))

    try:
        look = _reader if screen else None
        report = report_on(check_allowed(source, tuple(roots)), clock, allowed=allowed, screen=look)
        # Links are followed for opening; people know the file by the name that they gave.
        return replace(report, source=source)
    except DashplateError as problem:
        nothing = WhenAndWhere(None, None, named(source.name), None, None)
        return Report(source, nothing, damage=str(problem), error=problem)


def _reader() -> TextReader:
    from pipeline.run import screen_reader

    return screen_reader(settings().models)


def _print(report: Report) -> None:
    terminal.out.print(Text(stored(report.source), style="bold"))
    table = Table.grid(padding=(0, 2))
    for what, told in in_words(report):
        table.add_row(Text(f"  {what}"), Text(told))
    terminal.out.print(table)
