"""What the page of tokens shows: who has one, what it was used for of late, and who is signed in with it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

#: Tokens of a page; more than a service has.
MOST = 500
#: Newest entries of the audit in which a token's last use is looked for.
LOOKED_THROUGH = 20_000
_USABLE = "t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())"

_KNOWN = text(
    f"""
    WITH used AS MATERIALIZED (
        SELECT who, max(at) AS at
        FROM (SELECT who, at FROM audit ORDER BY at DESC, id DESC LIMIT :looked) newest GROUP BY who
    )
    SELECT t.id, t.name, t.scopes, t.created_at, t.expires_at, t.revoked_at, {_USABLE} AS usable,
           coalesce(u.photographs, 0) AS photographs, s.sessions, s.signed_in_at, used.at AS used_at
    FROM tokens t
    LEFT JOIN token_usage u ON u.token_id = t.id AND u.month = date_trunc('month', now(), 'UTC')::date
    LEFT JOIN used ON used.who = 'token ' || t.name
    CROSS JOIN LATERAL (
        SELECT count(*) AS sessions, max(created_at) AS signed_in_at
        FROM sessions WHERE token_id = t.id AND expires_at > now()
    ) s
    ORDER BY usable DESC, t.id DESC LIMIT :most
    """
)
_OTHER_ADMIN = text(
    f"SELECT EXISTS (SELECT 1 FROM tokens t WHERE {_USABLE} AND t.id <> :token AND t.scopes @> '[\"admin\"]')"
)


def known(db: Session) -> Sequence[RowMapping]:
    """Who has a token: those in use first, the newest of each first."""
    return db.execute(_KNOWN, {"most": MOST, "looked": LOOKED_THROUGH}).mappings().all()


def others_allow_everything(db: Session, token: int) -> bool:
    """Whether a token beside this one has the scope admin and is in use."""
    return bool(db.scalar(_OTHER_ADMIN, {"token": token}))
