"""Watch lists: entries by label, a page at a time, found by a part; and the import of a file."""

from __future__ import annotations

import re

import httpx
import pytest

from dashplate.client import Client
from db.access.scopes import Scope
from db.telling.watch_lists import Wish
from tests.support.database import make_job
from tests.support.pages import person
from tests.support.searching import saying, store
from tests.support.service import Served
from tests.support.watching import watch


def plates(page: str) -> list[str]:
    return re.findall(r'class="entry-plate">\s*<span class="plate">([^<]+)<', page)


def test_entries_stand_by_label_with_their_hits(served: Served) -> None:
    url = served.database_url
    _, (video,) = make_job(url, 0)
    store(url, video, [saying(0, "WL01ZZZ")])
    wishes = [
        Wish("WL02ZZZ", "wl: b", note="\u202e<b>why</b>"),
        Wish("WL01ZZZ", "wl: b"),
        Wish("WL*", "wl: a", colour="teal"),
    ]
    watch(url, *wishes)
    with person(served, Scope.SEARCH) as client:
        page = client.get("/watch-lists", params={"find": "wl0"}).text
        assert plates(page) == ["WL01ZZZ", "WL02ZZZ"]
        assert served.last_audited("watchlist")[1] == "list all"
        assert "1 hit<" in page
        assert "<b>why" not in page
        assert "\u202e" not in page
        assert plates(client.get("/watch-lists", params={"label": "wl: a"}).text) == ["WL*"]
        assert plates(client.get("/watch-lists", params={"label": "wl: b", "find": "WHY"}).text) == ["WL02ZZZ"]
        assert 'data-opens="add"' not in page, "only an operator changes lists"


def test_lists_of_any_length_come_a_page_at_a_time(served: Served) -> None:
    url = served.database_url
    watch(url, *(Wish(f"WP{i:03}ZZ", f"wl page {i % 3}") for i in range(120)), matched=False)
    seen, address = [], "/watch-lists?find=WP&label="
    with person(served, Scope.SEARCH) as client:
        while address:
            part = client.get(address, headers={"HX-Request": "true"}).text
            seen += plates(part)
            behind = re.search(r'hx-get="(/watch-lists[^"]+)"', part)
            address = behind[1].replace("&amp;", "&") if behind else ""
    assert len(seen) == len(set(seen)) == 120
    assert [f"WP{i:03}ZZ" for label in range(3) for i in range(120) if i % 3 == label] == seen


def test_an_ended_entry_is_shown_on_demand_and_an_operator_may_begin_one(served: Served) -> None:
    (entry,) = watch(served.database_url, Wish("WE01ZZZ", "wl: ended"), matched=False)
    with person(served, Scope.ADMIN) as client:
        assert client.delete(f"/v1/watchlist/{entry}").status_code == 204
        assert plates(client.get("/watch-lists", params={"label": "wl: ended"}).text) == []
        page = client.get("/watch-lists", params={"label": "wl: ended", "ended": True, "add": 'A"><script>'}).text
        assert plates(page) == ["WE01ZZZ"]
        assert "has ended" in page
        assert 'data-asks="end"' not in page
        assert 'data-open="yes"' in page
        assert "<script>" not in page.replace("<script src", "")


@pytest.fixture
def admin(served: Served) -> httpx.Client:
    return served.client(Scope.ADMIN)


def test_a_file_of_entries_is_imported_whole(served: Served, admin: httpx.Client) -> None:
    file = "\ufeffplate,like,label,colour,note,expires\nwi-01 zzz,yes,,red,case 17,30d\nWI02*,,wl: other,,,2099-01-31\n"
    with Client(served.url, served.token(Scope.ADMIN)) as caller:
        assert caller.import_watched(file, "wl: import") == 2
        assert caller.import_watched(file, "wl: import") == 2, "the same again is the same entries"
        (one,) = caller.watched("wl: import")
        assert (one.plate, one.kind, one.colour, one.note) == ("WI01ZZZ", "like", "red", "case 17")
        assert one.expires_at is not None
        assert [other.plate for other in caller.watched("wl: other")] == ["WI02*"]
    assert served.last_audited("watchlist")[0].startswith("token ")


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (b"plate,label\nWX01,a\n**,a\n", "Line 3"),
        (b"plate\nWX01\n", "names no label"),
        (b"label\na\n", "no column `plate`"),
        (b"plate,label\nWX01,a,b\n", "more fields"),
        (b"plate,label\n\xff,a\n", "UTF-8"),
        (b"plate,label,expires\nWX01,a,soon\n", "'soon' is no time"),
    ],
)
def test_nothing_of_a_wrong_file_is_imported(admin: httpx.Client, file: bytes, why: str) -> None:
    answer = admin.post("/v1/watchlist/import", content=file, headers={"Content-Type": "text/csv"})
    assert answer.status_code == 409
    assert why in answer.json()["detail"]
    assert "WX01" not in admin.get("/v1/watchlist", params={"most": 500}).text


def test_a_file_is_sent_as_csv_by_an_operator(served: Served, admin: httpx.Client) -> None:
    assert admin.post("/v1/watchlist/import", json={"plate": "A"}).status_code == 415
    with served.client(Scope.SEARCH) as client:
        assert client.post("/v1/watchlist/import", content=b"").status_code == 403
    many = "plate,label,note\n" + "".join(f"WM{i:04},wl: many,{'x' * 400}\n" for i in range(6_000))
    assert len(many) > 2_000_000, "more than a JSON document may have"
    sent = admin.post("/v1/watchlist/import", content=many, headers={"Content-Type": "text/csv"})
    assert sent.json() == {"entries": 6_000}
