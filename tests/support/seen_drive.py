"""A drive past one car, with what the real models see in it; and where an annotated video of it has boxes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from pipeline.records import Sighting
from pipeline.run import VideoResult, run
from synthesis.drive import render_drive
from workers.settings import Settings, using

#: What boxes are drawn in, BGR.
_GREEN = np.array((60, 200, 60))


@dataclass(frozen=True, slots=True)
class SeenDrive:
    """Three seconds of 30 frames each, in which AB00CDE passes."""

    video: Path
    result: VideoResult

    @property
    def sighting(self) -> Sighting:
        return self.result.sightings[0]


def see_drive(folder: Path) -> SeenDrive:
    video = render_drive(folder / "drive.mp4", seed=7, duration_s=3.0, plates=1).video
    with using(Settings(data_dir=folder / "data")) as config:
        return SeenDrive(video, run(video, config.models))


def assert_boxed(annotated: Path, seen: Sighting) -> None:
    """Each frame of an annotated video has a box from the sighting's first to its last, and no other has."""
    with av.open(str(annotated)) as container:
        frames = [(frame.time or 0.0, frame.to_ndarray(format="bgr24")) for frame in container.decode(video=0)]
    assert 89 <= len(frames) <= 91, len(frames)
    boxed = [time for time, image in frames if (np.abs(image.astype(int) - _GREEN).max(axis=2) < 40).sum() > 300]
    wanted = [time for time, _ in frames if seen.first_s - 1e-3 <= time <= seen.last_s + 1e-3]
    assert boxed == wanted, f"boxed {boxed}, seen {wanted}"
