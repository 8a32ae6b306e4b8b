"""The OpenAPI description: what FastAPI makes of the calls, how they lead to each other, and what all may answer."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from dashplate.service.errors import Problem

#: Where a call's answer holds what other calls take: the numbers in their paths, and where an upload goes on.
_TAKEN = {
    "submit": {"job": "$response.body#/job"},
    "list_jobs": {"job": "$response.body#/items/0/job"},
    "list_videos": {"video": "$response.body#/items/0/id"},
    "list_sightings": {"sighting": "$response.body#/items/0/id"},
    "correct": {"sighting": "$response.body#/id"},
    "find": {"sighting": "$response.body#/items/0/id"},
    "watch": {"entry": "$response.body#/id"},
    "list_entries": {"entry": "$response.body#/items/0/id"},
    "list_hits": {"entry": "$response.body#/items/0/entry"},
    "add_endpoint": {"name": "$response.body#/name"},
    "list_endpoints": {"name": "$response.body#/0/name"},
    "list_deliveries": {"delivery": "$response.body#/items/0/id"},
    "list_uploads": {"upload": "$response.body#/items/0/id", "Upload-Offset": "$response.body#/items/0/offset"},
}


def described(app: FastAPI) -> dict[str, Any]:
    """The description, with a link from each answer that holds a number to every call that takes it."""
    told = app.openapi()
    told["components"]["schemas"].setdefault("Problem", Problem.model_json_schema())
    calls = {call["operationId"]: call for item in told["paths"].values() for call in item.values()}
    for name, where in _TAKEN.items():
        success = next(answer for status, answer in calls[name]["responses"].items() if status.startswith("2"))
        success["links"] = {
            other: {"operationId": other, "parameters": {one: where[one] for one in where if one in _names(call)}}
            for other, call in calls.items()
            if (in_path := _names(call, "path")) and in_path <= where.keys()
        }
    return told


def _names(call: dict[str, Any], place: str | None = None) -> set[str]:
    return {one["name"] for one in call.get("parameters", []) if place in (None, one["in"])}
