"""Tokens: what they open, when they end, and that no table holds one."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from db.access import tokens
from db.access.scopes import Scope
from db.engine import session
from pipeline.errors import UsageError
from tests.support.database import run_sql


def made(url: str, name: str = "ann", scopes: tuple[Scope, ...] = (Scope.READ,), lifetime_s: int | None = None) -> str:
    with session(url) as db:
        return tokens.create(db, name, scopes, lifetime_s)


def found(url: str, token: str) -> tokens.Principal | None:
    with session(url) as db:
        return tokens.find(db, token)


def test_a_token_tells_who_has_it_and_what_it_opens(database_url: str) -> None:
    who = found(database_url, made(database_url, scopes=(Scope.READ, Scope.SEARCH)))
    assert who is not None
    assert (who.name, who.scopes) == ("ann", {Scope.READ, Scope.SEARCH})
    assert who.may(Scope.SEARCH)
    assert not who.may(Scope.SUBMIT)
    boss = found(database_url, made(database_url, "boss", (Scope.ADMIN,)))
    assert boss is not None
    assert all(boss.may(scope) for scope in Scope)


@pytest.mark.parametrize(("cut", "more"), [(-1, ""), (0, ""), (-1, "!"), (None, "\n"), (16, ""), (3, "\0")])
def test_nothing_that_is_almost_a_token_is_one(database_url: str, cut: int | None, more: str) -> None:
    token = made(database_url)
    assert found(database_url, token[:cut] + more) is None
    other = "A" if token[-1] != "A" else "B"
    assert found(database_url, token[:-1] + other) is None


def test_a_token_ends_at_its_time_and_when_it_is_revoked(database_url: str) -> None:
    short, long = made(database_url, "short", lifetime_s=3600), made(database_url, "long")
    assert found(database_url, short) is not None
    run_sql(database_url, "UPDATE tokens SET expires_at = now() - interval '1 second' WHERE name = 'short'")
    assert found(database_url, short) is None
    with session(database_url) as db:
        assert tokens.any_usable(db)
        tokens.revoke(db, "long")
        assert not tokens.any_usable(db)
    assert found(database_url, long) is None
    with pytest.raises(UsageError, match="no token 'long' in use"), session(database_url) as db:
        tokens.revoke(db, "long")


def test_a_name_is_taken_once(database_url: str) -> None:
    made(database_url)
    with pytest.raises(UsageError, match="a token 'ann' already"):
        made(database_url)


def test_no_table_holds_a_token(database_url: str) -> None:
    # The secret itself may hold underscores, and end with one.
    secret = made(database_url).split("_", 2)[2]
    with session(database_url) as db:
        tables = db.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
        for table in tables:
            rows = db.execute(text(f"SELECT t::text FROM {table} t")).scalars().all()
            assert not any(secret in row for row in rows), table


def test_photographs_are_counted_by_month(database_url: str) -> None:
    who = found(database_url, made(database_url))
    assert who is not None
    assert who.token_id is not None
    with session(database_url) as db:
        assert tokens.photographs_this_month(db, who.token_id) == 0
        tokens.count_photographs(db, who.token_id)
        assert tokens.count_photographs(db, who.token_id, 3) == 4
        assert tokens.photographs_this_month(db, who.token_id) == 4
    run_sql(database_url, "UPDATE token_usage SET month = month - interval '1 month'")
    with session(database_url) as db:
        assert tokens.photographs_this_month(db, who.token_id) == 0
