"""`import dashplate`: what it costs, what it offers, and what it refuses before a model is loaded."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import dashplate
from pipeline.errors import Inaccessible, Unreadable, UsageError
from tests.conftest import ROOT

#: What an import must not bring along, with how long each takes.
HEAVY = ("numpy", "sqlalchemy", "pydantic", "httpx", "cv2", "av", "torch", "paddle", "celery", "fastapi", "typer")


def loaded(code: str) -> set[str]:
    """Which heavy libraries a fresh interpreter has after some code."""
    told = f"{code}\nimport sys; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_an_import_loads_no_library() -> None:
    assert loaded("import dashplate; dir(dashplate)") == set()


def test_the_client_loads_no_model_and_no_server() -> None:
    assert loaded("import dashplate; dashplate.Client('http://host')") == {"numpy", "pydantic", "httpx"}


def test_a_photograph_is_read_without_torch_and_paddle() -> None:
    code = "import dashplate, numpy; dashplate.read_image(numpy.full((240, 320, 3), 90, 'uint8'))"
    assert not {"torch", "paddle"} & loaded(code)


def test_every_name_that_is_offered_is_there() -> None:
    for name in dashplate._MODULE_OF:
        assert getattr(dashplate, name).__name__ == name
        assert name in dir(dashplate)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = dashplate.nothing


def test_type_checkers_see_what_is_offered() -> None:
    tree = ast.parse(Path(dashplate.__file__).read_text("utf-8"))
    (typed,) = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [node for node in typed.body if isinstance(node, ast.ImportFrom)]
    assert {alias.name: node.module for node in imports for alias in node.names} == dashplate._MODULE_OF


def test_the_switches_are_set_by_the_import() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import dashplate, os; print(os.environ['YOLO_OFFLINE'])"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "True\n"


@pytest.mark.parametrize(
    "image",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3), np.float32),
     np.zeros((0, 4, 3), np.uint8), 7, None, "", "a\0b"],
)  # fmt: skip
def test_what_is_no_picture_is_refused(image: object) -> None:
    with pytest.raises(UsageError):
        dashplate.read_image(image)  # type: ignore[arg-type]


def test_what_holds_no_photograph_is_told(tmp_path: Path) -> None:
    with pytest.raises(Inaccessible):
        dashplate.read_image(tmp_path / "gone.jpg")
    (tmp_path / "text.jpg").write_text("No picture. " * 20)
    with pytest.raises(Unreadable):
        dashplate.read_image(tmp_path / "text.jpg")
    with pytest.raises(Unreadable, match="no photograph"):
        dashplate.read_image(b"No picture.")
    with pytest.raises(UsageError):
        dashplate.read_image(b"", country="XX")
    with pytest.raises(Inaccessible):
        dashplate.process_video(tmp_path / "gone.mp4")
    with pytest.raises(UsageError):
        dashplate.process_video(7)  # type: ignore[arg-type]


def test_only_what_lies_below_the_roots_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from workers.settings import settings

    picture = tmp_path / "car.png"
    cv2.imwrite(str(picture), np.zeros((40, 40, 3), np.uint8))
    (tmp_path / "inside").mkdir()
    monkeypatch.setenv("DASHPLATE_ROOTS", str(tmp_path / "inside"))
    settings.cache_clear()
    try:
        for call in (dashplate.read_image, dashplate.process_video):
            with pytest.raises(Inaccessible):
                call(picture)
    finally:
        monkeypatch.undo()
        settings.cache_clear()
