"""What `dashplate probe` tells of real files: recordings that were made for it, broken ones, and the shared ones."""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path
from typing import Any

import av
import pytest

from pipeline.camera.media import WhenAndWhere, with_when_and_where
from pipeline.records import RecordedFrom
from pipeline.video.probe import probe
from tests.support import media_files
from tests.support.command_line.in_process import Said, run_command
from tests.support.media_files import Recipe, write_clip
from tests.support.sidecars import CONTAINERS, shared
from workers.settings import settings

SHORT = Recipe(seconds=2.0, sound=True)
#: What is on the road at noon in Berlin, and its track in UTC.
GPX = """<?xml version="1.0"?><gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>
<trkpt lat="52.5" lon="13.4"><time>2026-07-01T10:00:00Z</time></trkpt>
<trkpt lat="52.5001" lon="13.4"><time>2026-07-01T10:00:01Z</time></trkpt>
<trkpt lat="52.5002" lon="13.4"><time>2026-07-01T10:00:02Z</time></trkpt></trkseg></trk></gpx>"""
WRITTEN = dt.datetime(2026, 7, 1, 10, 5, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DASHPLATE_ROOTS", "DASHPLATE_CAMERAS"):
        monkeypatch.delenv(name, raising=False)
    settings.cache_clear()


def told(*words: object, code: int = 0) -> list[dict[str, Any]]:
    """One object a file."""
    said: Said = run_command("probe", "--json", *words)
    assert said.code == code, said.err
    return [json.loads(line) for line in said.out.splitlines()]


def recording(folder: Path, name: str = "20260701_120047_NF.mp4") -> Path:
    path = write_clip(folder / name, SHORT)
    os.utime(path, (WRITTEN.timestamp(),) * 2)
    return path


def test_a_recording_without_anything_but_its_name(tmp_path: Path) -> None:
    path = recording(tmp_path)
    (one,) = told(path)
    assert one["file"] == str(path)
    assert [stream["kind"] for stream in one["streams"]] == ["video", "audio"]
    assert (one["streams"][0]["codec"], one["streams"][0]["width"]) == ("h264", 640)
    assert (one["make"], one["camera"], one["recording"]) == ("BlackVue", "front", "normal")
    assert (one["frame_rate"], one["constant_frame_rate"], one["damage"], one["track"]) == (30.0, True, None, None)
    assert one["duration_s"] == pytest.approx(2.0)
    start = one["start"]
    assert (start["time"], start["source"], start["zone"]) == ("2026-07-01T12:00:47", "filename", None)
    assert [other["source"] for other in start["agreed"]] == ["file time"]


def test_a_track_beside_it_tells_the_zone_and_how_far_the_camera_is_off(tmp_path: Path) -> None:
    path = recording(tmp_path)
    path.with_suffix(".gpx").write_text(GPX)
    (one,) = told(path)
    start = one["start"]
    assert (start["time"], start["source"], start["zone"]) == ("2026-07-01T12:00:00+02:00", "sidecar", "+02:00")
    assert [(other["source"], other["time"]) for other in start["others"]] == [
        ("filename", "2026-07-01T12:00:47+02:00")
    ]
    assert any("47 s ahead" in note for note in one["notes"])
    track = one["track"]
    assert (track["points"], track["sidecar"], track["length_m"]) == (3, True, pytest.approx(22.2, abs=0.2))
    assert track["first"] == {"time": "2026-07-01T10:00:00+00:00", "lat": 52.5, "lon": 13.4}
    assert track["last"]["lat"] == 52.5002


def test_a_log_of_a_drive_is_cut_by_the_video_s_clock_and_never_by_a_copy_s_time(tmp_path: Path) -> None:
    path = recording(tmp_path, "20260701_120000_NF.mp4")
    (tmp_path / "drive.gpx").write_text(GPX)
    (one,) = told(path, "--timezone", "+02:00")
    assert (one["start"]["source"], one["track"]["points"]) == ("filename", 3)
    nameless = path.rename(tmp_path / "clip.mp4")
    os.utime(nameless, (dt.datetime(2026, 7, 1, 10, 0, 2, tzinfo=dt.UTC).timestamp(),) * 2)
    (one,) = told(nameless)
    assert (one["start"]["source"], one["track"]) == ("file time", None)


def test_what_is_known_of_the_clock_is_obeyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = recording(tmp_path)
    (one,) = told(path, "--timezone", "Europe/Berlin", "--clock-offset", 47)
    assert one["start"]["time"] == "2026-07-01T12:00:00+02:00"
    assert one["start"]["zone"] == "Europe/Berlin"
    (one,) = told(path, "--clock", "2026-07-01T12:00:01+02:00")
    assert (one["start"]["source"], one["start"]["time"]) == ("given", "2026-07-01T12:00:01+02:00")
    assert [other["source"] for other in one["start"]["others"]] == ["filename"]
    cameras = tmp_path / "cameras.yaml"
    entry = f"folder: {tmp_path.name}, offset_s: 45, drift_s_per_day: 1, since: 2026-06-29T12:00:47"
    cameras.write_text(f"- {{make: Viofo, offset_s: 1000}}\n- {{{entry}, timezone: '+02:00'}}\n")
    monkeypatch.setenv("DASHPLATE_CAMERAS", str(cameras))
    settings.cache_clear()
    (one,) = told(path)
    assert one["start"]["time"] == "2026-07-01T12:00:00+02:00"


def test_an_offset_does_not_touch_the_satellites(tmp_path: Path) -> None:
    path = recording(tmp_path)
    path.with_suffix(".gpx").write_text(GPX)
    (one,) = told(path, "--clock-offset", 47)
    assert (one["start"]["time"], one["start"]["others"]) == ("2026-07-01T12:00:00+02:00", [])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [(("--timezone", "Mars/Base"), "no time zone"), (("--clock", "noon"), "no time"),
     (("--clock", "2026-07-01T12:00"), "one recording")],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(tmp_path: Path, words: tuple[str, str], sentence: str) -> None:
    said = run_command("probe", recording(tmp_path), recording(tmp_path, "b.mp4"), *words)
    assert said.code == 2
    assert sentence in said.err


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("offset_s: 47", "a list"), ("- {offset_s: 47}", "names no camera"), ("- {make: A, offset: 4}", "nothing else"),
     ("- {make: A, drift_s_per_day: 1}", "since when"), ("- {make: A, offset_s: fast}", "cannot be read"),
     ("- {make: A, timezone: Mars}", "time zone"), ("- [", "no YAML")],
)  # fmt: skip
def test_a_file_of_cameras_that_cannot_be_meant_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, sentence: str
) -> None:
    (tmp_path / "cameras.yaml").write_text(text)
    monkeypatch.setenv("DASHPLATE_CAMERAS", str(tmp_path / "cameras.yaml"))
    settings.cache_clear()
    said = run_command("probe", recording(tmp_path))
    assert (said.code, sentence in said.err) == (2, True), said.err


