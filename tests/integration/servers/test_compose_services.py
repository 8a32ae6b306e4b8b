"""docker-compose.yml's services, run natively: by their own commands, in the environment that the file gives them.

There is no Docker here. Each service runs until its own health check is content.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
import redis

from dashplate import signs_of_life
from dashplate.stack.layout import Layout
from dashplate.stack.postgres_server import PostgresServer, postgres_bin
from dashplate.stack.redis_server import redis_binary
from dashplate.stack.server import free_port
from pipeline.errors import MissingDependency
from tests.conftest import missing
from tests.support.compose import ONE_SHOT, SERVICES, interpolate, seconds
from tests.support.processes import PATIENCE_S, wait_until

#: Models are loaded beside the workers' start, on a machine that may be busy with other things.
HEALTHY_WITHIN_S = PATIENCE_S

#: What is elsewhere in a container: other hosts, fixed ports, folders at the root.
_PLACES = re.compile(
    r"@(?P<host>redis|postgres):(?P<at>\d+)"
    r"|\b(?P<port>6379|5432|5555|8080|9464)\b"
    r"|(?<![\w/.])/(?P<folder>data|store|videos)\b"
)


@dataclass
class Native:
    """The file's services as processes of this machine, on loopback ports and in folders of a test."""

    folder: Path
    variables: dict[str, str]
    ports: dict[str, int]
    #: Where `dashplate`, `redis-server` and PostgreSQL's programs are found.
    path: str
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    healthy: dict[str, str] = field(default_factory=dict)

    def of_file(self, name: str) -> dict[str, Any]:
        """A service as the file has it, with hosts, ports and folders of here."""
        service: dict[str, Any] = self._translate(name, interpolate(SERVICES[name], self.variables))
        return service

    def environment(self, name: str) -> dict[str, str]:
        home = self.data_dir(name)
        home.mkdir(parents=True, exist_ok=True)
        given = {key: str(value) for key, value in self.of_file(name).get("environment", {}).items()}
        return {"PATH": self.path, "HOME": str(home), "LC_ALL": "C.UTF-8", **given}

    def data_dir(self, name: str) -> Path:
        return self.folder / name / "data"

    def start(self, name: str) -> None:
        environment = self.environment(name)
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                self.of_file(name)["command"], cwd=self.data_dir(name), env=environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def ask(self, name: str) -> subprocess.CompletedProcess[str]:
        """Run the file's health check once."""
        kind, *words = self.of_file(name)["healthcheck"]["test"]
        argv = ["sh", "-c", *words] if kind == "CMD-SHELL" else words
        environment = self.environment(name)
        return subprocess.run(
            argv, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=PATIENCE_S
        )

    def wait_healthy(self, name: str) -> None:
        deadline = time.monotonic() + HEALTHY_WITHIN_S
        while (said := self.ask(name)).returncode:
            process = self.processes.get(name)
            assert process is None or process.poll() is None, f"{name} ended: {self.log(name)}"
            assert time.monotonic() < deadline, f"{name}: {said.stdout}{said.stderr}{self.log(name)}"
            time.sleep(0.5)
        self.healthy[name] = said.stdout

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")[-3000:]

    def family(self) -> list[psutil.Process]:
        """All that runs of the services, pool processes included."""
        leaders = [psutil.Process(p.pid) for p in self.processes.values() if p.poll() is None]
        return [one for leader in leaders for one in (leader, *leader.children(recursive=True))]

    def _translate(self, name: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._translate(name, part) for key, part in value.items()}
        if isinstance(value, list):
            return [self._translate(name, part) for part in value]
        if not isinstance(value, str):
            return value

        def replace(match: re.Match[str]) -> str:
            if match["host"]:
                return f"@127.0.0.1:{self.ports[match['at']]}"
            if match["port"]:
                return str(self.ports[match["port"]])
            shared = match["folder"] != "data"
            return str(self.folder / match["folder"]) if shared else str(self.data_dir(name))

        return _PLACES.sub(replace, value)


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Native]:
    """Everything that the file describes, started in its order."""
    folder = tmp_path_factory.mktemp("compose")
    try:
        path = [Path(sys.executable).parent, redis_binary().parent, postgres_bin()]
    except MissingDependency as error:
        missing(str(error))
    layout = Layout.at(folder / "postgres")
    layout.prepare()
    postgres = PostgresServer(layout)
    postgres.ensure()
    address = urlsplit(postgres.url)
    cluster = Native(
        folder,
        variables={
            "REDIS_PASSWORD": secrets.token_hex(24),
            "POSTGRES_PASSWORD": str(address.password),
            "DASHPLATE_FLOWER_AUTH": f"somebody:{secrets.token_hex(24)}",
            "DASHPLATE_METRICS_TOKEN": secrets.token_hex(24),
            "DASHPLATE_VIDEOS": str(folder / "videos"),
        },
        ports={
            "6379": free_port(),
            "5432": int(address.port or 0),
            "5555": free_port(),
            "8080": free_port(),
            "9464": free_port(),
        },
        path=os.pathsep.join([*map(str, path), os.defpath]),
    )
    for name in ("store", "videos"):
        (folder / name).mkdir()
    try:
        bring_up(cluster)
        yield cluster
    finally:
        for process in cluster.family():
            # Pool processes and the service's models go with their parents.
            with suppress(psutil.NoSuchProcess):
                process.kill()
        for popen in cluster.processes.values():
            popen.wait()
        postgres.stop()


