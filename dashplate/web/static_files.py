"""Scripts, styles and libraries of the pages, out of memory, under an address that changes with them."""

from __future__ import annotations

import hashlib
import mimetypes
from pathlib import Path

from fastapi import APIRouter, Response

from dashplate.service.errors import Refused

router = APIRouter(tags=["open"], include_in_schema=False)
_FOLDER = Path(__file__).parent / "static"
_KINDS = frozenset({".css", ".js", ".svg", ".png", ".bin"})
_FILES = {
    path.relative_to(_FOLDER).as_posix(): path.read_bytes()
    for path in sorted(_FOLDER.rglob("*"))
    if path.suffix in _KINDS
}
#: Changes with any of them, so that browsers may keep them for ever.
_VERSION = hashlib.sha256(b"".join(_FILES.values())).hexdigest()[:12]


def static(name: str) -> str:
    """The address of a file in `static/`. Raises KeyError where there is none."""
    if name not in _FILES:
        raise KeyError(name)
    return f"/static/{_VERSION}/{name}"


@router.get("/static/{version}/{name:path}")
async def send(version: str, name: str) -> Response:
    """One of the files."""
    if name not in _FILES:
        raise Refused(404, "There is no such file.")
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Response(_FILES[name], media_type=kind, headers={"Cache-Control": "public, max-age=31536000, immutable"})
