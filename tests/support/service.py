"""A running service, as the tests of it know it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import httpx
from sqlalchemy import text

from db.access import tokens
from db.access.scopes import Scope
from db.engine import session
from tests.support.processes import PATIENCE_S

_numbers = count()
#: Few, so that a test can fill it.
QUEUE = 4


@dataclass
class Served:
    """A running service, and whoever was given a token for it."""

    url: str
    database_url: str
    #: What it may open videos below.
    folder: Path
    env: dict[str, str]
    _tokens: dict[tuple[Scope, ...], str] = field(default_factory=dict)

    def token(self, *scopes: Scope) -> str:
        """A token with these scopes."""
        with session(self.database_url) as db:
            # Another test may have emptied the tables since.
            if scopes not in self._tokens or tokens.find(db, self._tokens[scopes]) is None:
                self._tokens[scopes] = tokens.create(db, f"{next(_numbers)} {'+'.join(scopes)}", scopes, None)
        return self._tokens[scopes]

    def last_audited(self, action: str) -> tuple[str, str]:
        """Who did it last, and what was asked."""
        with session(self.database_url) as db:
            asked = text("SELECT who, query FROM audit WHERE action = :action ORDER BY id DESC LIMIT 1")
            who, query = db.execute(asked, {"action": action}).one()
        return str(who), str(query)

    def client(self, *scopes: Scope) -> httpx.Client:
        """A client with a token of these scopes; without any, none."""
        headers = {"Authorization": f"Bearer {self.token(*scopes)}"} if scopes else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=PATIENCE_S)


#: Starts `dashplate serve` with these words besides; `ends=False` for one that the test will end.
Serve = Callable[..., Served]
