"""What stands at the top of every page: the places that a person may go to."""

from __future__ import annotations

from dataclasses import dataclass

from dashplate.web.texts import t
from db.access.scopes import Principal, Scope


@dataclass(frozen=True, slots=True)
class Place:
    """A page that the navigation leads to. Its name is the text `navigation.KEY`."""

    key: str
    address: str
    #: None where it is everybody's.
    scope: Scope | None
    #: Among the few that always stand there; the others are behind "More".
    first: bool = False


#: In their order. A page is added here once it is there.
PLACES = (
    Place("home", "/", None, first=True),
    Place("submit", "/submit", Scope.SUBMIT, first=True),
    Place("jobs", "/jobs", Scope.SUBMIT, first=True),
    Place("sightings", "/sightings", Scope.SEARCH, first=True),
    Place("map", "/map", Scope.SEARCH, first=True),
    Place("plates", "/plates", Scope.SEARCH, first=True),
    Place("review", "/review", Scope.CORRECT, first=True),
    Place("hits", "/hits", Scope.SEARCH, first=True),
    Place("drives", "/drives", Scope.SEARCH),
    Place("convoys", "/convoys", Scope.SEARCH),
    Place("watch_lists", "/watch-lists", Scope.SEARCH),
    Place("endpoints", "/endpoints", Scope.ADMIN),
    Place("exports", "/exports", Scope.SEARCH),
    Place("health", "/health", Scope.ADMIN),
    Place("audit", "/audit", Scope.ADMIN),
    Place("tokens", "/tokens", Scope.ADMIN),
    Place("settings", "/settings", Scope.ADMIN),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A place as it is shown."""

    name: str
    address: str
    first: bool
    #: The page that is shown belongs to it.
    current: bool


def entries(caller: Principal, path: str) -> list[Entry]:
    """The places that the caller may go to, from the page at `path`."""
    return [
        Entry(t(f"navigation.{place.key}"), place.address, place.first, _holds(place.address, path))
        for place in PLACES
        if place.scope is None or caller.may(place.scope)
    ]


def _holds(address: str, path: str) -> bool:
    return path == address or (address != "/" and path.startswith(f"{address}/"))
