"""Processes that Dashplate starts take no module out of the folder that a user happens to call it in."""

from __future__ import annotations

import subprocess
from pathlib import Path

from dashplate.bring_up import flower_command, service_command, worker_commands
from workers.settings import settings


def test_what_lies_in_the_working_folder_is_not_imported(tmp_path: Path) -> None:
    for name in ("typer", "uvicorn", "celery"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('taken from the working folder')\n")
    commands = [*worker_commands(settings()), flower_command(settings(), 1), service_command(settings(), 1)]
    (program,) = {command.argv[:4] for command in commands}
    done = subprocess.run([*program, "--help"], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, "taken" in done.stderr) == (0, False), done.stderr
