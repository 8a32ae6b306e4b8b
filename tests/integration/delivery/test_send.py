"""`dashplate send`: a job's sightings arrive at a receiver that checks them as ALPR-Database does."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from sqlalchemy import text

from db.engine import session
from db.findings import corrections
from db.findings.corrections import Correction
from tests.integration.delivery.receiver import Receiver
from tests.support.command_line.in_process import Said, run_command
from tests.support.road import Road
from tests.support.scripted_server import Answer, serving

KEY = "a-key-for-tests-only"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with serving(Receiver(key=KEY)) as server:
        assert isinstance(server, Receiver)
        yield server


@pytest.fixture
def send(road: Road, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("dashplate.delivery.alpr_database.SOURCE.wait", lambda state: 0.0)
    (tmp_path / "key").write_text(f"{KEY}\n")

    def command(job: int, *words: object) -> Said:
        return run_command("send", job, "--to", receiver.url, "--api-key-file", tmp_path / "key", *words)

    return command


def sightings(road: Road, job: int) -> list[Any]:
    return road.ask("SELECT * FROM plate_sightings WHERE job = :job ORDER BY sighting", job=job)


def test_every_sighting_arrives_once(road: Road, receiver: Receiver, send: Any) -> None:
    job, _ = road.run("a.mp4", "b.mp4")
    rows = sightings(road, job)
    said = send(job)
    assert (said.code, said.out) == (0, f"{len(rows)} new, 0 known, 0 failed.\n"), said.err
    assert len(receiver.reads) == len(rows) > 4
    for row, read in zip(rows, receiver.reads, strict=True):
        (prediction,) = read["ai_dump"][0]["found"]["predictions"]
        assert (prediction["plate"], prediction["label"]) == (row["plate"], f"Plate: {row['plate']}")
        assert prediction["confidence"] == pytest.approx(row["confidence"], abs=1e-4)
        corners = [prediction[name] for name in ("x_min", "y_min", "x_max", "y_max")]
        assert corners == [round(row[name]) for name in ("x1", "y1", "x2", "y2")]
        assert read["camera"] == "a tour"
        image = cv2.imdecode(np.frombuffer(base64.b64decode(read["Image"]), np.uint8), cv2.IMREAD_COLOR)
        assert image is not None
        assert base64.b64decode(read["Image"])[:2] == b"\xff\xd8"
    again = send(job)
    assert (again.code, again.out) == (0, f"0 new, {len(rows)} known, 0 failed.\n")
    assert len(receiver.reads) == len(rows)


def test_times_count_from_the_submission(road: Road, receiver: Receiver, send: Any) -> None:
    job, videos = road.run("a.mp4", "b.mp4")
    send(job, "--camera", "gate")
    submitted = road.video(videos[0]).created_at
    moments = [dt.datetime.fromisoformat(read["timestamp"]) for read in receiver.reads]
    for row, read, moment in zip(sightings(road, job), receiver.reads, moments, strict=True):
        assert moment.utcoffset() is not None
        assert (moment - submitted).total_seconds() == pytest.approx(row["best_s"], abs=1.01)
        assert read["camera"] == "gate"
    assert len(set(moments)) == len(moments), "two videos of one submission are not taken for one"


def test_times_are_those_of_the_recording_where_it_is_known(road: Road, receiver: Receiver, send: Any) -> None:
    job, (video,) = road.run("a.mp4")
    began = dt.datetime(2026, 5, 1, 12, 0, 0, tzinfo=dt.UTC)
    road.do("UPDATE videos SET recorded_at = :at, recorded_from = 'container' WHERE id = :id", at=began, id=video)
    send(job)
    for row, read in zip(sightings(road, job), receiver.reads, strict=True):
        seen = (dt.datetime.fromisoformat(read["timestamp"]) - began).total_seconds()
        assert seen == pytest.approx(row["best_s"], abs=0.002)


def test_a_persons_reading_is_sent_in_place_of_the_machines(road: Road, receiver: Receiver, send: Any) -> None:
    job, _ = road.run("a.mp4")
    read, none, *others = sightings(road, job)
    with session(road.url) as db:
        corrections.correct(db, read["sighting"], Correction("AB12CDF", "ada"))
        corrections.correct(db, none["sighting"], Correction(None, "ada"))
    said = send(job)
    assert (said.code, said.out.splitlines()[0]) == (0, f"{1 + len(others)} new, 0 known, 0 failed."), said.err
    assert "1 sighting left out: a person says that it is no plate." in said.out + said.err
    sent = [one["ai_dump"][0]["found"]["predictions"][0] for one in receiver.reads]
    assert [one["plate"] for one in sent] == ["AB12CDF", *(row["plate"] for row in others)]
    assert sent[0]["confidence"] == 1.0


def test_a_receiver_in_trouble_is_asked_again_and_then_told_of(road: Road, receiver: Receiver, send: Any) -> None:
    job, _ = road.run("a.mp4", "b.mp4")
    rows = sightings(road, job)
    receiver.answers += [Answer(503), Answer(cut_after=-1), Answer(500)]
    said = send(job)
    assert (said.code, said.out) == (0, f"{len(rows)} new, 0 known, 0 failed.\n"), said.err
    receiver.reads.clear()
    receiver.answers += [Answer(400)] + [Answer(500)] * 4
    said = send(job)
    assert (said.code, said.out) == (1, f"{len(rows) - 2} new, 0 known, 2 failed.\n")
    assert "answers with status 400" in said.err
    receiver.reads.clear()
    receiver.answers += [Answer(500)] * 1000
    said = send(job)
    assert said.code == 1
    assert "in a row were not taken" in said.err
    assert len(rows) > 5


def test_a_key_that_is_refused_ends_it_at_once(road: Road, receiver: Receiver, send: Any) -> None:
    job, _ = road.run("a.mp4")
    receiver.key = "another"
    said = send(job)
    assert said.code == 1
    assert "does not accept the API key" in said.err
    assert len(receiver.asked) == 1
    assert KEY not in said.out + said.err


def test_no_redirect_is_followed(road: Road, receiver: Receiver, send: Any) -> None:
    job, _ = road.run("a.mp4")
    receiver.answers += [Answer(307, b"", {"Location": f"{receiver.url}/api/plate-reads"})] * 100
    said = send(job)
    assert said.code == 1
    assert "elsewhere" in said.err
    assert receiver.reads == []


def test_the_key_may_come_from_the_environment(
    road: Road, receiver: Receiver, send: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, _ = road.run("a.mp4")
    said = run_command("send", job, "--to", receiver.url)
    assert said.code == 2
    assert "DASHPLATE_SEND_KEY" in said.err
    monkeypatch.setenv("DASHPLATE_SEND_KEY", KEY)
    assert run_command("send", job, "--to", f"{receiver.url}/").code == 0
    monkeypatch.setenv("DASHPLATE_SEND_KEY", "two words")
    said = run_command("send", job, "--to", receiver.url)
    assert said.code == 2
    assert "two words" not in said.err
    for address in ("host:3000", "ftp://host", "http://a:secret@host"):
        said = run_command("send", job, "--to", address)
        assert said.code == 2
        assert "secret" not in said.err


def test_a_sighting_without_a_picture_is_sent_without(road: Road, receiver: Receiver, send: Any) -> None:
    job, _ = road.run("a.mp4", evidence=False)
    said = send(job)
    assert said.code == 0, said.err
    assert all("Image" not in read for read in receiver.reads)
    assert f"{len(receiver.reads)} had no picture" in said.out


def test_hashes_are_no_plates(road: Road, plate_key: None, receiver: Receiver, send: Any) -> None:
    job, _ = road.run("a.mp4", hashed=True)
    said = send(job)
    assert said.code == 2
    assert "hashes" in said.err
    assert receiver.asked == []


def test_sending_is_on_record_without_the_key(road: Road, receiver: Receiver, send: Any) -> None:
    job, _ = road.run("a.mp4")
    send(job)
    with session(road.url) as db:
        rows = db.execute(text("SELECT query, rows FROM audit WHERE action = 'send'")).all()
    assert [tuple(row) for row in rows] == [(f"job {job} to {receiver.url}", len(receiver.reads))]
    assert KEY not in road.dump()


def test_a_job_that_is_not_there(send: Any) -> None:
    said = send(999_999)
    assert said.code == 2
    assert "There is no job 999999" in said.err
