"""The comparison as a table: a column for each clip, a row for each measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from bench.road.clips import Clip, scored
from bench.road.memory import Peaks
from bench.road.runs import NaiveRun, RoadRun
from output.tables import table
from synthesis.score import Score

_NOTHING = "–"
#: Roles in the order of the road; others follow.
_ROLES = (
    "command line", "redis", "postgres", "control parent", "control child",
    "detect parent", "detect child", "read parent", "read child",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measured:
    """Both ways on one clip."""

    clip: Clip
    #: From an empty data folder.
    cold: RoadRun
    #: On workers that were up and had their models loaded.
    warm: RoadRun
    naive: NaiveRun

    @property
    def road_score(self) -> Score:
        return scored(self.clip, self.cold.plates)

    @property
    def naive_score(self) -> Score:
        return scored(self.clip, self.naive.plates, self.naive.until_s)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table."""

    name: str
    cells: tuple[str, ...]
    #: Opens a group of rows: the name stands out.
    head: bool = False


def rows(measured: Sequence[Measured]) -> list[Row]:
    """Every line, below the names of the clips."""
    return [
        _row("seconds of video", [f"{m.clip.duration_s:.1f}" for m in measured]),
        *_road_rows(measured),
        *_naive_rows(measured),
        *_ratio_rows(measured),
    ]


def notes(measured: Sequence[Measured], sample_fps: float) -> list[str]:
    """What a reader of the table must know."""
    lines = [
        f"Naive way: PaddleOCR (PP-OCRv6 small, ONNX Runtime) on whole frames, {sample_fps:g} a second, and"
        " every text of 4 to 10 letters and digits that stands in two frames or more.",
        "Cold: from an empty data folder, servers, workers and models included; for PaddleOCR, its start and"
        " models. Warm: on workers that are up with their models loaded, against PaddleOCR's reading alone.",
        "Memory: resident MB at its highest; shared pages count in each process.",
    ]
    part = next((m.naive for m in measured if m.naive.until_s is not None), None)
    if part is not None:
        lines.append(
            f"~ The naive way read the first {part.until_s:g} s only: times are extrapolated to the whole"
            " clip, plates are those of these seconds."
        )
    return lines


def as_rich(measured: Sequence[Measured]) -> Table:
    """For a terminal."""
    shown = table(("",), [m.clip.path.name for m in measured])
    for row in rows(measured):
        shown.add_row(f"[bold]{row.name}[/]" if row.head else f"  {row.name}", *row.cells)
    return shown


def as_markdown(measured: Sequence[Measured]) -> str:
    """For docs/performance.md."""
    heading = ["", *(f"`{m.clip.path.name}`" for m in measured)]
    lines = [heading, ["---", *("---:" for _ in measured)]]
    lines += [[f"**{row.name}**" if row.head else row.name, *row.cells] for row in rows(measured)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _road_rows(measured: Sequence[Measured]) -> list[Row]:
    clips = [m.clip for m in measured]
    cold, warm = [m.cold for m in measured], [m.warm for m in measured]
    return [
        _head("Dashplate", measured),
        *_score_rows([m.road_score for m in measured]),
        _row("cold: seconds of the whole command", [f"{run.wall_s:.1f}" for run in cold]),
        _row("cold: seconds to the first plate on screen", [_seconds(run.first_plate_s) for run in cold]),
        _row("cold: × real time, whole command", _rates(clips, [run.wall_s for run in cold])),
        _row("cold: × real time, submitted to finished", _rates(clips, [run.job_s for run in cold])),
        _row("warm: seconds to the first plate on screen", [_seconds(run.first_plate_s) for run in warm]),
        _row("warm: × real time, submitted to finished", _rates(clips, [run.job_s for run in warm])),
        *_memory_rows([run.memory for run in cold]),
    ]


def _naive_rows(measured: Sequence[Measured]) -> list[Row]:
    clips, runs = [m.clip for m in measured], [m.naive for m in measured]
    marks = ["" if run.until_s is None else "~" for run in runs]
    return [
        _head("PaddleOCR on whole frames", measured),
        *_score_rows([m.naive_score for m in measured], marks),
        _row("seconds a frame", [f"{run.s_per_frame:.2f}" for run in runs]),
        _row("cold: seconds of the whole command", _marked(marks, [f"{run.wall_s:.1f}" for run in runs])),
        _row("cold: × real time, whole command", _marked(marks, _rates(clips, [run.wall_s for run in runs]))),
        _row("warm: × real time, reading alone", _marked(marks, _rates(clips, [run.reading_s for run in runs]))),
        _row("MB", [f"{run.memory.together:.0f}" for run in runs]),
    ]


def _ratio_rows(measured: Sequence[Measured]) -> list[Row]:
    return [
        _head("Speed, Dashplate to PaddleOCR", measured),
        _row("cold: whole command", [f"{m.naive.wall_s / m.cold.wall_s:.1f}" for m in measured]),
        _row("warm", [f"{m.naive.reading_s / m.warm.job_s:.1f}" for m in measured]),
    ]


def _score_rows(scores: Sequence[Score], marks: Sequence[str] | None = None) -> list[Row]:
    marks = marks or [""] * len(scores)
    return [
        _row("plates found exactly", _marked(marks, [f"{len(s.found)} of {len(s.true)}" for s in scores])),
        _row("missed", _marked(marks, [str(len(s.missed)) for s in scores])),
        _row("false", _marked(marks, [str(len(s.false)) for s in scores])),
    ]


def _memory_rows(peaks: Sequence[Peaks]) -> list[Row]:
    met = {role for one in peaks for role in one.by_role}
    roles = [*(role for role in _ROLES if role in met), *sorted(met.difference(_ROLES))]
    together = _row("MB, all together", [f"{one.together:.0f}" for one in peaks])
    cells = {role: [_megabytes(one.by_role.get(role)) for one in peaks] for role in roles}
    return [together, *(_row(f"MB, {role}", cells[role]) for role in roles)]


def _rates(clips: Sequence[Clip], took_s: Sequence[float]) -> list[str]:
    """Seconds of video a second."""
    return [f"{clip.duration_s / each:.2f}" for clip, each in zip(clips, took_s, strict=True)]


def _marked(marks: Sequence[str], cells: Sequence[str]) -> list[str]:
    return [mark + cell for mark, cell in zip(marks, cells, strict=True)]


def _head(name: str, measured: Sequence[Measured]) -> Row:
    return Row(name, ("",) * len(measured), head=True)


def _row(name: str, cells: Sequence[str]) -> Row:
    return Row(name, tuple(cells))


def _seconds(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.1f}"


def _megabytes(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.0f}"
