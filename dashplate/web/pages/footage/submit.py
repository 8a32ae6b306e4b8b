"""Submitting videos: files from the reader's own machine, or paths and addresses; what that costs, before it is done.

Files are sent to `/v1/uploads` and the job to `/v1/jobs` by the page's script.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Form, Query, Request, Response

from dashplate.service.access import require, url_of
from dashplate.service.jobs import named, turn
from dashplate.service.uploads.documents import UploadTold
from dashplate.service.uploads.keeper import Keeper
from dashplate.web.page import pages_for, render
from dashplate.web.texts import t, texts
from db.access.scopes import Principal, Scope
from db.engine import session
from db.findings import queries
from db.findings.queries import Experience
from db.jobs import uploads
from db.states import Priority
from db.web.footage import submit
from pipeline.alerts import Alerts
from pipeline.errors import DashplateError
from pipeline.formats import country_names
from pipeline.sources.expand import MEDIA_EXTENSIONS, PHOTO_EXTENSIONS, VIDEO_EXTENSIONS
from pipeline.sources.source import size_of

router = pages_for(Scope.SUBMIT)
Caller = Annotated[Principal, require(Scope.SUBMIT)]
Count = Annotated[int, Form(ge=0, le=2**63 - 1)]
#: Uploads that wait for a job, shown at most.
_WAITING = 200
#: What begins the keys of the texts that the script says.
_SCRIPT = "submit.script."


@router.get("/submit")
def show(request: Request, caller: Caller, sources: Annotated[str, Query(max_length=20_000)] = "") -> Response:
    """The form; with what was uploaded before and is in no job yet."""
    words = {key.removeprefix(_SCRIPT): t(f"submit.script.{key.removeprefix(_SCRIPT)}") for key in _script_texts()}
    return render(
        request, caller, "submit/page.html", words=words, endings=sorted(MEDIA_EXTENSIONS),
        videos=sorted(VIDEO_EXTENSIONS), waiting=_waiting(request, caller), countries=country_names(),
        priorities=list(reversed(Priority)), alerts=list(Alerts), sources=sources,
        hashes=request.app.state.settings.plate_key is not None,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Footage:
    """What is about to be submitted, as far as it is known."""

    files: int
    size_bytes: int
    #: Of videos alone.
    video_bytes: int
    #: Files whose size is not known without asking for each.
    unsized: int
    #: Seconds of footage; None where no video could be read for it.
    footage_s: float | None


@router.post("/submit/expected")
def expected(
    request: Request,
    caller: Caller,
    files: Count = 0,
    size_bytes: Count = 0,
    video_bytes: Count = 0,
    sampled_bytes: Count = 0,
    sampled_s: Annotated[float, Form(ge=0, le=1e9)] = 0.0,
    keeps: Annotated[bool, Form()] = True,
    sources: Annotated[str, Form(max_length=200_000)] = "",
) -> Response:
    """What it would cost: of the reader's files as the browser says, of paths and addresses as they are found here."""
    lines = [line.strip() for line in sources.splitlines() if line.strip()]
    wrong = None
    mine = Footage(files, size_bytes, video_bytes, 0, None)
    there = Footage(0, 0, 0, 0, None)
    if lines:
        try:
            there = _found(request, lines)
        except DashplateError as error:
            wrong = str(error)
    sampled = sampled_s / sampled_bytes if sampled_bytes and sampled_s else None
    with session(url_of(request)) as db:
        learned = queries.experience(db)
        both = _together(mine, there, sampled or submit.seconds_per_byte(db))
    return render(
        request, caller, "submit/expected.html", all=both, learned=learned, wrong=wrong,
        takes_s=both.footage_s / learned.pace if both.footage_s and learned else None,
        stores=_stored_bytes(both, learned), sampled=sampled is not None, keeps=keeps,
    )  # fmt: skip


def _found(request: Request, lines: Sequence[str]) -> Footage:
    """What lies below these paths and addresses, without opening any of it. Raises DashplateError."""
    with turn():
        sizes = [(source, size_of(source)) for source in named(request, lines)]
    videos = [(size or 0) for source, size in sizes if source.suffix.lower() not in PHOTO_EXTENSIONS]
    every = [size for _, size in sizes]
    return Footage(len(every), sum(size or 0 for size in every), sum(videos), every.count(None), None)


def _together(mine: Footage, there: Footage, seconds_per_byte: float | None) -> Footage:
    video_bytes = mine.video_bytes + there.video_bytes
    return Footage(
        mine.files + there.files, mine.size_bytes + there.size_bytes, video_bytes, there.unsized,
        None if seconds_per_byte is None else seconds_per_byte * video_bytes,
    )  # fmt: skip


def _stored_bytes(footage: Footage, learned: Experience | None) -> float | None:
    if not footage.footage_s or learned is None or not learned.bytes_per_s:
        return None
    return learned.bytes_per_s * footage.footage_s


def _waiting(request: Request, caller: Principal) -> list[UploadTold]:
    """The caller's uploads that are in no job yet, the newest first."""
    keeper: Keeper = request.app.state.keeper
    with session(url_of(request)) as db:
        rows = uploads.page(db, caller.token_id, None, _WAITING)
    return [UploadTold.of(row, keeper.offset(row)) for row in rows if row["job"] is None and not row["expired"]]


def _script_texts() -> list[str]:
    return [key for key in texts() if key.startswith(_SCRIPT)]
