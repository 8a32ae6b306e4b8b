"""Every example of `docs/sql.md`, run as it stands on a small fleet whose answers are known."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.engine import engine_for, session
from db.findings.corrections import Correction, correct
from db.findings.search import index_some
from db.findings.stage_results import store_sightings
from db.jobs.submit import NewVideo, add_videos, create_job
from db.jobs.videos import end_video, split_video
from db.models import DriveRow, SightingRow, Video
from db.states import VideoState
from pipeline.job_options import JobOptions
from pipeline.records import (
    Box,
    Candidate,
    Character,
    MediaInfo,
    MediaKind,
    Observation,
    RecordedFrom,
    SegmentSpan,
    Sighting,
)
from tests.support.database import quarantine, take, work

PAGE = Path(__file__).parents[3] / "docs" / "sql.md"
EXAMPLES: dict[str, str] = dict(
    re.findall(r"^## ([^\n]+)\n(?:(?!^## ).)*?^```sql\n(.*?)^```$", PAGE.read_text("utf-8"), re.S | re.M)
)

MONDAY_A, MONDAY_B = "/cam/monday-a.mp4", "/cam/monday-b.mp4"
TUESDAY, BROKEN, UNOPENED = "/cam/tuesday.mp4", "/cam/broken.mp4", "/cam/unopened.mp4"

MONDAY = dt.datetime(2026, 3, 2, 8, tzinfo=dt.UTC)

EXPECTED: dict[str, list[tuple[Any, ...]]] = {
    "All plates of a job": [
        ("AB123CD", 2, True, 0.98),
        ("KV70A8C", 1, False, 0.61),
        ("KV70ABC", 1, True, 0.9),
        ("XY999ZZ", 1, False, 0.4),
    ],
    "When and where was a plate seen": [
        (MONDAY_A, dt.timedelta(seconds=10), dt.timedelta(seconds=12), "crops/AB123CD-10.png"),
        (MONDAY_B, dt.timedelta(seconds=30), dt.timedelta(seconds=32.5), "crops/AB123CD-30.png"),
        (TUESDAY, dt.timedelta(seconds=5), dt.timedelta(seconds=6), "crops/AB123CD-5.png"),
    ],
    "Near a place": [("AB123CD", MONDAY_A, 48.137, 11.575)],
    "Where most was seen": [(48.125, 11.5, 0.125, 1), (48.125, 11.625, 0.125, 1), (48.25, 11.5, 0.125, 1)],
    "Who keeps turning up": [("AB123CD", 2, 2, 2, 19433.0)],
    "Vehicles that passed by more than one camera or clip": [
        ("AB123CD", MONDAY + dt.timedelta(seconds=10), MONDAY + dt.timedelta(seconds=32.5), ["front", "rear"], 2)
    ],
    "Plates in more than one video": [("AB123CD", 3, 3)],
    "Plates near a plate": [(MONDAY_A, "KV70ABC", 43.0), (MONDAY_B, "KV70A8C", 0.0)],
    "A wanted plate among the runners-up": [("KV70A8C", MONDAY_B, 31.0, 0.31)],
    "Single reads to check by eye": [
        ("XY999ZZ", "XY999Z?", Decimal("0.40"), MONDAY_A, 100.0, "crops/XY999ZZ-100.png"),
        ("KV70A8C", "KV70A8C", Decimal("0.61"), MONDAY_B, 31.0, "crops/KV70A8C-31.png"),
    ],
    "What people read otherwise": [("XY999ZZ", "XY999Z2", "ada", "in the next frame", MONDAY_A, 100.0)],
    "A plate with one character unknown": [("KV70A8C", None, 1), ("KV70ABC", "GB", 1)],
    "Plates by country": [("IT", 2, 4), ("GB", 1, 1), ("unknown", 1, 1)],
    "Videos with a problem": [
        ("monday", MONDAY_B, "truncated", "The file stops at 80.0 s."),
        ("tuesday", BROKEN, "unreadable", "Nothing in it can be decoded."),
    ],
    "Text on screen that was ignored": [(MONDAY_A, "10.5", "680", "300", "712")],
    "What is left of the running jobs": [(2, "tuesday", 1, 3, dt.timedelta(seconds=20))],
    "Segments that were given up": [(TUESDAY, 20.0, 40.0, 4, 0, "It kills.")],
}


@pytest.fixture
def fleet(database_url: str) -> str:
    """A finished job of two videos, and a running one of three."""
    fill_monday(database_url)
    fill_tuesday(database_url)
    drive_around(database_url)
    with session(database_url) as db:
        index_some(db)
    return database_url


def drive_around(url: str) -> None:
    """Two cameras on Monday and one on Tuesday, and where they met AB123CD."""
    spots = (
        (MONDAY_A, "front", 0, 48.137, 11.575),
        (MONDAY_B, "rear", 0, 48.2, 11.7),
        (TUESDAY, "front", 1, 48.25, 11.5),
    )
    with session(url) as db:
        for path, camera, day, lat, lon in spots:
            video = db.scalars(select(Video).where(Video.path == path)).one()
            drive = db.scalars(select(DriveRow).where(DriveRow.job_id == video.job_id)).first()
            if drive is None:
                drive = DriveRow(job_id=video.job_id, began_at=MONDAY, ended_at=MONDAY)
                db.add(drive)
                db.flush()
            video.drive_id, video.camera, video.clock_zone = drive.id, camera, "+01:00"
            video.recorded_at, video.recorded_from = MONDAY + dt.timedelta(days=day), RecordedFrom.GPS
            there = (SightingRow.video_id == video.id) & (SightingRow.text == "AB123CD")
            db.execute(update(SightingRow).where(there).values(lat=lat, lon=lon))
        monday = select(SightingRow.id).join(Video, Video.id == SightingRow.video_id)
        one = monday.where(Video.path.in_((MONDAY_A, MONDAY_B)), SightingRow.text == "AB123CD")
        numbers = db.scalars(one).all()
        db.execute(update(SightingRow).where(SightingRow.id.in_(numbers)).values(passing_id=min(numbers)))


def fill_monday(url: str) -> None:
    with session(url) as db:
        job_id = create_job(db, "monday", JobOptions())
        add_videos(db, job_id, [NewVideo(path, path) for path in (MONDAY_A, MONDAY_B)])
        one, two = (video_id(path, db) for path in (MONDAY_A, MONDAY_B))
        for video in (one, two):
            open_video(db, video, 120)
        seen = (
            sighting("KV70ABC", "GB", 55.0, 56.0, 0.9),
            sighting("XY999ZZ", "IT", 100.0, 101.0, 0.4, unsure="Z"),
        )
        store_sightings(db, one, [sighting("AB123CD", "IT", 10.0, 12.0, 0.98), *seen])
        mistaken = sighting("KV70A8C", None, 31.0, 32.0, 0.61, runner_up=Candidate("KV70ABC", 0.31))
        store_sightings(db, two, [sighting("AB123CD", "IT", 30.0, 32.5, 0.95), mistaken])
        (unsure,) = db.scalars(select(SightingRow.id).where(SightingRow.text == "XY999ZZ"))
        assert correct(db, unsure, Correction("XY999Z2", "ada", "in the next frame"))
        db.execute(update(Video).where(Video.id == one).values(overlays=[[10.5, 680, 300, 712]]))
    for segment in take(url):
        work(url, segment)
    with session(url) as db:
        end_video(db, one, VideoState.DONE, None)
        end_video(db, two, VideoState.TRUNCATED, "The file stops at 80.0 s.")


def fill_tuesday(url: str) -> None:
    with session(url) as db:
        job_id = create_job(db, "tuesday", JobOptions())
        add_videos(db, job_id, [NewVideo(path, path) for path in (TUESDAY, BROKEN, UNOPENED)])
        open_id = video_id(TUESDAY, db)
        open_video(db, open_id, 60)
    first, second, _ = take(url)
    work(url, first)
    quarantine(url, second, "It kills.")
    with session(url) as db:
        store_sightings(db, open_id, [sighting("AB123CD", "IT", 5.0, 6.0, 0.97)])
        end_video(db, video_id(BROKEN, db), VideoState.UNREADABLE, "Nothing in it can be decoded.")


def open_video(db: Session, video: int, seconds: int) -> None:
    """What the probe finds; segments of 20 s."""
    info = MediaInfo(
        Path("any.mp4"), MediaKind.VIDEO, 1280, 720, 0, "h264", Fraction(1), 0, seconds, 30.0, keyframes=(0,), frames=9
    )
    assert split_video(db, video, info, [SegmentSpan(i, 20 * i, 20 * i + 20) for i in range(seconds // 20)])


def video_id(path: str, db: Session) -> int:
    return int(db.scalars(select(Video.id).where(Video.path == path)).one())


def sighting(
    plate: str,
    country: str | None,
    first_s: float,
    last_s: float,
    confidence: float,
    runner_up: Candidate | None = None,
    unsure: str = "",
) -> Sighting:
    """A pass that more than one crop confirms, unless it is less sure than 0.7; `unsure` characters end the plate."""
    sure = len(plate) - len(unsure)
    first, last = (Observation(round(t * 1000), t, Box(10, 20, 110, 50), 0.9) for t in (first_s, last_s))
    return Sighting(
        index=round(first_s),
        text=plate,
        country=country,
        confidence=confidence,
        characters=tuple(Character(c, 0.95 if i < sure else 0.4) for i, c in enumerate(plate)),
        alternatives=(runner_up,) if runner_up else (),
        first=first,
        last=last,
        best=first,
        crop=f"crops/{plate}-{first_s:.0f}.png",
        reads=5 if confidence > 0.7 else 1,
        confirmed=confidence > 0.7,
        tracklets=((0, 0),),
    )


def test_every_fence_has_its_title_and_its_expected_rows() -> None:
    assert PAGE.read_text("utf-8").count("```sql") == len(EXAMPLES)
    assert EXAMPLES.keys() == EXPECTED.keys()


@pytest.mark.parametrize("title", EXAMPLES)
def test_the_example_answers_its_question(fleet: str, title: str) -> None:
    with engine_for(fleet).connect() as connection:
        rows = connection.exec_driver_sql(EXAMPLES[title]).all()
    assert [tuple(row) for row in rows] == EXPECTED[title]
