"""The production shape: docker-compose.yml holds what it promises, and its commands and health checks work.

There is no Docker here. The file is read as Compose reads it, and every service runs natively, by its own command,
in the environment that the file gives it, until its own health check is content.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
import redis
import yaml
from conftest import missing

from dashplate import health
from dashplate.stack.layout import Layout
from dashplate.stack.postgres_server import PostgresServer, postgres_bin
from dashplate.stack.redis_server import redis_binary
from dashplate.stack.server import free_port
from pipeline.errors import MissingDependency, ServiceUnavailable, UsageError
from workers.app import ROLES
from workers.settings import settings

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
GPU_FILE = ROOT / "docker-compose.gpu.yml"
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
RAW: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = RAW["services"]

#: What has to be said before anything starts, with something to say.
REQUIRED = {
    "REDIS_PASSWORD": "not-the-redis-password",
    "POSTGRES_PASSWORD": "not-the-postgres-password",
    "DASHPLATE_FLOWER_AUTH": "somebody:not-the-flower-password",
    "DASHPLATE_VIDEOS": "/videos",
}
ONE_SHOT = "migrate"
#: Models are loaded beside the workers' start, on a machine that may be busy with other things.
HEALTHY_WITHIN_S = 90.0

#: What is elsewhere in a container: other hosts, fixed ports, folders at the root.
_PLACES = re.compile(
    r"@(?P<host>redis|postgres):(?P<at>\d+)"
    r"|\b(?P<port>6379|5432|5555)\b"
    r"|(?<![\w/.])/(?P<folder>data|store|videos)\b"
)
_INTERPOLATION = re.compile(r"\$\$|\$\{(\w+)(?::([-?])([^}]*))?\}")


class Unset(Exception):
    """A required variable is not set; the message is the file's sentence."""


def interpolate(value: Any, variables: Mapping[str, str]) -> Any:
    """Replace `$$`, `${NAME:-default}` and `${NAME:?sentence}` in all strings, as Compose does."""
    if isinstance(value, dict):
        return {key: interpolate(part, variables) for key, part in value.items()}
    if isinstance(value, list):
        return [interpolate(part, variables) for part in value]
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        name, kind, rest = match.groups()
        if name is None:
            return "$"
        if found := variables.get(name):
            return found
        if kind == "?":
            raise Unset(rest)
        return rest or ""

    return _INTERPOLATION.sub(replace, value)


def seconds(duration: str) -> float:
    number, unit = float(duration[:-1]), duration[-1]
    return number * {"s": 1, "m": 60}[unit]


# The file


def test_every_service_is_watched_bounded_and_comes_back() -> None:
    for name, service in SERVICES.items():
        assert service["mem_limit"], name
        assert service["restart"] == ("no" if name == ONE_SHOT else "unless-stopped"), name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert ("healthcheck" in service) == (name != ONE_SHOT), name
        if name != ONE_SHOT:
            assert {"test", "interval", "timeout", "retries", "start_period"} <= set(service["healthcheck"]), name


def test_services_start_when_what_they_need_is_ready() -> None:
    for name, service in SERVICES.items():
        for other, condition in service.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if other == ONE_SHOT else "service_healthy"
            assert condition == {"condition": wanted}, (name, other)
    for name in ("control", "worker-detect", "worker-read"):
        assert set(SERVICES[name]["depends_on"]) == {"redis", "postgres", ONE_SHOT}
    assert set(SERVICES[ONE_SHOT]["depends_on"]) == {"postgres"}
    assert set(SERVICES["flower"]["depends_on"]) == {"redis"}


def test_no_password_has_a_default() -> None:
    text = FILE.read_text(encoding="utf-8")
    used = {name for name, _, _ in re.findall(r"\$\{(\w+):(\?)([^}]+)\}", text)}
    assert used == set(REQUIRED)
    for name in REQUIRED:
        assert len(re.findall(rf"\$\{{{name}\b", text)) == len(re.findall(rf"\$\{{{name}:\?[^}}]+\}}", text)), name
    for name, service in SERVICES.items():
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|AUTH", key.removesuffix("_INITDB_ARGS")):
                assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), (name, key)
            if "@" in str(value):
                assert re.search(r":\$\{\w+_PASSWORD:\?[^}]+\}@", value), (name, key)


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_variable_is_told_in_a_sentence(name: str) -> None:
    with pytest.raises(Unset, match=f"Set {name} in .env"):
        interpolate(RAW, {**REQUIRED, name: ""})


