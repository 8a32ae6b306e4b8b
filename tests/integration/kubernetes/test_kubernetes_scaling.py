"""How many workers there are: the query that KEDA asks, as the role that it asks as."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest

from dashplate.stack import Stack
from dashplate.stack.postgres_server import postgres_bin
from db.engine import session
from db.jobs import control
from db.queue import scheduler
from db.queue.segment_moves import begin
from db.states import SegmentState, VideoState
from tests.support.database import LEASE_S, make_job, run_sql
from tests.support.kubernetes.rendered import FOLDER, named, of_kind, overlay, pods
from workers.celery_app.app import ROLES

STAGES = ("control", "detect", "read")


def query(stage: str) -> str:
    (trigger,) = named(overlay("keda"), "ScaledObject", stage)["spec"]["triggers"]
    return str(trigger["metadata"]["query"])


def said(url: str) -> dict[str, int]:
    """What each trigger is told."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        return {stage: row[0] for stage in STAGES if (row := connection.execute(query(stage)).fetchone())}


@pytest.fixture
def keda_url(stack: Stack, database_url: str) -> Iterator[str]:
    """The address of the role that role.sql makes."""
    at = urlsplit(database_url)
    kept = json.loads((stack._layout.postgres / "secrets.json").read_text())
    superuser = f"postgresql://postgres:{kept['superuser_password']}@{at.hostname}:{at.port}{at.path}"
    psql = [str(postgres_bin() / "psql"), "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", superuser]
    words = ["--set", "password=not the password", "--file", str(FOLDER / "components" / "keda" / "role.sql")]
    subprocess.run([*psql, *words], check=True, capture_output=True, text=True)
    yield f"postgresql://dashplate_keda:not%20the%20password@{at.hostname}:{at.port}{at.path}"
    subprocess.run([*psql, "-c", "DROP OWNED BY dashplate_keda; DROP ROLE dashplate_keda"], check=True)


def test_the_role_may_ask_how_much_there_is_to_do_and_nothing_else(keda_url: str) -> None:
    assert said(keda_url) == {"control": 0, "detect": 0, "read": 0}
    with psycopg.connect(keda_url, autocommit=True) as connection:
        for table in ("segments", "jobs", "plates", "tokens", "plate_sightings"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SELECT * FROM {table}")
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)):
            connection.execute("CREATE TABLE mine (id int)")


def test_what_waits_and_what_is_in_hand_counts(database_url: str) -> None:
    job, _ = make_job(database_url, 5)
    assert said(database_url)["detect"] == 5
    # What is sent out is no less to do, nor what a worker has in hand.
    with session(database_url) as db:
        taken = scheduler.take_pending(db, 3, 3)
    assert said(database_url)["detect"] == 5
    with session(database_url) as db:
        assert begin(db, taken[0].segment_id, taken[0].attempt, SegmentState.DETECTING, "a worker", LEASE_S)
    assert said(database_url) == {"control": 0, "detect": 5, "read": 0}
    run_sql(database_url, f"UPDATE segments SET state = 'detected' WHERE id = {taken[0].segment_id}")
    assert said(database_url) == {"control": 0, "detect": 4, "read": 1}
    run_sql(database_url, f"UPDATE segments SET step = 'read' WHERE state = 'pending' AND job_id = {job}")
    assert said(database_url) == {"control": 0, "detect": 2, "read": 3}


def test_what_no_worker_could_begin_does_not_count(database_url: str) -> None:
    paused, _ = make_job(database_url, 2, name="paused")
    control.pause(database_url, paused)
    make_job(database_url, 4, name="delayed")
    run_sql(database_url, "UPDATE segments SET not_before = now() + interval '1 hour' WHERE index = 0")
    run_sql(database_url, "UPDATE segments SET parked = true WHERE index = 1")
    assert said(database_url)["detect"] == 2


def test_videos_that_wait_to_be_opened_are_the_control_workers(database_url: str) -> None:
    make_job(database_url, 1, 1, 1, state=VideoState.REGISTERED)
    assert said(database_url)["control"] == 3
    run_sql(database_url, "UPDATE outbox SET sent_at = now() WHERE id = (SELECT min(id) FROM outbox)")
    assert said(database_url)["control"] == 3


def test_a_large_job_does_not_make_the_question_long(database_url: str) -> None:
    make_job(database_url, 1500)
    assert said(database_url)["detect"] == 1000


def test_each_stage_is_scaled_and_control_never_to_none() -> None:
    objects = overlay("keda")
    scaled = {one["spec"]["scaleTargetRef"]["name"]: one["spec"] for one in of_kind(objects, "ScaledObject")}
    assert set(scaled) == set(ROLES) == set(STAGES)
    assert {name: spec["minReplicaCount"] for name, spec in scaled.items()} == {"control": 1, "detect": 0, "read": 0}
    # A number of replicas in the manifest would be set anew by each `kubectl apply`.
    for name in STAGES:
        assert "replicas" not in named(objects, "Deployment", name)["spec"]


def test_who_is_asked_has_a_secret_and_a_way_in() -> None:
    objects = overlay("keda")
    (wanted,) = named(objects, "TriggerAuthentication", "stage-backlog")["spec"]["secretTargetRef"]
    assert (wanted["name"], wanted["key"]) == ("dashplate-keda", "connection")
    (rule,) = named(objects, "NetworkPolicy", "keda")["spec"]["ingress"]
    assert rule["ports"] == [
        {"protocol": "TCP", "port": pods(objects)["postgres"]["spec"]["containers"][0]["ports"][0]["containerPort"]}
    ]
