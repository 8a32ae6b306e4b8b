"""Watch lists: their entries by label, and what changes them."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query, Request
from fastapi.responses import Response
from sqlalchemy import RowMapping

from dashplate.service.access import note, require, url_of
from dashplate.watch_files import COLUMNS
from dashplate.web.page import is_part, pages_for, render
from db.access.scopes import Principal, Scope
from db.engine import session
from db.findings.typed import typed
from db.web.telling import watch_lists
from db.web.telling.watch_lists import Behind
from pipeline.formats.confusions import folded

router = pages_for(Scope.SEARCH)
AT_ONCE = 50
#: Offered to choose from; each is a colour that browsers know, and told from the others in light and dark.
COLOURS = ("red", "orange", "gold", "green", "teal", "blue", "purple", "gray")
#: Between the parts of an entry's place in a list, as none of them can hold it.
_BREAK = "\n"
Text = Annotated[str, Query(max_length=100)]


@router.get("/watch-lists")
def show(
    request: Request,
    caller: Annotated[Principal, require(Scope.SEARCH)],
    label: Annotated[str, Query(max_length=60)] = "",
    find: Text = "",
    ended: bool = False,
    add: Text = "",
    behind: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """The page, or for htmx the entries behind those that are shown. `add` begins a new entry with that plate."""
    label, find = label.replace("\0", ""), find.replace("\0", "")
    after = _place(behind)
    # What is no part of a plate is sought in notes alone.
    key = folded(typed(find)) or "\n"
    with session(url_of(request)) as db:
        rows = watch_lists.entries(
            db, label=label or None, key=key if find else None, words=find.lower(), ended=ended, behind=after,
            most=AT_ONCE,
        )  # fmt: skip
        note(db, request, caller, "watchlist", f"list {label or 'all'}", len(rows))
        more = _address(label, find, ended, _of(rows[-1])) if len(rows) == AT_ONCE else None
        shown: dict[str, Any] = {
            "rows": rows,
            "more": more,
            "above": after.label if after else None,
            "most": watch_lists.MOST,
        }
        if is_part(request):
            return render(request, caller, "watch_lists/rows.html", **shown)
        return render(
            request, caller, "watch_lists/page.html", labels=watch_lists.labels(db), label=label, find=find,
            ended=ended, add=add, colours=COLOURS, columns=COLUMNS, address=_address, **shown,
        )  # fmt: skip


def _address(label: str, find: str, ended: bool, behind: str = "") -> str:
    given = {"label": label, "find": find, "ended": "true" if ended else "", "behind": behind}
    query = urlencode({name: value for name, value in given.items() if value})
    return f"/watch-lists?{query}" if query else "/watch-lists"


def _of(row: RowMapping) -> str:
    return _BREAK.join((row["label"], row["kind"], row["key"]))


def _place(behind: str) -> Behind | None:
    parts = behind.replace("\0", "").split(_BREAK)
    return Behind(*parts) if len(parts) == 3 else None