def test_only_flower_is_published_and_only_on_this_machine() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert list(interpolate(published, REQUIRED).items()) == [("flower", ["127.0.0.1:5555:5555"])]
    assert RAW["networks"]["backend"] == {"internal": True}
    for name, service in SERVICES.items():
        assert service["networks"] == (["backend", "front"] if name == "flower" else ["backend"]), name


def test_workers_see_the_videos_read_only_and_share_the_store() -> None:
    for name in ("control", "worker-detect", "worker-read"):
        service = SERVICES[name]
        mounts = {mount["target"]: mount for mount in service["volumes"]}
        assert mounts["/videos"]["read_only"], name
        assert mounts["/store"]["source"] == "store", name
        assert service["environment"]["DASHPLATE_ROOTS"] == "/videos"
        assert service["environment"]["DASHPLATE_STORE_DIR"] == "/store"
        # The sign of life lies in the data folder: shared, one worker would vouch for another.
        assert any(mount.startswith("/data:") for mount in service["tmpfs"]), name
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name


def test_workers_are_given_the_time_that_their_shutdown_takes() -> None:
    # In a process of its own: Celery's settings are made once, from the environment.
    ask = "from workers.celeryconfig import values; print(values.worker_soft_shutdown_timeout)"
    environment = {**os.environ, "DASHPLATE_REDIS_URL": "redis://nowhere"}
    soft_s = float(subprocess.check_output([sys.executable, "-c", ask], env=environment, cwd=ROOT))
    for name in ("control", "worker-detect", "worker-read"):
        # SIGTERM is Celery's warm shutdown, which has no end of its own.
        assert SERVICES[name]["stop_signal"] == "SIGQUIT", name
        assert seconds(SERVICES[name]["stop_grace_period"]) >= soft_s + 15, name


def test_the_gpu_file_changes_detection_only() -> None:
    services = yaml.safe_load(GPU_FILE.read_text(encoding="utf-8"))["services"]
    assert list(services) == ["worker-detect"]
    detect = services["worker-detect"]
    assert detect["deploy"]["resources"]["reservations"]["devices"] == [
        {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}
    ]
    assert detect["environment"]["DASHPLATE_DETECTOR_DEVICE"] == "cuda:0"
    weights = Path(detect["environment"]["DASHPLATE_DETECTOR"])
    assert weights.suffix == ".pt"
    # The image links /models to the package that carries the weights.
    assert re.search(r"ln -s .*MODELS_DIR.* /models$", DOCKERFILE.read_text(encoding="utf-8"), re.MULTILINE)
    assert (ROOT / weights.relative_to("/")).is_file()


def test_the_example_names_what_has_to_be_set() -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    names = {line.partition("=")[0]: line.partition("=")[2] for line in lines if re.match(r"\w+=", line)}
    assert names == dict.fromkeys(REQUIRED, "")


def test_every_role_has_a_worker() -> None:
    commands = [service.get("command", []) for service in SERVICES.values()]
    assert sorted(words[2] for words in commands if words[:2] == ["dashplate", "worker"]) == sorted(ROLES)


# The images


