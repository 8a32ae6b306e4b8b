"""A job's events over connections that break: each sighting once, and an end."""

from __future__ import annotations

import json

import pytest

from dashplate.client import Client, ServiceError
from dashplate.client.events import Event, parsed
from dashplate.service.documents import JobTold, SightingTold
from tests.integration.client.test_connection import JOB, problem, sent
from tests.support.scripted_server import Answer, ScriptedServer


def document(number: int, path: str = "/a.mp4") -> dict[str, object]:
    return {
        "id": number, "job": 7, "video": 1, "path": path, "plate": "KA05MX1234", "read_as": "KA05MX1234",
        "shown": "KA05MX1234", "country": "IN", "confidence": 0.9, "confirmed": True, "first_s": 1.0, "last_s": 2.0,
        "best_s": 1.5, "box": [1, 2, 3, 4], "characters": [], "alternatives": [], "crop": None, "frame": None,
    }  # fmt: skip


def sighting(number: int, path: str = "/a.mp4") -> bytes:
    told = document(number, path)
    return f"id: {number}\nevent: sighting\ndata: {json.dumps(told, ensure_ascii=False)}\n\n".encode()


PROGRESS = f"event: progress\ndata: {json.dumps(JOB)}\n\n".encode()
END = b"event: end\ndata: {}\n\n"


def numbers(client: Client) -> list[int]:
    return [told.id for told in client.events(7) if isinstance(told, SightingTold)]


def test_a_broken_stream_is_taken_up_where_it_broke(client: Client, service: ScriptedServer) -> None:
    first = PROGRESS + sighting(4) + sighting(5)
    service.answers += [
        Answer(200, first + sighting(6), cut_after=len(first) + 30),
        problem(503, "Away.", Retry_After="0"),
        Answer(cut_after=-1),
        # Its own limit: it ends without an `end`, and some come once more.
        Answer(200, b": still there\n\n" + sighting(5) + sighting(6)),
        Answer(200, sighting(3) + PROGRESS + END),
        # One came in so late during the break that no stream takes it up.
        sent({"items": [document(number) for number in (2, 3, 4, 5, 6)], "next": None}),
    ]
    assert numbers(client) == [4, 5, 6, 3, 2]
    ids = [asked.headers.get("last-event-id") for asked in service.asked]
    assert ids == [None, "5", "5", "5", "6", None]
    assert service.asked[-1].path == "/v1/jobs/7/sightings?most=200"


def test_what_cannot_be_a_number_is_not_sent_back(client: Client, service: ScriptedServer) -> None:
    service.answers += [
        Answer(200, sighting(4) + "id: sieben·\nevent: x\ndata: {}\n\n".encode()),
        Answer(200, END),
        sent({"items": [], "next": None}),
    ]
    assert numbers(client) == [4]
    assert service.asked[1].headers["last-event-id"] == "4"


def test_without_a_break_nothing_is_listed(client: Client, service: ScriptedServer) -> None:
    service.answers.append(Answer(200, sighting(4) + END))
    assert numbers(client) == [4]
    assert len(service.asked) == 1


def test_progress_is_the_job_as_it_is(client: Client, service: ScriptedServer) -> None:
    service.answers.append(Answer(200, PROGRESS + END))
    (told,) = client.events(7)
    assert isinstance(told, JobTold)
    assert (told.job, told.state) == (7, "running")


def test_nobody_waits_for_ever(client: Client, service: ScriptedServer) -> None:
    service.answers += [Answer(200, b": still there\n\n")] * 9
    with pytest.raises(ServiceError, match="before the job had ended"):
        numbers(client)
    assert len(service.asked) == 5
    service.answers.clear()
    service.answers.append(problem(404, "There is no job 7."))
    with pytest.raises(ServiceError, match="There is no job 7"):
        numbers(client)
    assert len(service.asked) == 6


def test_a_name_may_hold_what_python_takes_for_a_line_end(client: Client, service: ScriptedServer) -> None:
    name = "/a\u2028b\x85c.mp4"
    service.answers.append(Answer(200, sighting(1, name) + END))
    assert [told.path for told in client.events(7) if isinstance(told, SightingTold)] == [name]


def test_events_are_read_however_they_are_cut() -> None:
    stream = b"id:1\r\nevent: x\r\ndata: a\r\ndata:b\r\n\r\n:c\n\nretry: 5\ndata: {}\n\nid: 2\nevent: broken"
    whole = [Event("x", b"a\nb", "1"), Event("", b"{}", None)]
    for size in range(1, len(stream)):
        assert list(parsed(stream[at : at + size] for at in range(0, len(stream), size))) == whole
