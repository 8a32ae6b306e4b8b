"""`docs/service.md`: its curl lines about photographs, run as they stand there; `test_jobs` runs those about jobs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from db.access.tokens import Scope
from tests.conftest import ROOT, SHARED_DATA, missing
from tests.integration.service.conftest import Served

_PAGE = (ROOT / "docs" / "service.md").read_text("utf-8")
CURL = [line.partition("  #")[0] for line in re.findall(r"^curl .*/v1/read.*", _PAGE, re.MULTILINE)]


@pytest.mark.parametrize("line", CURL)
def test_a_curl_line_reads_a_plate(served: Served, shared_data: Path, tmp_path: Path, line: str) -> None:
    if shutil.which("curl") is None:
        missing("curl is not installed; run: sudo apt-get install curl")
    shutil.copy(SHARED_DATA / "hongkong" / "GV5679.png", tmp_path / "car.jpg")
    token = served.token(Scope.READ)
    # The first line is for a service without tokens; this one has them.
    sent = line if "Authorization" in line else line.replace("curl ", f"curl -H 'X-API-Key: {token}' ")
    here = sent.replace("http://127.0.0.1:8080", served.url)
    done = subprocess.run(
        ["sh", "-c", here], cwd=tmp_path, env={"TOKEN": token, "PATH": "/usr/bin:/bin"}, capture_output=True, check=True
    )
    assert [plate["text"] for plate in json.loads(done.stdout)["plates"]] == ["GV5679"]


def test_the_page_has_lines_to_run() -> None:
    assert len(CURL) >= 3
