"""Dashplate talks to nobody: the network is cut, everything works, and nothing so much as tries to call out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.command_line.in_process import run_here
from tests.support.command_line.job_result import JobResult
from tests.support.command_line.program import ROOT, Command

#: Detection and reading in one process: the whole road, as a program that imports Dashplate walks it.
ROAD = """
import sys
from pathlib import Path
from pipeline.detection.segment import DetectOptions
from pipeline.run import ModelConfig, run
result = run(Path(sys.argv[1]), ModelConfig(cache_dir=Path(sys.argv[2])), options=DetectOptions(sample_fps=5))
print([sighting.text for sighting in result.sightings if sighting.confirmed])
"""
CALLER = """
import urllib.request
try:
    urllib.request.urlopen("http://192.0.2.1/", timeout=1)
except OSError as error:
    print(error)
"""


def python(code: str, *arguments: object, env: dict[str, str]) -> str:
    command = [sys.executable, "-c", code, *(str(a) for a in arguments)]
    return subprocess.run(command, env=env, cwd=ROOT, check=True, capture_output=True, text=True, timeout=600).stdout


def unshared() -> tuple[str, ...]:
    """A command that runs another without any network, where the kernel lets us; the guard is there in any case."""
    for command in (("unshare", "-rn"), ("unshare", "-n")):
        try:
            if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
                return command
        except OSError:
            return ()
    return ()


def attempts(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


def test_the_guard_sees_a_call(guarded: dict[str, str], tmp_path: Path) -> None:
    noted = tmp_path / "calls.txt"
    said = python(CALLER, env=guarded | {"NETWORK_GUARD_FILE": str(noted)})
    assert "the network is cut" in said
    assert "192.0.2.1" in attempts(noted)


def test_the_guard_sees_a_call_of_a_command_in_this_process(guarded: dict[str, str], tmp_path: Path) -> None:
    noted = tmp_path / "calls.txt"
    env = guarded | {"NETWORK_GUARD_FILE": str(noted), "DASHPLATE_REDIS_URL": "redis://192.0.2.1:6379/0"}
    assert run_here(("health", "redis"), env, tmp_path).code == 5
    assert "192.0.2.1" in attempts(noted)


def test_a_photograph_is_read_without_a_network(dashplate: Command, shared_data: Path, calls_file: Path) -> None:
    finished = dashplate("read", shared_data / "hongkong/GV5679.png", "--json", before=unshared())
    assert finished.code == 0, finished.err
    assert [plate["text"] for line in finished.lines for plate in line["plates"]] == ["GV5679"]
    assert attempts(calls_file) == ""


def test_a_video_is_read_in_one_process_without_a_network(
    guarded: dict[str, str], shared_data: Path, data_dir: Path, calls_file: Path
) -> None:
    said = python(ROAD, shared_data / "video/road_gb.mp4", data_dir / "cache", env=guarded)
    assert "LS15EBC" in said
    assert attempts(calls_file) == ""


def test_servers_and_workers_call_nobody(the_job: JobResult, calls_file: Path) -> None:
    """The job ran under the guard, with its servers, its workers and their children."""
    assert the_job.rows
    assert attempts(calls_file) == ""
