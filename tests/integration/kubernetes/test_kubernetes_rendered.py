"""deploy/kubernetes as it would reach a cluster: valid by Kubernetes' own schemas, hardened, and true to the code."""

from __future__ import annotations

import json
import re
import subprocess
from functools import cache
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.conftest import ROOT
from tests.support.compose import DOCKERFILE, SERVICES, seconds
from tests.support.kubernetes.keda import SCHEMAS
from tests.support.kubernetes.rendered import (
    COMPONENTS,
    FOLDER,
    OVERLAYS,
    SECRET,
    Object,
    main_container,
    named,
    of_kind,
    overlay,
    pods,
    render,
)
from workers.celery_app.app import ROLES
from workers.settings import described

#: The oldest release that is promised, and the newest whose schemas there are.
RELEASES = ("1.33", kubernetes_validate.latest_version())
#: Processes of Compose under other names.
OF_COMPOSE = {"worker-detect": "detect", "worker-read": "read", "service": "serve"}
WORKERS = set(ROLES)
DATABASE = {"migrate", "serve", "sender", "metrics", *WORKERS}
QUEUE = DATABASE - {"migrate"} | {"flower"}
#: Read by single commands, and by Celery.
OTHER_VARIABLES = {"DASHPLATE_FLOWER_AUTH", "DASHPLATE_METRICS_TOKEN", "REMAP_SIGTERM"}
#: What people read.
PAGE = ROOT / "docs" / "kubernetes.md"
LABEL = "app.kubernetes.io/component"


@pytest.fixture(params=OVERLAYS)
def objects(request: pytest.FixtureRequest) -> tuple[Object, ...]:
    return overlay(request.param)


@pytest.fixture(scope="module")
def with_everything(tmp_path_factory: pytest.TempPathFactory) -> tuple[Object, ...]:
    """All components together, as somebody's own overlay."""
    folder = tmp_path_factory.mktemp("overlay")
    # Both have the policies `to-redis` and `to-postgres`.
    chosen = [name for name in COMPONENTS if name != "external-servers"]
    kubernetes = folder / "kubernetes"
    kubernetes.symlink_to(FOLDER)
    return tuple(render(_own_overlay(folder, chosen)))


def _own_overlay(folder: Path, components: list[str]) -> Path:
    written = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": "dashplate",
        "resources": ["./kubernetes/base"],
        "components": [f"./kubernetes/components/{name}" for name in components],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(written))
    return folder


def valid(one: Object) -> None:
    """Raises what the schema says; once for objects that overlays have in common."""
    _valid(json.dumps(one, sort_keys=True))


@cache
def _valid(written: str) -> None:
    one = json.loads(written)
    if one["apiVersion"].startswith("keda.sh/"):
        jsonschema.validate(one, SCHEMAS[one["kind"]])
        return
    for release in RELEASES:
        kubernetes_validate.validate(one, release, strict=True)


# What Kubernetes takes


def test_every_object_is_valid(objects: tuple[Object, ...]) -> None:
    for one in objects:
        valid(one)
    names = [(one["kind"], one["metadata"]["name"]) for one in objects]
    assert len(names) == len(set(names))
    for kind, name in names:
        of_it = named(objects, kind, name)["metadata"].get("namespace")
        assert of_it == (None if kind == "Namespace" else "dashplate"), (kind, name)


def test_components_fit_together(with_everything: tuple[Object, ...]) -> None:
    for one in with_everything:
        valid(one)


def test_the_overlay_that_the_page_shows_is_valid(tmp_path: Path) -> None:
    (shown,) = re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (tmp_path / "kustomization.yaml").write_text(shown)
    (tmp_path / "deploy").symlink_to(FOLDER.parent)
    objects = tuple(render(tmp_path))
    for one in objects:
        valid(one)
    assert {name: main_container(pod)["image"] for name, pod in pods(objects).items() if name in WORKERS} == {
        role: f"registry.example.org/dashplate-{role}:7" for role in WORKERS
    }
    (config,) = of_kind(objects, "ConfigMap")
    assert config["data"]["DASHPLATE_THREADS"] == "4"
    assert config["data"]["DASHPLATE_ROOTS"] == "/videos"
    sources = main_container(pods(objects)["detect"])["envFrom"]
    assert sources == [{"configMapRef": {"name": config["metadata"]["name"]}}]
    assert {one["spec"]["storageClassName"] for one in of_kind(objects, "PersistentVolumeClaim")} == {"nfs"}
    # What the proxy says of callers is believed.
    assert main_container(pods(objects)["serve"])["args"][0] == "--proxy"


def test_the_page_names_what_there_is() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert all(f"`{name}`" in page for name in (*OVERLAYS, *COMPONENTS))
    assert all(
        f"deploy/kubernetes/{path}" in page for path in ("new-secrets", "overlays/small", "components/keda/role.sql")
    )


