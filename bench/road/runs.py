"""Runs Dashplate and PaddleOCR as a user would, in processes of their own, and measures them from outside."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.road.clips import Clip, Spotted
from bench.road.memory import PeakMemory, Peaks
from bench.road.texts import repeated, span_of
from pipeline.errors import DashplateError

_ROOT = Path(__file__).resolve().parents[2]
#: Wide enough that no line of the progress view is broken.
_COLUMNS = "200"
_PREFIX = "dashplate-bench-"
#: A reading on the progress view: time, plate, country, confidence, file.
_READING = re.compile(r"^\s*(\d+:)?\d+:\d\d\.\d\s+\S+\s+[A-Z–]+\s+\d+%\s")
#: `dashplate up` gives its workers 30 seconds.
_STOP_S = 90.0
#: Lines of a failed program that are shown.
_LAST_LINES = 5


@dataclass(frozen=True, slots=True)
class Program:
    """A program that has ended."""

    #: From its start to its end.
    wall_s: float
    #: Lines on standard error, each with the second it came.
    lines: tuple[tuple[float, str], ...]
    memory: Peaks


@dataclass(frozen=True, slots=True)
class RoadRun:
    """`dashplate run` on one clip."""

    plates: tuple[Spotted, ...]
    #: The whole command; from cold: servers set up, workers started, models loaded, everything taken down.
    wall_s: float
    #: From the job's submission to its end; from cold: workers' start and models included.
    job_s: float
    #: From the command's start; None where no plate was shown before the end.
    first_plate_s: float | None
    #: Of all that the command started: without the workers where those were up before.
    memory: Peaks


@dataclass(frozen=True, slots=True)
class NaiveRun:
    """PaddleOCR on whole frames of one clip."""

    plates: tuple[Spotted, ...]
    frames: int
    #: Where reading stopped, seconds of the video; None where all of it was read.
    until_s: float | None
    #: The whole command; extrapolated to the whole clip where only a part was read.
    wall_s: float
    #: Without start and models; extrapolated likewise.
    reading_s: float
    s_per_frame: float
    memory: Peaks


def run_cold(clip: Clip) -> RoadRun:
    """Process a clip from an empty data folder. Raises DashplateError where the command fails."""
    with _workplace() as folder:
        return run_road(clip, folder / "data")


def run_road(clip: Clip, data: Path) -> RoadRun:
    """Process a clip on the real stack of a data folder, started for it unless it is up."""
    with _workplace() as folder:
        result = folder / "job.json"
        argv = dashplate("run", clip.path, "--csv", folder / "plates.csv", "--json", result, "--data", data)
        program = watch(argv, "command line", data)
        return _road_run(program, json.loads(result.read_text(encoding="utf-8")))


@contextmanager
def workers_up(roots: Iterable[Path]) -> Iterator[Path]:
    """`dashplate up` while the block runs; gives its data folder. `roots` are the folders of the videos."""
    with _workplace() as folder:
        data = folder / "data"
        folders = [part for root in roots for part in ("--root", root)]
        argv = dashplate("up", "--data", data, "--flower-port", "0", "--port", "0", *folders)
        log = folder / "up.log"
        with log.open("w") as errors:
            process = subprocess.Popen(
                argv, cwd=_ROOT, env=_environment(), stdout=subprocess.PIPE, stderr=errors, text=True
            )
        try:
            _await_start(process, log)
            yield data
        finally:
            _end(process, data)


def dashplate(*arguments: str | Path) -> list[str]:
    """The command line, as this Python runs it."""
    return [sys.executable, "-m", "dashplate", *map(str, arguments)]


def _await_start(process: subprocess.Popen[str], log: Path) -> None:
    """Wait for the line that tells that the stack is up."""
    assert process.stdout is not None
    if not process.stdout.readline():
        raise DashplateError(f"dashplate up did not start: {log.read_text().strip()}")


def _end(process: subprocess.Popen[str], data: Path) -> None:
    """Stop `dashplate up`, then the servers, which it leaves running."""
    process.terminate()
    try:
        process.communicate(timeout=_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
    down = dashplate("down", "--data", data)
    subprocess.run(down, cwd=_ROOT, env=_environment(), capture_output=True, check=False)


def run_naive(clip: Clip, sample_fps: float, until_s: float | None) -> NaiveRun:
    """Read a clip's whole frames. Raises DashplateError where the program fails."""
    bound = until_s if until_s is not None and until_s < clip.duration_s else None
    with _workplace() as folder:
        result = folder / "naive.json"
        argv = [sys.executable, "-m", "bench.road.naive", str(clip.path), "--json", str(result)]
        argv += ["--cache", str(folder / "models"), "--sample-fps", str(sample_fps)]
        argv += [] if bound is None else ["--until-s", str(bound)]
        program = watch(argv, "PaddleOCR")
        return naive_run(clip.duration_s, bound, program, json.loads(result.read_text(encoding="utf-8")))


def naive_run(duration_s: float, until_s: float | None, program: Program, reading: Mapping[str, Any]) -> NaiveRun:
    """The run as it is, or as it would be on the whole clip at the measured time per frame."""
    whole = 1.0 if until_s is None else duration_s / until_s
    reading_s = reading["reading_s"] * whole
    found = repeated(map(span_of, reading["texts"]))
    return NaiveRun(
        plates=tuple(Spotted(span.text, span.first_s, span.last_s) for span in found),
        frames=reading["frames"],
        until_s=until_s,
        wall_s=program.wall_s - reading["reading_s"] + reading_s,
        reading_s=reading_s,
        s_per_frame=reading["reading_s"] / max(1, reading["frames"]),
        memory=program.memory,
    )


def watch(argv: Sequence[str], role: str, data: Path | None = None) -> Program:
    """Run a program to its end and watch its memory; raises DashplateError where it fails.

    `role` is its own name among the processes, `data` the data folder of the servers it starts.
    """
    began = time.monotonic()
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        argv,
        cwd=_ROOT,
        env=_environment(),
        stdout=subprocess.DEVNULL,
        stderr=pipe,
        text=True,
        errors="replace",
    )
    with process, PeakMemory(process.pid, role, data) as memory:
        assert process.stderr is not None
        lines = tuple((time.monotonic() - began, line.rstrip()) for line in process.stderr)
        status = process.wait()
        wall_s = time.monotonic() - began
    if status:
        said = " | ".join(line for _, line in lines[-_LAST_LINES:] if line)
        raise DashplateError(f"{role} ended with status {status}: {said}")
    return Program(wall_s, lines, memory.peaks())


def first_reading_s(lines: Sequence[tuple[float, str]]) -> float | None:
    """When the first plate appeared on the progress view."""
    return next((time_s for time_s, line in lines if _READING.match(line)), None)


def _road_run(program: Program, result: Mapping[str, Any]) -> RoadRun:
    job = result["job"]
    took = datetime.fromisoformat(job["finished_at"]) - datetime.fromisoformat(job["created_at"])
    plates = (Spotted(row["plate"], row["first_seen_s"], row["last_seen_s"]) for row in result["plates"])
    return RoadRun(tuple(plates), program.wall_s, took.total_seconds(), first_reading_s(program.lines), program.memory)


def _environment() -> dict[str, str]:
    """This environment without Dashplate's settings: they might lead to servers that run already."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DASHPLATE_")}
    return kept | {"DASHPLATE_PROGRESS": "1", "COLUMNS": _COLUMNS, "PYTHONUNBUFFERED": "1"}


@contextmanager
def _workplace() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as folder:
        yield Path(folder).resolve()
