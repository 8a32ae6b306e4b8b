"""The drives that schedules run over: a few small fleets, the same files for every schedule, and who is watched for."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.standin import Drive, plate_text
from db.findings.plate_hashing import PlateKey
from db.telling.watch_lists import Wish

#: A stage may take three times as long as its segment: past the lease, so that a worker that was frozen for longer than
#: that may still come back and store. A binary fraction, so that the sums of lengths do not depend on their order.
_SECONDS = 1.25
#: Where a segment is stuck it has to be killed five times.
_STUCK_SECONDS = 0.25
#: Footage that is filled in later is so old.
_OLD_S = 30 * 86_400.0


@dataclass(frozen=True, slots=True)
class Fleet:
    """The files of one job, and the options that it is submitted with."""

    drives: Mapping[str, Drive]
    #: As they are typed.
    words: tuple[str, ...] = ()
    #: Whether it was recorded long ago.
    aged: bool = False

    @property
    def segments(self) -> int:
        return sum(drive.segments for drive in self.drives.values())

    @property
    def plates(self) -> frozenset[str]:
        """All plates that its drives show."""
        return frozenset(
            plate_text(f"{name}.mp4", number)
            for name, drive in self.drives.items()
            for number in range(drive.segments * max(1, drive.plates - 1) + 1)
        )

    @property
    def hashed(self) -> bool:
        return "--hashed" in self.words

    @property
    def pictures(self) -> bool:
        """Whether crops are kept, so that they can be read again."""
        return not {"--no-evidence", "--hashed"}.intersection(self.words)

    @property
    def alerts(self) -> bool:
        """Whether others are told what is found in it."""
        return "all" in self.words or not (self.aged or "none" in self.words)

    @property
    def given_up(self) -> frozenset[tuple[str, int]]:
        """Segments that end quarantined: the drive's name and the number."""
        return frozenset(
            (name, number)
            for name, drive in self.drives.items()
            for number in (*drive.poisoned, *drive.deadly, *drive.stuck)
        )


def _plain() -> dict[str, Drive]:
    return {
        "north": Drive(segments=8, seconds=_SECONDS, look_s=0.1, read_s=0.03, probe_s=0.2),
        "south": Drive(segments=10, seconds=_SECONDS, look_s=0.06, read_s=0.04, probe_s=0.4),
        "harbour": Drive(segments=12, seconds=_SECONDS, look_s=0.03, read_s=0.02, plates=3),
    }


def _with(**trouble: Any) -> dict[str, Drive]:
    drives = _plain()
    return {**drives, "south": replace(drives["south"], **trouble)}


FLEETS: dict[str, Fleet] = {
    "plain": Fleet(_plain()),
    "poisoned": Fleet(_with(poisoned=(2, 7))),
    # No pictures are kept: what was stored on the way has to go.
    "bare": Fleet(_plain(), ("--no-evidence", "--alerts", "all"), aged=True),
    # Under a key that nobody reads the plates without.
    "hashed": Fleet(_plain(), ("--hashed",)),
    # Side by side, because five losses each take their time.
    "deadly": Fleet(_with(deadly=(4,)) | {"bay": Drive(segments=6, seconds=_STUCK_SECONDS, look_s=0.03, stuck=(3,))}),
    # Filled in later: nobody is to hear of it.
    "small": Fleet({"lane": Drive(segments=4, seconds=_SECONDS, look_s=0.05, read_s=0.02)}, aged=True),
    # Shows some of the plates that the others show too.
    "old": Fleet({"north": Drive(segments=4, seconds=_SECONDS, look_s=0.03, read_s=0.02)}),
    "given up": Fleet(
        {f"road-{i}": Drive(segments=10, seconds=_SECONDS, look_s=0.08, read_s=0.03) for i in range(2)},
        ("--alerts", "none"),
    ),
}
#: A file in every fleet that is no drive.
_BROKEN = "broken.mp4"
#: The watch list that is there all the time; others are of one schedule.
STANDING = "standing"


def standing(key: PlateKey) -> list[Wish]:
    """Entries of a watch list that fit plates of the drives, of all kinds; hashed jobs have one of their own."""
    return [
        Wish(plate_text("north.mp4", 3), STANDING),
        Wish(plate_text("lane.mp4", 1), STANDING),
        # The stand-in's runner-up.
        Wish(f"{plate_text('south.mp4', 5)[:-1]}1", STANDING),
        Wish(f"{plate_text('south.mp4', 7)[:4]}*", STANDING),
        Wish(f"{plate_text('harbour.mp4', 6)[:-1]}0", STANDING, alike=True),
        Wish(key.hashed(plate_text("north.mp4", 4)), STANDING),
    ]


def write_fleets(folder: Path) -> dict[str, list[Path]]:
    """Write every fleet's files below `folder`; returns them by fleet."""
    return {name: _write(folder / name.replace(" ", "-"), fleet) for name, fleet in FLEETS.items()}


def _write(folder: Path, fleet: Fleet) -> list[Path]:
    folder.mkdir(parents=True)
    for name, drive in fleet.drives.items():
        drive.write(folder / f"{name}.mp4")
    (folder / _BROKEN).write_text("no drive", encoding="utf-8")
    files = sorted(folder.iterdir())
    if fleet.aged:
        recorded = time.time() - _OLD_S
        for file in files:
            os.utime(file, (recorded, recorded))
    return files
