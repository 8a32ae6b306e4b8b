"""What a caller of the service may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What a token allows."""

    #: Have photographs read.
    READ = "read"
    #: Submit and upload videos, follow and steer jobs.
    SUBMIT = "submit"
    #: Ask for plates, sightings, pictures, exports.
    SEARCH = "search"
    #: Say what a sighting shows, beside what it was read as.
    CORRECT = "correct"
    #: All of these, and tokens, audit, deletion.
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls."""

    #: None for a caller without a token, where the operator lets such in.
    token_id: int | None
    name: str
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes or Scope.ADMIN in self.scopes