def test_a_slip_is_found() -> None:
    detect = yaml.safe_load(yaml.safe_dump(named(overlay("small"), "Deployment", "detect")))
    detect["spec"]["template"]["spec"]["containers"][0]["comand"] = ["true"]
    with pytest.raises(kubernetes_validate.ValidationError):
        valid(detect)
    scaled = yaml.safe_load(yaml.safe_dump(named(overlay("keda"), "ScaledObject", "detect")))
    scaled["spec"]["minReplicas"] = 0
    with pytest.raises(jsonschema.ValidationError):
        valid(scaled)


# Hardened


def test_pods_are_nobody_special(with_everything: tuple[Object, ...]) -> None:
    (namespace,) = of_kind(with_everything, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for name, pod in pods(with_everything).items():
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        if name not in ("redis", "postgres"):
            assert spec["securityContext"]["runAsUser"] == 10001, name
        for container in [*spec.get("initContainers", ()), *spec["containers"]]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True,
            }, name  # fmt: skip
            assert {"cpu", "memory"} <= set(container["resources"]["requests"]), name
            assert "memory" in container["resources"]["limits"], name


def test_a_command_that_takes_more_is_given_it_at_its_end(with_everything: tuple[Object, ...]) -> None:
    """Kubernetes puts `args` behind `command`."""
    container = main_container(pods(with_everything)["serve"])
    assert container["command"] == SERVICES["service"]["command"]
    assert container["args"][0] == "--proxy"


def test_what_is_written_to_is_bounded_and_videos_are_never(objects: tuple[Object, ...]) -> None:
    for name, pod in pods(objects).items():
        volumes = {one["name"]: one for one in pod["spec"].get("volumes", ())}
        assert all("sizeLimit" in one["emptyDir"] for one in volumes.values() if "emptyDir" in one), name
        for mount in main_container(pod)["volumeMounts"]:
            if mount["name"] == "videos":
                assert mount["readOnly"], name
                assert volumes["videos"]["persistentVolumeClaim"] == {"claimName": "videos", "readOnly": True}
    assert "medium" not in {one["name"]: one for one in pods(objects)["serve"]["spec"]["volumes"]}["tmp"]["emptyDir"]


def test_no_secret_has_a_value(with_everything: tuple[Object, ...]) -> None:
    assert not of_kind(with_everything, "Secret")
    for name, pod in pods(with_everything).items():
        for container in [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]:
            for variable in container.get("env", ()):
                secret = re.search("PASSWORD|TOKEN|_KEY$|_URL$|AUTH$", variable["name"])
                if secret and variable["name"] != "DASHPLATE_FLOWER_URL":
                    assert "secretKeyRef" in variable.get("valueFrom", {}), (name, variable["name"])


def test_the_secret_that_is_made_has_every_key_that_is_asked_for(objects: tuple[Object, ...]) -> None:
    said = subprocess.run(["sh", str(FOLDER / "new-secrets")], capture_output=True, text=True, check=True).stdout
    made = {line.partition("=")[0] for line in said.splitlines()}
    asked = {
        variable["valueFrom"]["secretKeyRef"]["key"]
        for pod in pods(objects).values()
        for container in [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]
        for variable in container.get("env", ())
        if variable.get("valueFrom", {}).get("secretKeyRef", {}).get("name") == SECRET
    }
    assert asked <= made
    # Anew each time.
    assert said != subprocess.run(["sh", str(FOLDER / "new-secrets")], capture_output=True, text=True).stdout


# True to the code


def test_settings_are_known(with_everything: tuple[Object, ...]) -> None:
    known = {one.variable for one in described()} | OTHER_VARIABLES
    (config,) = of_kind(with_everything, "ConfigMap")
    assert set(config["data"]) <= known
    for name in {*DATABASE, "flower"}:
        pod = pods(with_everything)[name]
        for container in [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]:
            assert {variable["name"] for variable in container.get("env", ())} <= known, name


def test_processes_are_those_of_compose(objects: tuple[Object, ...]) -> None:
    ours = pods(objects)
    of_compose = {OF_COMPOSE.get(name, name): service for name, service in SERVICES.items()}
    assert set(ours) - {"redis", "postgres"} == set(of_compose) - {"redis", "postgres"}
    stages = set(re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE.read_text(encoding="utf-8"), re.MULTILINE))
    for name in set(of_compose) - {"redis", "postgres"}:
        container, service = main_container(ours[name]), of_compose[name]
        assert container["command"] == service["command"], name
        assert container["image"] == service["image"], name
        assert container["image"].removeprefix("dashplate-") in stages
        if "stop_grace_period" in service:
            assert ours[name]["spec"]["terminationGracePeriodSeconds"] == seconds(service["stop_grace_period"]), name


