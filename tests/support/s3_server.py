"""An S3 server for the tests, over HTTP on this machine."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import fsspec
import pytest
from moto.server import ThreadedMotoServer


@contextmanager
def s3_server() -> Iterator[str]:
    """The endpoint of a server that runs for as long as the block does."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def bucket(endpoint: str, name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A boto3 client with an empty bucket, under the environment that an operator would set; emptied afterwards."""
    for variable, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(variable, value)
    forget_drivers()
    client = boto3.client("s3")
    client.create_bucket(Bucket=name)
    yield client
    for entry in client.list_objects_v2(Bucket=name).get("Contents", []):
        client.delete_object(Bucket=name, Key=entry["Key"])
    forget_drivers()


def forget_drivers() -> None:
    """Make s3fs look at the environment again."""
    fsspec.get_filesystem_class("s3").clear_instance_cache()
