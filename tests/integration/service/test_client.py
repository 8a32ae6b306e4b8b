"""The client against a real service with workers: every call of it, once, with what the service really answers."""

from __future__ import annotations

import csv
import datetime as dt
import inspect
import io
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree
from zipfile import ZipFile

import cv2
import numpy as np
import pytest

from dashplate.client import Client, ServiceError
from dashplate.service.documents import JobTold, SightingTold
from dashplate.service.jobs import Submitted
from db.access.scopes import Scope
from tests.conftest import SHARED_DATA
from tests.support.annotations import check_cvat
from tests.support.found import JOINED, joined, searchable, sighted
from tests.support.jobs_over_http import SEGMENTS, card
from tests.support.media_files import TIDY, write_clip
from tests.support.processes import PATIENCE_S
from tests.support.service import Served


@pytest.fixture
def client(working: Served) -> Iterator[Client]:
    with Client(working.url, working.token(Scope.READ, Scope.SUBMIT, Scope.SEARCH), timeout_s=PATIENCE_S) as made:
        yield made


def test_a_photograph_is_read(client: Client, shared_data: Path) -> None:
    file = SHARED_DATA / "hongkong" / "GV5679.png"
    array = cv2.imread(str(file))
    assert array is not None
    for picture in (file, str(file), file.read_bytes(), np.asarray(array, np.uint8)):
        read = client.read(picture, country="HK")
        assert [(plate.text, plate.country) for plate in read.plates] == [("GV5679", "HK")]
        assert read.drawn is None
    assert client.read(file, drawn=True).drawn
    with pytest.raises(ServiceError) as refused:
        client.read(b"no picture")
    assert refused.value.status == 422


