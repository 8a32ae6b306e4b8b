"""The drives that schedules run over: a few small fleets, the same files for every schedule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.standin import Drive

#: Short, because a stage may take three times as long as its stretch before it is stopped; and a binary fraction, so
#: that the sums of lengths do not depend on their order.
_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Fleet:
    """The files of one job, and the options that it is submitted with."""

    drives: Mapping[str, Drive]
    #: As they are typed.
    words: tuple[str, ...] = ()

    @property
    def segments(self) -> int:
        return sum(drive.segments for drive in self.drives.values())


def _plain() -> dict[str, Drive]:
    return {
        "north": Drive(segments=8, seconds=_SECONDS, look_s=0.1, read_s=0.03),
        "south": Drive(segments=10, seconds=_SECONDS, look_s=0.06, read_s=0.04, probe_s=0.05),
        "harbour": Drive(segments=12, seconds=_SECONDS, look_s=0.03, read_s=0.02, plates=3),
    }


def _with(**trouble: Any) -> dict[str, Drive]:
    drives = _plain()
    return {**drives, "south": replace(drives["south"], **trouble)}


FLEETS: dict[str, Fleet] = {
    "plain": Fleet(_plain()),
    "poisoned": Fleet(_with(poisoned=(2, 7))),
    # No pictures are kept: what was stored on the way has to go.
    "bare": Fleet(_plain(), ("--no-evidence",)),
    "deadly": Fleet(_with(deadly=(4,))),
    "stuck": Fleet({name: replace(drive, seconds=_SECONDS / 2) for name, drive in _with(stuck=(5,)).items()}),
    "small": Fleet({"lane": Drive(segments=4, seconds=_SECONDS, look_s=0.05, read_s=0.02)}),
    "given up": Fleet({f"road-{i}": Drive(segments=10, seconds=_SECONDS, look_s=0.08, read_s=0.03) for i in range(2)}),
}
#: A file in every fleet that is no drive.
_BROKEN = "broken.mp4"


def write_fleets(folder: Path) -> dict[str, list[Path]]:
    """Write every fleet's files below `folder`; returns them by fleet."""
    return {name: _write(folder / name.replace(" ", "-"), fleet) for name, fleet in FLEETS.items()}


def _write(folder: Path, fleet: Fleet) -> list[Path]:
    folder.mkdir(parents=True)
    for name, drive in fleet.drives.items():
        drive.write(folder / f"{name}.mp4")
    (folder / _BROKEN).write_text("no drive", encoding="utf-8")
    return sorted(folder.iterdir())
