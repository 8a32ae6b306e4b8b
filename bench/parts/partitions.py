"""What sightings cost in one table and in one a month: `python -m bench.parts.partitions --sightings 1000000`.

Loads a fleet's sightings, copies them into a table that is partitioned by the month of their recording, and prints
sizes, and the times of what is asked and deleted, in both. The copies have the same indexes and no foreign keys.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from bench.search.fleet import Fleet, load
from dashplate.stack import Stack, stop
from db.migrate import upgrade

_MONTHS, _ROUNDS = 12, 9
#: Without the tables' foreign keys: a key that others refer to would have to hold the month.
_TABLES = """
    CREATE TABLE flat AS SELECT g.*, date '2025-01-01' + (g.video_id * 365 / m.videos)::int AS seen_on
        FROM sightings g, (SELECT count(*) + 1 AS videos FROM videos) m;
    CREATE TABLE parted (LIKE flat) PARTITION BY RANGE (seen_on);
"""
_INDEXES = ("video_id, id", "plate_id, id", "first_s", "seen_on, id")
_ASKED = {
    "a plate, newest first": "SELECT * FROM {} WHERE plate_id = %(plate)s ORDER BY id DESC LIMIT 50",
    "a page of all, by id": "SELECT id, text FROM {} WHERE id < %(id)s ORDER BY id DESC LIMIT 50",
    "a video's": "SELECT * FROM {} WHERE video_id = %(video)s",
    "a week, by time": "SELECT count(*) FROM {} WHERE seen_on BETWEEN '2025-06-02' AND '2025-06-08'",
}


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.parts.partitions", description=__doc__)
    parser.add_argument("--sightings", type=int, default=1_000_000)
    parser.add_argument("--plates", type=int, default=300_000)
    asked = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        try:
            with Stack.open(Path(folder) / "data") as stack:
                upgrade(stack.database_url)
                url = make_url(stack.database_url).set(drivername="postgresql")
                with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
                    _measure(connection, asked.sightings, asked.plates)
        finally:
            stop(Path(folder) / "data")


def _measure(connection: psycopg.Connection, sightings: int, plates: int) -> None:
    load(connection, Fleet(plates), sightings)
    connection.execute("VACUUM ANALYZE sightings")
    for table in ("sightings", "plates", "videos"):
        rows, size, indexes = connection.execute(
            f"SELECT count(*), pg_total_relation_size('{table}'), pg_indexes_size('{table}') FROM {table}"
        ).fetchone() or (0, 0, 0)
        print(f"{table:<24}{rows:>10} rows  {size / rows:7.0f} bytes a row, {indexes / rows:5.0f} of them indexes")
    _copy(connection)
    print(f"\n{'':<24}{'one table':>12}{'by month':>12}")
    sizes = [_number(connection, size) for size in (_FLAT_INDEXES, _PARTED_INDEXES)]
    print(f"{'indexes, MB':<24}{sizes[0] / 1e6:12.0f}{sizes[1] / 1e6:12.0f}")
    for name, query in _ASKED.items():
        times = [_asked(connection, query.format(table), sightings, plates) for table in ("flat", "parted")]
        print(f"{name + ', ms':<24}{times[0]:12.2f}{times[1]:12.2f}")
    deleted = "DELETE FROM flat WHERE seen_on < '2025-02-01'"
    times = [_ms(connection, deleted), _ms(connection, "DROP TABLE parted_1"), _ms(connection, "VACUUM flat")]
    print(
        f"{'delete a month, ms':<24}{times[0]:12.0f}{times[1]:12.0f}\n{'vacuum after it, ms':<24}{times[2]:12.0f}{0:12}"
    )


_FLAT_INDEXES = "SELECT pg_indexes_size('flat')"
_PARTED_INDEXES = "SELECT sum(pg_indexes_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'parted'::regclass"


def _copy(connection: psycopg.Connection) -> None:
    connection.execute(_TABLES)
    for month in range(_MONTHS):
        connection.execute(
            f"CREATE TABLE parted_{month + 1} PARTITION OF parted FOR VALUES"
            f" FROM ('2025-{month + 1:02}-01') TO ('{2025 + (month + 1) // 12}-{(month + 1) % 12 + 1:02}-01')"
        )
    connection.execute("INSERT INTO parted SELECT * FROM flat")
    # A unique key of a partitioned table has to hold the month.
    connection.execute("ALTER TABLE flat ADD PRIMARY KEY (id)")
    connection.execute("ALTER TABLE parted ADD PRIMARY KEY (id, seen_on)")
    for table in ("flat", "parted"):
        for columns in _INDEXES:
            connection.execute(f"CREATE INDEX ON {table} ({columns})")
        connection.execute(f"VACUUM ANALYZE {table}")


def _asked(connection: psycopg.Connection, query: str, sightings: int, plates: int) -> float:
    """Milliseconds in the median."""
    times = []
    for turn in range(_ROUNDS):
        values = {"plate": plates // 3 + turn, "id": sightings * (turn + 1) // (_ROUNDS + 1), "video": 17 + 31 * turn}
        times.append(_ms(connection, query, values))
    return statistics.median(times)


def _ms(connection: psycopg.Connection, query: str, values: dict[str, int] | None = None) -> float:
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        if cursor.description:
            cursor.fetchall()
    return 1000 * (time.perf_counter() - began)


def _number(connection: psycopg.Connection, query: str) -> int:
    return int((connection.execute(query).fetchone() or (0,))[0])


if __name__ == "__main__":
    main()
