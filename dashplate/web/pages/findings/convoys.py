"""Convoys: plates that keep turning up near one's own vehicles, over drives and days."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from dashplate.service.access import note, require, url_of
from dashplate.web.asked import Filled, Number, Tick
from dashplate.web.page import pages_for, render
from db.access.scopes import Principal, Scope
from db.engine import session
from db.web import job_names
from db.web.findings import plates
from db.web.where.convoys import convoys_in_time
from pipeline.errors import UsageError
from pipeline.formats.confusions import folded

router = pages_for(Scope.SEARCH)
#: Plates of the list, and seconds that looking for them may take.
MOST, _MOST_S = 60, 10.0


class Asked(BaseModel, extra="ignore"):
    """What counts as turning up again and again."""

    days: Filled[Annotated[int, Field(ge=1, le=36_500)]] = 30
    #: Of all drives, however long ago.
    always: Tick = False
    drives: Filled[Annotated[int, Field(ge=2, le=10_000)]] = 3
    seen: Filled[Annotated[int, Field(ge=1, le=10_000)]] = 2
    apart_km: Filled[Annotated[float, Field(ge=0, le=20_000)]] = None
    job: Number = None

    def question(self) -> dict[str, Any]:
        """As the function `convoys` takes it."""
        return {
            "days": None if self.always else self.days,
            "least_drives": self.drives or 3,
            "least_days": self.seen or 2,
            "least_apart_m": 1000 * (self.apart_km or 0),
            "job": self.job,
        }


@router.get("/convoys")
def show(
    request: Request, caller: Annotated[Principal, require(Scope.SEARCH)], asked: Annotated[Asked, Query()]
) -> Response:
    """The page."""
    question, wrong = asked.question(), None
    with session(url_of(request)) as db:
        try:
            rows = convoys_in_time(db, _MOST_S, **question, most=MOST)
        except UsageError as error:
            rows, wrong = [], str(error)
        newest = plates.newest(db, [folded(row["plate"]) for row in rows])
        named = job_names.names(db, asked.job)
        note(db, request, caller, "convoys", _on_record(question), len(rows))
    return render(
        request, caller, "convoys/page.html", rows=rows,
        pictures={row["plate"]: newest.get(folded(row["plate"])) for row in rows},
        asked=asked, question=question, jobs=named,
        wrong=wrong, most=MOST, sql=_sql(question),
    )  # fmt: skip


def _sql(question: dict[str, Any]) -> str:
    """The same question for whoever goes on in SQL."""
    asked = {"of_job" if name == "job" else name: value for name, value in question.items() if value}
    told = ", ".join(f"{name} => {value}" for name, value in asked.items())
    return f"SELECT * FROM convoys({told});"


def _on_record(question: dict[str, Any]) -> str:
    return f"{question['days'] or 'all'} days" + (f" job {question['job']}" if question["job"] else "")
