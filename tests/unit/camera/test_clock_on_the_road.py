"""When and where on the road: what the probe step of a worker and of a program returns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dashplate import jobs
from pipeline.camera.clock import clock_options
from pipeline.camera.on_screen import on_the_road
from pipeline.camera.records import ClockClaim
from pipeline.errors import UsageError
from pipeline.job_options import JobOptions
from pipeline.records import Box, MediaInfo, RecordedFrom
from pipeline.run import opened
from tests.support.media_files import Recipe, photo, write_clip
from workers.settings import settings
from workers.steps import stage_engine
from workers.steps.stage_engine import PipelineEngine


@pytest.fixture
def clip(tmp_path: Path) -> Iterator[Path]:
    settings.cache_clear()
    yield write_clip(tmp_path / "20260701_120047_NR.mp4", Recipe(seconds=1.0))
    settings.cache_clear()


def test_a_worker_s_probe_returns_the_clock_by_the_job_s_options(clip: Path) -> None:
    options = JobOptions(timezone="Europe/Berlin", clock_offset_s=47.0)
    info, spans = PipelineEngine().probe(str(clip), JobOptions.from_json(options.as_json()))
    assert spans
    assert info.clock is not None
    assert info.recorded is not None
    assert (info.clock.zone, info.camera, info.make) == ("Europe/Berlin", "rear", "BlackVue")
    assert info.recorded.at == dt.datetime(2026, 7, 1, 10, tzinfo=dt.UTC)
    assert info.recorded.told_by is RecordedFrom.FILENAME


def test_a_worker_goes_on_without_a_file_of_cameras_that_cannot_be_read(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASHPLATE_CAMERAS", "/nowhere/cameras.yaml")
    settings.cache_clear()
    info, _ = PipelineEngine().probe(str(clip), JobOptions())
    assert info.clock is not None
    assert info.clock.zone is None


def test_a_photograph_has_a_clock_and_no_track(tmp_path: Path) -> None:
    path = photo(tmp_path)
    named = path.rename(path.with_name(f"IMG_20260701_120000{path.suffix}"))
    media = opened(named, clock_options("2026-07-01T12:00:05+02:00"))
    assert media.clock is not None
    assert media.clock.start.told_by is RecordedFrom.GIVEN
    assert media.clock.others[0].told_by is RecordedFrom.FILENAME
    assert media.track is None


def test_the_options_travel_as_json() -> None:
    options = jobs.job_options(None, clock="2026-07-01T12:00:00Z", timezone="+05:45", clock_offset_s=-3.5)
    assert JobOptions.from_json(options.as_json()) == options
    assert JobOptions.from_json({}) == JobOptions()


@pytest.mark.parametrize(
    "given", [{"clock": "noon"}, {"timezone": "Mars"}, {"clock_offset_s": 1e12}, {"clock_offset_s": float("nan")}]
)
def test_options_that_cannot_be_meant_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        jobs.job_options(None, **given)  # type: ignore[arg-type]


def test_a_clock_is_of_one_recording(clip: Path) -> None:
    options = JobOptions(clock="2026-07-01T12:00:00")
    for submit in (jobs.submit, jobs.submit_at_once):
        with pytest.raises(UsageError, match="one recording"):
            submit("postgresql://nowhere", [clip, clip.with_name("b.mp4")], options, jobs.Submission())


def test_a_worker_looks_at_the_screen_with_what_is_stored_and_the_file_s_keyframes(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probed, _ = PipelineEngine().probe(str(clip), JobOptions())
    stored = replace(probed, keyframes=(probed.start_pts,), overlays=(Box(10, 200, 90, 220),))
    looked_at: list[MediaInfo] = []

    def read(info: MediaInfo, *_: object) -> ClockClaim:
        looked_at.append(info)
        return ClockClaim(dt.datetime(2026, 7, 1, 12, 0, 47), RecordedFrom.OVERLAY, 0.3)

    cameras = clip.with_name("cameras.yaml")
    cameras.write_text("- make: BlackVue\n  timezone: Europe/Berlin\n  offset_s: 47\n")
    monkeypatch.setenv("DASHPLATE_CAMERAS", str(cameras))
    settings.cache_clear()
    monkeypatch.setattr(on_the_road, "read_screen_clock", read)
    monkeypatch.setattr(stage_engine, "screen_reader", lambda models: None)
    clock = PipelineEngine().screen_clock(stored, None, JobOptions())
    assert looked_at == [replace(stored, keyframes=probed.keyframes)]
    assert clock is not None
    assert clock.start.at.isoformat() == "2026-07-01T12:00:00+02:00"
