"""The comparison as a table: a column for each clip, a row for each measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from bench.clips import Clip, scored
from bench.memory import Peaks
from bench.runs import NaiveRun, RoadRun
from training.synthesis.score import Score

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
    road: RoadRun
    naive: NaiveRun

    @property
    def road_score(self) -> Score:
        return scored(self.clip, self.road.plates)

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
        "Job: from submission to the end, start of the workers and loading of models included;"
        " the naive way is compared without its start and loading.",
        "Memory: resident MB at its highest; shared pages count in each process.",
    ]
    part = next((m.naive for m in measured if m.naive.until_s is not None), None)
    if part is not None:
        lines.append(
            f"~ The naive way read the first {part.until_s:g} s only: times are extrapolated to the whole clip,"
            " plates are those of these seconds."
        )
    return lines


def as_rich(measured: Sequence[Measured]) -> Table:
    """For a terminal."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("")
    for m in measured:
        table.add_column(m.clip.path.name, justify="right")
    for row in rows(measured):
        table.add_row(f"[bold]{row.name}[/]" if row.head else f"  {row.name}", *row.cells)
    return table


def as_markdown(measured: Sequence[Measured]) -> str:
    """For the README."""
    heading = ["", *(f"`{m.clip.path.name}`" for m in measured)]
    lines = [heading, ["---", *("---:" for _ in measured)]]
    lines += [[f"**{row.name}**" if row.head else row.name, *row.cells] for row in rows(measured)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _road_rows(measured: Sequence[Measured]) -> list[Row]:
    return [
        _head("Dashplate", measured),
        *_score_rows([m.road_score for m in measured]),
        _row("seconds, whole command from cold", [f"{m.road.wall_s:.1f}" for m in measured]),
        _row("seconds to the first plate on screen", [_seconds(m.road.first_plate_s) for m in measured]),
        _row("× real time, whole command", [f"{cold_rate(m.clip, m.road):.2f}" for m in measured]),
        _row("× real time, job", [f"{m.clip.duration_s / m.road.job_s:.2f}" for m in measured]),
        *_memory_rows([m.road.memory for m in measured]),
    ]


def _naive_rows(measured: Sequence[Measured]) -> list[Row]:
    marks = ["" if m.naive.until_s is None else "~" for m in measured]
    marked = list(zip(marks, measured, strict=True))
    return [
        _head("PaddleOCR on whole frames", measured),
        *_score_rows([m.naive_score for m in measured], marks),
        _row("seconds a frame", [f"{m.naive.s_per_frame:.2f}" for m in measured]),
        _row("seconds, whole command from cold", [f"{mark}{m.naive.wall_s:.1f}" for mark, m in marked]),
        _row("× real time, whole command", [f"{mark}{cold_rate(m.clip, m.naive):.2f}" for mark, m in marked]),
        _row("× real time, reading alone", [f"{m.clip.duration_s / m.naive.reading_s:.2f}" for m in measured]),
        _row("MB", [f"{m.naive.memory.together:.0f}" for m in measured]),
    ]


def _ratio_rows(measured: Sequence[Measured]) -> list[Row]:
    return [
        _head("Dashplate is faster by", measured),
        _row("whole command from cold", [f"× {m.naive.wall_s / m.road.wall_s:.1f}" for m in measured]),
        _row("job against reading alone", [f"× {m.naive.reading_s / m.road.job_s:.1f}" for m in measured]),
    ]


def _score_rows(scores: Sequence[Score], marks: Sequence[str] | None = None) -> list[Row]:
    marked = list(zip(marks or [""] * len(scores), scores, strict=True))
    return [
        _row("plates found exactly", [f"{mark}{len(s.found)} of {len(s.true)}" for mark, s in marked]),
        _row("missed", [f"{mark}{len(s.missed)}" for mark, s in marked]),
        _row("false", [f"{mark}{len(s.false)}" for mark, s in marked]),
    ]


def _memory_rows(peaks: Sequence[Peaks]) -> list[Row]:
    met = {role for one in peaks for role in one.by_role}
    roles = [*(role for role in _ROLES if role in met), *sorted(met.difference(_ROLES))]
    together = _row("MB, all together", [f"{one.together:.0f}" for one in peaks])
    return [together, *(_row(f"MB, {role}", [_megabytes(one.by_role.get(role)) for one in peaks]) for role in roles)]


def cold_rate(clip: Clip, run: RoadRun | NaiveRun) -> float:
    """Seconds of video per second of the whole command."""
    return clip.duration_s / run.wall_s


def _head(name: str, measured: Sequence[Measured]) -> Row:
    return Row(name, ("",) * len(measured), head=True)


def _row(name: str, cells: Sequence[str]) -> Row:
    return Row(name, tuple(cells))


def _seconds(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.1f}"


def _megabytes(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.0f}"
