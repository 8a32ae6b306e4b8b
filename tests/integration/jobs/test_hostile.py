"""Inputs that try to wear the reader out, or to make it open what it must not: each ends soon, with a sentence."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.detection.segment import SAMPLE_FPS
from pipeline.errors import Inaccessible, MediaError, Unreadable
from pipeline.records import MediaInfo, SegmentSpan
from pipeline.sources.expand import expand
from pipeline.sources.fingerprints import fingerprint
from pipeline.sources.roots import check_allowed, split_roots
from pipeline.sources.source import Source, shown, source_of, stored
from pipeline.video.decode import decode
from pipeline.video.probe import changed_since, probe
from pipeline.video.split import split
from tests.support.media_files import TIDY, late_start, photo, tidy, write_clip
from tests.support.media_hostile import eight_k, long_video, one_a_second, one_keyframe, png_bomb, slow_motion, zip_bomb
from tests.support.s3_server import bucket, s3_server
from tests.support.web_server import web_server

#: Memory of a process that has looked at a small video, 90 MB, with a margin.
BASE_MB = 200

#: Run in a process of its own, whose memory can be measured: probe and look at a whole video, without a network.
_LOOK = """
import json, sys
from pathlib import Path
from pipeline.video.decode import Decoder
from pipeline.errors import MediaError
from pipeline.detection.segment import DetectOptions, track_plates
from pipeline.video.probe import probe
from pipeline.video.overlays import with_overlays
from pipeline.video.split import split

class Blind:
    most = 0
    def detect(self, images):
        self.most = max(self.most, len(images))
        return [[] for _ in images]

detector, frames, problem = Blind(), 0, None
try:
    info = with_overlays(probe(Path(sys.argv[1])))
    for span in split(info):
        frames += track_plates(Decoder(info, span, 10), detector, info.kind, DetectOptions())[1]
