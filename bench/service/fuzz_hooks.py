"""What schemathesis is told besides the description: values that this service alone knows, and one check more.

It loads this module by its name, in a process of its own.
"""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import strategies

from bench.service.fuzz import CALLS, GIVEN
from dashplate.service.telling.watch_lists import CSV
from dashplate.service.uploads.headers import PIECE
from pipeline.sources.expand import MEDIA_EXTENSIONS

#: The two calls whose clients expect errors of another form.
_OTHER_ERRORS = ("/v1/vision/alpr", "/v1/image/alpr")

_given = json.loads(os.environ[GIVEN])
_picture = Path(_given["picture"]).read_bytes()
schemathesis.openapi.format("path-or-address", strategies.sampled_from(_given["sources"]))
# Nobody is told there: nothing sends.
_receivers = ("https://example.org/hooks", "http://example.org/", "https://example.org/${DASHPLATE_TELL_PATH}")
schemathesis.openapi.format("receiver", strategies.sampled_from(_receivers))
schemathesis.openapi.format("uri", strategies.just(_given["picture_url"]))
schemathesis.openapi.media_type("image/png", strategies.just(_picture))
schemathesis.openapi.media_type(PIECE, strategies.binary(max_size=64))
_entries = (b"plate,label\nKA05MH1234,fuzz\n", b"plate,like,label,colour,note,expires\nBB71ADU,yes,fuzz,red,why,30d\n")
schemathesis.openapi.media_type(CSV, strategies.sampled_from(_entries))
_calls = Path(os.environ[CALLS])


def _named(stem: str, ending: str) -> str:
    return f"filename {base64.b64encode(f'{stem}{ending}'.encode()).decode()}"


#: What is before a slash is no part of a name, and of a name that is an ending alone nobody knows the ending.
_stems = strategies.text(strategies.characters(codec="utf-8", exclude_characters="/\\\0"), min_size=1, max_size=30)
_endings = strategies.sampled_from(sorted(MEDIA_EXTENSIONS))
schemathesis.openapi.format("named-file", strategies.builds(_named, _stems, _endings))
schemathesis.openapi.format("sha256-digest", strategies.from_regex(r"\Asha256 [A-Za-z0-9+/]{43}=\Z"))


@schemathesis.serializer(PIECE, CSV)
def piece(ctx: Any, value: Any) -> bytes:
    """The body of a call that sends bytes of an upload, or a file of entries."""
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")


@schemathesis.hook
def before_load_schema(context: Any, raw_schema: dict[str, Any]) -> None:
    """Examples of what is here: the description's own name videos that are not, and every example is called."""
    raw_schema["components"]["schemas"]["Submitted"]["properties"]["sources"]["examples"] = [_given["sources"]]
    for parameter in raw_schema["paths"]["/v1/sightings/{sighting}/clip"]["get"]["parameters"]:
        if parameter["name"] == "sighting":
            parameter["example"] = _given["sighting"]
    # Few calls would meet one by chance.
    raw_schema["paths"]["/v1/jobs/{job}/resume"]["post"]["parameters"][0]["example"] = _given["paused"]
    for call in raw_schema["paths"]["/v1/videos/{video}/annotated"].values():
        call["parameters"][0]["example"] = _given["video"]
    for path in ("/v1/videos/{video}/clip", "/v1/videos/{video}/file"):
        for parameter in raw_schema["paths"][path]["get"]["parameters"]:
            if parameter["name"] in (known := {"video": _given["video"], "from": 0, "to": 2}):
                parameter["example"] = known[parameter["name"]]
    for parameter in raw_schema["paths"]["/v1/evidence"]["get"]["parameters"]:
        if parameter["name"] == "sighting":
            parameter["example"] = [_given["sighting"]]


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Numbers that links put into headers are sent as texts."""
    for name, value in list((case.headers or {}).items()):
        if isinstance(value, int):
            case.headers[name] = str(value)


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    with _calls.open("a", encoding="utf-8") as file:
        file.write(f"{case.method} {case.operation.path} {response.status_code}\n")


@schemathesis.check
def problem_document(ctx: Any, response: Any, case: Any) -> None:
    """Whatever is refused is told as a problem, also where the description knows no such call."""
    if response.status_code >= 400 and case.operation.path not in _OTHER_ERRORS:
        assert response.headers["content-type"] == ["application/problem+json"], response.headers["content-type"]
        if case.method == "HEAD":
            return
        told = response.json()
        assert told["status"] == response.status_code
        assert len(told["detail"]) > 10
