"""What people fill into forms: empty fields, days, and addresses without one of the filters."""

from __future__ import annotations

import datetime as dt

import pytest
from fastapi import Request

from dashplate.web.asked import Asked, address
from dashplate.web.pages.findings.search import Searched
from dashplate.web.pages.findings.sightings import Gallery
from db.where.area import Area
from pipeline.errors import UsageError


def no_way(drive: int, within_m: float) -> Area:
    raise UsageError(f"There is no drive {drive}.")


def asked_by(query: str) -> Request:
    return Request({"type": "http", "path": "/sightings", "query_string": query.encode(), "headers": []})


def test_empty_fields_ask_for_nothing() -> None:
    empty = Gallery.model_validate({"plate": "", "job": " ", "country": "", "since": "", "until": "", "at_least": ""})
    assert empty == Gallery()


def test_a_day_is_within_from_its_beginning_to_its_end() -> None:
    asked = Asked.model_validate({"since": "2026-11-01", "until": "2026-11-30"})
    assert asked.since == dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    assert asked.until == dt.datetime(2026, 12, 1, tzinfo=dt.UTC)
    whole = Asked.model_validate({"since": "2026-11-01T10:00:00+02:00"})
    assert whole.since == dt.datetime(2026, 11, 1, 8, tzinfo=dt.UTC)


@pytest.mark.parametrize("wrong", [{"since": "yesterday"}, {"since": "2026-13-01"}, {"job": "one"}, {"at_least": 101}])
def test_what_is_no_such_thing_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        Gallery.model_validate(wrong)


def test_shares_are_per_cent_in_addresses() -> None:
    assert Gallery.model_validate({"at_least": "80"}).narrowed([], no_way).at_least == 0.8


def test_a_whole_plate_is_searched_by_likeness_unless_one_says_otherwise() -> None:
    assert Searched(plate="ka 05 mh 1234").wanted([], no_way).alike
    assert not Searched(plate="KA05MH1234", exact=True).wanted([], no_way).alike
    assert not Searched(plate="KA05*").wanted([], no_way).alike


def test_an_address_loses_a_filter_and_its_page_but_keeps_the_rest() -> None:
    request = asked_by("plate=KA05*&job=3&before=17&last=2&country=")
    assert address(request, ("job",)) == "/sightings?plate=KA05%2A"
    assert address(request, unsure=1) == "/sightings?plate=KA05%2A&job=3&unsure=1"
    assert address(asked_by("before=17")) == "/sightings"
