"""docker-compose.yml holds what it promises: read by us, and by Compose itself where it is installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from dashplate.service import server
from dashplate.stack.postgres_server import MAX_CONNECTIONS
from tests.conftest import missing
from tests.support.compose import (
    DOCKERFILE,
    FILE,
    GPU_FILE,
    ONE_SHOT,
    RAW,
    REQUIRED,
    ROOT,
    SERVICES,
    Unset,
    interpolate,
    seconds,
)
from workers.celery_app.app import ROLES

#: Override files that docs/deployment.md shows.
_PAGE = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
OVERRIDES = re.findall(r"^```yaml\n(.*?)^```", _PAGE, re.MULTILINE | re.DOTALL)

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
    for name in ("control", "worker-detect", "worker-read", "service", "metrics"):
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
            if re.search("PASSWORD|AUTH|TOKEN", key.removesuffix("_INITDB_ARGS")):
                assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), (name, key)
            if "@" in str(value):
                assert re.search(r":\$\{\w+_PASSWORD:\?[^}]+\}@", value), (name, key)


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_variable_is_told_in_a_sentence(name: str) -> None:
    with pytest.raises(Unset, match=f"Set {name} in .env"):
        interpolate(RAW, {**REQUIRED, name: ""})


def test_only_what_wants_a_secret_is_published_and_only_on_this_machine() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    ports = {"flower": 5555, "service": 8080, "metrics": 9464}
    expected = {name: [f"127.0.0.1:{port}:{port}"] for name, port in ports.items()}
    assert interpolate(published, REQUIRED) == expected
    assert interpolate(published["service"], {"SERVICE_PORT": "9000"}) == ["127.0.0.1:9000:8080"]
    assert RAW["networks"]["backend"] == {"internal": True}
    # The sender calls others.
    outside = {*expected, "sender"}
    for name, service in SERVICES.items():
        assert service["networks"] == (["backend", "front"] if name in outside else ["backend"]), name


def test_workers_and_the_service_see_the_videos_read_only_and_share_the_store() -> None:
    for name in ("control", "worker-detect", "worker-read", "service"):
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
    ask = "from workers.celery_app.config import values; print(values.worker_soft_shutdown_timeout)"
    environment = {**os.environ, "DASHPLATE_REDIS_URL": "redis://nowhere"}
    soft_s = float(subprocess.check_output([sys.executable, "-c", ask], env=environment, cwd=ROOT))
    for name in ("control", "worker-detect", "worker-read"):
        # SIGTERM is Celery's warm shutdown, which has no end of its own.
        assert SERVICES[name]["stop_signal"] == "SIGQUIT", name
        assert seconds(SERVICES[name]["stop_grace_period"]) >= soft_s + 15, name


def test_the_service_waits_for_photographs_on_the_disk_and_ends_in_its_time() -> None:
    service = SERVICES["service"]
    assert {"type": "volume", "target": "/tmp"} in service["volumes"]
    assert not any(mount.startswith("/tmp") for mount in service["tmpfs"])
    assert "stop_signal" not in service
    assert seconds(service["stop_grace_period"]) >= server._GRACE_S + 10


def test_postgres_allows_what_the_embedded_one_does() -> None:
    assert f"max_connections={MAX_CONNECTIONS}" in SERVICES["postgres"]["command"]


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


@pytest.mark.parametrize("number", range(len(OVERRIDES)))
def test_compose_takes_the_override_files_of_the_page_on_top(compose: list[str], tmp_path: Path, number: int) -> None:
    (tmp_path / "override.yml").write_text(OVERRIDES[number])
    said = configured(compose, tmp_path, REQUIRED, FILE, tmp_path / "override.yml")
    assert said.returncode == 0, said.stderr
    merged = yaml.safe_load(said.stdout)["services"]
    for name, changed in yaml.safe_load(OVERRIDES[number])["services"].items():
        assert merged[name]["ports"], name
        if name in SERVICES:
            assert merged[name].get("command") == interpolate(changed.get("command"), {}) or "command" not in changed


@pytest.mark.parametrize("name", REQUIRED)
def test_compose_refuses_without_a_required_variable(compose: list[str], tmp_path: Path, name: str) -> None:
    said = configured(compose, tmp_path, {**REQUIRED, name: ""}, FILE)
    assert said.returncode != 0
    assert f"Set {name} in .env" in said.stderr
