"""The switches that keep libraries from calling out, and a command line that loads none of them to say its help."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import offline

ROOT = Path(__file__).parents[3]
#: Seconds to import, and apt to call out: only a command that needs them may load them.
HEAVY = ("torch", "ultralytics", "openvino", "paddle", "paddleocr", "paddlex", "onnxruntime")


def python(code: str) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=120).stdout


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("YOLO_OFFLINE", "True"),
        ("YOLO_AUTOINSTALL", "False"),
        ("PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK", "True"),
        ("DISABLE_TELEMETRY", "1"),
    ],
)
def test_each_library_is_told_to_stay_at_home(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.delenv(name, raising=False)
    offline.silence()
    assert os.environ[name] == value


def test_what_a_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOLO_VERBOSE", "True")
    offline.silence()
    assert os.environ["YOLO_VERBOSE"] == "True"


def test_the_command_line_starts_without_the_networks() -> None:
    loaded = python(f"import sys, dashplate.cli; print([name for name in {HEAVY} if name in sys.modules])")
    assert loaded.strip() == "[]"


def test_the_command_line_explains_itself_without_database_and_pictures() -> None:
    slow = ("sqlalchemy", "numpy", "cv2", "av", "celery")
    loaded = python(f"import sys, dashplate.cli; print([name for name in {slow} if name in sys.modules])")
    assert loaded.strip() == "[]"


def test_importing_the_road_loads_no_network() -> None:
    loaded = python(f"import sys, pipeline.run; print([name for name in {HEAVY} if name in sys.modules])")
    assert loaded.strip() == "[]"


def test_openvino_does_without_its_reports() -> None:
    if importlib.util.find_spec("openvino") is None:
        pytest.skip("OpenVINO is not installed.")
    code = "from pipeline.offline import silence; silence(); import sys, openvino.tools.ovc; print(sys.modules.keys())"
    assert "openvino_telemetry." not in python(code)


def test_silence_may_be_asked_for_twice() -> None:
    assert python("from pipeline.offline import silence; silence(); silence(); print('well')") == "well\n"


def test_a_reader_does_not_bring_torch_along() -> None:
    """PaddleX imports modelscope in passing, and that torch: half a gigabyte for each process that reads."""
    code = """
from pipeline.offline import silence
silence()
import sys
import paddleocr
print("torch" in sys.modules, "modelscope" in sys.modules)
"""
    assert python(code).split() == ["False", "True"]


def test_a_library_that_is_put_off_is_there_when_it_is_wanted() -> None:
    if importlib.util.find_spec("modelscope") is None:
        pytest.skip("modelscope is not installed.")
    code = "from pipeline.offline import silence; silence(); import modelscope; print(modelscope.snapshot_download)"
    assert "function" in python(code)
