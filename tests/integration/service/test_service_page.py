"""`docs/service.md`: its curl lines about photographs, run as they stand there; `test_jobs` runs those about jobs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dashplate.stack.server import free_port
from db.access.scopes import Scope
from tests.conftest import ROOT, SHARED_DATA, missing
from tests.support.service import Served

_PAGE = (ROOT / "docs" / "service.md").read_text("utf-8")
#: What a clean machine is told to type, and each other line about photographs.
_INSTALLS, *FIRST = re.findall(r"## A plate in three commands\n+```sh\n(.*?)```", _PAGE, re.DOTALL)[0].splitlines()
CURL = [
    line.partition("  #")[0] for line in re.findall(r"^curl .*/v1/read.*", _PAGE, re.MULTILINE) if line not in FIRST
]


@pytest.mark.parametrize("line", CURL)
def test_a_curl_line_reads_a_plate(served: Served, shared_data: Path, tmp_path: Path, line: str) -> None:
    if shutil.which("curl") is None:
        missing("curl is not installed; run: sudo apt-get install curl")
    shutil.copy(SHARED_DATA / "hongkong" / "GV5679.png", tmp_path / "car.jpg")
    token = served.token(Scope.READ)
    here = line.replace("http://127.0.0.1:8080", served.url)
    done = subprocess.run(
        ["sh", "-c", here], cwd=tmp_path, env={"TOKEN": token, "PATH": "/usr/bin:/bin"}, capture_output=True, check=True
    )
    assert [plate["text"] for plate in json.loads(done.stdout)["plates"]] == ["GV5679"]


def test_a_clean_machine_gets_to_a_plate(served: Served, shared_data: Path, tmp_path: Path) -> None:
    """The lines behind `make run`, one right after the other; `tests/acceptance/test_demo.py` sees to its picture."""
    if shutil.which("curl") is None:
        missing("curl is not installed; run: sudo apt-get install curl")
    assert _INSTALLS.startswith("make run ")
    port = free_port()
    program, picture = tmp_path / ".venv/bin/dashplate", tmp_path / "out/frame.jpg"
    for file in (program, picture):
        file.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m dashplate "$@" --port {port} >serve.log 2>&1\n')
    program.chmod(0o700)
    shutil.copy(SHARED_DATA / "hongkong" / "GV5679.png", picture)
    serve, curl = (line.partition("  #")[0].replace(":8080", f":{port}") for line in FIRST)
    script = f"{serve}\n{curl}\ncode=$?; kill $!; wait $!; exit $code"
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, env=served.env, capture_output=True, check=False)
    assert done.returncode == 0, (done.stderr, (tmp_path / "serve.log").read_text())
    assert [plate["text"] for plate in json.loads(done.stdout)["plates"]] == ["GV5679"]


def test_the_page_has_lines_to_run() -> None:
    assert len(FIRST) == 2
    assert len(CURL) >= 2
