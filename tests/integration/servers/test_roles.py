"""A machine of one role does its work with what that role's file of `requirements/` pins, and nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.compose import DOCKERFILE, GPU_FILE

REQUIREMENTS = ROOT / "requirements"
#: What is installed of our own.
OURS = {"dashplate", "opencv-contrib-python"}
#: Makes the packages of all other distributions look as if they were not there, and runs what it is told.
_ALONE = """
import sys
from importlib import metadata

def plain(name):
    return name.lower().replace("_", "-").replace(".", "-")

pinned = set(sys.argv[1].split(","))
known = {module: set(map(plain, names)) for module, names in metadata.packages_distributions().items()}

class Blinded:
    def __init__(self, finder):
        self.finder = finder

    def find_distributions(self, context):
        found = getattr(self.finder, "find_distributions", lambda context: ())(context)
        return (one for one in found if plain(one.metadata["Name"]) in pinned)

    def find_spec(self, name, path=None, target=None):
        owners = known.get(name.partition(".")[0])
        return None if owners and not owners & pinned else self.finder.find_spec(name, path, target)

sys.meta_path[:] = map(Blinded, sys.meta_path)
exec(sys.argv[2])
"""
_WARM = "from workers.steps.stage_engine import stage_engine; stage_engine().warm({role!r})"
_BOTH = "; ".join(_WARM.format(role=role) for role in ("detect", "read"))
#: What a role does first of all.
WORK = {
    "control": "import workers.tasks, workers.steps.probe, workers.steps.aggregate, workers.celery_app.flower",
    "detect": _WARM.format(role="detect"),
    "read": _WARM.format(role="read"),
    "serve": f"import dashplate.web.app, dashplate.service.server; {_BOTH}",
    "run": f"{_BOTH}; import torch, ultralytics, paddleocr",
    "no-torch": f"{_BOTH}; import paddleocr",
}


def pinned(name: str) -> set[str]:
    """Distributions that a file pins, as they are compared."""
    lines = (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return {re.sub(r"[_.]", "-", line.split("==")[0].lower()) for line in lines if re.match(r"[a-zA-Z]", line)}


@pytest.mark.parametrize("role", WORK)
def test_a_role_works_with_its_own_packages_alone(role: str) -> None:
    asked = [sys.executable, "-c", _ALONE, ",".join(sorted(pinned(role) | OURS)), WORK[role]]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]


def test_a_machine_without_torch_says_what_its_detector_lacks(tmp_path: Path) -> None:
    weights = tmp_path / "own.pt"
    weights.write_bytes(b"weights")
    asked = f"from pathlib import Path; from pipeline.detection.yolo import _load; _load(Path({str(weights)!r}))"
    command = [sys.executable, "-c", _ALONE, ",".join(sorted(pinned("detect") | OURS)), asked]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert "This detector needs Ultralytics" in done.stderr
    assert "pip install 'dashplate[ultralytics]'" in done.stderr


def test_roles_hold_no_torch_and_no_paddle() -> None:
    for role in ("control", "detect", "read", "serve"):
        assert not pinned(role) & {"torch", "ultralytics", "paddlepaddle", "paddlex", "triton"}, role
    assert pinned("detect-gpu") >= pinned("detect") | {"torch", "torchvision", "ultralytics"} - {"pyarrow"}
    assert pinned("no-torch") == {
        name for name in pinned("run") if name not in ("torch", "torchvision") and not _of_torch(name)
    }
    # What inference never loads is nowhere.
    assert not (pinned("run") | pinned("dev")) & {"triton", "nvidia-cusolver", "polars", "openvino-telemetry"}


def _of_torch(name: str) -> bool:
    """Whether torch alone brings it along."""
    return (name.startswith(("nvidia-", "cuda-")) and name != "nvidia-ml-py") or name in ("sympy", "mpmath")


def test_every_file_that_an_image_may_install_is_there() -> None:
    dockerfile = DOCKERFILE.read_text(encoding="utf-8")
    named = re.findall(r"REQUIREMENTS[=:] ?([\w-]+)", dockerfile + GPU_FILE.read_text(encoding="utf-8"))
    assert {"control", "detect", "read", "serve", "detect-gpu"} <= set(named)
    assert all((REQUIREMENTS / f"{name}.txt").is_file() for name in named)
    (bill,) = re.findall(r"cyclonedx-bom==([\d.]+)", dockerfile)
    assert f"cyclonedx-bom=={bill} " in (REQUIREMENTS / "dev.txt").read_text(encoding="utf-8")
