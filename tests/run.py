"""Runs the suites to their end, whatever fails, and closes with one table: `python -m tests.run [SUITE ...]`.

The last line is for machines: `N passed, N failed, N skipped`. The exit status is 1 where anything failed, 2 for an
unknown name.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import NoReturn
from xml.etree import ElementTree

from rich import box
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
#: So many run at a time, on two processors: two of them wait for servers and workers four tenths of their time.
AT_ONCE = 3
#: A suite that takes longer hangs: five times the longest one beside a load that takes three quarters of the processor.
LIMIT_S = 7200.0
#: Servers and workers of an interrupted suite are taken down within this; then all of its group is killed.
_GRACE_S = 60.0
_POLL_S = 0.1


@dataclass(frozen=True)
class Suite:
    """A command, and where its tests are counted."""

    name: str
    argv: tuple[str, ...]
    #: Whether it is pytest's; any other command counts as one test.
    counts_tests: bool = False

    @classmethod
    def of_tests(cls, name: str, folder: str | Path, *without: str) -> Suite:
        """What pytest finds in a folder, `without` some of those below it."""
        ignored = (f"--ignore={folder}/{one}" for one in without)
        return cls(name, (sys.executable, "-m", "pytest", str(folder), *ignored), counts_tests=True)

    @classmethod
    def of_tool(cls, name: str, *words: str) -> Suite:
        """A program of the environment that runs this one."""
        return cls(name, (str(Path(sys.executable).parent / words[0]), *words[1:]))


#: Of the integration tests, what takes as long as half of the others: it runs beside them.
ON_THEIR_OWN = ("service", "telling")

#: The longest first, so that no processor is left without work at the end.
SUITES = (
    Suite.of_tests("integration", "tests/integration", *ON_THEIR_OWN),
    Suite(
        "service",
        (sys.executable, "-m", "pytest", *(f"tests/integration/{one}" for one in ON_THEIR_OWN)),
        counts_tests=True,
    ),
    Suite.of_tests("acceptance", "tests/acceptance"),
    Suite.of_tests("chaos-ten", "tests/chaos"),
    Suite.of_tests("unit", "tests/unit"),
    Suite.of_tests("browser", "tests/browser"),
    Suite.of_tool("types", "mypy"),
    Suite.of_tool("imports", "lint-imports"),
    Suite.of_tool("lint", "ruff", "check", "."),
    Suite.of_tool("format", "ruff", "format", "--check", "."),
)


@dataclass(frozen=True)
class Result:
    """How a suite ended."""

    name: str
    passed: int
    failed: int
    skipped: int
    seconds: float


@dataclass
class Running:
    """A suite that has been started; its output and its counts go to files of its own."""

    suite: Suite
    folder: Path
    began_s: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        count = (f"--junitxml={self._counts}",) if self.suite.counts_tests else ()
        with self._output.open("wb") as output:
            # A session of its own: Ctrl-C reaches it through this program alone.
            self.process = subprocess.Popen(
                [*self.suite.argv, *count], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    @property
    def _output(self) -> Path:
        return self.folder / f"{self.suite.name}.txt"

    @property
    def _counts(self) -> Path:
        return self.folder / f"{self.suite.name}.xml"

    def ended(self, limit_s: float) -> bool:
        """Whether it has; one that is over its time is ended."""
        if self.process.poll() is not None:
            return True
        if time.monotonic() - self.began_s < limit_s:
            return False
        self.end()
        with self._output.open("a") as output:
            output.write(f"\n{self.suite.name} was ended: it had not come to its end after {limit_s:.0f} s.\n")
        return True

    def end(self) -> None:
        """Interrupt it, as Ctrl-C would, and kill what is still there after the grace."""
        self.process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(_GRACE_S)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def said(self) -> str:
        return self._output.read_text(errors="replace")

    def result(self) -> Result:
        """Its counts; one that ended badly failed at least once, whatever its counts say."""
        passed, failed, skipped = self._counted()
        bad = self.process.returncode != 0
        return Result(self.suite.name, passed, max(failed, int(bad)), skipped, time.monotonic() - self.began_s)

    def _counted(self) -> tuple[int, int, int]:
        if not self.suite.counts_tests:
            return int(self.process.returncode == 0), 0, 0
        # A suite that crashes leaves no counts, or half of them.
        try:
            cases = list(ElementTree.parse(self._counts).iter("testcase"))
        except (OSError, ElementTree.ParseError):
            return 0, 0, 0
        failed = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
        skipped = sum(case.find("skipped") is not None for case in cases)
        return len(cases) - failed - skipped, failed, skipped


def run(suites: Sequence[Suite], at_once: int = AT_ONCE, limit_s: float = LIMIT_S) -> list[Result]:
    """Run the suites in their order, and print the output of each when it ends."""
    waiting, running, results = list(suites), [], []
    with tempfile.TemporaryDirectory(prefix="dashplate-suites-") as folder:
        try:
            while waiting or running:
                while waiting and len(running) < at_once:
                    print(f"{waiting[0].name} begins", flush=True)
                    running.append(Running(waiting.pop(0), Path(folder)))
                time.sleep(_POLL_S)
                for one in [one for one in running if one.ended(limit_s)]:
                    running.remove(one)
                    results.append(one.result())
                    print(f"\n{one.suite.name}:\n{one.said()}", flush=True)
        finally:
            for one in running:
                one.end()
    return results


def show(results: Sequence[Result]) -> None:
    """Print the table, and below it the line for machines."""
    table = Table("suite", box=box.SIMPLE_HEAD)
    for name in ("passed", "failed", "skipped", "seconds"):
        table.add_column(name, justify="right")
    for one in results:
        style = "red" if one.failed else None
        table.add_row(one.name, str(one.passed), str(one.failed), str(one.skipped), f"{one.seconds:.0f}", style=style)
    Console().print(table)
    sums = (sum(getattr(one, name) for one in results) for name in ("passed", "failed", "skipped"))
    print("{} passed, {} failed, {} skipped".format(*sums), flush=True)


def main(names: Sequence[str]) -> int:
    unknown = set(names) - {suite.name for suite in SUITES}
    if unknown:
        print(f"There is no suite {', '.join(sorted(unknown))}: {', '.join(suite.name for suite in SUITES)}.")
        return 2
    signal.signal(signal.SIGTERM, _stop)
    try:
        results = run([suite for suite in SUITES if not names or suite.name in names])
    except KeyboardInterrupt:
        return 130
    show(results)
    return int(any(one.failed for one in results))


def _stop(signum: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