except MediaError as error:
    problem = str(error)
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
used = int(status["VmHWM"].split()[0]) // 1024
print(json.dumps({"mb": used, "frames": frames, "together": detector.most, "problem": problem}))
"""


def looked_at(path: Path) -> dict[str, Any]:
    """What a process of its own makes of a file, and the most memory that it took, in MB."""
    run = subprocess.run([sys.executable, "-c", _LOOK, str(path)], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def frames_of(info: MediaInfo, spans: tuple[SegmentSpan, ...]) -> int:
    return sum(1 for span in spans for _ in decode(info, span, SAMPLE_FPS))


def sentence(source: Source, kind: type[MediaError]) -> str:
    with pytest.raises(kind) as problem:
        probe(source)
    assert type(problem.value).__mro__.index(kind) <= 1
    return str(problem.value)


# Long, large, slow and fast


def test_a_day_long_file_is_split_in_seconds(tmp_path: Path) -> None:
    path = long_video(tmp_path, hours=12)
    begin = time.process_time()
    info = probe(path)
    spans = split(info)
    assert time.process_time() - begin < 15
    assert info.problem is None
    assert info.duration_s == pytest.approx(12 * 3600)
    assert len(spans) == pytest.approx(4320, abs=5)
    # Entering it near its end costs no more than entering it at its beginning.
    begin = time.process_time()
    assert frames_of(info, spans[-2:-1]) == 100
    assert time.process_time() - begin < 2


def test_8k_takes_bounded_memory(tmp_path: Path) -> None:
    found = looked_at(eight_k(tmp_path))
    assert (found["frames"], found["problem"]) == (10, None)
    assert found["together"] == 1
    assert found["mb"] < BASE_MB + 1000


def test_pictures_larger_than_any_camera_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_clip(tmp_path / "clip.mp4", TIDY)
    monkeypatch.setattr("pipeline.video.container.FRAME_PIXELS", 320 * 180)
    assert "clip.mp4 claims pictures of 640 x 360 pixels" in sentence(path, Unreadable)


def test_one_frame_a_second_is_all_looked_at(tmp_path: Path) -> None:
    info = probe(one_a_second(tmp_path))
    assert (info.problem, info.frame_rate, frames_of(info, split(info))) == (None, 1.0, 30)


def test_240_frames_a_second_are_sampled_like_any_others(tmp_path: Path) -> None:
    info = probe(slow_motion(tmp_path))
    assert (info.problem, info.frame_rate, frames_of(info, split(info))) == (None, 240.0, 30)


def test_a_single_keyframe_makes_a_single_segment(tmp_path: Path) -> None:
    info = probe(one_keyframe(tmp_path))
    assert info.problem is None
    assert len(split(info)) == 1
    assert frames_of(info, split(info)) == 300


# Files that are still being written


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[Path]:
    """A transport stream to which packets are added all the time."""
    path = late_start(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 188 // 2 * 188])
    stop = threading.Event()

    def write() -> None:
        with path.open("ab") as file:
            at = len(data) // 188 // 2 * 188
            while not stop.wait(0.001):
                file.write(data[at : at + 188] or bytes.fromhex("471fff10") + bytes(184))
                file.flush()
                at += 188

    writer = threading.Thread(target=write)
    writer.start()
    yield path
    stop.set()
    writer.join()


def test_a_file_that_grows_while_it_is_opened_gives_what_is_there(camera: Path) -> None:
    info = probe(camera)
    assert info.problem is not None
    assert "was still being written when it was opened; what was there by then was read" in info.problem
    assert frames_of(info, split(info)) >= 25


def test_a_file_that_grew_since_it_was_registered_says_so(tmp_path: Path) -> None:
    path = tidy(tmp_path)
    known = fingerprint(path)
    assert changed_since(path, known) is None
    with path.open("ab") as file:
        file.write(b"\0\0\0\x08free")
    assert "was still being written" in (changed_since(path, known) or "")
    assert changed_since(path, f"path:{path}") is None


def test_a_file_without_its_index_yet_is_not_called_broken_while_it_grows(tmp_path: Path) -> None:
    path = tmp_path / "recording.mp4"
    data = tidy(tmp_path).read_bytes()
    path.write_bytes(data[: len(data) // 2])
    stop = threading.Event()

    def write() -> None:
        with path.open("ab") as file:
            for start in range(len(data) // 2, len(data) - 100_000, 50):
                if stop.wait(0.1):
                    return
                file.write(data[start : start + 50])
                file.flush()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert "recording.mp4 is still being written and cannot be read yet" in sentence(path, Unreadable)
    finally:
        stop.set()
        writer.join()
    recovered = probe(path)
    assert recovered.recovered
    assert "was never finished by the camera" in (recovered.problem or "")


# Names


@pytest.mark.parametrize("name", ["two\nlines.mp4", "🚗 👨‍👩‍👧.mp4", "\x1b[2Jclear.mp4", "gpj\u202e4pm.mp4", " .mp4"])
def test_odd_names_are_found_read_and_named_on_one_line(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    tidy(tmp_path).rename(tmp_path / name)
    [path] = expand([str(tmp_path)])
    assert source_of(stored(path)) == path
    assert probe(path).frames == 180
    half = (tmp_path / name).read_bytes()[:200_000]
    (tmp_path / name).write_bytes(half)
    told = probe(path).problem or ""
    assert told.startswith(shown(path))
    with caplog.at_level(logging.INFO):
        logging.getLogger("hostile").info("%s: %s", shown(path), told)
    assert len(caplog.text.splitlines()) == 1
    assert "\x1b" not in caplog.text
    assert "\u202e" not in caplog.text


# What must not be opened


def test_a_link_out_of_the_allowed_roots_is_not_followed(tmp_path: Path) -> None:
    secret = tidy(tmp_path)
    root = tmp_path / "card"
    root.mkdir()
    (root / "drive.mp4").symlink_to(secret)
    (root / "day").symlink_to(tmp_path)
    for path in (root / "drive.mp4", root / "day/tidy.mp4"):
        with pytest.raises(Inaccessible, match="outside the folders that may be read"):
            check_allowed(path, [root])


def test_a_private_address_is_not_asked_not_even_by_a_redirect() -> None:
    with web_server() as public, web_server() as private:
        private.files["/meta.mp4"] = b"secret"
        public.redirects["/drive.mp4"] = f"{private.url}/meta.mp4"
        for url in ("http://169.254.169.254/latest/a.mp4", f"{private.url}/meta.mp4", "http://2130706433/a.mp4"):
            with pytest.raises(Inaccessible, match="lies on a private network address, which is not asked"):
                check_allowed(source_of(url), [])
            assert "private network address" in sentence(source_of(url), Inaccessible)
        led = check_allowed(source_of(f"{public.url}/drive.mp4"), split_roots(f"{public.url}/"))
        assert "drive.mp4 lies outside the addresses that may be read" in sentence(led, Inaccessible)
        assert private.asked == []


# Bombs


def test_a_zip_bomb_in_an_object_store_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = zip_bomb(tmp_path / "bomb.zip").read_bytes()
    with s3_server() as endpoint, bucket(endpoint, "depot", monkeypatch) as s3:
        s3.put_object(Bucket="depot", Key="bomb.zip", Body=data)
        s3.put_object(Bucket="depot", Key="bomb.mp4", Body=data)
        s3.put_object(Bucket="depot", Key="bomb.mp4.gz", Body=b"\x1f\x8b\x08" + data, ContentEncoding="gzip")
        s3.put_object(Bucket="depot", Key="coded.mp4", Body=b"\x1f\x8b\x08" + data, ContentEncoding="gzip")
        # A search takes only what calls itself a video.
        assert [source.name for source in expand(["s3://depot"])] == ["bomb.mp4", "coded.mp4"]
        for name in ("bomb.zip", "bomb.mp4", "bomb.mp4.gz", "coded.mp4"):
            assert f"{name} is an archive or packed" in sentence(source_of(f"s3://depot/{name}"), Unreadable)


@pytest.mark.parametrize("name", ["bomb.png", "bomb.jpg", "bomb.mp4"])
def test_a_picture_that_unpacks_to_gigabytes_is_refused_before(tmp_path: Path, name: str) -> None:
    path = png_bomb(tmp_path / name)
    assert path.stat().st_size < 10_000
    found = looked_at(path)
    assert f"{name} claims 60000 x 60000 pixels" in found["problem"]
    assert found["mb"] < BASE_MB


def test_a_picture_in_a_kind_that_is_not_announced_is_no_photograph(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"P5 40000 20000 255\n" + bytes(100))
    assert "is not a video or photo that can be read" in sentence(path, Unreadable)
    assert probe(photo(tmp_path)).width == 640
