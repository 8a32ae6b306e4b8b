"""The form of log lines, and traces that are off, cannot be had, or have nowhere to go."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from workers.telemetry import bound
from workers.telemetry.logs import JsonFormatter, TextFormatter

#: Port 9 discards; nobody listens there.
NOBODY = "http://127.0.0.1:9"
_TRY = """
import sys
from workers.telemetry import traces
{before}
with traces.span("detect", "a database", video=1, job=1) as attributes:
    pass
print([name for name in sys.modules if name.startswith("opentelemetry.sdk")][:1], traces.trace_id("a database", 1))
"""


def record(message: str, name: str = "workers.steps.probe") -> logging.LogRecord:
    return logging.LogRecord(name, logging.WARNING, "", 0, message, None, None)


def tried(before: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")} | environment
    argv = [sys.executable, "-c", _TRY.format(before=before)]
    return subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=True)


@pytest.mark.parametrize("address", ["redis://:secret@host/0", "postgresql://me:se@cret@host/x", "https://a:secret@b"])
def test_no_line_has_a_password(address: str) -> None:
    line = record(f"{address} does not answer")
    for formatter in (JsonFormatter("control"), TextFormatter(logging.Formatter())):
        shown = formatter.format(line)
        assert "cret" not in shown
        assert "does not answer" in shown


@pytest.fixture(autouse=True)
def _nothing_bound() -> None:
    """Steps that an earlier test ran in this process leave their ids, as a worker's task does until the next begins."""
    bound.begin()


def test_lines_carry_the_ids_until_the_scope_ends() -> None:
    text, machine = TextFormatter(logging.Formatter("%(message)s")), JsonFormatter("read")
    with bound.scope(job=3, video=7, segment=19, task="read", trace_id=None):
        assert text.format(record("slow\nindeed")) == "slow [job 3, video 7, segment 19]\nindeed"
        assert text.format(record("ready", "celery.worker")) == "ready"
        line = json.loads(machine.format(record("slow")))
    assert (line["job"], line["video"], line["segment"], line["task"]) == (3, 7, 19, "read")
    assert "trace_id" not in line
    assert text.format(record("slow")) == "slow"


def test_an_error_is_one_line_with_its_traceback() -> None:
    try:
        raise OSError("postgresql://me:secret@host/x is away\nfor now")
    except OSError:
        told = logging.LogRecord("celery.app.trace", logging.ERROR, "", 0, "failed", None, sys.exc_info())
    shown = JsonFormatter("read").format(told)
    assert "\n" not in shown
    exception = json.loads(shown)["exception"]
    assert exception.startswith("Traceback")
    assert exception.endswith("OSError: postgresql://me:***@host/x is away\nfor now")


def test_a_task_of_several_segments_claims_no_job() -> None:
    said = {"id": "1-2", "name": "dashplate.read"}
    line = record("received", "celery.worker.strategy")
    line.data = said | {"args": "job 3: a.mp4 segment 0, attempt 1"}
    assert json.loads(JsonFormatter("read").format(line))["job"] == 3
    line.data = said | {"args": "job 3: a.mp4 segment 0, attempt 1, and 4 more"}
    assert "job" not in json.loads(JsonFormatter("read").format(line))


def test_nothing_is_imported_while_traces_are_off() -> None:
    assert tried().stdout.strip() == "[] None"
    assert tried(OTEL_EXPORTER_OTLP_ENDPOINT=NOBODY, OTEL_SDK_DISABLED="true").stdout.strip() == "[] None"


def test_without_the_packages_a_sentence_says_what_to_do() -> None:
    done = tried("sys.modules['opentelemetry.sdk'] = None", OTEL_EXPORTER_OTLP_ENDPOINT=NOBODY)
    assert done.stdout.strip().endswith("None")
    assert done.stderr.count("install the extra with dashplate[traces]") == 1


_KNOWN_DATABASE = "import workers.telemetry.otlp as otlp; otlp.identity = lambda url: url"


def test_a_collector_that_is_away_holds_nobody_up() -> None:
    timed = "import atexit, time; atexit.register(lambda: print(time.monotonic() - traces.begun))"
    # Called last, because it is registered first: after the spans have had their time.
    done = tried(f"{_KNOWN_DATABASE}; {timed}; traces.begun = time.monotonic()", OTEL_EXPORTER_OTLP_ENDPOINT=NOBODY)
    assert float(done.stdout.split()[-1]) < 7, "the SDK alone tries for ten seconds"


def test_processes_agree_on_a_trace() -> None:
    first, second = (tried(_KNOWN_DATABASE, OTEL_EXPORTER_OTLP_ENDPOINT=NOBODY).stdout for _ in range(2))
    assert first == second
