"""A person with a browser, on the real servers, workers and models: from a drive that is dropped to its export."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, Route, ViewportSize, expect

from bench.pictures.pages import sign_in
from dashplate.stack.server import free_port
from synthesis.drive import Drive
from tests.support.browser import chromium
from tests.support.processes import PATIENCE_S, wait_until

_DASHPLATE = (sys.executable, "-m", "dashplate")
#: Reading a drive takes so long on a busy machine; anything else a browser waits for.
DRIVE_MS, SOON_MS = 900_000, 60_000
expect.set_options(timeout=SOON_MS)
DESKTOP: ViewportSize = {"width": 1360, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}


@dataclass(frozen=True)
class Site:
    """Dashplate, up, and a token that may do everything."""

    url: str
    token: str
    videos: Path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder, port = tmp_path_factory.mktemp("journey"), free_port()
    data, videos = folder / "data", folder / "videos"
    videos.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DASHPLATE_")}
    words = ("--data", str(data), "--flower-port", "0", "--port", str(port), "--root", str(videos))
    log = folder / "up.log"
    with log.open("wb") as said:
        up = subprocess.Popen([*_DASHPLATE, "up", *words], env=environment, stdout=said, stderr=said)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until("the service", lambda: up.poll() is not None or _answers(url), every_s=0.3)
        assert up.poll() is None, log.read_text()
        made = subprocess.run(
            [*_DASHPLATE, "token", "add", "ann", "--scope", "admin", "--data", str(data)],
            env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        found = re.search(r"dp_\S+", made.stdout)
        assert found, made
        yield Site(url, found[0], videos)
    finally:
        up.send_signal(signal.SIGTERM)
        up.wait(PATIENCE_S)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def opened(browser: Browser, site: Site, size: ViewportSize) -> Page:
    """A browser of this size, signed in; whatever it complains of fails the test."""
    page = browser.new_context(viewport=size, has_touch=size is PHONE, accept_downloads=True).new_page()
    page.set_default_timeout(SOON_MS)
    page.on("request", lambda request: _stays_here(request.url, site.url))
    sign_in(page, site.url, site.token)
    return page


def follow(page: Page, link: Locator) -> None:
    """Click a link and wait until the page that it leads to is there, its scripts too."""
    with page.expect_event("load"):
        link.click()


def _stays_here(asked: str, url: str) -> None:
    assert asked.startswith((url, "data:", "blob:")), asked


@pytest.fixture(scope="module")
def seen(site: Site, browser: Browser, demo_drive: Drive) -> str:
    """A plate of a drive that was dropped on the page, and watched until it was done."""
    page = opened(browser, site, DESKTOP)
    follow(page, page.locator("nav a[href='/submit']"))
    page.set_input_files("#files", demo_drive.video)
    expect(page.locator("#uploads .file.done")).to_have_count(1)
    page.fill("#name", "the first drive")
    page.click("#go")
    page.wait_for_url("**/jobs/*")
    # Nobody reloads: it comes by itself.
    expect(page.locator("#progress .state.finished")).to_be_visible(timeout=DRIVE_MS)
    plates = page.locator("#newest .plate")
    expect(plates.first).to_be_visible()
    texts = {plates.nth(number).inner_text() for number in range(plates.count())}
    surest = max(demo_drive.legible, key=lambda truth: truth.text in texts)
    assert surest.text in texts
    page.context.close()
    return surest.text


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def page(request: pytest.FixtureRequest, browser: Browser, site: Site) -> Iterator[Page]:
    page = opened(browser, site, request.param)
    yield page
    page.context.close()


def open_sighting(page: Page, site: Site, plate: str) -> None:
    page.goto(f"{site.url}/sightings")
    follow(page, page.locator("a.sighting", has_text=plate).first)
    expect(page.locator("h1 .plate")).to_have_text(plate)


def holds(page: Page, condition: str) -> None:
    """Wait until it does. The pages let no script wait in them that is not theirs."""
    wait_until(condition, lambda: page.evaluate(condition), every_s=0.1)


def test_a_sighting_shows_its_picture_and_plays_its_clip(page: Page, site: Site, seen: str) -> None:
    open_sighting(page, site, seen)
    crop = page.locator(".crop-large img")
    assert crop.evaluate("one => one.complete && one.naturalWidth > 20")
    page.locator("[data-clip] button").click()
    expect(page.locator("[data-clip] video")).to_be_visible(timeout=DRIVE_MS)
    holds(page, "document.querySelector('[data-clip] video').readyState >= 2")
    page.evaluate("document.querySelector('[data-clip] video').play()")
    holds(page, "document.querySelector('[data-clip] video').currentTime > 0.3")
    page.locator("a[href^='/videos/']").first.click()
    holds(page, "document.querySelector('dash-player video')?.readyState >= 2")


def test_what_is_chosen_before_the_page_is_ready_is_sent(page: Page, site: Site, demo_drive: Drive) -> None:
    held: list[Route] = []
    page.route("**/pages/submit.js*", lambda route: held.append(route))
    page.goto(f"{site.url}/submit", wait_until="commit")
    page.set_input_files("#files", demo_drive.video)
    wait_until("the script", lambda: page.wait_for_timeout(50) or bool(held))
    held[0].continue_()
    expect(page.locator("#uploads .file").first).to_be_visible()
    expect(page.locator("#uploads .file.done").first).to_be_visible()


def test_what_is_corrected_is_found_and_taken_back(page: Page, site: Site, seen: str) -> None:
    open_sighting(page, site, seen)
    page.keyboard.press("c")
    page.fill("#correct-plate", "ZZ99ZZZ")
    page.locator("#correct form button").first.click()
    expect(page.locator("h1 .plate.corrected")).to_have_text("ZZ99ZZZ")
    page.keyboard.press("/")
    page.keyboard.type("ZZ99*")
    with page.expect_event("load"):
        page.keyboard.press("Enter")
    follow(page, page.locator("a.sighting").first)
    page.locator("[data-take-back]").click()
    expect(page.locator("h1 .plate")).to_have_text(seen)


def test_a_plate_is_found_by_a_pattern_and_with_a_wrong_letter(page: Page, site: Site, seen: str) -> None:
    wrong = seen[:-1] + ("X" if seen[-1] != "X" else "Y")
    for wanted in (seen, f"{seen[:3]}*", f"*{seen[-3:]}", wrong):
        page.keyboard.press("/")
        page.fill("#find", wanted)
        page.keyboard.press("Enter")
        expect(page.locator("a.sighting .plate", has_text=seen).first).to_be_visible()


def test_the_next_drive_of_a_watched_plate_is_a_hit(
    page: Page, site: Site, seen: str, demo_drive: Drive, request: pytest.FixtureRequest
) -> None:
    number = request.node.callspec.id
    open_sighting(page, site, seen)
    page.keyboard.press("w")
    page.fill("#watch-label", f"wanted by {number}")
    page.locator("#watch form button").first.click()
    expect(page.locator("#watch")).to_be_hidden()
    page.goto(f"{site.url}/hits")
    expect(page.locator(".hit", has_text=f"wanted by {number}").first).to_contain_text("earlier sighting")
    if number == "phone":
        # One more drive is enough; what came before the entry counts as well.
        return
    again = Path(shutil.copy(demo_drive.video, site.videos / "again.mp4"))
    with again.open("ab") as file:
        # Another file to whoever compares their contents; players skip an empty box.
        file.write(b"\x00\x00\x00\x08free")
    page.goto(f"{site.url}/submit")
    page.locator(".paths summary").click()
    page.fill("#sources", str(again))
    page.click("#go")
    page.wait_for_url("**/jobs/*")
    expect(page.locator("#progress .state.finished")).to_be_visible(timeout=DRIVE_MS)

    # Drives of other tests may still be running, and are hits of this entry as well.
    told = page.locator(".hit", has_text=f"wanted by {number}").filter(has_text="again.mp4")

    def is_told() -> bool:
        page.goto(f"{site.url}/hits?new=true")
        return told.count() > 0

    # Workers look for hits some seconds after a job's end.
    wait_until("the hit", is_told, every_s=1.0)
    expect(told.first).to_contain_text(seen)


def test_a_job_leaves_as_a_file(page: Page, site: Site, seen: str, tmp_path: Path) -> None:
    page.goto(f"{site.url}/exports")
    page.locator("#job").select_option("1")
    with page.expect_download() as started:
        page.locator("#export .bar button").first.click()
    file = tmp_path / "plates.csv"
    started.value.save_as(file)
    assert seen in file.read_text(encoding="utf-8")
