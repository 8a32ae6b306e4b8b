"""Sightings, one sighting, plates and search as pages: what they show, to whom, and that all of it is text."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from db.access.scopes import Scope
from db.engine import session
from db.web.findings import sightings
from db.web.findings.sightings import A_PAGE, Narrowed, Place
from pipeline.job_options import JobOptions
from tests.support.found import searchable, sighted
from tests.support.media_files import Recipe, write_clip
from tests.support.pages import person
from tests.support.service import Served

PART = {"HX-Request": "true"}
HOSTILE = "<img src=x onerror=alert(1)>\u202e.mp4"


@pytest.fixture
def video(served: Served, tmp_path: Path) -> Path:
    """A video of its own, so that its job is one, too."""
    path = served.folder / tmp_path.name / HOSTILE
    path.parent.mkdir()
    return write_clip(path, Recipe(seconds=1.0))


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    with person(served, Scope.SEARCH, Scope.CORRECT) as one:
        yield one


def shown(html: str) -> list[int]:
    """Numbers of the sightings on a page, in their order."""
    return [int(number) for number in re.findall(r'id="s(\d+)"', html)]


def job_of(served: Served, sighting: int) -> int:
    with session(served.database_url) as db:
        return int(db.scalar(text("SELECT job FROM plate_sightings WHERE sighting = :one"), {"one": sighting}))


def stored(served: Served, video: Path, moments_s: list[float], plate: str) -> list[int]:
    """Sightings in a video that is done."""
    numbers = sighted(served.database_url, video, moments_s, plate=plate)
    with session(served.database_url) as db:
        done = (
            "UPDATE videos SET finished_at = now() WHERE id IN (SELECT video_id FROM sightings WHERE id = ANY (:ids))"
        )
        db.execute(text(done), {"ids": numbers})
    return numbers


def change(served: Served, what: str, sightings: list[int]) -> None:
    with session(served.database_url) as db:
        db.execute(text(f"UPDATE sightings SET {what} WHERE id = ANY (:ids)"), {"ids": sightings})


def correct(client: httpx.Client, sighting: int, plate: str | None) -> None:
    said = client.post(f"/v1/sightings/{sighting}/correction", json={"plate": plate})
    assert said.status_code == 200, said.text


def test_the_gallery_goes_on_until_all_were_shown_once_the_newest_first(
    served: Served, client: httpx.Client, video: Path
) -> None:
    rows = stored(served, video, [0.5] * (A_PAGE + 5), "GA{:02}LLE")
    address = f"/sightings?job={job_of(served, rows[0])}"
    page = client.get(address)
    assert page.status_code == 200
    assert served.last_audited("gallery")[1].startswith("job ")
    (following,) = re.findall(r'hx-get="([^"]+before=[^"]+)"', page.text)
    part = client.get(following.replace("&amp;", "&"), headers=PART)
    assert "<html" not in part.text
    assert shown(page.text) + shown(part.text) == rows[::-1]
    assert "hx-get" not in part.text
    # Where it is, whatever comes in later.
    (here,) = re.findall(r'data-address="([^"]+)"', page.text)
    sighted(served.database_url, _copied(video, "later.mp4"), [0.5])
    assert shown(client.get(here.replace("&amp;", "&"), headers=PART).text) == shown(page.text)


def test_home_shows_what_was_seen_last_and_puts_it_on_record_once(
    served: Served, client: httpx.Client, video: Path
) -> None:
    rows = stored(served, video, [0.1, 0.2, 0.3], "HO{:02}MES")
    part = client.get("/home/newest")
    assert shown(part.text)[:3] == rows[::-1]
    assert served.last_audited("gallery")[1] == "the newest"
    assert client.get(f"/home/newest?after={rows[-1]}").status_code == 204
    assert shown(client.get(f"/home/newest?after={rows[0]}").text)[:3] == rows[::-1]
    with person(served, Scope.SUBMIT) as other:
        assert other.get("/home/newest").status_code == 403
        assert "/home/newest" not in other.get("/").text


def test_the_gallery_is_narrowed_by_what_stands_in_its_address(
    served: Served, client: httpx.Client, video: Path
) -> None:
    rows = stored(served, video, [0.1, 0.2, 0.3, 0.4], "NA{:02}ROW")
    change(served, "confirmed = false, confidence = 0.4", rows[:1])
    change(served, "country = 'HK', shown = 'NA0?ROW', confidence = 0.7", rows[1:2])
    change(served, "country = 'GB'", rows[2:])
    change(served, "confidence = 0.79", rows[2:3])
    correct(client, rows[3], "NA04ROW")
    searchable(served.database_url)
    job = f"/sightings?job={job_of(served, rows[0])}"
    asked = {
        "": [3, 2, 1, 0],
        "&unsure=1": [2, 1, 0],
        "&corrected=1": [3],
        "&country=hk": [1],
        "&at_least=65&at_most=75": [1],
        "&at_most=50": [0],
        "&plate=na-02 row": [2],
        "&plate=NA9?ROW": [],
        "&plate=NA*": [3, 2, 1, 0],
        "&plate=NA*&unsure=1&at_least=60": [2, 1],
        "&plate=NA04R0W": [3],
        "&since=2020-01-01": [3, 2, 1, 0],
        "&until=2020-01-01": [],
        "&country=&at_least=": [3, 2, 1, 0],
    }
    for more, places in asked.items():
        page = client.get(job + more)
        assert page.status_code == 200, page.text
        assert shown(page.text) == [rows[place] for place in places], more
    page = client.get(f"{job}&country=FR&unsure=1").text
    assert "No sighting fits all of these" in page
    assert re.search(rf'class="chip on" href="{re.escape(job.replace("&", "&amp;"))}&amp;country=FR"', page)
    assert client.get("/sightings?job=one").status_code == 422


def test_a_page_looks_through_only_so_many_and_goes_on_where_it_stopped(
    served: Served, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = stored(served, video, [0.1] * 12, "WI{:02}DOW")
    change(served, "country = 'XX'", [rows[0], rows[11]])
    monkeypatch.setattr(sightings, "LOOKED_THROUGH", 5)
    narrowed, place = Narrowed(job=job_of(served, rows[0]), country="XX"), Place()
    found: list[list[int]] = []
    with session(served.database_url) as db:
        while place is not None:
            page = sightings.page(db, narrowed, place)
            found.append([row["sighting"] for row in page.rows])
            place = page.following  # type: ignore[assignment]
    assert found[0] == [rows[11]]
    assert found[-1] == [rows[0]]
    assert len(found) == 2 or [] in found


def test_a_sighting_tells_all_that_is_known_of_it(served: Served, client: httpx.Client, video: Path) -> None:
    first, middle, last = stored(served, video, [0.1, 0.5, 0.9], "ON{:02}CAR")
    change(
        served,
        """alternatives = '[{"text": "0N01<b>", "confidence": 0.0421}, "odd"]',
           characters = '[{"char": "O", "confidence": 0.3}]', crop = 'crops/none.png'""",
        [middle],
    )
    page = client.get(f"/sightings/{middle}")
    assert page.status_code == 200
    assert served.last_audited("sighting")[1] == f"sighting {middle}"
    for told in ("ON01CAR", "0N01&lt;b&gt;", "4.2%", "30%", f"/sightings/{first}", f"/sightings/{last}", "/videos/"):
        assert told in page.text
    assert "/v1/evidence?" not in page.text, "this service has no key to sign with"
    assert "<img src=x" not in page.text
    assert "\u202e" not in page.text
    assert 'id="watch"' not in page.text, "that needs admin"
    (token,) = set(re.findall(rf"/pictures/{middle}/crop\?shown=([0-9a-f]+)", page.text))
    assert client.get(f"/pictures/{middle}/crops/1?shown={token}").status_code == 404, "a crop of another sighting"
    assert client.get(f"/pictures/{first}/crops/1?shown={token}").status_code == 403
    correct(client, middle, "ON99CAR")
    corrected = client.get(f"/sightings/{middle}").text
    assert "The machine read ON01CAR" in corrected
    assert "data-take-back" in corrected
    assert "in place" not in page.text
    alternatives = """'[{"text": "ON02CA8", "confidence": 0.1234}]'"""
    characters = json.dumps([{"char": char, "confidence": 0.8} for char in "ON02CAB"])
    change(served, f"text = 'ON02CAB', characters = '{characters}', alternatives = {alternatives}", [last])
    assert "Or 8 in place 7: 12%." in client.get(f"/sightings/{last}").text
    assert client.get("/sightings/999999999").status_code == 404


def test_a_sighting_tells_the_state_and_that_it_is_partly_read(
    served: Served, client: httpx.Client, video: Path
) -> None:
    (sighting,) = stored(served, video, [0.5], "7ABC1{:02}")
    plain = client.get(f"/sightings/{sighting}").text
    assert "Partly read" not in plain
    change(
        served,
        """country = 'US', shown = '7·ABC100',
           characters = '[{"char": "7", "confidence": 0.9}, {"char": "·", "confidence": 0.8}]'""",
        [sighting],
    )
    page = client.get(f"/sightings/{sighting}").text
    assert "United States" in page
    assert "California 9" in page
    assert "Partly read" in page


def test_a_hashed_sighting_says_so_and_offers_no_clip(served: Served, client: httpx.Client, video: Path) -> None:
    (hashed,) = sighted(served.database_url, video, [0.5], JobOptions(hashed=True, evidence=False), plate="#ab{:02}")
    searchable(served.database_url)
    page = client.get(f"/sightings/{hashed}").text
    assert "keyed hashes" in page
    assert "data-clip=" not in page
    assert "/plates/%23ab00" in page
    assert "keyed hash" in client.get("/plates/%23ab00").text


def test_a_plate_gathers_what_people_say_is_it_and_leaves_out_what_they_say_is_not(
    served: Served, client: httpx.Client, video: Path
) -> None:
    misread, _ = stored(served, video, [0.1, 0.3], "MI{:02}SSE8")
    (true, wrong, nothing) = [
        number
        for at_s in (0.5, 0.7, 0.9)
        for number in stored(served, _copied(video, f"{at_s}.mp4"), [at_s], "MI00SSEB")
    ]
    searchable(served.database_url)
    correct(client, misread, "MI00SSEB")
    correct(client, wrong, "QQ77QQQ")
    correct(client, nothing, None)
    searchable(served.database_url)
    page = client.get("/plates/mi00 sseb")
    assert page.status_code == 200
    assert shown(page.text) == [true, misread]
    assert "2 sightings" in page.text
    assert "2 more were corrected to something else" in page.text
    plates = {one["plate"]: one["corrected"] for one in client.get("/v1/plates", params={"pattern": "MI00SSEB"}).json()}
    assert plates == {"MI00SSEB": ["", "QQ77QQQ"], "MI00SSE8": ["MI00SSEB"]}
    assert "no plate" in client.get("/plates?plate=MI00SSEB").text
    assert shown(client.get("/plates/QQ77QQQ").text) == [wrong], "only a person read it"
    assert client.get("/plates/NEVER1").status_code == 404
    times = client.get("/plates/MI00SSEB/times?zone=Europe/Madrid", headers=PART).text
    assert "Europe/Madrid" in times
    assert "&lt;img" in times
    assert "<img" not in times
    assert client.get("/plates/MI00SSEB/times?zone=../etc/passwd", headers=PART).status_code == 200


def _copied(video: Path, name: str) -> Path:
    """The same video as another file."""
    path = video.with_name(name)
    shutil.copy(video, path)
    path.write_bytes(path.read_bytes() + name.encode())
    return path


def test_likely_misreadings_are_shown_and_their_sightings_corrected_one_by_one(
    served: Served, client: httpx.Client, video: Path
) -> None:
    eight, b = (stored(served, _copied(video, f"{text}.mp4"), [0.5], text)[0] for text in ("LK11KE8", "LK11KEB"))
    searchable(served.database_url)
    others = client.get("/plates/LK11KEB/others", headers=PART).text
    assert "LK11KE8" in others
    assert "one look-alike character" in others
    dialog = client.get("/plates/LK11KE8/correct?to=LK11KEB", headers=PART).text
    assert f'value="{eight}" checked' in dialog
    assert 'value="LK11KEB"' in dialog
    correct(client, eight, "LK11KEB")
    assert "already" in client.get("/plates/LK11KE8/correct?to=LK11KEB", headers=PART).text
    assert set(shown(client.get("/plates/LK11KEB").text)) == {b, eight}
    with person(served, Scope.SEARCH) as looking:
        assert looking.get("/plates/LK11KE8/correct").status_code == 403
        assert 'hx-get="/plates/LK11KE8/correct' not in looking.get("/plates/LK11KEB/others", headers=PART).text


def test_plates_that_pass_together_more_than_once_are_told(served: Served, client: httpx.Client, video: Path) -> None:
    for name in ("monday.mp4", "tuesday.mp4"):
        first, _ = stored(served, _copied(video, name), [0.2, 0.6], "CO{:02}VOY")
    searchable(served.database_url)
    others = client.get("/plates/CO00VOY/others", headers=PART).text
    assert "CO01VOY" in others.split('id="near-title"')[1]
    correct(client, first, "QQ88QQQ")
    others = client.get("/plates/CO00VOY/others", headers=PART).text
    assert "CO01VOY" not in others.partition('id="near-title"')[2], "once only, as a person says"


def test_a_search_shows_the_likest_first_and_says_why(served: Served, client: httpx.Client, video: Path) -> None:
    (said,) = stored(served, video, [0.5], "SE44RCH")
    (like,) = stored(served, _copied(video, "like.mp4"), [0.5], "SE44RGH")
    (may,) = stored(served, _copied(video, "may.mp4"), [0.5], "XX99XXX")
    change(served, """alternatives = '[{"text": "SE44RCH", "confidence": 0.12}]'""", [may])
    searchable(served.database_url)
    page = client.get("/search?plate=se44 rch").text
    assert shown(page) == [may, said, like]
    assert "One look-alike character differs." in page
    assert "May say SE44RCH: 12%." in page
    assert 'class="panel known"' in page
    assert set(shown(client.get("/search?plate=SE44RCH&exact=1").text)) == {said, may}
    assert shown(client.get("/search?plate=SE44RCH&exact=1&winners=1").text) == [said]
    assert shown(client.get("/search?plate=SE44R?H&winners=1").text) == [like, said]
    assert served.last_audited("search")[1] == "SE44R?H"
    nothing = client.get("/search?plate=<b>NIX").text
    assert "Nothing fits &lt;b&gt;NIX." in nothing
    assert "? stands for one character" in client.get("/search").text


def test_searches_are_saved_for_whoever_saved_them(served: Served, client: httpx.Client) -> None:
    saved = client.post("/saved", data={"name": "<i>mine", "address": "/sightings?unsure=1"})
    assert saved.status_code == 200
    page = client.get("/search").text
    assert "&lt;i&gt;mine" in page
    with person(served, Scope.SEARCH) as other:
        assert "mine" not in other.get("/sightings").text
        (number,) = re.findall(r'hx-delete="/saved/(\d+)"', page)
        assert other.delete(f"/saved/{number}").status_code == 404
    for wrong in ("https://evil.example/sightings?a=1", "//evil/search?a=1", "/logout?a=1", "/sightings"):
        assert client.post("/saved", data={"name": "x", "address": wrong}).status_code == 422, wrong
    assert "mine" not in client.delete(f"/saved/{number}").text


def test_nobody_without_the_scope_sees_any_of_it(served: Served) -> None:
    with person(served, Scope.SUBMIT) as submitter:
        for address in ("/sightings", "/sightings/1", "/plates", "/plates/A1", "/search?plate=A1"):
            assert submitter.get(address).status_code == 403, address
        assert 'href="/sightings"' not in submitter.get("/").text


def test_unique_plates_are_listed_by_pattern(served: Served, client: httpx.Client, video: Path) -> None:
    stored(served, video, [0.1, 0.2], "LI{:02}STED")
    searchable(served.database_url)
    page = client.get("/plates?plate=LI0*STED").text
    assert page.count("plate-card") == 2
    assert "No plate fits" in client.get("/plates?plate=LI9*NONE").text
