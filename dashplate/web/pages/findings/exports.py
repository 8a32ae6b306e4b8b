"""What can be taken out as files: rows, labelled pictures, evidence; the calls of `/v1` send them."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import Response

from dashplate.export import Form, Rows
from dashplate.service.access import require, url_of
from dashplate.service.errors import Refused
from dashplate.service.files.evidence import MOST_SIGHTINGS
from dashplate.web.page import pages_for, render
from db.access.scopes import Principal, Scope
from db.engine import session
from db.web.findings import exports

router = pages_for(Scope.SEARCH)
Searcher = Annotated[Principal, require(Scope.SEARCH)]
_IS_NUMBER = Query(ge=1, le=2**63 - 1)


@router.get("/exports")
def show(
    request: Request, caller: Searcher, job: Annotated[int | None, _IS_NUMBER] = None, plate: str = ""
) -> Response:
    """What of which job, in which format; and evidence of plates."""
    with session(url_of(request)) as db:
        offered = exports.jobs(db, job)
    if job is not None and all(row["job"] != job for row in offered):
        raise Refused(404, f"There is no job {job}.")
    return render(
        request, caller, "exports/page.html", jobs=offered, chosen=job or (offered[0]["job"] if offered else None),
        forms=[form for form in Form if not form.is_labelled and not form.is_map],
        maps=[form for form in Form if form.is_map], labelled=[form for form in Form if form.is_labelled],
        rows=list(Rows), plate=plate[:200], most=MOST_SIGHTINGS,
        more=len(offered) >= exports.MOST_JOBS,
    )  # fmt: skip


@router.get("/exports/about")
def about(request: Request, caller: Searcher, job: Annotated[int, _IS_NUMBER]) -> Response:
    """How much is in a job."""
    with session(url_of(request)) as db:
        found = exports.about(db, job)
    if found is None:
        raise Refused(404, f"There is no job {job}.")
    return render(request, caller, "exports/about.html", about=found, most=exports.MOST_COUNTED)
