"""The clock on screen of real and rendered videos, read by the real networks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.camera.on_screen import read_screen_clock, screen_clocks
from pipeline.reading.screen_text import ScreenReader, load_screen_reader
from pipeline.records import RecordedFrom
from pipeline.video.probe import probe
from synthesis.scene import DriveSpec, Image, Scene
from synthesis.screen import STYLES, ClockStyle, ScreenClock

FPS, SECONDS = 10, 8
START = dt.datetime(2026, 7, 21, 14, 59, 56, 400_000)
_BLANK = ScreenClock(START, replace(STYLES["bar"], form="", ground="none"))


@pytest.fixture(scope="session")
def screen_reader(tmp_path_factory: pytest.TempPathFactory) -> ScreenReader:
    return load_screen_reader(tmp_path_factory.mktemp("models"), threads=2)


@pytest.fixture(scope="session")
def drive_pictures() -> list[Image]:
    """A drive whose camera burns nothing in; every third frame is drawn."""
    scene = Scene(DriveSpec(7, float(SECONDS), FPS, 1280, 720, 2, clock=_BLANK))
    return [scene.frame(index - index % 3) for index in range(SECONDS * FPS)]


@pytest.fixture
def with_clock(tmp_path: Path, drive_pictures: list[Image]) -> Callable[..., Path]:
    """Writes the drive with a clock; `stands` keeps it at its first reading."""

    def write(clock: ScreenClock, stands: bool = False) -> Path:
        path = tmp_path / "drive.mp4"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=FPS, options={"crf": "24", "preset": "superfast"})
            stream.width, stream.height, stream.pix_fmt, stream.gop_size = 1280, 720, "yuv420p", 2 * FPS
            for index, picture in enumerate(drive_pictures):
                shown = picture.copy()
                clock.draw(shown, 0.0 if stands else index / FPS)
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(shown), format="bgr24")
                frame.pts, frame.time_base = index, Fraction(1, FPS)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return write


@pytest.mark.parametrize("style", STYLES)
def test_every_style_of_clock_tells_the_start(
    style: str, with_clock: Callable[..., Path], screen_reader: ScreenReader
) -> None:
    claim = read_screen_clock(probe(with_clock(ScreenClock(START, STYLES[style]))), screen_reader)
    assert claim is not None
    assert claim.told_by is RecordedFrom.OVERLAY
    assert claim.at.tzinfo is None
    assert abs((claim.at - START).total_seconds()) <= claim.error_s < 0.6


@pytest.mark.parametrize(("form", "stands"), [
    ("%Y-%m-%d %H:%M:%S", True),
    ("52KM/H N51.50724 W000.12758", False),
    ("%H:%M:%S", False),
    ("", False),
], ids=["a still caption", "speed and place", "no date", "nothing"])  # fmt: skip
def test_what_is_no_clock_tells_nothing(
    form: str, stands: bool, with_clock: Callable[..., Path], screen_reader: ScreenReader
) -> None:
    style: ClockStyle = replace(STYLES["outlined"], form=form)
    assert read_screen_clock(probe(with_clock(ScreenClock(START, style), stands)), screen_reader) is None


def test_gate_vn_is_two_recordings_and_begins_with_the_first(shared_data: Path, screen_reader: ScreenReader) -> None:
    """By eye: 08:04:34 until 0.75 s, 08:04:35 from 0.80 s on; a cut at 8.54 s, and 08:03:22 there."""
    first, second = screen_clocks(probe(shared_data / "video" / "gate_vn.mp4"), screen_reader)
    at_cut = second.at + dt.timedelta(seconds=8.54)
    assert abs((first.at - dt.datetime(2020, 5, 22, 8, 4, 34, 200_000)).total_seconds()) < 0.3
    assert abs((at_cut - dt.datetime(2020, 5, 22, 8, 3, 22, 500_000)).total_seconds()) < 0.6


@pytest.mark.parametrize("name", [
    "video/road_gb.mp4",
    "video/street_no_readable_plate.mp4",
    "containers/dashcam-viewer-corpus/MOV_0581.mp4",
    "containers/ligogps-trailer/real-anonymized.mp4",
    "containers/thinkware/real-anonymized-rear.mp4",
    "containers/70mai-multichannel/Normal/Front/NO20260101-120000-000001F.MP4",
])  # fmt: skip
def test_real_clips_without_a_clock_tell_nothing(name: str, shared_data: Path, screen_reader: ScreenReader) -> None:
    assert read_screen_clock(probe(shared_data / name), screen_reader) is None
