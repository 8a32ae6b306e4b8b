"""What pages say of a job, and where they send people for its tasks."""

from __future__ import annotations

import datetime as dt
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest
from flower.utils.search import TaskSearchEngine, parse_query
from sqlalchemy import RowMapping

from dashplate.web.pages.footage.jobs import sentences, tasks_in_flower
from dashplate.web.shown import rest, share

NOW = dt.datetime(2026, 11, 30, tzinfo=dt.UTC)
RUNNING: dict[str, Any] = {
    "job": 7, "state": "running", "created_at": NOW, "finished_at": None, "open": False, "pace": 2.0,
    "videos": 4, "videos_opened": 4, "segments": 12, "segments_done": 6, "segments_quarantined": 0,
    "segments_delayed": 0, "footage_done_s": 60.0, "footage_expected_s": 120.0,
}  # fmt: skip


def job(**values: Any) -> RowMapping:
    return cast(RowMapping, {**RUNNING, **values})


@pytest.mark.parametrize(
    ("values", "waits", "said"),
    [
        ({}, None, []),
        ({"segments": 0}, None, ["Its 4 videos are being opened"]),
        ({"segments_done": 0, "pace": None}, None, ["Nothing of it is finished yet"]),
        ({"pace": None}, None, ["Too little of it was finished"]),
        ({"state": "paused"}, None, ["It is paused"]),
        ({"segments_delayed": 1}, "The share is away.", ["It waits: The share is away."]),
        ({"segments_delayed": 1}, None, ["1 segment failed and waits"]),
        ({"videos_opened": 3}, None, ["1 video is not opened yet"]),
        ({"videos_opened": 3, "open": True}, None, ["More files may still be added"]),
        ({"state": "cancelled"}, None, ["It is being given up"]),
        ({"finished_at": NOW + dt.timedelta(minutes=5)}, None, ["All its videos have ended, 5 min after"]),
        ({"finished_at": NOW, "segments_quarantined": 2}, None, ["All its videos", "2 segments were given up"]),
    ],
)
def test_a_job_says_where_it_is_and_why(values: dict[str, Any], waits: str | None, said: list[str]) -> None:
    found = sentences(job(**values), waits)
    assert len(found) == len(said)
    assert all(one.startswith(start) for one, start in zip(found, said, strict=True))


def test_what_is_left_is_said_only_where_it_can_be() -> None:
    assert rest(job()) == "30 s left"
    assert rest(job(videos_opened=3)) == "about 30 s left"
    for unknown in ({"state": "paused"}, {"open": True}, {"pace": None}, {"finished_at": NOW}):
        assert rest(job(**unknown)) == ""


def test_a_job_that_has_not_ended_is_never_whole() -> None:
    assert share(job()) == 0.5
    assert share(job(footage_done_s=130.0)) < 1
    assert share(job(footage_expected_s=None)) == 0
    assert share(job(finished_at=NOW)) == 1


def test_flower_is_searched_for_the_tasks_of_the_job_alone() -> None:
    address = tasks_in_flower("http://127.0.0.1:5555/", "localhost", 7)
    assert address is not None
    assert address.startswith("http://127.0.0.1:5555/tasks?name=")
    engine = TaskSearchEngine()
    for number, label in enumerate(("job 7: a.mp4 segment 1, attempt 1", "job 77: b.mp4", "job 17: c.mp4")):
        engine.upsert(_Task(str(number), label))
    # As its page puts it together.
    query = "name:" + parse_qs(urlsplit(address).query)["name"][0]
    parse_query(query)
    assert engine.matching_ids(query) == {"0"}


def test_no_link_leads_where_the_browser_cannot_go() -> None:
    assert tasks_in_flower(None, "localhost", 7) is None
    assert tasks_in_flower("http://127.0.0.1:5555", "dashplate.example.org", 7) is None
    assert tasks_in_flower("https://flower.example.org", "dashplate.example.org", 7) is not None


class _Task:
    """A task as Flower holds it."""

    name, state, worker, kwargs, result = "dashplate.detect", "SUCCESS", None, "", ""

    def __init__(self, uuid: str, args: str) -> None:
        self.uuid, self.args = uuid, args
