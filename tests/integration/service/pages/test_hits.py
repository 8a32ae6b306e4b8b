"""Hits: why each is one, how they are narrowed and paged, and how new ones are announced."""

from __future__ import annotations

import re

from db.access.scopes import Scope
from db.telling.watch_lists import Wish
from tests.support.database import make_job, run_sql
from tests.support.pages import person
from tests.support.searching import saying, store
from tests.support.service import Served
from tests.support.watching import watch


def test_a_hit_says_why_and_where(served: Served) -> None:
    url = served.database_url
    job, (video,) = make_job(url, 0, name="<script>a</script>")
    run_sql(url, f"UPDATE videos SET path = '/x/<b>\u202ev.mp4' WHERE id = {video}")
    watch(url, Wish("HT05I234", "hits: <i>stolen</i>", alike=True, colour='red" onload="x'), matched=False)
    store(url, video, [saying(0, "HT05I234"), saying(1, "HTO5123A", at_s=50), saying(2, "XX99", "HT051234", at_s=90)])
    with person(served, Scope.SEARCH) as client:
        page = client.get("/hits", params={"job": job}).text
        assert served.last_audited("hits")[1] == f"job {job}"
    assert page.count("<article") == 3
    assert "the watched plate" in page
    assert "easily taken for" in page
    assert "It could also be HT051234, 4% sure" in page
    assert "0:51.0" in page, "the time is that of the frame that was read"
    for hostile in ("<script>a", "<b>", "<i>", "\u202e", 'onload="x'):
        assert hostile not in page
    assert "earlier sighting" not in page


def test_hits_come_a_page_at_a_time_and_narrowed(served: Served) -> None:
    url = served.database_url
    job, (video,) = make_job(url, 0)
    store(url, video, [saying(i, f"HP{i:02}ZZZ", at_s=60 * i) for i in range(30)])
    (early,) = watch(url, Wish("HP*", "hits: pages"))
    _, (other,) = make_job(url, 0)
    store(url, other, [saying(0, "HP99ZZZ")])
    with person(served, Scope.SEARCH) as client:
        page = client.get("/hits", params={"entry": early}).text
        assert page.count("<article") == 24
        behind = re.search(r'hx-get="(/hits\?[^"]*before=\d+)"', page)
        assert behind
        part = client.get(behind[1].replace("&amp;", "&"), headers={"HX-Request": "true"}).text
        assert part.count("<article") == 7
        assert "<html" not in part
        assert client.get("/hits", params={"entry": early, "new": True}).text.count("<article") == 1
        assert client.get("/hits", params={"label": "hits: pages", "job": job, "new": True}).text.count("<article") == 0
        assert client.get("/hits", params={"label": "hits: pages", "job": job}).text.count("earlier sighting") == 24


def test_new_hits_are_announced_without_telling_what_they_are(served: Served) -> None:
    url = served.database_url
    _, (video,) = make_job(url, 0)
    (entry,) = watch(url, Wish("HN01ZZZ", "hits: newer"), matched=False)
    with person(served, Scope.SEARCH) as client:
        asked = re.search(r'hx-get="(/hits/newer[^"]*)"', client.get("/hits", params={"entry": entry}).text)
        assert asked
        newer = asked[1].replace("&amp;", "&")
        assert client.get(newer).status_code == 204
        assert client.get("/hits/newer", params={"above": 2**63}).status_code == 422
        store(url, video, [saying(0, "HN01ZZZ")])
        told = client.get(newer).text
        assert "1 new hit" in told
        assert "HN01" not in told
    with person(served, Scope.SUBMIT) as client:
        assert client.get("/hits").status_code == 403
        assert client.get("/hits/newer").status_code == 403


def test_a_hit_whose_sighting_is_gone_is_still_told(served: Served) -> None:
    url = served.database_url
    job, (video,) = make_job(url, 0)
    watch(url, Wish("HG01ZZZ", "hits: gone"), matched=False)
    store(url, video, [saying(0, "HG01ZZZ")])
    store(url, video, [saying(0, "XX99ZZZ", at_s=500)])
    with person(served, Scope.SEARCH) as client:
        page = client.get("/hits", params={"job": job}).text
    assert "HG01ZZZ" in page
    assert "not found again" in page
