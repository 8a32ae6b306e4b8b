"""Batches on a real Redis and PostgreSQL: what travels together, what fails alone, what is sent again."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import redis

from bench.standin import Drive
from db.engine import session
from db.queue import scheduler
from db.queue.segment_moves import Dispatched
from db.states import SegmentState
from tests.support.road import Road, stand_in_road
from workers import dispatch, tasks
from workers.celery_app.app import DETECT, READ, express
from workers.dispatch import send_again, send_segments
from workers.steps import batches
from workers.steps.batches import Token

DONE, DETECTED, PENDING = SegmentState.DONE, SegmentState.DETECTED, SegmentState.PENDING


@dataclass(frozen=True)
class Message:
    """A task on a queue."""

    task: str
    #: What Flower and the logs show of it.
    label: str
    args: list[Any]
    #: The task that its worker sends afterwards.
    then: str | None

    @property
    def batch(self) -> list[Token]:
        (tokens,) = self.args
        return list(tokens)


@dataclass(frozen=True)
class Yard:
    """The road, and the queues beside it."""

    road: Road
    redis_url: str

    def job(self, drive: Drive) -> list[Dispatched]:
        """The segments of a job of one drive, sent out but not yet on a queue."""
        job = self.road.submit("drive.mp4", drive=drive)
        self.road.open(job)
        with session(self.road.url) as db:
            taken = scheduler.take_pending(db, 32, 32)
        with redis.Redis.from_url(self.redis_url) as client:
            client.flushall()
        return taken

    def messages(self, queue: str) -> list[Message]:
        """What lies on a queue, oldest first."""
        with redis.Redis.from_url(self.redis_url) as client:
            found = [json.loads(raw) for raw in client.lrange(queue, 0, -1)]  # type: ignore[union-attr]
        return [_message(one) for one in reversed(found)]

    def states(self) -> list[SegmentState]:
        return [SegmentState(row["state"]) for row in self.road.ask("SELECT state FROM segments ORDER BY index")]


def _message(envelope: dict[str, Any]) -> Message:
    args, _, embed = json.loads(base64.b64decode(envelope["body"]))
    headers = envelope["headers"]
    then = embed["chain"][0]["task"] if embed.get("chain") else None
    return Message(headers["task"], headers["argsrepr"], args, then)


@pytest.fixture
def yard(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Yard]:
    with stand_in_road(database_url, tmp_path / "data", DASHPLATE_REDIS_URL=redis_url) as road:
        yield Yard(road, redis_url)


def tokens(segments: list[Dispatched]) -> list[Token]:
    return [[one.segment_id, one.attempt] for one in segments]


def test_segments_travel_together_in_their_order_with_the_reading_as_second_link(yard: Yard) -> None:
    first, *others = yard.job(Drive(8))
    assert send_segments([first, *others], batch=3) == 4
    (alone,) = yard.messages(express(DETECT))
    assert alone.batch == tokens([first]), "the express queue carries one"
    sent = yard.messages(DETECT)
    assert [one.batch for one in sent] == [tokens(others[i : i + 3]) for i in (0, 3, 6)]
    assert {(one.task, one.then) for one in sent} == {("dashplate.detect", "dashplate.read")}
    assert [one.label for one in sent] == [
        f"job {first.job}: drive.mp4 segment 1, attempt 1, and 2 more",
        f"job {first.job}: drive.mp4 segment 4, attempt 1, and 2 more",
        f"job {first.job}: drive.mp4 segment 7, attempt 1",
    ]


def test_what_was_tried_before_and_what_is_only_read_do_not_travel_with_the_others(yard: Yard) -> None:
    first = yard.job(Drive(6, plates=1))
    tasks.detect.apply(args=[tokens(first[:1])])
    yard.road.do("UPDATE segments SET state = 'pending', step = 'read', attempt = 4 WHERE index = 0")
    yard.road.do("UPDATE segments SET state = 'pending', attempt = 2 WHERE index IN (1, 2)")
    with session(yard.road.url) as db:
        again = scheduler.take_pending(db, 32, 32)
    assert send_segments(again, batch=8) == 3
    assert [one.batch for one in yard.messages(DETECT)] == [[[s.segment_id, 3]] for s in first[1:3]]
    (read,) = yard.messages(READ)
    assert (read.task, read.then, read.batch) == ("dashplate.read", None, [[first[0].segment_id, 5]])


def test_each_segment_of_a_batch_is_stored_and_what_was_found_goes_on(yard: Yard) -> None:
    segments = yard.job(Drive(3, plates=1))
    passed = tasks.detect.apply(args=[tokens(segments)]).get()
    assert passed == tokens(segments)
    assert yard.states() == [DETECTED] * 3
    assert yard.messages(READ) == [], "the second link carries them"
    tasks.read.apply(args=[passed])
    assert yard.states() == [DONE] * 3
    assert len(yard.road.ask("SELECT * FROM readings")) == 3


def test_one_that_fails_fails_alone_and_shows(yard: Yard) -> None:
    segments = yard.job(Drive(4, plates=1, poisoned=(1,)))
    ended = tasks.detect.apply(args=[tokens(segments)])
    assert ended.failed()
    assert "segment 1 is poisoned" in str(ended.result)
    assert yard.states() == [DETECTED, PENDING, DETECTED, DETECTED]
    sent = yard.messages(READ)
    assert [one.batch for one in sent] == [[token] for i, token in enumerate(tokens(segments)) if i != 1]


def test_several_that_fail_show_together(yard: Yard) -> None:
    segments = yard.job(Drive(3, poisoned=(0, 2)))
    ended = tasks.detect.apply(args=[tokens(segments)])
    assert isinstance(ended.result, ExceptionGroup)
    assert [str(one) for one in ended.result.exceptions] == ["segment 0 is poisoned", "segment 2 is poisoned"]


def test_a_batch_whose_time_is_up_gives_the_rest_away(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    segments = yard.job(Drive(3, plates=1))
    monkeypatch.setattr(batches, "LONGEST_S", -1.0)
    first, *left = tokens(segments)
    assert tasks.detect.apply(args=[[first, *left]]).get() == [first]
    assert yard.states() == [DETECTED, SegmentState.QUEUED, SegmentState.QUEUED]
    assert [one.batch for one in yard.messages(DETECT)] == [[token] for token in left], "under the same attempt"
    for token in left:
        tasks.detect.apply(args=[[token]])
    tasks.read.apply(args=[[first, *left]])
    assert yard.states() == [DONE, DETECTED, DETECTED]
    assert [one.batch for one in yard.messages(READ)] == [[token] for token in left]


def test_what_others_have_taken_meanwhile_is_not_sent_again(yard: Yard) -> None:
    segments = yard.job(Drive(3))
    yard.road.do("UPDATE segments SET state = 'pending', attempt = 7 WHERE index = 1")
    assert send_again(tokens(segments)) == 2
    assert [one.batch for one in yard.messages(DETECT)] == [[tokens(segments)[0]], [tokens(segments)[2]]]
    assert send_again([]) == 0


def test_batches_grow_while_the_queue_runs_dry_within_the_second_and_some_is_left(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = yard.road.submit("drive.mp4", drive=Drive(64, plates=0))
    yard.road.open(job)
    depth = dispatch._Depth()
    monkeypatch.setattr(dispatch, "_depth", depth)
    assert dispatch.top_up() == scheduler.LEAST_DEPTH, "nothing waits: a segment for each worker that may be idle"
    assert [len(one.batch) for one in yard.messages(DETECT)] == [1] * 3, "and one on the express queue"
    # However slow this machine is just now.
    monkeypatch.setattr(dispatch, "_AHEAD_S", 600.0)
    monkeypatch.setattr(dispatch, "_REST_S", 600.0)
    assert dispatch.top_up() == 0, "enough waits"
    with redis.Redis.from_url(yard.redis_url) as client:
        client.ltrim(DETECT, 0, 0)
    assert dispatch.top_up() == 0, "somebody asked just now"
    monkeypatch.setattr(dispatch, "_REST_S", 0.0)
    assert dispatch.top_up() > 0
    assert depth.now == 2 * scheduler.LEAST_DEPTH
    assert [len(one.batch) for one in yard.messages(DETECT)] == [1, 2, 2]
    monkeypatch.setattr(dispatch, "_AHEAD_S", 0.0)
    with redis.Redis.from_url(yard.redis_url) as client:
        client.ltrim(DETECT, 0, 0)
    dispatch.top_up()
    assert depth.now == scheduler.LEAST_DEPTH, "it lasts: batches are small again"


def test_what_a_task_sends_is_no_child_of_it(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "LONGEST_S", -1.0)
    tasks.detect.apply(args=[tokens(yard.job(Drive(3)))])
    with redis.Redis.from_url(yard.redis_url) as client:
        sent = [json.loads(raw)["headers"] for raw in client.lrange(DETECT, 0, -1)]  # type: ignore[union-attr]
    assert sent
    assert {one["parent_id"] for one in sent} == {None}
    assert [one["root_id"] for one in sent] == [one["id"] for one in sent]


def test_an_express_segment_waits_for_no_other_jobs(yard: Yard) -> None:
    first, second, *_ = yard.job(Drive(3))
    assert send_segments([replace(one, express=True) for one in (first, second)], batch=8) == 2
    assert [one.batch for one in yard.messages(express(DETECT))] == [tokens([first]), tokens([second])]


def test_what_was_done_counts_as_done_where_nothing_more_can_be_sent(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    segments = yard.job(Drive(2, plates=1))

    def away() -> int:
        raise redis.ConnectionError("Redis went away.")

    monkeypatch.setattr(tasks, "top_up", away)
    passed = tasks.detect.apply(args=[tokens(segments)]).get()
    assert passed == tokens(segments), "the second link goes out"
    assert tasks.read.apply(args=[passed]).successful()
    assert yard.states() == [DONE] * 2
