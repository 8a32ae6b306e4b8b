"""`make test`: every suite runs to its end, whatever the others did, and the sums stand in the last line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests import run
from tests.run import Result, Suite

_GOOD = "def test_good():\n    pass\n"
_MIXED = (
    "import pytest\ndef test_good():\n    pass\ndef test_bad():\n    assert 0\n"
    "@pytest.mark.skip\ndef test_left_out():\n    pass\n@pytest.fixture\ndef broken():\n    1 / 0\n"
    "def test_of_it(broken):\n    pass\n"
)


def suite(folder: Path, name: str, source: str) -> Suite:
    file = folder / f"test_{name}.py"
    file.write_text(source)
    words = (sys.executable, "-m", "pytest", "-c", "/dev/null", "--rootdir", str(folder), "-p", "no:cacheprovider")
    return Suite(name, (*words, str(file)), counts_tests=True)


def code(name: str, source: str) -> Suite:
    return Suite(name, (sys.executable, "-c", source))


def test_every_suite_runs_and_is_counted(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    suites = [
        suite(tmp_path, "mixed", _MIXED),
        suite(tmp_path, "crashing", "import os\ndef test_it():\n    os._exit(7)\n"),
        code("well", "print('all is well')"),
        code("unwell", "raise SystemExit(3)"),
        suite(tmp_path, "good", _GOOD),
    ]
    results = run.run(suites)
    run.show(results)
    counts = {one.name: (one.passed, one.failed, one.skipped) for one in results}
    assert counts == {
        "mixed": (1, 2, 1), "crashing": (0, 1, 0), "well": (1, 0, 0), "unwell": (0, 1, 0), "good": (1, 0, 0),
    }  # fmt: skip
    said = capfd.readouterr().out
    assert "all is well" in said
    assert said.splitlines()[-1] == "3 passed, 4 failed, 1 skipped"


def test_a_suite_that_hangs_is_ended_and_has_failed(capfd: pytest.CaptureFixture[str]) -> None:
    hangs = code("hangs", "import time; print('begun', flush=True); time.sleep(3600)")
    (result,) = run.run([hangs], limit_s=3.0)
    assert (result.passed, result.failed) == (0, 1)
    assert "hangs was ended" in capfd.readouterr().out


@pytest.mark.parametrize(("failed", "status"), [(0, 0), (1, 1)])
def test_the_exit_status_says_whether_anything_failed(
    monkeypatch: pytest.MonkeyPatch, failed: int, status: int
) -> None:
    monkeypatch.setattr(run, "run", lambda suites: [Result("unit", 3, 0, 0, 1.0), Result("browser", 0, failed, 0, 1.0)])
    assert run.main([]) == status


def test_an_unknown_suite_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["unti"]) == 2
    assert "There is no suite unti" in capsys.readouterr().out
