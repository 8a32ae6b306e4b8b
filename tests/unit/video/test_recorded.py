"""When a file was recorded, and what says so."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import av
import pytest

from pipeline.records import Recorded, RecordedFrom
from pipeline.video.probe import probe
from pipeline.video.recorded import recorded
from tests.support.media_files import TIDY, write_clip

WRITTEN = dt.datetime(2026, 5, 1, 12, 0, 0, tzinfo=dt.UTC)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that was last written then."""
    path = tmp_path / "trip.mp4"
    path.touch()
    os.utime(path, (WRITTEN.timestamp(),) * 2)
    return path


@pytest.mark.parametrize(
    ("said", "at"),
    [("2026-04-30T08:00:00.000000Z", "2026-04-30T08:00:00+00:00"),
     ("2026-04-30T08:00:00+05:30", "2026-04-30T02:30:00+00:00"),
     # A camera that knows no time zone.
     ("2026-04-30T08:00:00", "2026-04-30T08:00:00+00:00")],
)  # fmt: skip
def test_the_container_is_asked_first(file: Path, said: str, at: str) -> None:
    found = recorded(file, {"creation_time": said}, 60.0)
    assert found == Recorded(dt.datetime.fromisoformat(at), RecordedFrom.CONTAINER)


@pytest.mark.parametrize(
    "metadata",
    [{}, {"creation_time": "yesterday"}, {"creation_time": "1904-01-01T00:00:00Z"},
     {"creation_time": "2100-01-01T00:00:00Z"}],
)  # fmt: skip
def test_else_it_began_its_length_before_it_was_last_written(file: Path, metadata: dict[str, str]) -> None:
    began = dt.datetime(2026, 5, 1, 11, 58, 30, tzinfo=dt.UTC)
    assert recorded(file, metadata, 90.0) == Recorded(began, RecordedFrom.FILE)


def test_nothing_plausible_is_nothing(file: Path) -> None:
    os.utime(file, (0, 0))
    assert recorded(file, {"creation_time": "1970-01-01T00:00:00Z"}) is None


def test_the_probe_tells_it(tmp_path: Path) -> None:
    silent = write_clip(tmp_path / "silent.mp4", TIDY)
    os.utime(silent, (WRITTEN.timestamp(),) * 2)
    found = probe(silent)
    assert found.recorded == Recorded(WRITTEN - dt.timedelta(seconds=found.duration_s), RecordedFrom.FILE)
    told = tmp_path / "told.mp4"
    with av.open(str(silent)) as before, av.open(str(told), "w") as after:
        after.metadata["creation_time"] = "2026-04-30T08:00:00Z"
        stream = after.add_stream_from_template(before.streams.video[0])
        for packet in before.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                after.mux(packet)
    at = dt.datetime(2026, 4, 30, 8, 0, 0, tzinfo=dt.UTC)
    assert probe(told).recorded == Recorded(at, RecordedFrom.CONTAINER)
