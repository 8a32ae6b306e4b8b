"""What the servers hold: memory, disk, connections, and how far vacuum is behind."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text

from bench.fleet.run import Fleet
from db.engine import session

_HELD = text(
    """
    SELECT pg_database_size(current_database()) AS database,
           (SELECT sum(pg_total_relation_size(relid)) FROM pg_stat_user_tables WHERE relname = 'segments') AS segments,
           (SELECT coalesce(sum(n_dead_tup), 0) FROM pg_stat_user_tables) AS dead,
           (SELECT coalesce(sum(n_live_tup), 0) FROM pg_stat_user_tables) AS live,
           (SELECT coalesce(sum(autovacuum_count), 0) FROM pg_stat_user_tables) AS vacuums,
           (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
           pg_current_wal_insert_lsn() - '0/0' AS log
    """
)


@dataclass(frozen=True, slots=True)
class Held:
    """At one moment."""

    redis_bytes: int
    database_bytes: int
    #: The table of segments with its indexes.
    segments_bytes: int
    #: Versions of rows that vacuum has still to free, of all tables, beside the rows that there are.
    dead_rows: int
    live_rows: int
    vacuums: int
    connections: int
    #: Written to the log (WAL) since the server was made.
    log_bytes: int


def held(fleet: Fleet) -> Held:
    """Ask both servers."""
    with session(fleet.url) as db:
        row = db.execute(_HELD).one()
    numbers = (row.database, row.segments, row.dead, row.live, row.vacuums, row.connections, row.log)
    return Held(fleet.redis_bytes(), *map(int, numbers))
