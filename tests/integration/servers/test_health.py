"""`dashplate health`: the sign of life that a worker gives, and what is said of a service that is not well."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path

import pytest

from dashplate import signs_of_life
from dashplate.commands.checks import health
from dashplate.stack.server import free_port
from db.migrate import newest, upgrade
from pipeline.errors import ServiceUnavailable, UsageError
from tests.support.database import run_sql
from tests.support.schema import downgrade
from tests.support.web_server import web_server
from workers.settings import settings


def test_a_sign_of_life_grows_old(tmp_path: Path) -> None:
    assert signs_of_life.age_of_sign_s("read", tmp_path) is None
    signs_of_life.mark_alive("read", tmp_path)
    assert signs_of_life.age_of_sign_s("read", tmp_path) == pytest.approx(0, abs=60)
    assert signs_of_life.age_of_sign_s("detect", tmp_path) is None
    then = time.time() - 900
    os.utime(tmp_path / "run" / "health" / "read", (then, then))
    assert signs_of_life.age_of_sign_s("read", tmp_path) == pytest.approx(900, abs=60)


def test_a_role_is_a_name_and_no_path(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (precious := tmp_path / "run" / "precious").touch()
    with pytest.raises(UsageError, match="Say which worker"):
        signs_of_life.install_heartbeat("../precious", tmp_path)
    assert precious.exists()


def test_what_a_dead_worker_left_does_not_vouch_for_the_next(tmp_path: Path) -> None:
    signs_of_life.mark_alive("read", tmp_path)
    signs_of_life.install_heartbeat("read", tmp_path)
    assert signs_of_life.age_of_sign_s("read", tmp_path) is None


@pytest.mark.parametrize(
    ("service", "role", "error", "sentence"),
    [
        (
            "kafka",
            None,
            UsageError,
            "the services are redis, postgres, schema, worker, sender, flower, metrics, service",
        ),
        ("worker", None, UsageError, "Say which worker"),
        ("worker", "../read", UsageError, "Say which worker"),
        ("worker", "read", ServiceUnavailable, "No read worker has given a sign of life"),
        ("flower", None, ServiceUnavailable, "Flower does not answer"),
        ("service", None, ServiceUnavailable, "The service does not answer"),
    ],
)
def test_what_is_not_well_is_told_in_a_sentence(
    service: str,
    role: str | None,
    error: type[Exception],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DASHPLATE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DASHPLATE_FLOWER_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("DASHPLATE_SERVICE_URL", f"http://127.0.0.1:{free_port()}")
    settings.cache_clear()
    try:
        with pytest.raises(error, match=sentence):
            health.check(service, role)
    finally:
        settings.cache_clear()


def test_a_schema_that_is_older_than_the_program_is_not_well(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DASHPLATE_DATABASE_URL", database_url)
    settings.cache_clear()
    try:
        health.check("schema")
        downgrade(database_url, "-1")
        with pytest.raises(ServiceUnavailable, match="dashplate migrate"):
            health.check("schema")
        upgrade(database_url)
        # Of a later version, beside which this one works on.
        run_sql(database_url, "UPDATE alembic_version SET version_num = '9999'")
        health.check("schema")
        assert capsys.readouterr().out.count("current") == 2
    finally:
        run_sql(database_url, f"UPDATE alembic_version SET version_num = '{newest()}'")
        settings.cache_clear()


def test_whoever_else_answers_is_not_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    with web_server() as other:
        monkeypatch.setenv("DASHPLATE_SERVICE_URL", other.url)
        other.files["/healthz"] = b"all is well"
        with pytest.raises(ServiceUnavailable, match="Something else"):
            health.check("service")
        other.files["/healthz"] = b'{"ok":true}'
        health.check("service")


def test_what_speaks_no_http_is_not_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    def greet(server: socket.socket) -> None:
        with server.accept()[0] as caller:
            caller.sendall(b"220 mail\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("DASHPLATE_SERVICE_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        thread = threading.Thread(target=greet, args=(server,))
        thread.start()
        with pytest.raises(ServiceUnavailable, match="does not answer"):
            health.check("service")
        thread.join()
