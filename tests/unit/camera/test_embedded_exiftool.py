"""ExifTool as the last resort: only where it is allowed, only for what nothing here reads, never by name or shell."""

from __future__ import annotations

import datetime as dt
import io
import stat
from pathlib import Path

import pytest

from pipeline.camera.embedded import embedded_track
from pipeline.camera.embedded.exiftool import SETTING, exiftool_reading
from tests.support.camera_files.formats import FILES
from tests.support.camera_files.mp4 import FTYP, box

ANSWER = """[{"SourceFile": "x", "Main:GPSLatitude": 1,
"Doc1:GPSLatitude": 50.0875, "Doc1:GPSLongitude": 14.4212, "Doc1:GPSSpeed": 36, "Doc1:GPSTrack": 44,
"Doc1:GPSDateTime": "2026:05:20 17:39:51.50Z", "Doc1:SampleTime": 1.5,
"Doc2:GPSLatitude": 50.0876, "Doc2:GPSLongitude": 14.4213, "Doc2:GPSDateTime": "2026:05:20 17:39:52",
"Doc3:GPSLatitude": 0, "Doc3:GPSLongitude": 0, "Doc4:GPSLatitude": 50}]"""
UNKNOWN = FTYP + box(b"mdat", bytes(500))


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program of that name that writes down what it was called with, and answers."""
    script = tmp_path / "bin" / "exiftool"
    script.parent.mkdir()
    script.write_text(f"#!/bin/sh\necho \"$@\" > {tmp_path}/called\ncat <<'END'\n{ANSWER}\nEND\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{script.parent}:/usr/bin:/bin")
    return tmp_path


def film(folder: Path, data: bytes) -> Path:
    path = folder / "; rm -rf film.mp4"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("asked", [True, None])
def test_it_is_asked_where_it_may_be(program: Path, monkeypatch: pytest.MonkeyPatch, asked: bool | None) -> None:
    monkeypatch.setenv(SETTING, "1")
    with film(program, UNKNOWN).open("rb") as file:
        track = embedded_track(file, len(UNKNOWN), exiftool=asked)
    assert track is not None
    assert (track.source, len(track.fixes)) == ("ExifTool", 2)
    first = track.fixes[0]
    assert (first.lat, first.lon, first.offset_s, first.bearing_deg) == (50.0875, 14.4212, 1.5, 44)
    assert first.speed_mps == pytest.approx(10)
    assert first.at == dt.datetime(2026, 5, 20, 17, 39, 51, 500_000, tzinfo=dt.UTC)
    assert track.fixes[1].at == dt.datetime(2026, 5, 20, 17, 39, 52)
    called = (program / "called").read_text()
    assert "film" not in called
    assert "/proc/self/fd/" in called


@pytest.mark.parametrize(("asked", "setting"), [(False, "1"), (None, "0"), (None, "")])
def test_it_is_not_asked_where_it_may_not(
    program: Path, monkeypatch: pytest.MonkeyPatch, asked: bool | None, setting: str
) -> None:
    monkeypatch.setenv(SETTING, setting)
    with film(program, UNKNOWN).open("rb") as file:
        assert embedded_track(file, len(UNKNOWN), exiftool=asked) is None
    assert not (program / "called").exists()


def test_it_is_not_asked_for_what_is_read_here(program: Path) -> None:
    data = FILES["BlackVue"]()
    with film(program, data).open("rb") as file:
        track = embedded_track(file, len(data), exiftool=True)
    assert track is not None
    assert track.source == "BlackVue NMEA"
    assert not (program / "called").exists()


def test_a_file_that_is_on_no_disk_and_a_missing_program(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert exiftool_reading(io.BytesIO(UNKNOWN), asked=True) is None
    monkeypatch.setenv("PATH", "/nowhere")
    with film(program, UNKNOWN).open("rb") as file:
        assert exiftool_reading(file, asked=True) is None


@pytest.mark.parametrize(
    "answer", ["", "[", "[]", "{}", "[[]]", '[{"Doc1:GPSLatitude": "x", "Doc1:GPSLongitude": []}]']
)
def test_answers_that_say_nothing(program: Path, answer: str) -> None:
    script = program / "bin" / "exiftool"
    script.write_text(f"#!/bin/sh\necho '{answer}'\n")
    with film(program, UNKNOWN).open("rb") as file:
        assert exiftool_reading(file, asked=True) is None
