"""Clips of the service: no process, no memory and no thread is kept by whoever hung up, or by a share that hangs."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dashplate.service.errors import Refused
from dashplate.service.files.making import cutter as cutting
from dashplate.service.files.making import video_roots
from dashplate.service.files.making.cutter import Cutter
from pipeline.sources.fingerprints import content_of, fingerprint
from pipeline.video.clip import ClipRequest
from pipeline.video.probe import probe
from tests.support.media_files import TIDY, write_clip
from workers.settings import settings

#: Far more than it takes.
_PATIENCE_S = 120.0


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("videos") / "drive.mp4", replace(TIDY, width=1280, height=720, seconds=3))


@pytest.fixture
def wanted(video: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ClipRequest]:
    """All of it, of more bytes than a pipe and its reader hold."""
    monkeypatch.setenv("DASHPLATE_ROOTS", str(video.parent))
    settings.cache_clear()
    media = probe(video)
    end_pts = media.start_pts + round(3 / media.time_base)
    yield ClipRequest(media, content_of(video), fingerprint(video), media.start_pts, end_pts)
    settings.cache_clear()


def test_whoever_hangs_up_while_a_clip_is_handed_over_frees_its_turn(wanted: ClipRequest) -> None:
    async def hang_up() -> None:
        with Cutter() as cutter:
            call = asyncio.create_task(cutter.clip(wanted))
            while not any(process.stdout and process.stdout._paused for process in cutter._processes._running):  # type: ignore[attr-defined]
                assert not call.done(), "the clip is too small for this test"
                await asyncio.sleep(0)
            call.cancel()
            async with asyncio.timeout(_PATIENCE_S):
                while cutter._processes._running:
                    await asyncio.sleep(0.01)
                assert len((await cutter.clip(wanted)).data) > 200_000

    asyncio.run(hang_up())


def test_a_clip_that_nobody_asks_for_again_is_forgotten(wanted: ClipRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "_KEPT_S", 0.2)

    async def ask() -> None:
        with Cutter() as cutter:
            await cutter.clip(wanted)
            assert cutter._clips
            async with asyncio.timeout(_PATIENCE_S):
                while cutter._clips:
                    await asyncio.sleep(0.01)

    asyncio.run(ask())


def test_where_no_process_can_be_started_it_is_said(wanted: ClipRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/is/not/there")

    async def ask() -> None:
        with Cutter() as cutter:
            for _ in range(cutting.AT_ONCE + 1):
                with pytest.raises(Refused, match="ended over it"):
                    await cutter.clip(wanted)

    asyncio.run(ask())


def test_a_share_that_hangs_is_not_waited_for(wanted: ClipRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    back = threading.Event()
    monkeypatch.setattr(video_roots, "LONGEST_LOOK_S", 0.2)
    monkeypatch.setattr(video_roots, "roots_for", lambda source: back.wait())

    async def ask() -> None:
        with Cutter() as cutter:
            for _ in range(cutting.AT_ONCE + 1):
                with pytest.raises(Refused, match="does not answer") as refused:
                    await cutter.clip(wanted)
                assert refused.value.status == 503
            async with asyncio.timeout(_PATIENCE_S):
                assert await asyncio.to_thread(lambda: "others go on") == "others go on"

    try:
        asyncio.run(ask())
    finally:
        back.set()
