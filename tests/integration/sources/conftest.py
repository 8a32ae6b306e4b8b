"""Files that lie elsewhere: an S3 server, a web server, and a clip to put there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tenacity import wait_none

from pipeline.retry_policy import SOURCE
from tests.support.media_files import tidy
from tests.support.s3_server import bucket, s3_server
from tests.support.web_server import WebServer, web_server


@pytest.fixture(scope="module")
def storage() -> Iterator[str]:
    with s3_server() as endpoint:
        yield endpoint


@pytest.fixture
def s3(storage: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with bucket(storage, "cards", monkeypatch) as client:
        yield client


@pytest.fixture
def site() -> Iterator[WebServer]:
    with web_server() as server:
        yield server


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tidy(tmp_path_factory.mktemp("clips"))


@pytest.fixture(autouse=True)
def no_source_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server in trouble is asked again at once."""
    monkeypatch.setattr("pipeline.retry_policy.SOURCE", SOURCE.copy(wait=wait_none()))
