"""Which file beside a video holds its track, and what may be opened."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from pipeline.camera.records import MOST_FIXES, Clock, ClockClaim, Fix, Track
from pipeline.camera.sidecars import folder, formats, markup, sidecar_track
from pipeline.camera.sidecars.remembered import Remembered
from pipeline.camera.tracks.place import began_by_track
from pipeline.errors import Inaccessible
from pipeline.records import RecordedFrom
from pipeline.sources.roots import check_allowed
from pipeline.sources.source import Source, remote_of
from tests.support.sidecars import FIRST, GPX, SECOND, log, rmc, shared, utc


@pytest.mark.parametrize(
    ("video", "sidecar", "belongs"),
    [
        ("MOV_0581.mp4", "MOV_0581.nmea", True),
        ("MOV_0581.MP4", "mov_0581.NMEA", True),
        ("20231114_120000_NF.mp4", "20231114_120000_N.gps", True),
        ("20231114_120000_NR.mp4", "20231114_120000_N.gps", True),
        ("20231114_120000_NF.mp4", "20231114_120000_E.gps", False),
        ("20231114_120000_IF.mp4", "20231114_120000_I.gps", True),
        ("MOVI0001R.MP4", "MOVI0001F.nmea", True),
        ("MOVI0001R.MP4", "MOVI0001.nmea", True),
        ("MOVI0001.MP4", "MOVI0002.nmea", False),
        ("drive.mp4", "drive_f.nmea", False),
        ("clip.mp4", "clip.json", False),
    ],
)
def test_names_that_belong_together(tmp_path: Path, video: str, sidecar: str, belongs: bool) -> None:
    (tmp_path / sidecar).write_text(rmc("120000.00"))
    (tmp_path / "other.mp4").touch()
    assert (sidecar_track(tmp_path / video) is not None) == belongs


def test_the_closest_name_wins(tmp_path: Path) -> None:
    (tmp_path / "20231114_120000_NF.nmea").write_text(rmc("120001.00"))
    (tmp_path / "20231114_120000_N.gpx").write_text(GPX)
    track = sidecar_track(tmp_path / "20231114_120000_NF.mp4")
    assert track is not None
    assert track.source == "NMEA"
    assert track.sidecar


def gpx_of(seconds: range) -> str:
    times = {second: (utc(2026, 3, 1, 12) + dt.timedelta(seconds=second)).isoformat() for second in seconds}
    points = (f'<trkpt lat="50" lon="{9 + s * 1e-5}"><time>{time}</time></trkpt>' for s, time in times.items())
    return f"<gpx>{''.join(points)}</gpx>"


def clock(at: dt.datetime) -> Clock:
    return Clock(ClockClaim(at, RecordedFrom.CONTAINER, 1.0), "UTC")


def test_a_log_of_the_whole_drive_is_cut_to_the_video(tmp_path: Path) -> None:
    (tmp_path / "a-walk.gpx").write_text(gpx_of(range(-9000, -8000)))
    (tmp_path / "drive.gpx").write_text(gpx_of(range(0, 1000)))
    video = tmp_path / "clip_7.mp4"
    assert sidecar_track(video) is None
    track = sidecar_track(video, clock=clock(utc(2026, 3, 1, 12, 5)), length_s=60.0)
    assert track is not None
    assert (track.fixes[0].at, track.fixes[-1].at) == (utc(2026, 3, 1, 12, 4, 55), utc(2026, 3, 1, 12, 6, 5))
    assert began_by_track(track) is None
    assert sidecar_track(video, clock=clock(utc(2026, 3, 2, 12, 5)), length_s=60.0) is None
    assert sidecar_track(video, clock=clock(dt.datetime(2026, 3, 1, 12, 5)), length_s=60.0) is None


def test_a_log_is_read_once_for_all_videos_of_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log_file = tmp_path / "drive.gpx"
    log_file.write_text(gpx_of(range(0, 1000)))
    (tmp_path / "broken.gpx").write_text("<gpx><trk>")
    read: list[int] = []
    real = formats.read

    def counted(data: bytes, ending: str) -> Track | None:
        read.append(len(data))
        return real(data, ending)

    monkeypatch.setattr(formats, "read", counted)

    def ask(minute: int) -> list[str]:
        said: list[str] = []
        at = clock(utc(2026, 3, 1, 12, minute))
        assert sidecar_track(tmp_path / f"clip_{minute}.mp4", clock=at, length_s=60.0, tell=said.append) is not None
        return said

    first = ask(5)
    assert len(first) == 1
    assert ask(6) == first
    assert len(read) == 2
    log_file.write_text(gpx_of(range(0, 1001)))
    ask(7)
    assert len(read) == 3


def test_logs_that_were_read_do_not_fill_the_memory() -> None:
    logs = Remembered()
    track = Track((Fix(1.0, 2.0),) * (MOST_FIXES // 2), "GPX")
    for inode in range(3):
        logs.put(((1, inode, 0, 0), ".gpx"), track)
    assert [logs.get(((1, inode, 0, 0), ".gpx")) for inode in range(3)] == [None, (track,), (track,)]
    for inode in range(1000):
        logs.put(((2, inode, 0, 0), ".gpx"), None)
    assert logs.get(((1, 2, 0, 0), ".gpx")) is None
    assert logs.get(((2, 999, 0, 0), ".gpx")) == (None,)


def test_more_elements_than_a_track_has_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markup, "_MOST_ELEMENTS", 100)
    (tmp_path / "clip.gpx").write_text(f"<gpx>{'<a/>' * 100}{gpx_of(range(9))}</gpx>")
    said: list[str] = []
    assert sidecar_track(tmp_path / "clip.mp4", tell=said.append) is None
    assert said == [
        "clip.gpx lies beside the video and cannot be read. Its XML has more than 100 elements, which no track has."
    ]


def test_a_log_of_another_video_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "clip_6.gpx").write_text(gpx_of(range(0, 1000)))
    (tmp_path / "clip_6.mp4").touch()
    assert sidecar_track(tmp_path / "clip_7.mp4", clock=clock(utc(2026, 3, 1, 12, 5)), length_s=60.0) is None


def test_a_log_of_the_videos_name_that_is_much_longer_says_no_start(tmp_path: Path) -> None:
    (tmp_path / "clip.gpx").write_text(gpx_of(range(0, 1000)))
    alone = sidecar_track(tmp_path / "clip.mp4", length_s=60.0)
    assert alone is not None
    assert not alone.tells_start
    cut = sidecar_track(tmp_path / "clip.mp4", clock=clock(utc(2026, 3, 1, 12, 5)), length_s=60.0)
    assert cut is not None
    assert len(cut.fixes) == 71
    whole = sidecar_track(tmp_path / "clip.mp4", length_s=980.0)
    assert whole is not None
    assert whole.tells_start


def test_a_file_that_is_too_large_is_passed_over_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "clip.nmea"
    path.write_text(rmc("120000.00"))
    os.truncate(path, folder.LARGEST_BYTES + 1)
    said: list[str] = []
    assert sidecar_track(tmp_path / "clip.mp4", tell=said.append) is None
    assert said == ["clip.nmea is larger than 64 MB, and no track of one camera: left out."]


def test_a_broken_file_is_passed_over_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "clip.gpx").write_text("<gpx><trk>")
    (tmp_path / "clip.nmea").write_text(rmc("120000.00"))
    said: list[str] = []
    track = sidecar_track(tmp_path / "clip.mp4", tell=said.append)
    assert track is not None
    assert track.source == "NMEA"
    assert len(said) == 1
    assert said[0].startswith("clip.gpx lies beside the video and cannot be read. Its XML is damaged")


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "clip.nmea")
    (tmp_path / "clip.gpx").mkdir()
    said: list[str] = []
    assert sidecar_track(tmp_path / "clip.mp4", tell=said.append) is None
    assert len(said) == 2


def test_nothing_is_opened_that_may_not_be(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    root.mkdir()
    elsewhere.mkdir()
    (elsewhere / "secret.nmea").write_text(rmc("120000.00"))
    (root / "clip.nmea").symlink_to(elsewhere / "secret.nmea")
    (root / "clip.mp4").touch()
    video = check_allowed(root / "clip.mp4", [root])
    said: list[str] = []
    assert sidecar_track(video, tell=said.append) is None
    assert sidecar_track(video, allowed=lambda path: check_allowed(path, [root]), tell=said.append) is None
    assert len(said) == 2
    assert sidecar_track(root / "clip.mp4") is not None


def card(tmp_path: Path) -> Path:
    lines = [(second, FIRST) for second in range(40, 60)] + [(second, SECOND) for second in range(60, 90)]
    (tmp_path / "GPSData000001.txt").write_text(log(*lines))
    folder = tmp_path / "Normal" / "Back"
    folder.mkdir(parents=True)
    (folder / f"{SECOND}B.MP4").touch()
    return folder / f"{SECOND}B.MP4"


def test_the_log_of_a_card_lies_above_its_folders(tmp_path: Path) -> None:
    video = card(tmp_path)
    track = sidecar_track(video)
    assert track is not None
    assert len(track.fixes) == 30


def test_above_the_folder_only_what_is_allowed_is_opened(tmp_path: Path) -> None:
    video = check_allowed(card(tmp_path), [tmp_path])
    assert sidecar_track(video) is None
    assert sidecar_track(video, allowed=lambda path: check_allowed(path, [tmp_path])) is not None

    def never(path: Source) -> Source:
        raise Inaccessible(f"{path} may not be opened.")

    assert sidecar_track(video, allowed=never) is None


@pytest.fixture
def bucket() -> Iterator[fsspec.AbstractFileSystem]:
    system = fsspec.filesystem("memory")
    yield system
    system.store.clear()


@pytest.mark.parametrize(
    ("video", "sidecar"),
    [("MOV_0581.mp4", "MOV_0581.NMEA"), ("20231114_120000_NR.mp4", "20231114_120000_N.gps"), ("a.mp4", "a.gpx")],
)
def test_in_a_bucket_likely_names_are_asked_for(bucket: fsspec.AbstractFileSystem, video: str, sidecar: str) -> None:
    bucket.pipe(f"/cards/7/{sidecar}", GPX.encode() if sidecar.endswith("gpx") else rmc("120000.00").encode())
    said: list[str] = []
    assert sidecar_track(remote_of(f"memory://cards/7/{video}"), tell=said.append) is not None
    assert sidecar_track(remote_of("memory://cards/7/another.mp4"), tell=said.append) is None
    assert said == []


def test_the_log_of_a_card_in_a_bucket(bucket: fsspec.AbstractFileSystem) -> None:
    bucket.pipe("/cards/7/GPSData000001.txt", log((0, FIRST), (1, FIRST)).encode())
    assert sidecar_track(remote_of(f"memory://cards/7/Normal/Front/{FIRST}F.MP4")) is not None
    assert sidecar_track(remote_of(f"memory://cards/8/Normal/Front/{FIRST}F.MP4")) is None


def test_of_web_addresses_nothing_is_asked() -> None:
    assert sidecar_track(remote_of("https://nowhere.invalid/clip.mp4")) is None


@pytest.mark.parametrize(
    "video", ["Front/NO20260101-120002-000002F", "Back/NO20260101-120002-000002B", "Interior/NO20260101-120002-000002I"]
)
def test_each_camera_of_the_shared_card_has_its_minutes(video: str) -> None:
    track = sidecar_track(shared(f"70mai-multichannel/Normal/{video}.MP4"))
    assert track is not None
    assert [(fix.offset_s, fix.lat) for fix in track.fixes] == [(0.0, 50.0002), (1.0, 50.0003), (2.0, 50.0004)]
    assert began_by_track(track) == (utc(2026, 1, 1, 12, 0, 2), 0.5)
