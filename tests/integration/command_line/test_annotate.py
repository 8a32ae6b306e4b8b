"""Annotated videos of a job: the stored readings, in places that detection finds again, on the original's frames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from db.engine import session
from db.findings.footage import passings, spans, watched
from db.models import SightingRow, Video
from pipeline.job_options import JobOptions
from pipeline.records import MediaKind
from tests.support.command_line.in_process import run_command
from tests.support.found import followed, sighted
from tests.support.seen_drive import SeenDrive, assert_boxed
from workers.settings import settings


@pytest.fixture
def command(database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Commands find the tests' servers."""
    monkeypatch.setenv("DASHPLATE_DATABASE_URL", database_url)
    monkeypatch.setenv("DASHPLATE_REDIS_URL", redis_url)
    monkeypatch.setenv("DASHPLATE_DATA_DIR", str(tmp_path / "data"))
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def job(database_url: str, seen_drive: SeenDrive) -> int:
    """What the drive shows, stored."""
    with session(database_url) as db:
        return db.get_one(Video, followed(database_url, seen_drive.video, seen_drive.result)).job_id


def test_what_is_stored_of_a_passing_is_found(database_url: str, job: int, seen_drive: SeenDrive) -> None:
    with session(database_url) as db:
        (video,) = watched(db, job)
        (found,) = passings(db, video.id)
        decoded = spans(db, video.id)
    assert video.kind is MediaKind.VIDEO
    assert [span.index for _, span in decoded] == list(range(len(decoded)))
    assert found.plate == "AB00CDE"
    tracklets = {(one.segment, one.index): one for one in seen_drive.result.tracklets}
    wanted = [tracklets[pair] for pair in seen_drive.sighting.tracklets]
    stored = [{one.pts for one in path.seen} for path in found.tracklets]
    assert stored == [{one.first.pts, one.best.pts, one.last.pts} for one in wanted]


@pytest.mark.usefixtures("command")
def test_every_frame_from_first_to_last_has_its_box(
    database_url: str, job: int, seen_drive: SeenDrive, tmp_path: Path
) -> None:
    out = tmp_path / "out.mp4"
    said = run_command("annotate", job, "--to", out)
    assert said.code == 0, said.err
    assert "1 sighting" in said.out
    assert_boxed(out, seen_drive.sighting)
    with session(database_url) as db:
        action, rows = db.execute(text("SELECT action, rows FROM audit ORDER BY id DESC LIMIT 1")).one()
    assert (action, rows) == ("annotate", 1)


@pytest.mark.usefixtures("command")
def test_a_video_is_named_where_there_are_several(database_url: str, job: int, tmp_path: Path) -> None:
    said = run_command("annotate", job, "other.mp4", "--to", tmp_path / "out.mp4")
    said.assert_refused("'other.mp4' fits 0 of its videos")
    assert run_command("annotate", job + 1, "--to", tmp_path / "out.mp4").code == 2
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.usefixtures("command")
def test_a_job_that_hides_its_plates_is_not_shown(database_url: str, seen_drive: SeenDrive, tmp_path: Path) -> None:
    (number,) = sighted(database_url, seen_drive.video, [1.0], JobOptions(hashed=True))
    with session(database_url) as db:
        job = db.get_one(Video, db.get_one(SightingRow, number).video_id).job_id
    run_command("annotate", job, "--to", tmp_path / "out.mp4").assert_refused("keyed hashes")
    assert not (tmp_path / "out.mp4").exists()
