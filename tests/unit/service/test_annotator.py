"""Annotated videos of the service: made by a process of their own, in a file without a name, or refused and why."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import pytest

from dashplate.footage.annotated import Annotation
from dashplate.service.documents import MakingState
from dashplate.service.files.making.annotator import Annotator, Made
from pipeline.job_options import JobOptions
from pipeline.sources.fingerprints import content_of, fingerprint
from pipeline.video.probe import probe
from pipeline.video.split import split
from tests.support.media_files import TIDY, write_clip
from workers.settings import Settings, settings


@pytest.fixture
def video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("DASHPLATE_ROOTS", str(tmp_path))
    settings.cache_clear()
    yield write_clip(tmp_path / "drive.mp4", replace(TIDY, seconds=1))
    settings.cache_clear()


def made_of(video: Path) -> Made:
    """What becomes of a video in which nothing was found: no model is needed for it."""
    media = probe(video)
    segments = tuple((media, span) for span in split(media))
    wanted = Annotation(1, JobOptions(), content_of(video), fingerprint(video), (), segments)

    async def make() -> Made:
        with Annotator(Settings(data_dir=video.parent / "data")) as annotator:
            made = annotator.begin(wanted)
            assert made.task is not None
            await made.task
            if made.state is MakingState.MADE:
                with made.opened() as file, av.open(file) as container:
                    assert sum(1 for _ in container.decode(video=0)) == media.frames
        return made

    return asyncio.run(make())


def test_a_video_is_made(video: Path) -> None:
    made = made_of(video)
    assert (made.state, made.share, made.refused) == (MakingState.MADE, 1.0, None)


def test_why_there_is_none_is_told(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHPLATE_ROOTS", str(video.parent / "elsewhere"))
    settings.cache_clear()
    made = made_of(video)
    assert made.state is MakingState.FAILED
    assert "outside the folders" in str(made.refused)


def test_where_no_process_can_be_started_it_is_said(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/is/not/there")
    made = made_of(video)
    assert made.state is MakingState.FAILED
    assert "ended over it" in str(made.refused)
