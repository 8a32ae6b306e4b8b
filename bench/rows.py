"""Compares the rows that two trees give: `python -m bench.rows OUT.jsonl VIDEO...`, then `--against OUT.jsonl`.

Processes a rendered drive and the videos with `dashplate run` on servers of its own, and writes every row of the job, a
line each. Left out is what belongs to the run: ids, times, workers, attempts (`bench.chaos.compared.tables`).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.chaos.compared.tables import tables_of
from bench.road.runs import dashplate, watch
from dashplate.stack import Stack
from db.engine import session
from synthesis.drive import render_drive


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.rows", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path, metavar="OUT.jsonl", help="the rows are written here")
    parser.add_argument("videos", type=Path, nargs="*", help="processed beside the rendered drive")
    parser.add_argument("--against", type=Path, metavar="OLD.jsonl", help="rows that must be the same")
    asked = parser.parse_args(argv)
    rows = rows_of(asked.videos)
    asked.out.write_text("\n".join(rows) + "\n", encoding="utf-8")
    print(f"{len(rows)} rows")
    if asked.against is None:
        return 0
    before = asked.against.read_text(encoding="utf-8").splitlines()
    for mark, lines in (("-", set(before) - set(rows)), ("+", set(rows) - set(before))):
        for line in sorted(lines):
            print(mark, line)
    same = before == rows
    print(f"{'the same' if same else 'not the same'} as {asked.against}")
    return 0 if same else 1


def rows_of(videos: Sequence[Path]) -> list[str]:
    """Every row of one job over the drive and the videos, sorted, as JSON."""
    with tempfile.TemporaryDirectory(prefix="dashplate-rows-") as place:
        folder, data = Path(place) / "videos", Path(place) / "data"
        folder.mkdir()
        render_drive(folder / "drive.mp4")
        for video in videos:
            shutil.copy(video, folder)
        for file in folder.iterdir():
            # A fingerprint holds the time of change.
            os.utime(file, (0, 0))
        watch(dashplate("run", folder, "--data", data), "command line", data)
        with Stack.open(data) as stack, session(stack.database_url) as db:
            (job_id,) = db.connection().exec_driver_sql("SELECT id FROM jobs").scalars().all()
            tables = tables_of(db, job_id)
    return sorted(
        json.dumps([table, key, *row], ensure_ascii=False)
        for table, rows in tables.items()
        for key, row in rows.items()
    )


if __name__ == "__main__":
    sys.exit(main())
