"""The player of a video in a real browser: boxes lie on the plates of the frame that is shown, also after seeking."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page

from bench.pictures.pages import sign_in
from dashplate.stack import Stack
from dashplate.stack.server import free_port
from db.access import tokens
from db.access.scopes import Scope
from db.engine import session
from db.findings.footage import passings
from db.jobs.submit import NewVideo, add_videos, close_job, create_job
from db.migrate import upgrade
from db.models import SightingRow
from pipeline.job_options import JobOptions
from pipeline.records import Box
from pipeline.sources.fingerprints import fingerprint
from synthesis.drive import Drive
from tests.conftest import ROOT
from tests.support.browser import chromium
from tests.support.found import sighted
from tests.support.processes import PATIENCE_S, wait_until
from tests.support.road import Road, stand_in_road

#: What the player draws is at most so far from what the detector saw in that frame, pixels.
PLAYER_PX = 0.1
#: The detector itself: of its boxes in a rendered drive at 720p so large a share has its middle within 2 pixels of the
#: plate's. Its boxes are wider than plates, by up to three pixels a side, because frames and holders are among them.
CENTRED_SHARE = 0.75
#: A drive has so many frames a second; pictures are compared at this size.
FPS, COMPARED = 10, (64, 36)
_REAL = "workers.steps.stage_engine:PipelineEngine"


@dataclass(frozen=True)
class Shown:
    """A service with a processed drive."""

    url: str
    database_url: str
    token: str
    video: int


@pytest.fixture(scope="module")
def shown(stack: Stack, demo_drive: Drive, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    folder = tmp_path_factory.mktemp("player")
    upgrade(stack.database_url)
    about = {"DASHPLATE_REDIS_URL": stack.redis_url, "DASHPLATE_WORK": _REAL}
    with stand_in_road(stack.database_url, folder / "data", **about) as road:
        video = processed(road, demo_drive.video)
        with session(road.url) as db:
            token = tokens.create(db, "player", [Scope.SEARCH], None)
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        port, log = free_port(), folder / "serve.log"
        with log.open("wb") as said:
            argv = [sys.executable, "-m", "dashplate", "serve", "--port", str(port)]
            serving = subprocess.Popen(argv, cwd=ROOT, env=environment, stdout=said, stderr=said)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until("the service", lambda: serving.poll() is not None or answers(url), every_s=0.3)
            assert serving.poll() is None, log.read_text()
            yield Shown(url, road.url, token, video)
        finally:
            serving.terminate()
            serving.wait(PATIENCE_S)


@pytest.fixture(scope="module")
def page(shown: Shown) -> Iterator[Page]:
    with chromium() as browser:
        context = browser.new_context(viewport={"width": 1500, "height": 1000}, device_scale_factor=2)
        opened = context.new_page()
        opened.set_default_timeout(60_000)
        sign_in(opened, shown.url, shown.token)
        yield opened


def processed(road: Road, path: Path) -> int:
    """The video's number, after the real models have seen it, without queues."""
    with session(road.url) as db:
        job = create_job(db, "a drive", JobOptions(), is_open=True)
        add_videos(db, job, [NewVideo(str(path), fingerprint(path))])
        close_job(db, job)
    (video,) = road.open(job)
    road.read(road.detect())
    road.aggregate()
    return video


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def open_at(page: Page, shown: Shown, video: int, second: float) -> None:
    page.goto(f"{shown.url}/videos/{video}?at={second}")
    page.wait_for_selector("dash-player .thumb")
    see(page, second)


def see(page: Page, second: float) -> None:
    """Wait until the frame of that second is shown."""
    wait_until(f"second {second}", lambda: abs(ask(page, "player.shownAt") - second) < 0.01, every_s=0.1)


def seek(page: Page, second: float) -> None:
    ask(page, f"player.seek({second})")
    see(page, second)


def ask(page: Page, expression: str) -> Any:
    return page.evaluate(f"(() => {{ const player = document.querySelector('dash-player'); return {expression}; }})()")


def boxes_at(page: Page, seconds: list[float]) -> list[list[dict[str, Any]]]:
    found: list[list[dict[str, Any]]] = ask(page, f"{seconds}.map((second) => player.boxesAt(second))")
    return found


