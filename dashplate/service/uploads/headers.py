"""The headers of tus 1.0.0 (https://tus.io/protocols/resumable-upload): what a client asks for, and what it is told."""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from dataclasses import dataclass
from email.utils import format_datetime
from pathlib import PurePosixPath
from typing import Any

from fastapi import Request
from sqlalchemy import RowMapping

from dashplate.service.errors import Refused
from pipeline.sources.expand import MEDIA_EXTENSIONS
from pipeline.sources.source import printable

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,expiration,termination,checksum"
ALGORITHM = "sha256"
#: Of the bytes of a file or a piece of one.
PIECE = "application/offset+octet-stream"

_NUMBER = re.compile(r"[0-9]{1,18}")
#: A key, and a value in base64 unless it is empty.
_KEY = re.compile(r"[!-+\--~]{1,100}")
_MOST_KEYS, _LONGEST_NAME = 20, 80
_SHA256_BYTES = 32
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
#: For OpenAPI: the headers that calls take. That a file's name is to have the ending of a video or photograph is more
#: than a pattern for base64 could say; `bench.service.fuzz_hooks` knows the two formats.
_FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "Tus-Resumable": ("The protocol's version.", {"const": VERSION}),
    "Upload-Length": ("Bytes of the file.", {"pattern": "^0*[1-9][0-9]*$", "maxLength": 18, "examples": ["1000000"]}),
    "Upload-Offset": ("Where the piece begins.", {"pattern": "^[0-9]{1,18}$", "examples": ["0"]}),
    "Upload-Metadata": (
        "`filename` and the file's name in base64.",
        {"format": "named-file", "examples": ["filename dHJpcC5tcDQ="]},
    ),
    "Upload-Checksum": (
        "`sha256` and the piece's digest in base64.",
        {
            "format": "sha256-digest",
            "examples": ["sha256 hNiYd/DUBB77a/kaFvAkjy/Vc+avBcGflr7bn4gveII="],
        },
    ),
}


def described(name: str) -> dict[str, Any]:
    """For OpenAPI: a header as calls take it. All but the checksum are required."""
    about, form = _FORMS[name]
    required, schema = name != "Upload-Checksum", {"type": "string", **form}
    return {"name": name, "in": "header", "required": required, "description": about, "schema": schema}


@dataclass(frozen=True, slots=True)
class Announced:
    """The file that a client wants to send."""

    #: Bytes.
    size: int
    #: As the client calls it, for people.
    filename: str
    #: What is left of that for the result store: letters, digits, `.`, `_`, `-`, and a known ending.
    stored_as: str


def method(request: Request) -> str:
    """What is asked for: `X-HTTP-Method-Override` of a POST to an upload is for clients that can send nothing else."""
    meant = request.headers.get("x-http-method-override", "").upper()
    overridden = request.method == "POST" and request.scope["path"].startswith("/v1/uploads/")
    return meant if overridden and meant in ("PATCH", "DELETE") else request.method


def check_version(request: Request) -> None:
    """Raises Refused, 412, for another version of the protocol, and where the request names none."""
    if request.headers.get("tus-resumable") != VERSION:
        sentence = f"Uploads speak tus {VERSION}: send the header `Tus-Resumable: {VERSION}`."
        raise Refused(412, sentence, {"Tus-Version": VERSION})


def announced(request: Request, most_bytes: int) -> Announced:
    """What a creation asks for. Raises Refused."""
    if "upload-defer-length" in request.headers or "upload-concat" in request.headers:
        raise Refused(400, "An upload's length is named when it is made, and it is sent as one file.")
    size = number(request, "upload-length")
    if size == 0:
        raise Refused(422, "An empty file is no video.")
    if size > most_bytes:
        raise Refused(413, f"Videos of at most {most_bytes / 1e6:,.0f} MB are taken here.")
    filename = metadata(request.headers.get("upload-metadata", "")).get("filename", "")
    return Announced(size, printable(filename), _stored_as(filename))


def number(request: Request, name: str) -> int:
    """A header that holds bytes. Raises Refused, 400."""
    value = request.headers.get(name, "")
    if not _NUMBER.fullmatch(value):
        raise Refused(400, f"`{name.title()}` is to be a whole number of bytes.")
    return int(value)


def metadata(header: str) -> dict[str, str]:
    """`Upload-Metadata`: pairs of a key and a text in base64. Raises Refused, 400."""
    pairs = [pair.strip() for pair in header.split(",") if pair.strip()]
    found: dict[str, str] = {}
    for pair in pairs:
        key, _, value = pair.partition(" ")
        try:
            text = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, ValueError):
            text = None
        if text is None or not _KEY.fullmatch(key) or key in found or len(pairs) > _MOST_KEYS:
            raise Refused(400, "`Upload-Metadata` is to hold pairs of a key and a UTF-8 text in base64: `filename …`.")
        found[key] = text
    return found


def checksum(request: Request) -> bytes | None:
    """The SHA-256 that a piece is said to have; None where nothing is said. Raises Refused, 400."""
    header = request.headers.get("upload-checksum")
    if header is None:
        return None
    algorithm, _, value = header.partition(" ")
    try:
        digest = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if algorithm != ALGORITHM or len(digest) != _SHA256_BYTES:
        raise Refused(400, f"`Upload-Checksum` is to be `{ALGORITHM}` and the digest in base64.")
    return digest


def is_piece(request: Request) -> bool:
    """Whether the request's body holds bytes of the file."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == PIECE


def announced_bytes(request: Request) -> int | None:
    """How long the body is; None where that shows only at its end."""
    value = request.headers.get("content-length", "")
    return int(value) if _NUMBER.fullmatch(value) else None


def told(row: RowMapping, offset: int) -> dict[str, str]:
    """The headers that say how far an upload is."""
    headers = {"Tus-Resumable": VERSION, "Upload-Offset": str(offset), "Cache-Control": "no-store"}
    if row["expires_at"] is not None:
        headers["Upload-Expires"] = format_datetime(row["expires_at"], usegmt=True)
    return headers


def as_metadata(filename: str) -> str:
    """`Upload-Metadata` of a file's name."""
    return f"filename {base64.b64encode(filename.encode()).decode()}"


def _stored_as(filename: str) -> str:
    """A name for the store. Raises Refused, 422, for a file that jobs do not take."""
    # Some clients send whole paths, in either kind of slash.
    name = PurePosixPath(filename.replace("\\", "/").replace("\0", "")).name
    ending = PurePosixPath(name).suffix
    # Some letters beyond ASCII have their small one in it.
    if not ending.isascii() or ending.lower() not in MEDIA_EXTENSIONS:
        known = ", ".join(sorted(one[1:] for one in MEDIA_EXTENSIONS))
        raise Refused(422, f"`Upload-Metadata` is to name a video or photograph: `filename` with an ending of {known}.")
    plain = unicodedata.normalize("NFKD", name.removesuffix(ending)).encode("ascii", "ignore").decode()
    return f"{_NOT_IN_NAMES.sub('_', plain).strip('._-')[:_LONGEST_NAME] or 'video'}{ending}"
