"""`dashplate backup` and `restore`: what comes back, what goes on, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from dashplate.commands import backup
from dashplate.commands.checks.verify import check
from db.engine import session
from pipeline.errors import DashplateError, UsageError
from tests.support.road import Road

#: Everything that tells what was found and how far work is.
_ROWS = {
    "jobs": "SELECT * FROM jobs ORDER BY id",
    "videos": "SELECT * FROM videos ORDER BY id",
    "segments": "SELECT * FROM segments ORDER BY id",
    "sightings": "SELECT * FROM plate_sightings ORDER BY sighting",
    "crops": "SELECT * FROM crops ORDER BY id",
    "search": "SELECT * FROM candidates ORDER BY 1, 2",
}


def rows(road: Road) -> dict[str, list[Any]]:
    return {name: [tuple(row.values()) for row in road.ask(query)] for name, query in _ROWS.items()}


def last(road: Road, table: str) -> int:
    return int(road.ask(f"SELECT max(id) AS last FROM {table}")[0]["last"])


@pytest.fixture
def saved(road: Road, tmp_path: Path) -> Callable[[], Path]:
    def save() -> Path:
        out = tmp_path / "backup.dump"
        out.unlink(missing_ok=True)
        backup.back_up(out, None)
        return out

    return save


def test_all_rows_come_back_and_what_is_new_gets_numbers_of_its_own(
    road: Road, saved: Callable[[], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    road.run("one.mp4", "two.mp4")
    kept = rows(road)
    out = saved()
    assert out.stat().st_mode & 0o777 == 0o600
    assert str(road.folder) in capsys.readouterr().out
    lost, _ = road.run("three.mp4")
    highest = {table: last(road, table) for table in ("jobs", "videos", "segments")}
    with pytest.raises(UsageError, match="2 jobs are in this database"):
        backup.restore(out, replace=False, data=None)
    backup.restore(out, replace=True, data=None)
    assert rows(road) == kept
    # The pictures of what is lost stay, and nothing that comes is taken for it.
    assert any(name.startswith(f"crops/{lost}/") for name in road.files)
    job, videos = road.run("four.mp4")
    assert (job > highest["jobs"], videos[0] > highest["videos"], last(road, "segments") > highest["segments"]) == (
        True, True, True,
    )  # fmt: skip
    assert check(road.url, road.store, job).well
    # A backup of what was put back is one as well.
    again = saved()
    backup.restore(again, replace=True, data=None)
    assert {row["id"] for row in road.ask("SELECT id FROM jobs")} == {kept["jobs"][0][0], job}


def test_what_was_on_its_way_is_done_once(road: Road, saved: Callable[[], Path]) -> None:
    job = road.submit("one.mp4", "two.mp4")
    road.open(job)
    found = road.detect()
    # Half of it has been read, half of it lies in the store.
    road.read(found[: len(found) // 2])
    out = saved()
    road.read(found[len(found) // 2 :])
    road.aggregate()
    said = [(row["plate"], row["first_s"], row["last_s"]) for row in road.ask(_ROWS["sightings"])]
    assert said
    backup.restore(out, replace=True, data=None)
    assert not road.ask("SELECT 1 FROM sightings")
    # Messages that are still on their way, or are sent again, find the rows as they were; what was written stays good.
    road.read(found[len(found) // 2 :])
    road.finish()
    assert road.job(job).finished_at is not None
    assert [(row["plate"], row["first_s"], row["last_s"]) for row in road.ask(_ROWS["sightings"])] == said
    road.clear()
    assert check(road.url, road.store, job).well


def test_a_file_that_is_no_backup_or_no_whole_one_changes_nothing(
    road: Road, saved: Callable[[], Path], tmp_path: Path
) -> None:
    road.run("one.mp4")
    out, kept = saved(), rows(road)
    cut = tmp_path / "cut.dump"
    cut.write_bytes(out.read_bytes()[: out.stat().st_size // 4])
    text_file = tmp_path / "notes.txt"
    text_file.write_text("no backup")
    for wrong in (cut, text_file):
        with pytest.raises(DashplateError, match="Nothing was changed"):
            backup.restore(wrong, replace=True, data=None)
        assert rows(road) == kept
    with pytest.raises(UsageError, match="no file"):
        backup.restore(tmp_path / "absent.dump", replace=True, data=None)
    with pytest.raises(UsageError, match="replaces none"):
        backup.back_up(out, None)


def test_nothing_is_put_back_under_a_worker(road: Road, saved: Callable[[], Path]) -> None:
    out = saved()
    address = road.url.replace("postgresql+psycopg:", "postgresql:")
    worker = psycopg.connect(address, application_name="dashplate detect 4711")
    with worker, pytest.raises(UsageError, match="dashplate detect 4711"):
        backup.restore(out, replace=True, data=None)
    with session(road.url) as db:
        assert db.scalar(text("SELECT count(*) FROM audit WHERE action = 'restore'")) == 0