def test_images_run_as_nobody_special_and_carry_no_secret() -> None:
    stages = re.split(r"^FROM ", DOCKERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    by_name = {stage.split()[2]: stage for stage in stages}
    for service in SERVICES.values():
        if "build" not in service:
            continue
        build = service["build"]
        assert (ROOT / build["dockerfile"]) == DOCKERFILE
        assert service["image"] == f"dashplate-{build['target']}"
        stage = by_name[build["target"]]
        assert re.findall(r"^USER (\w+)$", stage, re.MULTILINE) == ["dashplate"]
        assert (ROOT / "requirements" / f"{build['target']}.txt").is_file()
    assert not re.search("password|secret|token", DOCKERFILE.read_text(encoding="utf-8"), re.IGNORECASE)


def test_the_build_sees_the_sources_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = {rule[1:] for rule in rules if rule.startswith("!")}
    assert all((ROOT / name).exists() for name in allowed)
    assert not any(name.startswith(".") for name in allowed)
    packages = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    built = re.search(r"^packages = \[(.+)\]$", packages, re.MULTILINE)
    assert built
    assert {name.strip(' "') for name in built[1].split(",")} <= allowed


# What Compose itself says


@pytest.fixture(scope="module")
def compose() -> list[str]:
    """The command that reads Compose files: the plugin, or the older program."""
    plugin = ["docker", "compose"]
    if shutil.which("docker") and not subprocess.run([*plugin, "version"], capture_output=True).returncode:
        return plugin
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    missing("there is no Compose here to ask; run: sudo apt-get install --no-install-recommends docker-compose")


def configured(
    compose: list[str], folder: Path, variables: Mapping[str, str], *files: Path
) -> subprocess.CompletedProcess[str]:
    (folder / "empty").touch()
    chosen = [part for file in files for part in ("-f", str(file))]
    return subprocess.run(
        [*compose, "--env-file", str(folder / "empty"), *chosen, "config"],
        cwd=ROOT, env={"PATH": os.environ["PATH"], "HOME": str(folder), **variables}, capture_output=True, text=True,
    )  # fmt: skip


def test_compose_reads_the_file_as_we_do(compose: list[str], tmp_path: Path) -> None:
    said = configured(compose, tmp_path, REQUIRED, FILE)
    assert said.returncode == 0, said.stderr
    theirs, ours = yaml.safe_load(said.stdout)["services"], interpolate(SERVICES, REQUIRED)
    assert set(theirs) == set(ours)
    for name, service in ours.items():
        assert theirs[name].get("environment", {}) == service.get("environment", {}), name
        # In its output a dollar stays doubled, so that the output is a Compose file again.
        assert interpolate(theirs[name].get("command"), {}) == service.get("command"), name


def test_compose_takes_the_gpu_file_on_top(compose: list[str], tmp_path: Path) -> None:
    said = configured(compose, tmp_path, REQUIRED, FILE, GPU_FILE)
    assert said.returncode == 0, said.stderr
    detect = yaml.safe_load(said.stdout)["services"]["worker-detect"]
    assert detect["environment"]["DASHPLATE_DETECTOR_DEVICE"] == "cuda:0"
    assert detect["environment"]["DASHPLATE_ROOTS"] == "/videos"


@pytest.mark.parametrize("name", REQUIRED)
def test_compose_refuses_without_a_required_variable(compose: list[str], tmp_path: Path, name: str) -> None:
    said = configured(compose, tmp_path, {**REQUIRED, name: ""}, FILE)
    assert said.returncode != 0
    assert f"Set {name} in .env" in said.stderr


# The services, natively


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
        return subprocess.run(argv, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=60)

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
            "DASHPLATE_VIDEOS": str(folder / "videos"),
        },
        ports={"6379": free_port(), "5432": int(address.port or 0), "5555": free_port()},
        path=os.pathsep.join([*map(str, path), os.defpath]),
    )
    for name in ("store", "videos"):
        (folder / name).mkdir()
    try:
        bring_up(cluster)
        yield cluster
    finally:
        for process in cluster.family():
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


def until(condition: Callable[[], object], timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.2)


@pytest.mark.timeout(300)
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
    process.send_signal(signal.SIGSTOP)
    try:
        until(lambda: not health.worker_alive("read", data_dir, max_age_s=4))
    finally:
        process.send_signal(signal.SIGCONT)
    until(lambda: health.worker_alive("read", data_dir, max_age_s=4))


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


# The sign of life by itself


def test_a_sign_of_life_grows_old(tmp_path: Path) -> None:
    assert not health.worker_alive("read", tmp_path)
    health.mark_alive("read", tmp_path)
    assert health.worker_alive("read", tmp_path)
    assert not health.worker_alive("detect", tmp_path)
    then = time.time() - 90
    os.utime(tmp_path / "run" / "health" / "read", (then, then))
    assert not health.worker_alive("read", tmp_path)
    assert health.worker_alive("read", tmp_path, max_age_s=100)


def test_a_role_is_a_name_and_no_path(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (precious := tmp_path / "run" / "precious").touch()
    with pytest.raises(UsageError, match="Say which worker"):
        health.install_heartbeat("../precious", tmp_path)
    assert precious.exists()


def test_what_a_dead_worker_left_does_not_vouch_for_the_next(tmp_path: Path) -> None:
    health.mark_alive("read", tmp_path)
    health.install_heartbeat("read", tmp_path)
    assert not health.worker_alive("read", tmp_path)


@pytest.mark.parametrize(
    ("service", "role", "error", "sentence"),
    [
        ("kafka", None, UsageError, "the services are redis, postgres, worker, flower"),
        ("worker", None, UsageError, "Say which worker"),
        ("worker", "../read", UsageError, "Say which worker"),
        ("worker", "read", ServiceUnavailable, "No read worker has given a sign of life"),
        ("flower", None, ServiceUnavailable, "Flower does not answer"),
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
    settings.cache_clear()
    try:
        with pytest.raises(error, match=sentence):
            health.check(service, role)
    finally:
        settings.cache_clear()