def truth_of(drive: Drive) -> dict[int, dict[str, Box]]:
    """The true boxes by frame and plate."""
    found: dict[int, dict[str, Box]] = defaultdict(dict)
    with drive.video.with_suffix(".boxes.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            sides = (float(row[name]) for name in ("x1", "y1", "x2", "y2"))
            found[int(row["frame"])][row["plate_text"]] = Box(*sides)
    return found


def luma_of(drive: Drive) -> list[NDArray[np.float64]]:
    """The drive's frames, small and grey."""
    with av.open(str(drive.video)) as container:
        frames = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    return [cv2.resize(frame, COMPARED, interpolation=cv2.INTER_AREA).astype(np.float64) for frame in frames]


def frame_on_screen(page: Page, luma: list[NDArray[np.float64]]) -> int:
    """Which of the drive's frames the browser shows."""
    wide, high = COMPARED
    pixels = page.evaluate(
        """([wide, high]) => {
            const canvas = new OffscreenCanvas(wide, high), pen = canvas.getContext("2d");
            pen.imageSmoothingQuality = "high";
            pen.drawImage(document.querySelector("dash-player video"), 0, 0, wide, high);
            return [...pen.getImageData(0, 0, wide, high).data];
        }""",
        [wide, high],
    )
    red, green, blue, _ = np.asarray(pixels, np.float64).reshape(high, wide, 4).transpose(2, 0, 1)
    seen = 0.299 * red + 0.587 * green + 0.114 * blue
    # The browser's range and colours may be a little off.
    apart = [float(np.abs((seen - seen.mean()) - (one - one.mean())).mean()) for one in luma]
    return int(np.argmin(apart))


def test_boxes_fit_the_plates_at_every_tenth_of_a_second(shown: Shown, page: Page, demo_drive: Drive) -> None:
    open_at(page, shown, shown.video, 1.0)
    wait_until("the boxes", lambda: bool(ask(page, "player.boxesAt(1.0).length")), every_s=0.2)
    truth = truth_of(demo_drive)
    drawn = boxes_at(page, [frame / FPS for frame in range(round(ask(page, "player.duration") * FPS))])
    by_id = {frame: {one["id"]: Box(*one["box"]) for one in found} for frame, found in enumerate(drawn)}
    with session(shown.database_url) as db:
        stored = passings(db, shown.video)
    for passing in stored:
        for path in passing.tracklets:
            assert path.whole
            for seen in path.seen:
                box = by_id[round(seen.time_s * FPS)][passing.sighting]
                assert box.as_tuple() == pytest.approx(seen.box.as_tuple(), abs=PLAYER_PX)
    off = [
        max(abs(a - b) for a, b in zip(Box(*one["box"]).centre, truth[frame][one["plate"]].centre, strict=True))
        for frame, found in enumerate(drawn)
        for one in found
        if one["plate"] in truth[frame]
    ]
    assert len(off) > 0.8 * sum(one.text in sides for sides in truth.values() for one in demo_drive.legible)
    assert sum(one <= 2.0 for one in off) >= CENTRED_SHARE * len(off), sorted(off)


def test_after_seeking_the_boxes_are_those_of_the_frame_on_the_screen(
    shown: Shown, page: Page, demo_drive: Drive
) -> None:
    open_at(page, shown, shown.video, 0.5)
    luma = luma_of(demo_drive)
    for second in (7.3, 0.0, 11.8, 4.1, 4.2, 2.0):
        seek(page, second)
        assert frame_on_screen(page, luma) == round(second * FPS)
        for one in boxes_at(page, [second])[0]:
            assert is_drawn(page, one["box"]), (second, one)


def test_a_frame_that_the_browser_tells_nothing_of_is_shown_with_its_boxes(
    shown: Shown, page: Page, demo_drive: Drive
) -> None:
    silent = page.context.new_page()
    silent.add_init_script("HTMLVideoElement.prototype.requestVideoFrameCallback = () => 0;")
    try:
        open_at(silent, shown, shown.video, 4.1)
        seek(silent, 7.3)
        assert frame_on_screen(silent, luma_of(demo_drive)) == round(7.3 * FPS)
        (first, *_) = boxes_at(silent, [7.3])[0]
        assert is_drawn(silent, first["box"])
    finally:
        silent.close()


def is_drawn(page: Page, box: list[float]) -> bool:
    """Whether the box's left side is green or orange on the canvas."""
    pixel = page.evaluate(
        """([x, y]) => {
            const player = document.querySelector("dash-player"), canvas = player.canvas;
            const video = player.querySelector("video").getBoundingClientRect();
            const fit = Math.min(video.width / player.size[0], video.height / player.size[1]) * devicePixelRatio;
            const left = (canvas.width - player.size[0] * fit) / 2, top = (canvas.height - player.size[1] * fit) / 2;
            const place = [left + x * fit - devicePixelRatio, top + y * fit];
            return [...canvas.getContext("2d").getImageData(...place.map(Math.round), 1, 1).data];
        }""",
        [box[0], (box[1] + box[3]) / 2],
    )
    return bool(pixel[3] > 200 and pixel[1] > 120 and pixel[2] < 140)


def test_keys_lead_from_sighting_to_sighting(shown: Shown, page: Page) -> None:
    with session(shown.database_url) as db:
        rows = db.query(SightingRow.best_s).where(SightingRow.video_id == shown.video).order_by(SightingRow.best_s)
        moments = [row.best_s for row in rows]
    assert len(moments) >= 3
    open_at(page, shown, shown.video, 0.0)
    for key, wanted in (("j", moments[0]), ("j", moments[1]), ("j", moments[2]), ("k", moments[1])):
        page.keyboard.press(key)
        see(page, wanted)
    page.keyboard.press("b")
    assert not ask(page, "player.canvas.getContext('2d').getImageData(0, 0, 3000, 1500).data.some(Boolean)")


def test_what_a_browser_does_not_play_is_shown_in_pieces(
    shown: Shown, page: Page, demo_drive: Drive, tmp_path: Path
) -> None:
    stream = tmp_path / "drive.ts"
    with av.open(str(demo_drive.video)) as source, av.open(str(stream), "w", format="mpegts") as out:
        track = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = track
                out.mux(packet)
    (sighting,) = sighted(shown.database_url, stream, [10.5])
    with session(shown.database_url) as db:
        video = db.get_one(SightingRow, sighting).video_id
    page.goto(f"{shown.url}/videos/{video}?at=2.5")
    see(page, 2.5)
    luma = luma_of(demo_drive)
    assert frame_on_screen(page, luma) == 25
    page.keyboard.press("j")
    see(page, 10.5)
    assert frame_on_screen(page, luma) == 105
    # No answer is left unread, which would keep its connection.
    page.wait_for_load_state("networkidle")


def test_what_a_browser_refuses_after_all_goes_on_in_pieces_where_it_was(
    shown: Shown, page: Page, demo_drive: Drive
) -> None:
    refusing = page.context.new_page()
    refusing.route("**/file", lambda route: route.fulfill(status=206, content_type="video/mp4", body=bytes(1000)))
    try:
        open_at(refusing, shown, shown.video, 10.5)
        assert ask(refusing, "player.source.constructor.name") == "Pieces"
        assert frame_on_screen(refusing, luma_of(demo_drive)) == 105
        # Longer than a first frame is waited for.
        refusing.wait_for_timeout(1500)
        assert ask(refusing, "player.shownAt") == pytest.approx(10.5, abs=0.01)
    finally:
        refusing.close()


def test_a_file_that_is_gone_is_told(shown: Shown, page: Page, demo_drive: Drive, tmp_path: Path) -> None:
    gone = Path(shutil.copy(demo_drive.video, tmp_path / "gone.mp4"))
    (sighting,) = sighted(shown.database_url, gone, [1.0])
    with session(shown.database_url) as db:
        video = db.get_one(SightingRow, sighting).video_id
    gone.unlink()
    page.goto(f"{shown.url}/videos/{video}")
    wait_until("the sentence", lambda: "gone.mp4 is not there" in ask(page, "player.told.textContent"), every_s=0.2)
