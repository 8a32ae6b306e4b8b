"""Flower's page in a real browser: a user sees of each task which video and segment it is at."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from bench.standin import Drive
from tests.conftest import ROOT
from tests.support.browser import chromium
from tests.support.processes import PATIENCE_S, processes_on, wait_until


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def test_flower_shows_each_tasks_video_and_down_leaves_nothing(browser: Browser, tmp_path: Path) -> None:
    data, port = tmp_path / "data", _free_port()
    video = tmp_path / "drive.mp4"
    Drive(segments=2).write(video)
    environment = _environment()
    log = tmp_path / "up.log"
    with log.open("wb") as written:
        up = subprocess.Popen(
            [*_DASHPLATE, "up", "--data", data, "--flower-port", str(port), "--port", "0", "--root", tmp_path],
            stdout=written,
            stderr=written,
            env=environment,
        )
    try:
        wait_until("Flower", lambda: up.poll() is not None or _answers(port), every_s=0.3)
        assert up.poll() is None, log.read_text()
        submitted = _dashplate(environment, "submit", str(video), "--wait", "--data", str(data))
        assert submitted.returncode == 0, submitted.stderr
        _see_the_tasks(browser, port, f"job 1: {video.name}", tmp_path / "flower.png")
    finally:
        down = _dashplate(environment, "down", "--data", str(data))
        ended = up.wait(PATIENCE_S)
    assert down.returncode == 0, down.stderr
    assert down.stdout.startswith("Stopped ")
    assert "Traceback" not in log.read_text()
    assert ended == 128 + signal.SIGTERM, log.read_text()
    wait_until("the last process to go", lambda: not processes_on(data), patience_s=20)


def _see_the_tasks(browser: Browser, port: int, video: str, picture: Path) -> None:
    page = browser.new_page(viewport={"width": 1600, "height": 760})
    page.goto(f"http://127.0.0.1:{port}/tasks")
    table = page.locator("#tasks-table tbody")
    segments = [(step, f"{video} segment {index}, attempt 1") for step in ("detect", "read") for index in (0, 1)]
    for step, label in (("probe", video), *segments, ("aggregate", video)):
        row = table.locator("tr").filter(has=page.get_by_text(f"dashplate.{step}", exact=True))
        row = row.filter(has=page.get_by_text(label, exact=True))
        expect(row).to_have_count(1, timeout=30_000)
        expect(row).to_contain_text("SUCCESS", timeout=30_000)
    # The sweeper's two seconds would push all else off the page.
    expect(table).not_to_contain_text("sweep")
    page.screenshot(path=picture)
    assert picture.stat().st_size > 10_000
    page.close()


_DASHPLATE = (sys.executable, "-m", "dashplate")


def _dashplate(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*_DASHPLATE, *words], capture_output=True, text=True, env=environment, timeout=PATIENCE_S, check=False
    )


def _environment() -> dict[str, str]:
    """This program's, without another test's servers; what tasks do does not matter here."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DASHPLATE_")}
    return {**kept, "DASHPLATE_WORK": "bench.standin:StandIn", "PYTHONPATH": str(ROOT)}


def _answers(port: int) -> bool:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"http://127.0.0.1:{port}/tasks", timeout=2) as page:
            return page.status == 200
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