def test_broken_files_cost_a_sentence_each_and_not_the_others(tmp_path: Path) -> None:
    files = [media_files.zero_bytes(tmp_path), media_files.text(tmp_path), media_files.audio_only(tmp_path),
             tmp_path / "nowhere.mp4", recording(tmp_path)]  # fmt: skip
    objects = told(*files, code=3)
    assert [one["file"] for one in objects] == [str(path) for path in files]
    assert all(one["damage"] for one in objects[:4])
    assert all(one["track"] is None for one in objects)
    assert objects[3]["start"] is None
    assert objects[4]["damage"] is None
    (cut,) = told(media_files.half_fragmented(tmp_path))
    assert cut["damage"]


def test_frames_that_come_unevenly_are_said(tmp_path: Path) -> None:
    (one,) = told(media_files.variable_rate(tmp_path))
    assert one["constant_frame_rate"] is False


def test_people_are_told_in_words_and_see_the_way(tmp_path: Path) -> None:
    path = recording(tmp_path)
    path.with_suffix(".gpx").write_text(GPX)
    said = run_command("probe", path)
    assert said.code == 0
    for words in ("video h264 640 × 360", "BlackVue, front, normal recording", "by sidecar", "but 2026-07-01 12:00:47",
                  "3 points", "none seen"):  # fmt: skip
        assert words in said.out
    assert "o" in said.out.splitlines()[-3] + said.out.splitlines()[-2]


