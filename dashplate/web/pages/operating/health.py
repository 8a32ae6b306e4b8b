"""How everything is: asked every five seconds, answered within two, whatever is away."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import FastAPI, Request
from fastapi.responses import Response

from dashplate.service.access import require
from dashplate.stack import mask_url
from dashplate.web.health.asked import Questions
from dashplate.web.health.judged import State, looks
from dashplate.web.page import pages_for, render
from db.access.scopes import Principal, Scope
from workers.settings import Settings

router = pages_for(Scope.ADMIN)
Operator = Annotated[Principal, require(Scope.ADMIN)]


@router.get("/health")
async def show(request: Request, caller: Operator) -> Response:
    """The page; the looks come by themselves."""
    return render(request, caller, "health/page.html")


@router.get("/health/looks")
async def looked(request: Request, caller: Operator) -> Response:
    """Everything that was looked at, now."""
    settings: Settings = request.app.state.settings
    reader = request.app.state.reader
    answers = await _questions(request.app).answers()
    store = settings.store if "://" not in settings.store else mask_url(settings.store)
    found = looks(answers, store, (reader.waiting, reader.longest_queue))
    return render(
        request, caller, "health/looks.html", looks=found, now=dt.datetime.now(dt.UTC),
        wrong=[one for one in found if one.state is not State.GOOD],
        bad=any(one.state is State.BAD for one in found),
    )  # fmt: skip


def _questions(app: FastAPI) -> Questions:
    if not hasattr(app.state, "questions"):
        app.state.questions = Questions(app.state.settings)
    questions: Questions = app.state.questions
    return questions
