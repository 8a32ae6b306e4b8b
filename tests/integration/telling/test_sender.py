"""The sender as a process of its own, and a receiver that checks what it is sent."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from email import message_from_bytes
from email.policy import HTTP
from pathlib import Path
from urllib.parse import parse_qs

import cv2
import numpy as np
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from dashplate.delivery.receivers import check_receiver, wanted_events
from dashplate.delivery.signing import WebhookKey
from db.engine import session
from db.states import DeliveryState, EndpointFormat, EventKind, VideoState
from db.telling import deliveries, endpoints
from db.telling.watch_lists import Wish
from pipeline.alerts import Alerts
from pipeline.errors import UsageError
from pipeline.job_options import JobOptions
from store import Store
from tests.conftest import ROOT
from tests.integration.telling.receiver import Receiver
from tests.support.database import end, make_job, run_sql
from tests.support.processes import PATIENCE_S, wait_until
from tests.support.scripted_server import Answer, serving
from tests.support.watching import saying, store, watch

KEY = "a signing key of more than thirty-two characters"


class Telling:
    """A database with endpoints, and senders that are started and killed."""

    def __init__(self, url: str, redis_url: str, folder: Path) -> None:
        self.url = url
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DASHPLATE_")}
        self.env = kept | {
            "DASHPLATE_DATABASE_URL": url, "DASHPLATE_REDIS_URL": redis_url, "DASHPLATE_WEBHOOK_KEY": KEY,
            "DASHPLATE_DATA_DIR": str(folder), "DASHPLATE_PRIVATE_HOSTS": "127.0.0.1,localhost",
            "DASHPLATE_TELL_PATH": "hook/1",
        }  # fmt: skip
        self.senders: list[subprocess.Popen[bytes]] = []
        self.log = folder / "sender.log"

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "dashplate", *words]
        return subprocess.run(argv, cwd=ROOT, env=self.env, capture_output=True, text=True, check=False)

    def start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            argv = [sys.executable, "-m", "dashplate", "sender"]
            sender = subprocess.Popen(argv, cwd=ROOT, env=self.env, stdout=log, stderr=log)
        self.senders.append(sender)
        return sender

    def end(self) -> None:
        for sender in self.senders:
            sender.kill()
            sender.wait()

    def add(
        self,
        receiver: Receiver,
        name: str,
        *events: EventKind,
        format: EndpointFormat = EndpointFormat.DASHPLATE,
        path: str = "/${DASHPLATE_TELL_PATH}",
    ) -> None:
        """As `endpoint add` does, which takes seconds to start."""
        with session(self.url) as db:
            wanted = wanted_events(format, events)
            endpoints.add(db, name, f"{receiver.url}{path}", format, wanted)
        receiver.secret = WebhookKey(SecretStr(KEY)).secret(name, 1)

    def states(self) -> list[tuple[str, int, int | None]]:
        with session(self.url) as db:
            rows = db.execute(text("SELECT state, tries, status FROM deliveries ORDER BY id")).all()
        return [(row.state, row.tries, row.status) for row in rows]

    def told(self, count: int) -> None:
        def all_told() -> bool:
            return sum(state == "told" for state, *_ in self.states()) >= count

        wait_until("what is owed to be told", all_told, every_s=0.1)


@pytest.fixture
def telling(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Telling]:
    made = Telling(database_url, redis_url, tmp_path)
    try:
        yield made
    finally:
        made.end()


@pytest.fixture
def receivers() -> Iterator[Callable[[], Receiver]]:
    with ExitStack() as held:

        def make() -> Receiver:
            receiver = Receiver()
            held.enter_context(serving(receiver))
            return receiver

        yield make


def a_video(url: str, *plates: str, state: VideoState = VideoState.AGGREGATING) -> tuple[int, int]:
    job, (video,) = make_job(url, 0, options=JobOptions(alerts=Alerts.ALL), state=state, name="gate")
    if plates:
        store(url, video, [saying(index, plate, at_s=60 * index) for index, plate in enumerate(plates)])
    return job, video


def test_a_receiver_is_told_everything_once_and_signed(telling: Telling, receivers: Callable[[], Receiver]) -> None:
    receiver = receivers()
    telling.add(receiver, "gate")
    watch(telling.url, Wish("AA11", "stolen", colour="red"), matched=False)
    job, video = a_video(telling.url, "AA11", "BB22")
    end(telling.url, video)
    telling.start()
    telling.told(5)
    assert receiver.types() == ["hit.created", "job.finished", "sighting.created", "sighting.created", "video.done"]
    assert set(receiver.came.values()) == {1}
    assert {asked.path for asked in receiver.asked} == {"/hook/1"}
    (hit,) = [said for said in receiver.said.values() if said["type"] == "hit.created"]
    assert (hit["data"]["label"], hit["data"]["colour"], hit["data"]["said"]) == ("stolen", "red", "AA11")
    assert hit["data"]["sighting"]["plate"] == "AA11"
    (done,) = [said for said in receiver.said.values() if said["type"] == "video.done"]
    assert (done["data"]["id"], done["data"]["job"], done["data"]["state"]) == (video, job, "done")
    assert telling.states() == [("told", 1, 204)] * 5


def test_a_secret_is_changed_without_a_gap(telling: Telling, receivers: Callable[[], Receiver]) -> None:
    receiver = receivers()
    done = telling.run("endpoint", "add", "gate", "--to", f"{receiver.url}/", "--event", "sighting")
    assert done.returncode == 0, done.stderr
    receiver.secret = old = done.stdout.strip()
    assert old.startswith("whsec_")
    assert old not in done.stderr
    done = telling.run("endpoint", "rotate", "gate", "--overlap", "1h")
    new = done.stdout.strip()
    assert new not in (old, "")
    assert telling.run("endpoint", "secret", "gate").stdout.strip() == new
    telling.start()
    a_video(telling.url, "AA11")
    telling.told(1)
    assert len(receiver.came) == 1, "the old secret is good still"
    receiver.secret = new
    a_video(telling.url, "BB22")
    telling.told(2)
    assert len(receiver.came) == 2
    run_sql(telling.url, "UPDATE endpoints SET former_until = now()")
    receiver.secret = old
    a_video(telling.url, "CC33")
    wait_until("a refusal", lambda: ("pending", 1, 401) in telling.states(), every_s=0.1)


def test_what_is_not_taken_is_tried_again_as_planned(telling: Telling, receivers: Callable[[], Receiver]) -> None:
    receiver = receivers()
    telling.add(receiver, "gate", EventKind.SIGHTING)
    receiver.answers.extend(
        [Answer(500), Answer(302, headers={"Location": f"{receiver.url}/elsewhere"}), Answer(cut_after=-1)]
    )
    receiver.answers.append(Answer(503, headers={"Retry-After": "7200"}))
    telling.start()
    a_video(telling.url, "AA11")
    problems = []
    for tries, least_s in enumerate((5, 300, 1800, 7200), 1):
        wait_until(
            "a try", lambda tries=tries: telling.states()[0][1] == tries and not leased(telling.url), every_s=0.05
        )
        with session(telling.url) as db:
            row = db.execute(text("SELECT due_at - tried_at AS delay, problem FROM deliveries")).one()
        assert least_s - 2 < row.delay.total_seconds() < least_s + 60
        problems.append(row.problem)
        run_sql(telling.url, "UPDATE deliveries SET due_at = now()")
    assert "500" in problems[0]
    assert "not followed" in problems[1]
    assert "broke off" in problems[2]
    telling.told(1)
    assert {asked.path for asked in receiver.asked} == {"/hook/1"}, "no redirect is followed"
    assert len({asked.headers["webhook-id"] for asked in receiver.asked}) == 1


def leased(url: str) -> bool:
    with session(url) as db:
        return bool(db.scalar(text("SELECT count(*) FROM deliveries WHERE lease_until IS NOT NULL")))


def test_what_cannot_be_told_is_dead_and_is_sent_again(telling: Telling, receivers: Callable[[], Receiver]) -> None:
    receiver = receivers()
    telling.add(receiver, "gate", EventKind.SIGHTING)
    a_video(telling.url, "AA11")
    run_sql(telling.url, "UPDATE deliveries SET tries = 9")
    receiver.answers.append(Answer(500))
    telling.start()
    wait_until("its end", lambda: telling.states()[0][0] == DeliveryState.DEAD, every_s=0.1)
    with session(telling.url) as db:
        (dead,) = db.execute(text("SELECT * FROM dead_deliveries")).mappings()
    assert (dead["endpoint"], dead["status"], dead["tries"]) == ("gate", 500, 10)
    shown = telling.run("deliveries", "--state", "dead", "--json")
    assert '"state": "dead"' in shown.stdout
    assert telling.run("resend", "--dead").stdout == "1 delivery is sent again.\n"
    telling.told(1)
    assert list(receiver.came.values()) == [1]
    assert telling.run("resend", str(dead["delivery"])).returncode == 0
    wait_until("it again", lambda: list(receiver.came.values()) == [2], every_s=0.1)
    assert telling.run("resend", "99").returncode == 2


def is_off(url: str) -> bool:
    with session(url) as db:
        return endpoints.named(db, "gate").disabled_at is not None


def test_410_switches_an_endpoint_off(telling: Telling, receivers: Callable[[], Receiver]) -> None:
    receiver = receivers()
    telling.add(receiver, "gate", EventKind.SIGHTING)
    receiver.answers.append(Answer(410))
    telling.start()
    a_video(telling.url, "AA11")
    wait_until("it to be off", lambda: is_off(telling.url))
    assert "410" in telling.run("endpoint", "list").stdout
    a_video(telling.url, "BB22")
    assert len(telling.states()) == 1, "nothing more is owed to it"
    assert telling.run("endpoint", "enable", "gate").returncode == 0
    run_sql(telling.url, "UPDATE deliveries SET due_at = now()")
    telling.told(1)


def test_a_killed_sender_leaves_what_it_had_in_hand(telling: Telling, receivers: Callable[[], Receiver]) -> None:
    receiver = receivers()
    telling.add(receiver, "gate", EventKind.SIGHTING)
    a_video(telling.url, *(f"AA{index:02d}" for index in range(60)))
    for seen in (1, 20, 40):
        sender = telling.start()
        wait_until("some to be told", lambda seen=seen: len(receiver.came) >= seen, every_s=0.01)
        sender.send_signal(signal.SIGKILL)
        sender.wait(PATIENCE_S)
    run_sql(telling.url, "UPDATE deliveries SET lease_until = now() WHERE lease_until IS NOT NULL")
    telling.start()
    telling.told(60)
    assert len(receiver.came) == 60
    assert len({said["data"]["id"] for said in receiver.said.values()}) == 60
    assert max(receiver.came.values()) <= 4


def test_private_addresses_are_refused_unless_named(telling: Telling, receivers: Callable[[], Receiver]) -> None:
    receiver = receivers()
    telling.env["DASHPLATE_PRIVATE_HOSTS"] = "localhost"
    telling.add(receiver, "gate", EventKind.SIGHTING)
    with session(telling.url) as db:
        by_name = receiver.url.replace("127.0.0.1", "localhost")
        endpoints.add(db, "named", f"{by_name}/", events=[EventKind.SIGHTING])
        endpoints.add(db, "number", f"http://2130706433:{receiver.port}/", events=[EventKind.SIGHTING])
    receiver.answers.append(Answer(204))
    telling.start()
    a_video(telling.url, "AA11")
    wait_until("all to be tried", lambda: all(tries for _, tries, _ in telling.states()) and not leased(telling.url))
    with session(telling.url) as db:
        rows = {row["endpoint"]: row for row in deliveries.listed(db)}
    assert rows["named"]["state"] == "told"
    for refused in ("gate", "number"):
        assert "private network" in rows[refused]["problem"]
    assert len(receiver.asked) == 1


def test_a_stopped_sender_ends_in_order(telling: Telling) -> None:
    sender = telling.start()
    wait_until("the sender", lambda: "at work" in telling.log.read_text())
    sender.terminate()
    assert sender.wait(PATIENCE_S) == 0


def test_what_is_gone_is_not_told(telling: Telling, receivers: Callable[[], Receiver]) -> None:
    receiver = receivers()
    telling.add(receiver, "gate", EventKind.SIGHTING)
    _, video = a_video(telling.url, "AA11")
    store(telling.url, video, [])
    telling.start()
    telling.told(1)
    assert receiver.asked == []


def test_a_test_message_says_what_is_answered(telling: Telling, receivers: Callable[[], Receiver]) -> None:
    receiver = receivers()
    telling.add(receiver, "gate")
    assert telling.run("endpoint", "test", "gate").stdout == "gate took it (status 204).\n"
    receiver.answers.append(Answer(500))
    done = telling.run("endpoint", "test", "gate")
    assert (done.returncode, "status 500" in done.stderr) == (1, True)


@pytest.mark.parametrize("with_picture", [True, False])
def test_plate_recognizers_stream_is_spoken(
    telling: Telling, receivers: Callable[[], Receiver], with_picture: bool
) -> None:
    receiver = receivers()
    telling.add(receiver, "gate", format=EndpointFormat.PLATERECOGNIZER)
    _, video = a_video(telling.url, "AA11")
    if with_picture:
        kept = Store(str(telling.log.parent / "store"))
        file = kept.put_image(f"frames/1/{video}/1/2000.jpg", np.zeros((40, 60, 3), np.uint8))
        with session(telling.url) as db:
            add = text(
                "INSERT INTO frames (video_id, pts, name, sha256, size) VALUES (:video, 1000, :name, :sha, :size)"
            )
            db.execute(add, {"video": video, "name": file.name, "sha": file.sha256, "size": file.size})
    telling.start()
    telling.told(1)
    (asked,) = receiver.asked
    if with_picture:
        head = f"Content-Type: {asked.headers['content-type']}\r\n\r\n".encode()
        form = {
            part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
            for part in message_from_bytes(head + asked.body, policy=HTTP).iter_parts()  # type: ignore[attr-defined]
        }
        assert cv2.imdecode(np.frombuffer(form["upload"], np.uint8), cv2.IMREAD_COLOR).shape == (40, 60, 3)
        said = form["json"]
    else:
        assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
        said = parse_qs(asked.body.decode())["json"][0]
    about = json.loads(said)
    (result,) = about["data"]["results"]
    assert (about["hook"]["event"], about["data"]["camera_id"], result["plate"]) == ("recognition", "gate", "aa11")
    assert set(result) >= {"box", "score", "dscore", "region", "candidates", "vehicle", "position_sec", "source_url"}
    assert about["data"]["timestamp"].endswith("Z")


def test_openalprs_groups_are_spoken(telling: Telling, receivers: Callable[[], Receiver]) -> None:
    receiver = receivers()
    telling.add(receiver, "gate", format=EndpointFormat.OPENALPR)
    a_video(telling.url, "AA11")
    telling.start()
    telling.told(1)
    (group,) = receiver.said.values()
    assert (group["data_type"], group["best_plate_number"], group["best_plate"]["plate"]) == (
        "alpr_group",
        "AA11",
        "AA11",
    )
    assert group["epoch_end"] - group["epoch_start"] == 2000
    assert len(group["best_plate"]["coordinates"]) == 4
    with pytest.raises(UsageError, match="no words"):
        wanted_events(EndpointFormat.OPENALPR, [EventKind.JOB])


@pytest.mark.parametrize(
    ("address", "why"),
    [("ftp://x/", "ftp://"), ("https://u:p@x/", "password"), ("https://u@x/", "holds a name"),
     ("https://x/${HOME}", "DASHPLATE_TELL_"), ("https://", "https://host/path"), ("https://x:99999/", "https://host/path")],
)  # fmt: skip
def test_what_can_be_no_address_is_refused(address: str, why: str) -> None:
    with pytest.raises(UsageError, match=re.escape(why)):
        check_receiver(address)