def bring_up(cluster: Native) -> None:
    """Start the services as `depends_on` orders them, each step when the one before is healthy or done."""
    order = TopologicalSorter({name: service.get("depends_on", {}) for name, service in SERVICES.items()})
    order.prepare()
    while order.is_active():
        ready = order.get_ready()
        for name in ready:
            # The image starts the server; here it is the embedded one, and the file's health check that counts.
            if name != "postgres":
                cluster.start(name)
        for name in ready:
            if name == ONE_SHOT:
                assert cluster.processes[name].wait(HEALTHY_WITHIN_S) == 0, cluster.log(name)
            else:
                cluster.wait_healthy(name)
        order.done(*ready)


def test_every_service_becomes_healthy(native: Native) -> None:
    assert set(native.healthy) == set(SERVICES) - {ONE_SHOT}
    for role, name in (("control", "control"), ("detect", "worker-detect"), ("read", "worker-read")):
        assert native.healthy[name].startswith(f"The {role} worker gave a sign of life")


def test_redis_forgets_nothing_and_wants_its_password(native: Native) -> None:
    with redis.Redis(port=native.ports["6379"], password=native.variables["REDIS_PASSWORD"]) as client:
        kept = {key: client.config_get(key)[key] for key in ("appendonly", "maxmemory", "maxmemory-policy", "save")}
    assert kept == {"appendonly": "yes", "maxmemory": str(512 << 20), "maxmemory-policy": "noeviction", "save": ""}
    with redis.Redis(port=native.ports["6379"]) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()


def test_flower_wants_its_password(native: Native) -> None:
    url = f"http://127.0.0.1:{native.ports['5555']}/workers"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with pytest.raises(urllib.error.HTTPError, match="401"):
        opener.open(url, timeout=10)
    encoded = b64encode(native.variables["DASHPLATE_FLOWER_AUTH"].encode()).decode()
    request = urllib.request.Request(url, headers={"Authorization": f"Basic {encoded}"})
    with opener.open(request, timeout=10) as page:
        assert page.status == 200


def test_the_metrics_want_their_token_and_tell_of_the_servers(native: Native) -> None:
    url = f"http://127.0.0.1:{native.ports['9464']}/metrics"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with pytest.raises(urllib.error.HTTPError, match="401"):
        opener.open(url, timeout=10)
    token = native.variables["DASHPLATE_METRICS_TOKEN"]
    with opener.open(urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"}), timeout=10) as answer:
        said = answer.read().decode()
    assert {"dashplate_postgres_up 1.0", "dashplate_redis_up 1.0"} <= set(said.splitlines())
    assert "dashplate_store_free_bytes" in said


def test_the_service_opens_to_a_token_that_is_made_in_its_container(native: Native, shared_data: Path) -> None:
    made = subprocess.run(
        ["dashplate", "token", "add", "gate-camera"], env=native.environment("service"), cwd=native.folder,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    url = f"http://127.0.0.1:{native.ports['8080']}/v1/read"
    picture = (shared_data / "hongkong" / "GV5679.png").read_bytes()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, picture, {"Content-Type": "image/png"})
    with pytest.raises(urllib.error.HTTPError, match="401"):
        opener.open(request, timeout=10)
    request.add_unredirected_header("X-API-Key", made.stdout.strip())
    with opener.open(request, timeout=PATIENCE_S) as answer:
        assert [plate["text"] for plate in json.load(answer)["plates"]] == ["GV5679"]


def test_migrate_left_a_schema(native: Native) -> None:
    url = native.environment(ONE_SHOT)["DASHPLATE_DATABASE_URL"]
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM alembic_version").fetchone()
    assert row == (1,)


def test_passwords_stand_in_no_argument(native: Native) -> None:
    words = " ".join(word for process in native.family() for word in process.cmdline())
    assert "redis-server" in words
    for secret in native.variables.values():
        assert secret.rpartition(":")[2] not in words or secret == native.variables["DASHPLATE_VIDEOS"]


def test_servers_are_asked_by_their_addresses(native: Native) -> None:
    for service in ("redis", "postgres"):
        said = subprocess.run(
            ["dashplate", "health", service], env=native.environment("control"), cwd=native.folder,
            capture_output=True, text=True,
        )  # fmt: skip
        assert said.returncode == 0, said.stderr
        assert said.stdout.endswith(" answers.\n")


def test_a_hung_worker_gives_no_sign_of_life(native: Native) -> None:
    data_dir, process = native.data_dir("worker-read"), native.processes["worker-read"]

    def silent_s() -> float:
        return signs_of_life.age_of_sign_s("read", data_dir) or 0.0

    process.send_signal(signal.SIGSTOP)
    try:
        wait_until("its silence", lambda: silent_s() > 4)
    finally:
        process.send_signal(signal.SIGCONT)
    wait_until("its next sign", lambda: silent_s() < 4)


def test_services_leave_in_time_on_their_signal(native: Native) -> None:
    names = [name for name in native.processes if name != ONE_SHOT]
    family = native.family()
    # Redis last: a worker takes its leave over it.
    for together in ([name for name in names if name != "redis"], ["redis"]):
        for name in together:
            native.processes[name].send_signal(signal.Signals[SERVICES[name].get("stop_signal", "SIGTERM")])
        for name in together:
            native.processes[name].wait(seconds(SERVICES[name]["stop_grace_period"]))
    _, left = psutil.wait_procs(family, timeout=5)
    assert not left
