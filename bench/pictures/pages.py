"""`python -m bench.pictures.pages URL`: pictures of every page of a running service, wide and narrow, light and dark.

The service runs with real videos in it (`dashplate up`, `dashplate demo`); `DASHPLATE_TOKEN` is a token with the scope
admin. What the browser complains of, and what axe finds on a page, is printed; it exits with 1 where there is any.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from string import Formatter
from typing import Annotated, Any

import typer
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import TimeoutError as Waited

from dashplate.client import Client

#: Pages by name; in braces what is newest in the service.
PAGES = {
    "sign-in": "/login",
    "home": "/",
    "submit": "/submit",
    "jobs": "/jobs",
    "job": "/jobs/{job}",
    "video": "/videos/{video}",
    "exports": "/exports",
    "health": "/health",
    "audit": "/audit",
    "tokens": "/tokens",
    "settings": "/settings",
    "review": "/review?first=newest",
    "hits": "/hits",
    "watch-lists": "/watch-lists",
    "endpoints": "/endpoints",
    "deliveries": "/endpoints/deliveries",
    "sightings": "/sightings",
    "sighting": "/sightings/{sighting}",
    "map": "/map",
    "drives": "/drives",
    "drive": "/drives/{drive}",
    "convoys": "/convoys",
    "plates": "/plates",
    "plate": "/plates/{plate}",
    "search": "/search?plate={plate}",
    "search-nothing": "/search",
}
#: Width and height in pixels.
SIZES = {"desktop": (1360, 900), "phone": (390, 844)}
SCHEMES = ("light", "dark")
#: What comes by itself after a page has such long to do so, milliseconds; it is waited for so long. A player that has
#: buffered enough of its video keeps the connection.
_SETTLE_MS, _QUIET_MS = 900, 10_000
#: axe's words for what keeps people out.
_SERIOUS = frozenset({"serious", "critical"})


@dataclass
class Look:
    """One page at one size in one scheme."""

    name: str
    address: str
    size: str
    scheme: str

    @property
    def file(self) -> str:
        return f"{self.name}-{self.size}-{self.scheme}.png"


def main(
    url: Annotated[str, typer.Argument(help="Of the service.")],
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("out/pages"),
    only: Annotated[list[str] | None, typer.Option(help="Names of pages.")] = None,
    size: Annotated[list[str] | None, typer.Option(help=", ".join(SIZES))] = None,
    scheme: Annotated[list[str] | None, typer.Option(help=", ".join(SCHEMES))] = None,
    whole: Annotated[bool, typer.Option(help="Down to the page's end.")] = True,
) -> None:
    """Take the pictures."""
    token = os.environ["DASHPLATE_TOKEN"]
    out.mkdir(parents=True, exist_ok=True)
    complaints: list[str] = []
    with sync_playwright() as playwright:
        program = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        for look in looks(addresses(url, token), only or list(PAGES), size or list(SIZES), scheme or list(SCHEMES)):
            complaints += _take(browser, url, token, look, out / look.file, whole)
        browser.close()
    for line in dict.fromkeys(complaints):
        typer.echo(line)
    typer.echo(f"{len(list(out.glob('*.png')))} pictures in {out}")
    raise typer.Exit(1 if complaints else 0)


def addresses(url: str, token: str) -> dict[str, str]:
    """Every page's address, with the newest job, video, sighting and plate of the service in it."""
    newest: dict[str, Any] = {}
    with Client(url, token) as client:
        for job in client.jobs():
            videos = list(client.videos(job.job))
            sighting = next(iter(client.sightings(job.job)), None)
            if videos and sighting is not None:
                newest = {"job": job.job, "video": sighting.video, "sighting": sighting.id, "plate": sighting.plate}
                break
        if drive := next(client.drives(), None):
            newest["drive"] = drive.drive
    return {
        name: address.format_map(newest)
        for name, address in PAGES.items()
        if all(field is None or field in newest for _, field, _, _ in Formatter().parse(address))
    }


def looks(pages: dict[str, str], only: list[str], sizes: list[str], schemes: list[str]) -> Iterator[Look]:
    """All pictures that are to be taken."""
    for name, address in pages.items():
        if name in only:
            for size, scheme in product(sizes, schemes):
                yield Look(name, address, size, scheme)


def _take(browser: Browser, url: str, token: str, look: Look, file: Path, whole: bool) -> list[str]:
    """Take one picture; returns what is wrong with the page."""
    wide, high = SIZES[look.size]
    context = browser.new_context(
        viewport={"width": wide, "height": high}, color_scheme=look.scheme,  # type: ignore[arg-type]
        has_touch=look.size == "phone", is_mobile=look.size == "phone", timezone_id="Europe/London", locale="en-GB",
    )  # fmt: skip
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda line: said.append(line.text) if line.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    if look.address != "/login":
        sign_in(page, url, token)
    page.goto(f"{url}{look.address}")
    _settle(page)
    if whole:
        # Pictures further down are fetched once they are in sight.
        tall = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": wide, "height": max(high, tall)})
        _settle(page)
    page.screenshot(path=file)
    wrong = [f"{look.name} ({look.size}, {look.scheme}): {line}" for line in (*said, *_found_by_axe(page))]
    too_wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if too_wide > 0:
        wrong.append(f"{look.name} ({look.size}): {too_wide} px too wide")
    context.close()
    return wrong


def _settle(page: Page) -> None:
    with suppress(Waited):
        page.wait_for_load_state("networkidle", timeout=_QUIET_MS)
    page.wait_for_timeout(_SETTLE_MS)


def sign_in(page: Page, url: str, token: str) -> None:
    """Sign in as a person does."""
    page.goto(f"{url}/login")
    page.fill("#token", token)
    page.click("form button")
    page.wait_for_url(f"{url}/")


def _found_by_axe(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"axe: {one['help']} ({node['target'][0]})"
        for one in found
        if one["impact"] in _SERIOUS
        for node in one["nodes"][:3]
    ]


if __name__ == "__main__":
    typer.run(main)
