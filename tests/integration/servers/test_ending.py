"""Signals that ask a command to end: it takes down what it brought up. And what stands in the way of `dashplate up`."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.standin import Drive
from dashplate.stack import running, stop
from dashplate.stack.server import free_port
from tests.support.processes import PATIENCE_S, processes_on, wait_until


@contextmanager
def started(data: Path, *words: object) -> Iterator[subprocess.Popen[str]]:
    """A command on a data folder of its own, with stand-ins for the models."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DASHPLATE_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "dashplate", *map(str, words), "--data", str(data)],
        env=environment | {"DASHPLATE_WORK": "bench.standin:StandIn"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
        stop(data)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("command", ["run", "up"])
def test_a_command_that_is_asked_to_end_leaves_nothing(tmp_path: Path, command: str, signum: signal.Signals) -> None:
    data, drive = tmp_path / "data", tmp_path / "drive.mp4"
    Drive(segments=400, look_s=0.3).write(drive)
    words = (drive,) if command == "run" else ("--flower-port", 0, "--port", 0)
    with started(data, command, *words) as process:
        alive = data / "run" / "health" / "detect"
        wait_until("the workers", lambda: process.poll() is not None or alive.exists())
        assert process.poll() is None, process.communicate()
        process.send_signal(signum)
        # A closing terminal and a supervisor may both ask.
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=PATIENCE_S)
        assert process.returncode in (128 + signum, 128 + signal.SIGTERM)
        assert "Traceback" not in said
        assert running(data) is None
        wait_until("the last process to go", lambda: not processes_on(data), 20.0)


@pytest.mark.parametrize(("option", "other_option"), [("--flower-port", "--port"), ("--port", "--flower-port")])
def test_a_port_that_is_taken_is_told_before_anything_starts(tmp_path: Path, option: str, other_option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with started(tmp_path / "data", "up", option, port, other_option, 0) as process:
            out, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2
    assert f"port {port}" in said
    assert f"{option} 0" in said
    assert out == ""
    assert not (tmp_path / "data").exists()


def test_one_port_for_two_is_told_before_anything_starts(tmp_path: Path) -> None:
    port = free_port()
    with started(tmp_path / "data", "up", "--flower-port", port, "--port", port) as process:
        _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2
    assert f"cannot share port {port}" in said
    assert not (tmp_path / "data").exists()
