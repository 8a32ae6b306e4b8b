"""Maps in a real browser whose network is cut: they move, a sighting leads to its second, areas lead to the gallery."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect
from sqlalchemy import text

from bench.pictures.pages import sign_in
from dashplate.stack import Stack
from dashplate.stack.server import free_port
from db.access import tokens
from db.access.scopes import Scope
from db.engine import session
from db.migrate import upgrade
from db.where.tracks import store_track
from pipeline.camera.records import Fix, Track
from tests.conftest import ROOT
from tests.support.browser import chromium
from tests.support.found import sighted
from tests.support.media_files import Recipe, write_clip
from tests.support.processes import PATIENCE_S, wait_until

DESKTOP: ViewportSize = {"width": 1360, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
#: North along a meridian, 20 m a second, without fixes between seconds 3 and 9.
START, STEP = (48.0, 11.0), 20 / 111_195
TRACK = [Fix(START[0] + at * STEP, START[1], offset_s=float(at), speed_mps=20.0) for at in (0, 1, 2, 3, 9, 10, 11)]
HOSTILE = "Depot <img src=x onerror=document.title='hostile'>"
expect.set_options(timeout=60_000)


@dataclass(frozen=True)
class Site:
    """A service with a video that has a track, and sightings at seconds 1, 2 and 10."""

    url: str
    token: str
    video: int
    sightings: list[int]


@pytest.fixture(scope="module")
def site(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("map")
    upgrade(stack.database_url)
    clip = write_clip(folder / "north.mp4", Recipe(seconds=12.0))
    numbers = sighted(stack.database_url, clip, [1.0, 2.0, 10.0], plate="MAP{:02}X")
    with session(stack.database_url) as db:
        video = int(db.execute(text("SELECT video_id FROM sightings WHERE id = :id"), {"id": numbers[0]}).scalar_one())
        store_track(db, video, Track(tuple(TRACK), "NMEA"))
        for number, at in zip(numbers, (1, 2, 10), strict=True):
            place = {"lat": START[0] + at * STEP, "lon": START[1], "id": number}
            db.execute(text("UPDATE sightings SET lat = :lat, lon = :lon, place_error_m = 30 WHERE id = :id"), place)
        named = text("INSERT INTO places (name, lat, lon, radius_m) VALUES (:name, 48.002, 11.0, 60)")
        db.execute(named, {"name": HOSTILE})
        token = tokens.create(db, "map", [Scope.ADMIN], None)
    port, log = free_port(), folder / "serve.log"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DASHPLATE_ROOTS": str(folder)}
    environment |= {"DASHPLATE_DATABASE_URL": stack.database_url, "DASHPLATE_REDIS_URL": stack.redis_url}
    environment["DASHPLATE_DATA_DIR"] = str(folder / "data")
    with log.open("wb") as said:
        argv = [sys.executable, "-m", "dashplate", "serve", "--port", str(port)]
        serving = subprocess.Popen(argv, cwd=ROOT, env=environment, stdout=said, stderr=said)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until("the service", lambda: serving.poll() is not None or answers(url), every_s=0.3)
        assert serving.poll() is None, log.read_text()
        yield Site(url, token, video, numbers)
    finally:
        serving.terminate()
        serving.wait(PATIENCE_S)


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    yield from opened(browser, site, DESKTOP)


@pytest.fixture
def phone(browser: Browser, site: Site) -> Iterator[Page]:
    yield from opened(browser, site, PHONE)


def opened(browser: Browser, site: Site, size: ViewportSize) -> Iterator[Page]:
    """A page of somebody who has signed in; nothing of it may be wrong, and nothing asked for elsewhere."""
    context = browser.new_context(viewport=size, has_touch=size is PHONE)
    one = context.new_page()
    one.set_default_timeout(60_000)
    wrong: list[str] = []
    # Of these sightings no pictures are kept.
    one.on("console", lambda said: wrong.append(said.text) if said.type == "error" and "404" not in said.text else None)
    one.on("pageerror", lambda error: wrong.append(str(error)))
    one.on("request", lambda request: wrong.append(request.url) if not request.url.startswith(site.url) else None)
    sign_in(one, site.url, site.token)
    yield one
    assert wrong == []
    context.close()


def go(page: Page, site: Site, address: str) -> None:
    page.goto(site.url + address, wait_until="domcontentloaded")
    wait_until("the map", lambda: bool(ask(page, "map.isReady && map.lines !== null")), every_s=0.2)


def ask(page: Page, expression: str) -> Any:
    return page.evaluate(
        f"(() => {{ const map = document.querySelector('dash-map'); return map && ({expression}); }})()"
    )


def middle(page: Page) -> tuple[float, float]:
    """Of the map, on the page."""
    box = page.locator("dash-map .map-field").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def settled(page: Page, name: str) -> float:
    """A number of the view."""
    return float(ask(page, f"map.view.{name}"))


def has_land(page: Page) -> bool:
    """Whether any pixel of the map has the colour of land."""
    return bool(
        page.evaluate(
            """() => {
                const map = document.querySelector("dash-map"), canvas = map.querySelector("canvas");
                const pen = canvas.getContext("2d"), probe = new OffscreenCanvas(1, 1).getContext("2d");
                probe.fillStyle = getComputedStyle(map).getPropertyValue("--map-land");
                probe.fillRect(0, 0, 1, 1);
                const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
                const all = pen.getImageData(0, 0, canvas.width, canvas.height).data;
                for (let i = 0; i < all.length; i += 4) {
                    if (all[i] === r && all[i + 1] === g && all[i + 2] === b) return true;
                }
                return false;
            }"""
        )
    )


def test_it_moves_by_pointer_wheel_keys_and_buttons(page: Page, site: Site) -> None:
    go(page, site, "/map")
    x, y = middle(page)
    page.mouse.move(x, y)
    zoom = settled(page, "zoom")
    place = ask(page, "map.view.place(map.view.wide / 2, map.view.high / 2)")
    page.mouse.wheel(0, -350)
    wait_until("the wheel", lambda: settled(page, "zoom") > zoom + 0.5, every_s=0.1)
    # What was below the pointer stays there.
    assert ask(page, "map.view.place(map.view.wide / 2, map.view.high / 2)") == pytest.approx(place, abs=1e-5)
    before = settled(page, "x")
    page.mouse.down()
    page.mouse.move(x - 120, y, steps=4)
    page.mouse.up()
    assert settled(page, "x") - before == pytest.approx(120 / 2 ** settled(page, "zoom"), rel=0.01)
    page.locator("dash-map .map-field").focus()
    zoom, x_before = settled(page, "zoom"), settled(page, "x")
    page.keyboard.press("+")
    assert settled(page, "zoom") == pytest.approx(zoom + 1)
    page.keyboard.press("-")
    page.keyboard.press("ArrowRight")
    assert settled(page, "x") > x_before
    page.get_by_role("button", name="Wider").click()
    assert settled(page, "zoom") == pytest.approx(zoom - 1)


def test_two_fingers_zoom_about_what_lies_between_them(page: Page, site: Site) -> None:
    go(page, site, "/map")
    zoom = settled(page, "zoom")
    page.evaluate(
        """() => {
            const field = document.querySelector("dash-map .map-field"), around = field.getBoundingClientRect();
            const touch = (type, id, x) => field.dispatchEvent(new PointerEvent(type, {
                pointerId: id, pointerType: "touch", isPrimary: id === 11, button: type === "pointermove" ? -1 : 0,
                clientX: around.left + x, clientY: around.top + 200, bubbles: true }));
            field.setPointerCapture = () => {};
            touch("pointerdown", 11, 300); touch("pointerdown", 12, 400);
            for (let step = 1; step <= 10; step += 1) {
                touch("pointermove", 11, 300 - 5 * step);
                touch("pointermove", 12, 400 + 5 * step);
            }
            touch("pointerup", 11, 250); touch("pointerup", 12, 450);
        }"""
    )
    # Twice as far apart is one zoom; the first pixels of it tell a click from a movement.
    assert settled(page, "zoom") == pytest.approx(zoom + 1, abs=0.15)


def test_the_ground_is_there_without_any_network_but_the_services_own(page: Page, site: Site) -> None:
    go(page, site, "/map")
    ask(page, "(map.view.zoomBy(-9), map.moved())")
    wait_until("the land", lambda: has_land(page), every_s=0.2)


def test_the_position_moves_with_the_video_and_a_sighting_leads_to_its_second(page: Page, site: Site) -> None:
    go(page, site, f"/videos/{site.video}")
    wait_until("the position", lambda: ask(page, "map.fix !== null && map.fix !== undefined"), every_s=0.2)
    page.evaluate("document.querySelector('dash-player').seek(2.5)")
    wait_until("the player", lambda: shown_at(page, 2.5), every_s=0.1)
    assert ask(page, "map.fix.lat") == pytest.approx(START[0] + 2.5 * STEP, abs=0.06 * STEP)
    assert ask(page, "Math.round(map.fix.bearing)") in (0, 360)
    expect(page.locator(".now-there")).to_contain_text("72 km/h")
    # Nobody knows the way between seconds 3 and 9.
    page.evaluate("document.querySelector('dash-player').seek(6)")
    expect(page.locator(".now-there")).to_have_text("No position at this moment")
    expect(page.locator(".map-here")).to_be_hidden()
    assert ask(page, "map.told.track.length") == 2
    ask(page, "(map.showAll(), map.moved())")
    page.locator('.map-mark[aria-label^="MAP02X"]').click()
    wait_until("the player", lambda: shown_at(page, 10.0), every_s=0.1)


def shown_at(page: Page, second: float) -> bool:
    at = page.evaluate("document.querySelector('dash-player').shownAt")
    return math.isclose(at, second, abs_tol=0.05)


def test_marks_that_would_cover_each_other_are_one_and_part_as_one_comes_closer(page: Page, site: Site) -> None:
    go(page, site, f"/videos/{site.video}")
    ask(page, "(map.view.zoomBy(-4), map.moved())")
    several = page.locator(".map-mark.several")
    expect(several).to_have_text("3")
    several.click()
    expect(page.locator(".map-mark")).not_to_have_count(1)


def test_an_area_leads_to_its_sightings_and_so_does_what_is_drawn(page: Page, site: Site) -> None:
    go(page, site, "/map?plate=MAP*")
    expect(page.locator(".counted")).to_contain_text("3 sightings in view")
    busiest = page.locator(".busiest a").first
    wanted = busiest.get_attribute("href") or ""
    assert "plate=MAP" in wanted
    where = ask(
        page,
        "map.pixelOf({lat: (map.areas[0][0] + map.areas[0][2]) / 2, lon: (map.areas[0][1] + map.areas[0][3]) / 2})",
    )
    field = page.locator("dash-map .map-field").bounding_box()
    assert field is not None
    page.mouse.click(field["x"] + where[0], field["y"] + where[1])
    page.wait_for_url("**/sightings?*box=*")
    expect(page.locator(".sighting").first).to_be_visible()
    expect(page.locator(".chip.on", has_text="In the box")).to_be_visible()

    go(page, site, "/map?plate=MAP*")
    page.get_by_role("button", name="Draw a circle").click()
    x, y = middle(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 300, y, steps=5)
    page.mouse.up()
    page.get_by_role("link", name="Sightings in what was drawn").click()
    page.wait_for_url("**/sightings?*near=*")
    expect(page.locator(".sighting")).to_have_count(3)


def test_a_place_is_named_and_forgotten_and_its_name_is_text(page: Page, site: Site) -> None:
    go(page, site, "/map")
    expect(page.get_by_role("link", name=HOSTILE)).to_be_visible()
    assert page.title() == "Map · Dashplate"
    page.get_by_role("button", name="Name a place").click()
    page.get_by_label("Name", exact=True).fill("Yard / 2")
    page.get_by_role("button", name="Name it").click()
    expect(page.get_by_role("link", name="Yard / 2")).to_be_visible()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Forget Yard / 2").click()
    expect(page.get_by_role("link", name="Yard / 2")).to_have_count(0)


@pytest.mark.parametrize("address", ["/map", "/videos/{video}", "/sightings/{sighting}", "/plates/MAP00X", "/convoys"])
def test_on_a_phone_nothing_is_wider_than_the_screen_and_axe_finds_nothing(
    phone: Page, site: Site, address: str
) -> None:
    asked = address.format(video=site.video, sighting=site.sightings[0])
    if address == "/convoys":
        phone.goto(site.url + asked)
    else:
        go(phone, site, asked)
    assert phone.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    found = Axe().run(phone).response["violations"]
    assert [
        (one["id"], [node["html"] for node in one["nodes"]])
        for one in found
        if one["impact"] in ("serious", "critical")
    ] == []
