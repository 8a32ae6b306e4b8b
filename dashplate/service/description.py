"""The OpenAPI description: what FastAPI makes of the calls, how they lead to each other, and what all may answer."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from dashplate.service.errors import Problem

#: Where a call's answer holds the number that other calls take in their path.
_NUMBERS = {
    "submit": ("job", "$response.body#/job"),
    "list_jobs": ("job", "$response.body#/items/0/job"),
    "list_videos": ("video", "$response.body#/items/0/id"),
    "list_sightings": ("sighting", "$response.body#/items/0/id"),
}


def described(app: FastAPI) -> dict[str, Any]:
    """The description, with a link from each answer that holds a number to every call that takes it."""
    told = app.openapi()
    told["components"]["schemas"].setdefault("Problem", Problem.model_json_schema())
    calls = {call["operationId"]: call for item in told["paths"].values() for call in item.values()}
    for name, (parameter, where) in _NUMBERS.items():
        success = next(answer for status, answer in calls[name]["responses"].items() if status.startswith("2"))
        success["links"] = {
            other: {"operationId": other, "parameters": {parameter: where}}
            for other, call in calls.items()
            if [one["name"] for one in call.get("parameters", []) if one["in"] == "path"] == [parameter]
        }
    return told
