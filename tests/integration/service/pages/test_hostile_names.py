"""Names, sentences and notes that hold markup, scripts, quotes and marks that turn text are text on every page."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from itertools import count
from urllib.parse import quote

import httpx
import pytest
from sqlalchemy import text

from bench.pictures.pages import PAGES
from db.access import tokens
from db.access.scopes import Scope
from db.engine import session
from db.keeping import audit
from db.models import DriveRow
from db.states import EndpointFormat, EventKind, VideoState
from db.telling import endpoints, watch_lists
from db.telling.watch_lists import Wish
from pipeline.alerts import Alerts
from pipeline.job_options import JobOptions
from tests.support.database import forget_job, make_job
from tests.support.markup import seen_in
from tests.support.pages import secret_of
from tests.support.processes import PATIENCE_S
from tests.support.searching import saying, store
from tests.support.service import Served

MARK = "data-hostile"
HOSTILE = (
    f"<script>hostile()</script><img src=x onerror=hostile() {MARK}>\"'><b {MARK}>&lt;i {MARK}&gt;"
    "</title></textarea></select></dialog>{{7*7}}\u202egnp.4pm\u2066"
)
LONG = HOSTILE + "A" * 10_000
#: Bytes of a page, whatever things are called.
MOST_BYTES = 300_000
BEGAN = dt.datetime(2026, 3, 29, tzinfo=dt.UTC)
_numbers = count()


@pytest.fixture(scope="module")
def numbers(served: Served) -> Iterator[dict[str, str]]:
    """Rows with hostile names; what the addresses of pages have in their braces."""
    url, job_options = served.database_url, JobOptions(alerts=Alerts.ALL)
    job, (video, other) = make_job(url, 0, 0, state=VideoState.AGGREGATING, name=LONG, options=job_options)
    with session(url) as db:
        named = text("UPDATE videos SET path = :path, problem = :problem WHERE id = :video")
        db.execute(named, {"video": video, "path": f"/cam/{LONG}.mp4", "problem": LONG})
        db.execute(named, {"video": other, "path": f"https://cam.example.org/{quote(HOSTILE)}.mp4", "problem": LONG})
        db.execute(text("UPDATE videos SET away_since = now() WHERE id = :video"), {"video": other})
        drive = DriveRow(job_id=job, began_at=BEGAN, ended_at=BEGAN)
        db.add(drive)
        db.flush()
        recorded = text(
            "UPDATE videos SET drive_id = :drive, camera = :camera, recorded_at = :at, recorded_from = 'gps'"
            " WHERE id = ANY (:videos)"
        )
        db.execute(recorded, {"drive": drive.id, "camera": LONG, "at": BEGAN, "videos": [video, other]})
        known = {"drive": drive.id}
        (entry,) = watch_lists.add(db, [Wish("KA05*", HOSTILE[:60], note=LONG, colour=HOSTILE)], LONG)
        endpoints.add(db, HOSTILE, "https://example.org/hook", EndpointFormat.DASHPLATE, list(EventKind))
        audit.record(db, LONG, LONG, HOSTILE, LONG, 3)
    store(url, video, [saying(0, "KA05MH1234", "<B>1"), saying(1, "AB12CDE", at_s=60.0)])
    with session(url) as db:
        asked = text("SELECT max(id) FROM sightings WHERE video_id = :video")
        sighting = db.execute(asked, {"video": video}).scalar_one()
        off = text("UPDATE endpoints SET problem = :said, disabled_at = now() WHERE name = :name")
        db.execute(off, {"said": LONG, "name": HOSTILE})
    known |= {"job": job, "video": video, "sighting": sighting, "plate": "KA05MH1234"}
    yield defaultdict(lambda: "1", {name: quote(str(value)) for name, value in known.items()})
    with session(url) as db:
        endpoints.remove(db, HOSTILE)
        db.execute(text("DELETE FROM watch_entries WHERE id = :entry"), {"entry": entry})
    forget_job(url, job)


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[httpx.Client]:
    """An operator whose own name is hostile."""
    with session(served.database_url) as db:
        token = tokens.create(db, f"{next(_numbers)} {LONG}", [Scope.ADMIN], None)
    with httpx.Client(base_url=served.url, timeout=PATIENCE_S, headers={"Accept": "text/html"}) as opened:
        opened.post("/login", data={"token": token})
        opened.headers["X-CSRF-Token"] = secret_of(opened.get("/").text)
        yield opened


def looked_at(client: httpx.Client, address: str) -> Iterator[tuple[str, httpx.Response]]:
    """A page, and the parts that come by themselves."""
    page = client.get(address)
    yield address, page
    for part in seen_in(page.text, MARK).parts:
        yield part, client.get(part, headers={"HX-Request": "true"})


@pytest.mark.parametrize("name", [*PAGES, "hostile address"])
def test_a_name_is_text(client: httpx.Client, numbers: dict[str, str], name: str) -> None:
    template = PAGES.get(name, f"/{quote(HOSTILE)}?plate={quote(HOSTILE)}")
    address = template.format_map(numbers) if name in PAGES else template
    for part, answer in looked_at(client, address):
        assert answer.status_code < 500, (part, answer.text[:500])
        if not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        seen = seen_in(answer.text, MARK)
        assert (seen.alive, seen.turned) == ([], []), part
        assert len(answer.content) < MOST_BYTES, (part, len(answer.content))
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy


def test_hostile_names_are_shown_all_the_same(client: httpx.Client, numbers: dict[str, str]) -> None:
    assert numbers["job"]
    for address in ("/audit", "/tokens", "/health/looks", f"/exports?job={numbers['job']}"):
        shown = seen_in(client.get(address).text, MARK).text
        # A long name is cut, and of a path its folders.
        assert "<script>hostile()</script>" in shown or "{{7*7}}" in shown, address


def test_each_page_is_one_of_the_service(client: httpx.Client, numbers: dict[str, str]) -> None:
    for name, template in PAGES.items():
        status = client.get(template.format_map(numbers)).status_code
        assert status == 200, name
