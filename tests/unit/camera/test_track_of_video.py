"""The better of the two tracks of a video, and what they disagree on."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path
from typing import BinaryIO

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from pipeline.camera import media
from pipeline.camera.records import Fix, Track
from pipeline.camera.tracks import track
from pipeline.camera.tracks.track import track_of, tracks_of
from pipeline.errors import DashplateError
from tests.support.processes import PATIENCE_S
from tests.support.sidecars import rmc, utc
from workers.celery_app.time_limit import time_limit


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> list[Track | DashplateError]:
    """What the reader of tracks inside videos is to answer with: the last of the list."""
    answers: list[Track | DashplateError] = []

    def embedded_track(file: BinaryIO, size: int, near: dt.date | None) -> Track | None:
        assert file.read() == b"pictures"
        assert size == len(b"pictures")
        if answers and isinstance(answers[-1], DashplateError):
            raise answers[-1]
        return answers[-1] if answers else None  # type: ignore[return-value]

    monkeypatch.setattr(track, "embedded_track", embedded_track)
    return answers


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"pictures")
    return path


def embedded(seconds: int, lat: float = 50.0, behind_s: int = 0) -> Track:
    fixes = (
        Fix(lat, 9.0, float(second), utc(2026, 3, 1, 12, 0, second + behind_s), speed_mps=0.0)
        for second in range(seconds)
    )
    return Track(tuple(fixes), "Novatek freeGPS")


def beside(video: Path, seconds: int) -> None:
    lines = (rmc(f"1200{second:02}.00", lat=f"5000.00{second:02}") for second in range(seconds))
    video.with_suffix(".nmea").write_text("".join(lines))


def test_there_may_be_none(video: Path, inside: list[Track | DashplateError]) -> None:
    assert track_of(video) is None


def test_the_one_there_is(video: Path, inside: list[Track | DashplateError]) -> None:
    beside(video, 5)
    found = tracks_of(video)
    assert found.best is not None
    assert (found.best.source, found.other, found.problems) == ("NMEA", None, ())


def test_of_two_alike_it_is_the_videos_own(video: Path, inside: list[Track | DashplateError]) -> None:
    beside(video, 5)
    inside.append(embedded(5))
    found = tracks_of(video)
    assert found.best is not None
    assert found.other is not None
    assert (found.best.source, found.other.source, found.problems) == ("Novatek freeGPS", "NMEA", ())
    beside(video, 20)
    longer = track_of(video)
    assert longer is not None
    assert longer.source == "NMEA"


def test_fixes_that_are_not_believed_do_not_count(video: Path, inside: list[Track | DashplateError]) -> None:
    beside(video, 5)
    inside.append(Track((Fix(0.0, 0.0, 0.0),) * 30, "Novatek freeGPS"))
    found = track_of(video)
    assert found is not None
    assert found.source == "NMEA"


def test_what_disagrees_is_said(video: Path, inside: list[Track | DashplateError]) -> None:
    beside(video, 10)
    inside.append(embedded(12, lat=50.1, behind_s=20))
    assert tracks_of(video).problems == (
        "The file beside the video says that it began 20.0 s earlier than the track inside.",
        "The file beside the video says a place 11,119 m from the one that the video says itself.",
    )


def test_a_track_inside_that_cannot_be_read_is_a_sentence(video: Path, inside: list[Track | DashplateError]) -> None:
    beside(video, 5)
    inside.append(DashplateError("Its box is broken."))
    found = tracks_of(video)
    assert found.best is not None
    assert found.problems == ("The track inside clip.mp4 cannot be read. Its box is broken.",)


def test_time_that_is_up_is_no_track_that_cannot_be_read(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: object, **__: object) -> None:
        time.sleep(PATIENCE_S)

    monkeypatch.setattr(media, "tracks_of", slow)
    with pytest.raises(SoftTimeLimitExceeded), time_limit(0.05):
        media.when_and_where(video, None)
