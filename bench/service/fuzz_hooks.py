"""What schemathesis is told besides the description: values that this service alone knows, and one check more.

It loads this module by its name, in a process of its own.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import strategies

from bench.service.fuzz import CALLS, GIVEN

#: The two calls whose clients expect errors of another form.
_OTHER_ERRORS = ("/v1/vision/alpr", "/v1/image/alpr")

_given = json.loads(os.environ[GIVEN])
_picture = Path(_given["picture"]).read_bytes()
schemathesis.openapi.format("path-or-address", strategies.sampled_from(_given["sources"]))
schemathesis.openapi.format("uri", strategies.just(_given["picture_url"]))
schemathesis.openapi.media_type("image/png", strategies.just(_picture))
_calls = Path(os.environ[CALLS])


@schemathesis.hook
def before_load_schema(context: Any, raw_schema: dict[str, Any]) -> None:
    """The description's example names videos that are not here; every example is called."""
    raw_schema["components"]["schemas"]["Submitted"]["properties"]["sources"]["examples"] = [_given["sources"]]


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    with _calls.open("a", encoding="utf-8") as file:
        file.write(f"{case.method} {case.operation.path} {response.status_code}\n")


@schemathesis.check
def problem_document(ctx: Any, response: Any, case: Any) -> None:
    """Whatever is refused is told as a problem, also where the description knows no such call."""
    if response.status_code >= 400 and case.operation.path not in _OTHER_ERRORS:
        assert response.headers["content-type"] == ["application/problem+json"], response.headers["content-type"]
        told = response.json()
        assert told["status"] == response.status_code
        assert len(told["detail"]) > 10
