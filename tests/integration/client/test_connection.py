"""How the client meets a service in trouble: what is asked again, and what its errors say."""

from __future__ import annotations

import json
import logging
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from dashplate.client import Client, ServiceError
from pipeline.errors import DashplateError, UsageError
from tests.integration.client.conftest import TOKEN
from tests.support.scripted_server import Answer, ScriptedServer

JOB = {
    "job": 7, "name": "monday", "state": "running", "priority": "normal", "created_at": "2026-11-30T01:00:00Z",
    "finished_at": None, "videos": 1, "videos_ended": 0, "videos_with_problem": 0, "segments": 3, "segments_done": 0,
    "segments_quarantined": 0, "footage_s": 30.0, "footage_done_s": 0.0, "pace": None,
}  # fmt: skip


def sent(document: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(status, json.dumps(document).encode(), {name.replace("_", "-"): v for name, v in headers.items()})


def problem(status: int, detail: str, **headers: str) -> Answer:
    return sent({"type": "about:blank", "title": "x", "status": status, "detail": detail}, status, **headers)


def test_a_busy_service_is_asked_again_after_the_time_that_it_names(client: Client, service: ScriptedServer) -> None:
    service.answers += [problem(429, "Too many.", Retry_After="1"), problem(503, "Away.", Retry_After="0"), sent(JOB)]
    began = time.monotonic()
    assert client.job(7).name == "monday"
    assert time.monotonic() - began >= 1.0
    assert [asked.path for asked in service.asked] == ["/v1/jobs/7"] * 3
    assert service.asked[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_a_lost_connection_is_asked_again(client: Client, service: ScriptedServer) -> None:
    service.answers += [Answer(cut_after=-1), Answer(200, json.dumps(JOB).encode(), cut_after=9), sent(JOB)]
    assert client.job(7).job == 7


def test_patience_ends(client: Client, service: ScriptedServer) -> None:
    service.answers += [problem(503, "PostgreSQL is away.")] * 9
    with pytest.raises(ServiceError, match="PostgreSQL is away") as raised:
        client.job(7)
    assert raised.value.status == 503
    assert len(service.asked) == 5
    service.answers.clear()
    service.answers.append(problem(429, "Come back in an hour.", Retry_After="3600"))
    with pytest.raises(ServiceError, match="in an hour"):
        client.job(7)
    assert len(service.asked) == 6


def test_an_upload_that_another_call_holds_is_waited_for(
    client: Client, service: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.answers += [problem(423, "Another call sends bytes of this upload.", Retry_After="0")] * 20
    service.answers += [problem(408, "Took too long."), sent(JOB, 201)]
    assert client.submit(uploads=["abc"]).job == 7
    assert len(service.asked) == 22
    monkeypatch.setattr("dashplate.client.connection.HELD_S", 0.0)
    service.answers += [problem(423, "Another call sends bytes of this upload.", Retry_After="0")] * 20
    with pytest.raises(ServiceError, match="Another call") as held:
        client.submit(uploads=["abc"])
    assert held.value.status == 423


def test_what_changes_something_is_not_asked_twice(client: Client, service: ScriptedServer) -> None:
    for call in (client.pause, client.resume, client.cancel, client.retry, client.rerun):
        service.answers.append(problem(503, "Away."))
        with pytest.raises(ServiceError):
            call(7)
        assert not service.answers
    assert len(service.asked) == 5


def test_a_submission_is_sent_again_under_one_key(client: Client, service: ScriptedServer) -> None:
    service.answers += [Answer(cut_after=-1), problem(503, "Away."), sent(JOB, 201)]
    assert client.submit(["/videos"], name="monday", country=None).job == 7
    keys = {asked.headers["idempotency-key"] for asked in service.asked}
    assert len(service.asked) == 3
    assert len(keys) == 1
    wanted = {"sources": ["/videos"], "name": "monday", "priority": "normal", "keep_overlays": False, "evidence": True}
    assert json.loads(service.asked[0].body) == {**wanted, "hashed": False, "alerts": "recent"}
    service.answers.append(sent(JOB, 201))
    client.submit(uploads=["abc"], idempotency_key="mine")
    assert service.asked[-1].headers["idempotency-key"] == "mine"
    assert json.loads(service.asked[-1].body)["uploads"] == ["abc"]
    assert "sources" not in json.loads(service.asked[-1].body)
    number = len(service.asked)
    for key in ("mañana", "a\nb", "a b", "", "x" * 201):
        with pytest.raises(UsageError, match="idempotency key"):
            client.submit(["/videos"], idempotency_key=key)
    assert len(service.asked) == number


def test_a_refusal_is_the_service_s_sentence(client: Client, service: ScriptedServer) -> None:
    service.answers += [problem(404, "There is no job 7."), Answer(502, b"<html>", {"Retry-After": "soon"}, None)]
    with pytest.raises(ServiceError, match=r"^There is no job 7\.$") as raised:
        client.job(7)
    assert raised.value.status == 404
    invalid = {"detail": "Not as described.", "errors": [{"where": "body.name", "problem": "too long"}]}
    service.answers.clear()
    service.answers.append(sent(invalid, 422))
    with pytest.raises(ServiceError, match=r"Not as described\. \(body\.name: too long\)"):
        client.job(7)
    service.answers += [sent({"hello": "world"})] * 2
    with pytest.raises(ServiceError, match="no Dashplate service"):
        client.job(7)
    with pytest.raises(ServiceError, match="no Dashplate service"):
        client.plates("KA05*")


def test_what_is_searched_for_is_not_logged(
    client: Client, service: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    """By httpx, which logs every address; a program's own requests stay in its log."""
    caplog.set_level(logging.DEBUG)
    service.answers += [sent([]), sent({"items": [], "next": None, "complete": True}), Answer(200, b"png"), Answer()]
    assert client.plates("KA05MX1234") == []
    assert list(client.search("KA05MX1234")) == []
    with client._connection.stream("GET", "/v1/KA05MX1234") as answer:
        answer.read()
    assert "KA05MX1234" not in caplog.text
    httpx.get(f"{service.url}/of-the-program")
    assert "/of-the-program" in caplog.text


def test_no_redirect_is_followed(client: Client, service: ScriptedServer) -> None:
    service.answers.append(Answer(307, b"", {"Location": f"{service.url}/elsewhere"}))
    with pytest.raises(ServiceError, match="307") as raised:
        client.job(7)
    assert raised.value.status == 307
    assert len(service.asked) == 1


def test_the_token_is_shown_nowhere(service: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashplate.client.connection._PAUSES", lambda state: 0.0)
    with (
        Client("http://127.0.0.1:9", TOKEN) as unreachable,
        pytest.raises(ServiceError, match="cannot be reached") as e,
    ):
        unreachable.job(7)
    assert e.value.status is None
    said = [str(e.value), repr(e.value), repr(unreachable), str(unreachable), repr(vars(unreachable._connection))]
    assert not any(TOKEN in text for text in said)
    for broken in (f"{TOKEN}\nX-Evil: 1", f"{TOKEN} ", "", "schlüssel"):
        with pytest.raises(UsageError) as refused:
            Client(service.url, broken)
        assert TOKEN not in str(refused.value)
        assert "schlüssel" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["", "host:8080", "ftp://host", "http://", "http://a:secret@host", "http://[bad", "http://h:99999"]
)
def test_an_address_that_cannot_be_meant_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DASHPLATE_URL", raising=False)
    with pytest.raises(UsageError) as refused:
        Client(url, TOKEN)
    assert "secret" not in str(refused.value)


def test_address_and_token_come_from_the_environment(service: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHPLATE_URL", f"{service.url}/")
    monkeypatch.setenv("DASHPLATE_TOKEN", TOKEN)
    service.answers += [sent(JOB), sent(JOB)]
    with Client() as client:
        client.job(7)
    assert service.asked[-1].headers["authorization"] == f"Bearer {TOKEN}"
    assert service.asked[-1].path == "/v1/jobs/7"
    monkeypatch.delenv("DASHPLATE_TOKEN")
    with Client() as client:
        client.job(7)
    assert "authorization" not in service.asked[-1].headers


def test_a_download_is_there_only_once_it_is_whole(client: Client, service: ScriptedServer, tmp_path: Path) -> None:
    picture = bytes(range(256)) * 20_000
    service.answers += [Answer(200, picture, cut_after=3_000_000), Answer(200, picture)]
    assert client.crop(3).save(tmp_path / "new" / "crop.png").read_bytes() == picture
    assert [asked.path for asked in service.asked] == ["/v1/sightings/3/crop"] * 2
    service.answers += [Answer(200, picture, cut_after=3_000_000)] * 5
    with pytest.raises(ServiceError):
        client.frame(3).save(tmp_path / "frame.jpg")
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
    service.answers.append(Answer(200, b"mp4"))
    assert client.clip(3, 1.5, 2).read() == b"mp4"
    assert service.asked[-1].path == "/v1/sightings/3/clip?before=1.5&after=2"
    service.answers.append(Answer(200, b"mp4"))
    assert client.footage(7, 12345.678, 12350).read() == b"mp4"
    assert service.asked[-1].path == "/v1/videos/7/clip?from=12345.678&to=12350"
    (tmp_path / "taken").mkdir()
    service.answers.append(Answer(200, b"mp4"))
    with pytest.raises(DashplateError, match="could not be written"):
        client.clip(3).save(tmp_path / "taken")


def test_two_threads_may_save_the_same(client: Client, service: ScriptedServer, tmp_path: Path) -> None:
    """Each has a draft of its own, so that neither writes into the other's or takes it away."""
    drafts: set[str] = set()
    both = threading.Barrier(2, timeout=30)
    saved: list[bytes] = []

    def save() -> None:
        crop = client.crop(3)
        write = crop._write

        def slowly(draft: Path) -> None:
            write(draft)
            both.wait()
            drafts.update(path.name for path in tmp_path.iterdir() if path.name.startswith("."))
            both.wait()

        crop._write = slowly  # type: ignore[method-assign]
        saved.append(crop.save(tmp_path / "crop.png").read_bytes())

    service.answers += [Answer(200, b"png")] * 2
    threads = [threading.Thread(target=save) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert saved == [b"png", b"png"]
    assert len(drafts) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["crop.png"]


def test_pages_are_asked_for_as_they_are_wanted(client: Client, service: ScriptedServer) -> None:
    service.answers += [sent({"items": [JOB, JOB], "next": "7"}), sent({"items": [JOB], "next": None})]
    jobs = client.jobs()
    next(jobs)
    assert len(service.asked) == 1
    assert len(list(jobs)) == 2
    assert service.asked[1].path == "/v1/jobs?most=200&cursor=7"


def test_what_is_no_picture_is_not_sent(client: Client, service: ScriptedServer, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="BGR"):
        client.read(np.zeros((4, 4), np.uint8))
    with pytest.raises(DashplateError, match="cannot be read"):
        client.read(tmp_path / "gone.jpg")
    assert service.asked == []
