"""The sender as a process of its own, and a receiver that checks what it is sent."""

from __future__ import annotations

import errno
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from dashplate.delivery.receivers import check_receiver
from db.engine import session
from db.findings.stage_results import store_sightings
from db.states import DeliveryState, EndpointFormat, EventKind
from db.telling import deliveries, endpoints
from db.telling.watch_lists import Wish
from pipeline.errors import UsageError
from tests.support.database import end, run_sql
from tests.support.processes import PATIENCE_S, wait_until
from tests.support.scripted_server import Answer
from tests.support.searching import index_all, saying, store
from tests.support.telling import Telling, a_video, leased
from tests.support.watching import watch
from tests.support.webhook_receiver import Receiver


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
    receiver.answers.append(Answer(204, b""))
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


def test_what_a_redo_stores_anew_is_told_once_it_is_found_again(
    telling: Telling, receivers: Callable[[], Receiver]
) -> None:
    receiver = receivers()
    telling.add(receiver, "gate", EventKind.SIGHTING, EventKind.HIT)
    watch(telling.url, Wish("AA11", "stolen"), matched=False)
    _, video = a_video(telling.url, "AA11")
    # The workers make it searchable a moment later.
    with session(telling.url) as db:
        store_sightings(db, video, [saying(0, "AA11", at_s=0)])
    telling.start()
    with session(telling.url) as db:
        seen = text("SELECT bool_and(due_at > created_at + interval '1 second') FROM deliveries")
        wait_until("a look", lambda: db.scalar(seen) and not leased(telling.url), every_s=0.1)
    assert telling.states() == [("pending", 0, None)] * 2
    assert receiver.asked == []
    index_all(telling.url)
    telling.told(2)
    assert receiver.types() == ["hit.created", "sighting.created"]


def test_the_plan_of_tries_can_be_set(telling: Telling, receivers: Callable[[], Receiver]) -> None:
    receiver = receivers()
    telling.env["DASHPLATE_DELIVERY_DELAYS_S"] = "0, 0.5"
    telling.add(receiver, "gate", EventKind.SIGHTING)
    a_video(telling.url, "AA11")
    receiver.answers.extend([Answer(500)] * 3)
    telling.start()
    wait_until("its end", lambda: telling.states() == [("dead", 3, 500)], every_s=0.1)


def test_no_transaction_waits_for_a_picture(telling: Telling, receivers: Callable[[], Receiver]) -> None:
    receiver = receivers()
    telling.add(receiver, "gate", EventKind.SIGHTING, format=EndpointFormat.PLATERECOGNIZER)
    a_video(telling.url, "AA11")
    # Whoever reads it waits until somebody writes.
    slow = telling.log.parent / "store" / "crops" / "slow.jpg"
    slow.parent.mkdir(parents=True)
    os.mkfifo(slow)
    run_sql(telling.url, "UPDATE sightings SET crop = 'crops/slow.jpg'")
    telling.start()
    pipes: list[int] = []
    wait_until("the picture to be read", lambda: _opened(slow, pipes), every_s=0.1)
    with session(telling.url) as db:
        # Its own transaction is this one.
        begun = db.scalar(text("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"))
    assert begun == 0
    with open(pipes.pop(), "wb") as pipe:
        pipe.write(b"a picture")
    telling.told(1)
    assert b"a picture" in receiver.asked[0].body


def _opened(pipe: Path, handles: list[int]) -> bool:
    """Open it for writing once somebody reads it."""
    try:
        handles.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return False
    return True


def test_a_test_message_says_what_is_answered(telling: Telling, receivers: Callable[[], Receiver]) -> None:
    receiver = receivers()
    telling.add(receiver, "gate")
    assert telling.run("endpoint", "test", "gate").stdout == "gate took it (status 204).\n"
    receiver.answers.append(Answer(500))
    done = telling.run("endpoint", "test", "gate")
    assert (done.returncode, "status 500" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("address", "why"),
    [("ftp://x/", "ftp://"), ("https://u:p@x/", "password"), ("https://u@x/", "holds a name"),
     ("https://x/${HOME}", "DASHPLATE_TELL_"), ("https://", "https://host/path"), ("https://x:99999/", "https://host/path")],
)  # fmt: skip
def test_what_can_be_no_address_is_refused(address: str, why: str) -> None:
    with pytest.raises(UsageError, match=re.escape(why)):
        check_receiver(address)