def test_workers_shut_down_softly_on_the_signal_of_kubernetes(objects: tuple[Object, ...]) -> None:
    for name in WORKERS:
        (remapped,) = [v for v in main_container(pods(objects)[name])["env"] if v["name"] == "REMAP_SIGTERM"]
        assert remapped["value"] == "SIGQUIT"
        assert SERVICES[next(k for k in SERVICES if OF_COMPOSE.get(k, k) == name)]["stop_signal"] == "SIGQUIT"


def test_selectors_meet_pods(objects: tuple[Object, ...]) -> None:
    templates = {name: pod["metadata"]["labels"] for name, pod in pods(objects).items()}
    for one in of_kind(objects, "Deployment", "StatefulSet"):
        assert one["spec"]["selector"]["matchLabels"].items() <= templates[one["metadata"]["name"]].items()
    for one in of_kind(objects, "Service", "PodDisruptionBudget"):
        selector = one["spec"]["selector"]
        wanted = selector.get("matchLabels", selector)
        chosen = [name for name, labels in templates.items() if wanted.items() <= labels.items()]
        assert chosen == [one["metadata"]["name"]]
        for port in one["spec"].get("ports", ()):
            assert port["targetPort"] in {p["name"] for p in main_container(pods(objects)[chosen[0]])["ports"]}


def test_a_node_can_always_be_emptied(objects: tuple[Object, ...]) -> None:
    budgets = of_kind(objects, "PodDisruptionBudget")
    assert {one["metadata"]["name"] for one in budgets} == {*WORKERS, "serve", "sender"}
    assert all(one["spec"]["maxUnavailable"] for one in budgets)


def test_a_gpu_is_asked_for_with_the_weights_that_run_on_it() -> None:
    container = main_container(pods(overlay("gpu"))["detect"])
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 1
    given = {variable["name"]: variable.get("value") for variable in container["env"]}
    assert given["DASHPLATE_DETECTOR_DEVICE"] == "cuda:0"
    weights = Path(str(given["DASHPLATE_DETECTOR"]))
    assert (FOLDER.parents[1] / weights.relative_to("/")).is_file()
    assert {"DASHPLATE_REDIS_URL", "REMAP_SIGTERM"} <= set(given)


# Who talks to whom


def test_all_that_is_not_written_is_refused(objects: tuple[Object, ...]) -> None:
    deny = named(objects, "NetworkPolicy", "default-deny")["spec"]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_only_who_needs_a_server_reaches_it() -> None:
    objects = overlay("small")
    for server, port, clients in (("redis", 6379, QUEUE), ("postgres", 5432, DATABASE)):
        assert main_container(pods(objects)[server])["ports"] == [{"name": server, "containerPort": port}]
        to, at = (
            named(objects, "NetworkPolicy", f"to-{server}")["spec"],
            named(objects, "NetworkPolicy", server)["spec"],
        )
        assert chosen(to["podSelector"]) == clients
        assert chosen(at["podSelector"]) == {server}
        (leaving,), (coming,) = to["egress"], at["ingress"]
        assert [chosen(peer["podSelector"]) for peer in leaving["to"]] == [{server}]
        assert [chosen(peer["podSelector"]) for peer in coming["from"]] == [clients]
        assert leaving["ports"] == [{"protocol": "TCP", "port": port}]
        assert coming["ports"] == [{"protocol": "TCP", "port": server}]


def test_who_uses_a_server_is_who_has_its_address() -> None:
    for name, pod in pods(overlay("small")).items():
        given = {variable["name"] for variable in main_container(pod).get("env", ())}
        assert ("DASHPLATE_REDIS_URL" in given) == (name in QUEUE), name
        assert ("DASHPLATE_DATABASE_URL" in given) == (name in DATABASE), name


def test_the_sender_alone_calls_others(objects: tuple[Object, ...]) -> None:
    outward = {
        one["metadata"]["name"]
        for one in of_kind(objects, "NetworkPolicy")
        for rule in one["spec"].get("egress", ())
        if any(
            peer.get("ipBlock", {}).get("cidr") == "0.0.0.0/0"
            for peer in rule.get("to", [{"ipBlock": {"cidr": "0.0.0.0/0"}}])
        )
    }
    assert outward == {"sender"}
    assert chosen(named(objects, "NetworkPolicy", "sender")["spec"]["podSelector"]) == {"sender"}


def chosen(selector: Object) -> set[str]:
    """The components that a selector names."""
    if "matchLabels" in selector:
        return {selector["matchLabels"][LABEL]}
    (expression,) = selector["matchExpressions"]
    assert (expression["key"], expression["operator"]) == (LABEL, "In")
    return set(expression["values"])
