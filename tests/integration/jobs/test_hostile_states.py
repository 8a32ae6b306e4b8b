"""Hostile inputs through the real producer, store and aggregator: each video ends in its state, with its sentence.

Detection is blind here, because what is asked is what becomes of the file, and 8K takes its time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from dashplate.jobs import new_videos
from db.engine import session
from db.jobs.submit import add_videos, close_job, create_job
from db.queue import scheduler
from pipeline.detection.segment import DetectOptions, SegmentDetection, track_plates
from pipeline.job_options import JobOptions
from pipeline.records import Detection, Image, MediaInfo, SegmentSpan
from pipeline.sources.roots import check_allowed
from pipeline.sources.source import Source, source_of
from pipeline.video.decode import Decoder
from tests.support.media_files import tidy
from tests.support.media_hostile import eight_k, long_video, one_a_second, one_keyframe, png_bomb, slow_motion, zip_bomb
from tests.support.s3_server import bucket, s3_server
from tests.support.web_server import web_server
from workers.settings import settings
from workers.steps import aggregate, segment_stages
from workers.steps import probe as producer
from workers.steps.stage_engine import PipelineEngine, stage_engine


class SeesNothing:
    """A detector."""

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        return [[] for _ in images]


class Blind(PipelineEngine):
    """The real engine, but that no plate is ever found."""

    def detect(self, media: MediaInfo, span: SegmentSpan, options: JobOptions) -> SegmentDetection:
        allowed = replace(media, path=check_allowed(media.path, settings().roots))
        decoder = Decoder(allowed, span, options.sample_fps, 2)
        found, looked = track_plates(decoder, SeesNothing(), media.kind, DetectOptions())
        return SegmentDetection(found, looked, decoder.damage)


@pytest.fixture
def url(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "cards").mkdir()
    monkeypatch.setenv("DASHPLATE_DATABASE_URL", database_url)
    monkeypatch.setenv("DASHPLATE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("DASHPLATE_ROOTS", f"{tmp_path / 'cards'}:s3://depot/")
    monkeypatch.setenv("DASHPLATE_WORK", f"{__name__}:Blind")
    settings.cache_clear()
    stage_engine.cache_clear()
    yield database_url
    settings.cache_clear()
    stage_engine.cache_clear()


def registered(url: str, source: Source) -> int:
    """A job of that file alone."""
    with session(url) as db:
        job = create_job(db, "hostile", JobOptions(countries=(), sample_fps=10.0), is_open=True)
        add_videos(db, job, list(new_videos([source])))
        close_job(db, job)
    return job


def end_of(url: str, source: Source, between: Callable[[], Any] = lambda: None) -> tuple[str, str | None, int]:
    """State, sentence and number of segments of a file that goes through all steps; `between` is after registration."""
    job = registered(url, source)
    between()
    while True:
        with session(url) as db:
            messages, segments = scheduler.take_messages(db, 100), scheduler.take_pending(db, 10_000, 10_000)
        if not messages and not segments:
            break
        for segment in segments:
            segment_stages.detect_segment(segment.segment_id, segment.attempt)
        for message in messages:
            {"probe": producer.open_video, "aggregate": aggregate.aggregate}[message.kind](message.key)
    with session(url) as db:
        row = db.execute(text("SELECT state, problem, segments FROM videos WHERE job_id = :job"), {"job": job}).one()
        assert db.scalar(text("SELECT state FROM jobs WHERE id = :job"), {"job": job}) == "finished"
    return row.state, row.problem, row.segments


def test_twelve_hours_are_split_into_thousands_of_segments(url: str, tmp_path: Path) -> None:
    job = registered(url, long_video(tmp_path / "cards"))
    with session(url) as db:
        (probe,) = scheduler.take_messages(db, 1)
    producer.open_video(probe.key)
    with session(url) as db:
        (first, *_) = scheduler.take_pending(db, 10)
    segment_stages.detect_segment(first.segment_id, first.attempt)
    with session(url) as db:
        row = db.execute(text("SELECT * FROM videos WHERE job_id = :job"), {"job": job}).mappings().one()
    assert (row["state"], row["problem"], row["segments_done"]) == ("processing", None, 1)
    assert 4000 <= row["segments"] <= 4800
    assert row["duration_s"] == pytest.approx(12 * 3600, rel=0.001)


@pytest.mark.parametrize(
    ("make", "least", "most"),
    [(eight_k, 1, 9), (one_a_second, 1, 9), (slow_motion, 1, 9), (one_keyframe, 1, 1)],
)
def test_what_is_odd_but_whole_is_done(
    url: str, tmp_path: Path, make: Callable[[Path], Path], least: int, most: int
) -> None:
    state, problem, segments = end_of(url, make(tmp_path / "cards"))
    assert (state, problem) == ("done", None)
    assert least <= segments <= most


def test_a_file_that_grew_after_it_was_registered_is_kept_up_to_there(url: str, tmp_path: Path) -> None:
    path = tidy(tmp_path / "cards")

    def grow() -> None:
        with path.open("ab") as file:
            file.write(b"\0\0\0\x08free")

    state, problem, segments = end_of(url, path, grow)
    assert state == "truncated"
    assert problem is not None
    assert "was still being written when it was opened" in problem
    assert segments >= 1


def test_a_name_with_a_newline_and_an_emoji_is_a_video_like_any_other(url: str, tmp_path: Path) -> None:
    path = tidy(tmp_path / "cards").rename(tmp_path / "cards" / "two\nlines 🚗.mp4")
    assert end_of(url, path)[:2] == ("done", None)


def test_a_link_out_of_the_roots_is_inaccessible(url: str, tmp_path: Path) -> None:
    link = tmp_path / "cards" / "drive.mp4"
    link.symlink_to(tidy(tmp_path))
    state, problem, segments = end_of(url, link)
    assert (state, segments) == ("inaccessible", 0)
    assert "drive.mp4 lies outside the folders that may be read" in (problem or "")


@pytest.mark.parametrize("where", ["http://169.254.169.254/latest/a.mp4", "http://2130706433/a.mp4"])
def test_a_private_address_is_inaccessible(url: str, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DASHPLATE_ROOTS")
    settings.cache_clear()
    state, problem, _ = end_of(url, source_of(where))
    assert state == "inaccessible"
    assert "a.mp4 lies on a private network address, which is not asked" in (problem or "")


def test_a_private_host_that_a_root_names_is_read(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with web_server() as server:
        server.files["/a.mp4"] = tidy(tmp_path).read_bytes()
        monkeypatch.setenv("DASHPLATE_ROOTS", f"{server.url}/")
        settings.cache_clear()
        assert end_of(url, check_allowed(source_of(f"{server.url}/a.mp4"), settings().roots))[:2] == ("done", None)


def test_a_zip_bomb_in_an_object_store_is_unreadable(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = zip_bomb(tmp_path / "bomb.zip").read_bytes()
    with s3_server() as endpoint, bucket(endpoint, "depot", monkeypatch) as s3:
        s3.put_object(Bucket="depot", Key="bomb.mp4", Body=data)
        state, problem, _ = end_of(url, source_of("s3://depot/bomb.mp4"))
    assert state == "unreadable"
    assert "bomb.mp4 is an archive or packed, and is not unpacked here" in (problem or "")


def test_a_picture_of_gigabytes_is_unreadable(url: str, tmp_path: Path) -> None:
    state, problem, _ = end_of(url, png_bomb(tmp_path / "cards" / "bomb.png"))
    assert state == "unreadable"
    assert "claims 60000 x 60000 pixels" in (problem or "")