def test_a_job_from_its_submission_to_its_export(working: Served, client: Client, tmp_path: Path) -> None:
    job = client.submit([card(working, files=2)], name="monday", priority="high", idempotency_key="client-1").job
    news = list(client.events(job))
    seen = [told for told in news if isinstance(told, SightingTold)]
    last = [told for told in news if isinstance(told, JobTold)][-1]
    assert (last.state, last.videos_ended, last.name) == ("finished", 2, "monday")
    assert client.wait(job) == client.job(job)
    joined(working.database_url, job)
    assert next(client.jobs()).job >= job
    videos = list(client.videos(job))
    assert [video.state for video in videos] == ["done"] * 2
    assert client.video(videos[0].id) == videos[0]

    searchable(working.database_url)
    listed = list(client.sightings(job))
    assert {one.id: one.model_dump(exclude=JOINED) for one in listed} == {
        one.id: one.model_dump(exclude=JOINED) for one in seen
    }
    one = listed[0]
    assert client.sighting(one.id) == one
    assert one.plate in {plate.plate for plate in client.plates(f"{one.plate[:3]}*", most=500)}
    (found,) = [hit for hit in client.search(one.plate, job=job, winners=True) if hit.id == one.id]
    assert (found.said, found.winner, found.distance, found.plate) == (one.read_as, True, 0.0, one.plate)
    alike = client.search(one.plate, like=True, job=job, share=0.01, since=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    assert one.id in {hit.id for hit in alike}
    assert client.crop(one.id).read().startswith(b"\x89PNG")
    assert client.frame(one.id).save(tmp_path / "frame.jpg").read_bytes().startswith(b"\xff\xd8")
    rows = list(csv.DictReader(io.StringIO(client.export(job).read().decode())))
    assert {row["plate"] for row in rows} == {sighting.plate for sighting in listed}
    assert client.export(job, "jsonl").save(tmp_path / "plates.jsonl").read_text().count("\n") == len(rows)


def test_a_person_corrects_what_was_read(working: Served, client: Client, tmp_path: Path) -> None:
    job = client.wait(client.submit([card(working, files=1)]).job).job
    first, second, *_ = client.sightings(job)
    assert (first.corrected, first.corrected_by) == (None, None)
    with pytest.raises(ServiceError) as refused:
        client.correct(first.id, "AB12CDF")
    assert refused.value.status == 403, "it needs a scope of its own"
    with Client(working.url, working.token(Scope.SEARCH, Scope.CORRECT)) as person:
        told = person.correct(first.id, "ab12-cdf", note="in the frame")
        assert (told.plate, told.read_as, told.corrected) == (first.plate, first.read_as, "AB12CDF")
        assert (told.corrected_by or "").startswith("token ")
        assert person.correct(second.id, None).corrected == ""
        searchable(working.database_url)
        assert {hit.id for hit in person.search("AB12CDF", job=job)} == {first.id}
        (plate,) = person.plates("AB12CDF")
        assert (plate.plate, plate.corrected) == (first.plate, ["AB12CDF"])
        rows = list(csv.DictReader(io.StringIO(person.export(job, rows="sightings").read().decode())))
        assert {row["sighting"]: row["corrected"] for row in rows if row["corrected_by"]} == {
            str(first.id): "AB12CDF", str(second.id): "",
        }  # fmt: skip
        with ZipFile(person.export(job, "cvat").save(tmp_path / "cvat.zip")) as packed:
            root = ElementTree.fromstring(packed.read("annotations.xml"))
            check_cvat(root)
            assert sorted(box.attrib["label"] for box in root.iter("box")) == ["no plate", "plate"]
            assert len(packed.namelist()) == 1 + len(root.findall("image"))
        assert person.take_back(second.id).corrected is None
        for status, call in (
            (404, lambda: person.take_back(second.id)), (404, lambda: person.correct(2**40, "AB12CDF")),
            (422, lambda: person.correct(first.id, "AB*")), (422, lambda: person.correct(first.id, "A" * 17)),
        ):  # fmt: skip
            with pytest.raises(ServiceError) as answered:
                call()
            assert answered.value.status == status
    assert working.last_audited("correct")[1] == f"sighting {second.id} taken back"


def test_a_job_is_steered(working: Served, client: Client) -> None:
    job = client.submit([card(working, files=3, look_s=0.5)]).job
    assert client.pause(job).state == "paused"
    with pytest.raises(ServiceError) as twice:
        client.pause(job)
    assert twice.value.status == 409
    with pytest.raises(ServiceError, match="has not ended within 0 s"):
        client.wait(job, timeout_s=0)
    assert client.resume(job).state == "running"
    assert client.cancel(job).state == "cancelled"
    client.wait(job, timeout_s=60)
    done = client.submit([card(working)]).job
    client.wait(done)
    assert client.retry(done).segments == 0
    assert client.rerun(done, "read").segments == SEGMENTS
    assert client.wait(done).state == "finished"


def test_the_same_key_is_the_same_job_and_none_is_another(working: Served, client: Client) -> None:
    folder = card(working)
    first = client.submit([folder], idempotency_key="client-2").job
    assert client.submit([folder], idempotency_key="client-2").job == first
    assert client.submit([folder]).job != client.submit([folder]).job


def test_when_it_was_recorded_is_told(working: Served, client: Client) -> None:
    written = dt.datetime(2026, 5, 1, 12, 0, 0, tzinfo=dt.UTC)
    file = write_clip(working.folder / "written.mp4", replace(TIDY, seconds=2))
    os.utime(file, (written.timestamp(),) * 2)
    (number,) = sighted(working.database_url, file, [0.5])
    seen = client.sighting(number)
    video = client.video(seen.video)
    assert (seen.recorded_from, video.recorded_from) == ("file", "file")
    assert seen.recorded_at is not None
    assert video.recorded_at is not None
    assert (written - video.recorded_at).total_seconds() == pytest.approx(2.0, abs=0.1)
    assert (seen.recorded_at - video.recorded_at).total_seconds() == pytest.approx(0.5, abs=0.001)


def test_a_token_without_the_scope_is_told_so(working: Served) -> None:
    reader, stranger = Client(working.url, working.token(Scope.READ)), Client(working.url, "dp_wrong")
    with reader, pytest.raises(ServiceError, match="scope") as refused:
        reader.job(1)
    assert refused.value.status == 403
    with stranger, pytest.raises(ServiceError, match="token") as unknown:
        list(stranger.jobs())
    assert unknown.value.status == 401


def test_all_that_can_be_submitted_can_be_submitted_from_python() -> None:
    assert set(Submitted.model_fields) <= set(inspect.signature(Client.submit).parameters)
