"""Which indexes searches use: PostgreSQL's own counters, because functions hide their plans from EXPLAIN."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import text

from db.engine import session

#: An index by its name; a table that is read from end to end as `all of NAME`.
_SCANS = text(
    """
    SELECT indexrelname AS name, idx_scan AS scans FROM pg_stat_user_indexes
    WHERE relname IN ('spellings', 'candidates', 'sightings', 'plates')
    UNION ALL
    SELECT 'all of ' || relname, seq_scan FROM pg_stat_user_tables
    WHERE relname IN ('spellings', 'candidates', 'sightings', 'plates')
    """
)


def scans(url: str) -> Counter[str]:
    """How often each was used since the server's counters began; differences of two answers leave out what was not."""
    with session(url) as db:
        # Of this connection, which the questions had before.
        db.execute(text("SELECT pg_stat_force_next_flush()"))
    with session(url) as db:
        return Counter({row.name: row.scans for row in db.execute(_SCANS)})
