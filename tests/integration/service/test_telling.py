"""Watch lists, endpoints and deliveries over HTTP, and by the Python client."""

from __future__ import annotations

import datetime as dt
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from dashplate.client import Client
from dashplate.client.connection import ServiceError
from db.access.scopes import Scope
from tests.conftest import ROOT, missing
from tests.support.jobs_over_http import card, events, submitted
from tests.support.processes import PATIENCE_S, wait_until
from tests.support.scripted_server import serving
from tests.support.service import Served
from tests.support.webhook_receiver import Receiver


@pytest.fixture
def caller(working: Served) -> Iterator[Client]:
    with Client(working.url, working.token(Scope.ADMIN), timeout_s=PATIENCE_S) as made:
        yield made


@pytest.fixture
def admin(working: Served) -> Iterator[httpx.Client]:
    with working.client(Scope.ADMIN) as opened:
        yield opened


@pytest.fixture
def sender(working: Served) -> Iterator[None]:
    env = {**working.env, "DASHPLATE_PRIVATE_HOSTS": "127.0.0.1"}
    process = subprocess.Popen([sys.executable, "-m", "dashplate", "sender"], cwd=ROOT, env=env)
    yield
    process.terminate()
    assert process.wait(PATIENCE_S) == 0


def test_what_workers_find_is_told(working: Served, caller: Client, sender: None) -> None:
    """From a card to a signed message: submitted over HTTP, done by workers, told by a sender."""
    with serving(Receiver()) as receiver:
        assert isinstance(receiver, Receiver)
        made = caller.add_endpoint("whole road", f"{receiver.url}/", events=["hit", "job"], labels=["road"])
        receiver.secret = made.secret
        folder = card(working)
        with working.client(Scope.ADMIN) as client:
            plate = first_plate(client, working)
            entry = caller.watch(plate, "road", colour="red", note="case 17")
            assert entry.hits > 0
            # What was there before is no news; that the first job has ended may be told by now.
            assert "hit.created" not in receiver.types()
            job = submitted(client, folder, alerts="all")
            events(client, job)
            again = submitted(client, card(working), alerts="none")
            events(client, again)
        wait_until("the job's end to be told", lambda: "job.finished" in receiver.types(), every_s=0.2)
        hits = [hit for hit in caller.hits(label="road", new=True) if hit.job == job]
        wait_until("its hits", lambda: receiver.types().count("hit.created") == len(hits), every_s=0.2)
        told = [said["data"] for said in receiver.said.values() if said["type"] == "hit.created"]
        assert {one["sighting"]["job"] for one in told} <= {job}
        told_of = list(caller.deliveries("whole road", "told"))
        assert {one.status for one in told_of} == {204}
        caller.resend(told_of[0].id)
        wait_until("it again", lambda: 2 in receiver.came.values(), every_s=0.2)
        caller.remove_endpoint("whole road")
    assert "whole road" not in {one.name for one in caller.endpoints()}


def first_plate(client: httpx.Client, served: Served) -> str:
    """A plate that workers have found."""
    job = submitted(client, card(served))
    events(client, job)
    wait_until("everything is searchable", lambda: client.get("/v1/search", params={"plate": "*"}).json()["complete"])
    return str(client.get(f"/v1/jobs/{job}/sightings").json()["items"][0]["plate"])


def test_entries_are_added_shown_and_ended(working: Served, caller: Client) -> None:
    until = dt.datetime.now(dt.UTC) + dt.timedelta(days=3)
    one = caller.watch("zz 99-pq", "shown", like=True, colour="blue", expires_at=until)
    assert (one.plate, one.kind, one.label, one.colour, one.hits) == ("ZZ99PQ", "like", "shown", "blue", 0)
    assert one.owner.startswith("token ")
    assert caller.watch("ZZ99PQ", "shown", like=True).id == one.id
    two = caller.watch("ZZ*", "shown")
    assert [entry.id for entry in caller.watched("shown")] == [one.id, two.id]
    assert working.last_audited("watchlist")[1] == "list shown"
    caller.unwatch(one.id)
    assert [entry.id for entry in caller.watched("shown")] == [two.id]
    assert len(list(caller.watched("shown", ended=True))) == 2
    with pytest.raises(ServiceError, match="in force"):
        caller.unwatch(one.id)
    caller.unwatch(one.id, forget=True)
    assert len(list(caller.watched("shown", ended=True))) == 1
    assert list(caller.hits(label="shown")) == []


@pytest.mark.parametrize(
    ("wanted", "status"),
    [({"plate": "**", "label": "a"}, 400), ({"plate": "A*", "label": "a", "like": True}, 400), ({"plate": "A"}, 422),
     ({"plate": "A", "label": " "}, 400), ({"plate": "A", "label": "a", "expires_at": "soon"}, 422),
     ({"plate": "A", "label": "a", "colur": "red"}, 422)],
)  # fmt: skip
def test_wrong_entries_are_refused(admin: httpx.Client, wanted: dict[str, object], status: int) -> None:
    answer = admin.post("/v1/watchlist", json=wanted)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_endpoints_are_managed(caller: Client, admin: httpx.Client) -> None:
    made = caller.add_endpoint("managed", "https://example.org/${DASHPLATE_TELL_X}")
    assert made.secret.startswith("whsec_")
    assert set(made.events) == {"sighting", "hit", "video", "job"}
    with pytest.raises(ServiceError, match="already"):
        caller.add_endpoint("managed", "https://example.org/")
    assert caller.rotate_secret("managed") != made.secret
    assert caller.enable_endpoint("managed").enabled
    shown = admin.get("/v1/endpoints").text
    assert "managed" in shown
    assert "whsec_" not in shown
    for wrong in ("ftp://example.org/", "https://a:b@example.org/", "https://example.org/${HOME}"):
        answer = admin.post("/v1/endpoints", json={"name": "wrong", "address": wrong})
        assert answer.status_code == 422, answer.text
    strange = {"name": "wrong", "address": "https://example.org/", "format": "openalpr", "events": ["job"]}
    assert admin.post("/v1/endpoints", json=strange).status_code == 409
    caller.remove_endpoint("managed")
    for call in ("rotate", "enable"):
        assert admin.post(f"/v1/endpoints/managed/{call}").status_code == 404
    assert admin.delete("/v1/endpoints/managed").status_code == 404
    assert admin.post("/v1/deliveries/999999/resend").status_code == 404


def test_the_curl_lines_run(working: Served, tmp_path: Path) -> None:
    """`docs/service.md`, its section about watch lists, as one script."""
    if shutil.which("curl") is None:
        missing("curl is not installed; run: sudo apt-get install curl")
    page = (ROOT / "docs" / "service.md").read_text("utf-8")
    section = page.partition("## Watch lists and endpoints")[2].partition("\n## ")[0]
    (script,) = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    assert script.count("curl ") >= 4
    here = script.replace("http://127.0.0.1:8080", working.url).replace("curl ", "curl -sS --fail-with-body ")
    env = {"TOKEN": working.token(Scope.ADMIN), "PATH": os.environ["PATH"]}
    done = subprocess.run(["sh", "-ec", here], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "whsec_" in done.stdout
