"""Exports of a large job in every form, with their seconds and their memory: `python -m bench.parts.exports`.

The embedded server, a job of `--sightings 1000000`, and `dashplate export` as a process of its own, whose greatest
resident memory the system tells. Exits with 1 where an export needs more than a job of a hundredth does, and some.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.types.json import Jsonb

from bench.search.fleet import Fleet, load
from dashplate.export import Form, Rows
from dashplate.stack import Stack, stop
from db.migrate import upgrade
from db.where.tracks import track_columns
from pipeline.camera.records import Fix, Track

#: Of growth, from a hundredth of the rows to all of them: what is known of a file that grows are 8 bytes a row.
MEGABYTES_ALLOWED = 60
_MB = 1_000_000
_SMALL = 100
#: Of a loaded video.
_VIDEO_S = 600
#: A form and its rows, and whether a file is added to that has all of them.
_KINDS = [
    *((form, rows, False) for form in Form for rows in Rows if not form.always_sightings and not form.is_labelled),
    *((form, Rows.SIGHTINGS, False) for form in Form if form.always_sightings),
    *((form, Rows.SIGHTINGS, True) for form in (Form.CSV, Form.JSONL)),
]


@dataclass(frozen=True, slots=True)
class Cost:
    """What an export took."""

    seconds: float
    #: Of its process, at most.
    resident_bytes: int
    file_bytes: int


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table; exits with 1 where memory grows with the job."""
    parser = argparse.ArgumentParser(prog="python -m bench.parts.exports", description=__doc__)
    parser.add_argument("--sightings", type=int, default=1_000_000)
    parser.add_argument("--plates", type=int, default=300_000)
    parser.add_argument("--rows", type=Rows, choices=list(Rows), help="only these rows")
    parser.add_argument("--format", type=Form, choices=list(Form), nargs="+", help="only these formats")
    asked = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        try:
            grown = _measured(folder, asked)
        finally:
            stop(folder)
    if grown:
        raise SystemExit(1)


def _measured(folder: Path, asked: argparse.Namespace) -> bool:
    grown = False
    with Stack.open(folder, keep=True) as stack:
        upgrade(stack.database_url)
        small, large = _loaded(stack.database_url, Fleet(asked.plates), asked.sightings)
        print(f"{'':<36}{'s':>7}{'file MB':>9}{'MB':>6}{'MB of a hundredth':>20}")
        for form, rows, again in _KINDS:
            if asked.rows not in (None, rows) or (asked.format and form not in asked.format):
                continue
            before = _cost(folder, small, form, rows, again)
            cost = _cost(folder, large, form, rows, again)
            more = (cost.resident_bytes - before.resident_bytes) / _MB
            grown |= more > MEGABYTES_ALLOWED
            name = f"{form}, {rows}{', nothing to add' if again else ''}"
            sizes = f"{cost.file_bytes / _MB:9.0f}{cost.resident_bytes / _MB:6.0f}{before.resident_bytes / _MB:20.0f}"
            print(f"{name:<36}{cost.seconds:7.0f}{sizes}", flush=True)
    return grown


def _loaded(url: str, fleet: Fleet, sightings: int) -> tuple[int, int]:
    """A job of a hundredth of the sightings, and one of all others."""
    with psycopg.connect(url.replace("postgresql+psycopg:", "postgresql:")) as connection:
        load(connection, fleet, sightings + sightings // _SMALL)
        connection.execute("UPDATE videos SET job_id = (SELECT min(id) FROM jobs)")
        _place(connection)
        ((small,),) = connection.execute("INSERT INTO jobs (name, options) VALUES ('small', '{}') RETURNING id")
        connection.execute(
            "UPDATE videos SET job_id = %s WHERE id IN"
            " (SELECT id FROM videos ORDER BY id LIMIT (SELECT count(*) / %s FROM videos))",
            (small, _SMALL + 1),
        )
        ((large,),) = connection.execute("SELECT min(id) FROM jobs")
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")
    return int(small), int(large)


def _place(connection: psycopg.Connection) -> None:
    """Clocks, a track a video with a fix a second, and a place for every sighting."""
    fixes = [Fix(48 + second / 1e4, 11.0, offset_s=float(second), speed_mps=11.1) for second in range(_VIDEO_S)]
    connection.execute("UPDATE videos SET recorded_at = now(), recorded_from = 'gps', clock_zone = 'Europe/Berlin'")
    connection.execute("UPDATE sightings SET lat = 48 + best_s / 1e4, lon = 11, speed_mps = 11.1, place_error_m = 5")
    columns = track_columns(Track(tuple(fixes), "NMEA"))
    values = [Jsonb(value) if isinstance(value, list) else value for value in columns.values()]
    names, places = ", ".join(columns), ", ".join(["%s"] * len(columns))
    connection.execute(f"INSERT INTO tracks (video_id, {names}) SELECT id, {places} FROM videos", values)


def _cost(folder: Path, job: int, form: Form, rows: Rows, again: bool) -> Cost:
    out = folder / f"out.{form.ending}"
    words = [sys.executable, "-m", "dashplate", "export", str(job), "--format", form, "--rows", rows, "--out", str(out)]
    words += ["--data", str(folder)]
    if again:
        subprocess.run(words, check=True, stderr=subprocess.DEVNULL)
        words.append("--append")
    began = time.monotonic()
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(words)} ended with {status}")
    cost = Cost(time.monotonic() - began, 1024 * used.ru_maxrss, out.stat().st_size)
    out.unlink()
    return cost


if __name__ == "__main__":
    main()
