"""Review: what waits for a person, what each answer makes of it, and who is shown it."""

from __future__ import annotations

import re

import httpx

from db.access.scopes import Scope
from db.engine import session
from db.web.home import needs_a_look
from tests.support.database import run_sql
from tests.support.pages import person
from tests.support.service import Served
from tests.support.unsure import unsure


def waiting(client: httpx.Client, job: int, first: str = "unsure") -> list[int]:
    """All that wait, in the order in which they come."""
    page = client.get("/review", params={"job": job, "first": first})
    assert page.status_code == 200
    found = re.search(r'data-waiting="([0-9,]*)"', page.text)
    assert found
    return [int(one) for one in found[1].split(",") if one]


def test_each_answer_takes_one_off_the_pile_and_undo_brings_it_back(served: Served) -> None:
    job, (first, second, third) = unsure(served.database_url, ["RV01AAA", "RV02AAA", "RV03AAA"])
    with person(served, Scope.CORRECT, Scope.SEARCH) as client:
        assert waiting(client, job) == [first, second, third]
        assert waiting(client, job, "newest") == [third, second, first]
        for sighting, said in ((first, "RV01AAA"), (second, None), (third, "RV03AAB")):
            told = client.post(f"/v1/sightings/{sighting}/correction", json={"plate": said}).json()
            assert told["corrected"] == (said or "")
        assert waiting(client, job) == []
        assert client.delete(f"/v1/sightings/{second}/correction").status_code == 200
        assert waiting(client, job) == [second]


def test_right_counts_as_what_a_person_read(served: Served) -> None:
    """A correction that says what the machine said: it is found as sure as can be, and exported as a person's."""
    job, (sighting,) = unsure(served.database_url, ["RV11QQQ"])
    with person(served, Scope.CORRECT, Scope.SEARCH) as client:
        client.post(f"/v1/sightings/{sighting}/correction", json={"plate": "RV11QQQ"})
        (found,) = client.get("/v1/search", params={"plate": "RV11QQQ", "job": job, "winners": True}).json()["items"]
        assert (found["share"], found["corrected"], found["read_as"]) == (1.0, "RV11QQQ", "RV11QQQ")
        export = client.get(f"/v1/jobs/{job}/export", params={"rows": "sightings"}).text
        assert "RV11QQQ,token" in export


def test_the_next_ones_come_by_number_without_those_that_are_judged(served: Served) -> None:
    _, (first, second) = unsure(served.database_url, ["RV21AAA", "RV22AAA"])
    with person(served, Scope.CORRECT, Scope.SEARCH) as client:
        client.post(f"/v1/sightings/{first}/correction", json={"plate": None})
        part = client.get("/review/sightings", params={"ids": [second, first]}).text
        assert re.findall(r'data-sighting="(\d+)"', part) == [str(second)]
        assert served.last_audited("review")[1] == "more"
        for ids in ("", f"?ids={2**63}", "?ids=0"):
            assert client.get(f"/review/sightings{ids}").status_code == 422


def test_what_is_shown_is_put_on_record_and_is_text(served: Served) -> None:
    job, (sighting,) = unsure(served.database_url, ["RV31AAA"], name="<script>a</script>\u202e", others=["RV3IAAA"])
    run_sql(served.database_url, f"UPDATE videos SET path = '/x/<b>\u202ev.mp4' WHERE job_id = {job}")
    run_sql(served.database_url, f"UPDATE sightings SET crop = 'crops/none.png' WHERE id = {sighting}")
    with person(served, Scope.CORRECT, Scope.SEARCH) as client:
        page = client.get("/review", params={"job": job}).text
        assert served.last_audited("review")[1] == f"job {job}"
        assert "<script>a" not in page
        assert "<b>" not in page
        assert "\u202e" not in page
        assert 'data-plate="RV3IAAA"' in page
        assert "read in one frame only" in page
        picture = re.search(rf'data-src="(/pictures/{sighting}/crop\?shown=[0-9a-f]+)"', page)
        assert picture
        assert client.get(picture[1]).status_code != 403, "its file is not there, but this session may have it"


def counted(served: Served) -> int:
    """How many the first page says to wait."""
    with session(served.database_url) as db:
        return int(needs_a_look(db)["unsure"])


def test_hashed_sightings_are_left_out(served: Served) -> None:
    before = counted(served)
    job, (sighting,) = unsure(served.database_url, ["RV41AAA"])
    assert counted(served) == before + 1
    run_sql(served.database_url, f"UPDATE sightings SET text = '#0123456789abcdef' WHERE id = {sighting}")
    with person(served, Scope.CORRECT, Scope.SEARCH) as client:
        assert waiting(client, job) == []
        assert "No reading waits for a person here" in client.get("/review", params={"job": job}).text
    assert counted(served) == before, "the first page counts what is to be reviewed"


def test_only_who_corrects_and_may_see_pictures_reviews(served: Served) -> None:
    _, (sighting,) = unsure(served.database_url, ["RV51AAA"])
    with person(served, Scope.SEARCH) as client:
        assert client.get("/review").status_code == 403
        assert 'href="/review"' not in client.get("/hits").text
    with person(served, Scope.CORRECT) as client:
        assert "shows no pictures" in client.get("/review").text
        assert client.get("/review/sightings", params={"ids": sighting}).status_code == 403