def test_the_container_names_make_and_time(tmp_path: Path) -> None:
    path, tagged = recording(tmp_path), tmp_path / "told.mov"
    with av.open(str(path)) as before, av.open(str(tagged), "w") as after:
        after.metadata.update({"creation_time": "2026-07-01T10:00:02Z", "make": "Acme", "model": "One"})
        stream = after.add_stream_from_template(before.streams.video[0])
        for packet in before.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                after.mux(packet)
    (one,) = told(tagged)
    assert (one["make"], one["model"]) == ("Acme", "One")
    assert (one["start"]["source"], one["start"]["time"]) == ("container", "2026-07-01T10:00:02+00:00")


def test_a_reader_that_fails_leaves_the_video_its_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("pipeline.camera.media.tracks_of", fails)
    media = with_when_and_where(probe(recording(tmp_path)))
    assert media.track is None
    assert media.recorded is not None
    assert media.recorded.told_by is RecordedFrom.FILENAME
    assert media.recorded.at == dt.datetime(2026, 7, 1, 12, 0, 47, tzinfo=dt.UTC)
    assert WhenAndWhere.__dataclass_fields__.keys() >= {"clock", "track"}


#: Shared files: make, source of the clock, start, and the first fix, as ExifTool 12.57 or the file itself tells them.
KNOWN = {
    "blackvue-mp4/synthetic.mp4": ("BlackVue", "gps", "2021-10-11T18:15:00+00:00", (50.0, 30.0)),
    "garmin/synthetic-pndm.mp4": ("Garmin", "container", "2026-01-15T12:00:00+00:00", (50.0, 30.0)),
    "gopro-gpmf/hero5-trimmed.mp4": ("GoPro", "gps", "2017-04-17T17:31:03+00:00", (33.126497, -117.327354)),
    "navitel/sample.MOV": (None, "gps", "2020-11-04T13:30:15+00:00", (50.0, 30.0)),
    "ibox/synthetic-ibox.MOV": (None, "gps", "2023-04-22T12:45:20+00:00", (50.0, 30.0)),
    "novatek/synthetic-vantrue.mp4": (None, "gps", "2024-12-23T17:51:36+00:00", (47.0, 27.0)),
    "dashcam-viewer-corpus/MOV_0581.nmea": (None, "sidecar", "2013-01-29T05:30:11+00:00", (-34.0, 151.0)),
    "escort/synthetic-happy.map": ("Escort", "sidecar", "2025-01-01T12:00:00+00:00", (1.000833, 2.0)),
    "70mai-multichannel/Normal/Back/NO20260101-120002-000002B.MP4":
        ("70mai", "sidecar", "2026-01-01T12:00:02+00:00", (50.0002, 30.0)),
}  # fmt: skip


@pytest.mark.parametrize("name", KNOWN)
def test_shared_files_say_what_exiftool_says(name: str) -> None:
    make, source, time, place = KNOWN[name]
    (one,) = json.loads(f"[{run_command('probe', '--json', shared(name)).out}]")
    if make is not None:
        assert one["make"] == make
    start = one["start"]
    assert start["source"] == source
    apart = dt.datetime.fromisoformat(start["time"]) - dt.datetime.fromisoformat(time)
    assert abs(apart.total_seconds()) <= 1
    first = one["track"]["first"]
    assert (first["lat"], first["lon"]) == pytest.approx(place, abs=1e-5)


def test_every_shared_file_is_one_object() -> None:
    shared("README.md" if (CONTAINERS / "README.md").exists() else next(iter(KNOWN)))
    files = sorted(path for path in CONTAINERS.rglob("*") if path.is_file())
    said = run_command("probe", "--json", *files)
    objects = [json.loads(line) for line in said.out.splitlines()]
    assert [one["file"] for one in objects] == [str(path) for path in files]
    for one in objects:
        assert {"file", "make", "model", "duration_s", "damage", "start", "track"} <= one.keys()
        assert one["damage"] or one["streams"] or one["track"]
        if one["start"] is not None:
            at = dt.datetime.fromisoformat(one["start"]["time"])
            assert (at.tzinfo is None) == (one["start"]["zone"] is None)
            assert one["start"]["uncertainty_s"] > 0
        if "wrong-format" in one["file"] or "not-" in one["file"] or "encrypted" in one["file"]:
            assert one["track"] is None
