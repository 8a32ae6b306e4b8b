"""Clocks and tracks of videos, and places of sightings, as rows keep them."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from sqlalchemy import select, text

from db.engine import session
from db.findings.stage_results import store_sightings
from db.jobs.videos import end_video, split_video
from db.keeping.retention import PurgeScope, purge
from db.keeping.verify import contradictions
from db.models import TrackRow, Video
from db.states import VideoState
from db.where.area import near
from db.where.clocks import CLOCK_COLUMNS, clock_of
from db.where.places import area_of, forget_place, name_place, places
from db.where.tracks import fixes_of, packed, store_track, track_of
from pipeline.camera.records import Clock, ClockClaim, Fix, Track
from pipeline.camera.sighted import placed
from pipeline.camera.tracks.place import length_m, place_at
from pipeline.errors import UsageError
from pipeline.records import MediaInfo, MediaKind, RecordedFrom, SegmentSpan
from tests.support.database import count, make_job
from tests.support.tables.findings import sighting

AT = dt.datetime(2026, 3, 29, 1, 30, tzinfo=dt.timezone(dt.timedelta(hours=2)))
FIXES = (
    Fix(48.1, 11.5, offset_s=0.0, at=AT, speed_mps=10.0, bearing_deg=90.0, altitude_m=500.5),
    Fix(48.1, 11.50013, offset_s=1.0, at=AT + dt.timedelta(seconds=1), speed_mps=10.0, bearing_deg=90.0),
    Fix(0.0, 0.0, offset_s=1.5, doubt="It is at 0/0."),
    Fix(48.1, 11.50026, offset_s=2.0),
    Fix(48.1, 11.5004, at=AT.replace(tzinfo=None)),
)
TRACK = Track(FIXES, "Novatek freeGPS", sidecar=True, began_at=AT)
CLAIM = ClockClaim(AT, RecordedFrom.GPS, 0.5)
OTHER = ClockClaim(dt.datetime(2026, 3, 29, 1, 31), RecordedFrom.FILENAME, 1.0)


def info(clock: Clock | None, track: Track | None) -> MediaInfo:
    return MediaInfo(
        path=Path("/cam/a.mp4"), kind=MediaKind.VIDEO, width=1280, height=720, rotation=0, codec="h264",
        time_base=Fraction(1, 1000), start_pts=0, end_pts=10_000, frame_rate=30.0, keyframes=(0,), frames=300,
        make="Viofo", model="A129", camera="rear", clock=clock, track=track, recovered=True,
    )  # fmt: skip


def opened(url: str, clock: Clock | None, track: Track | None) -> int:
    _, (video,) = make_job(url, 0, state=VideoState.REGISTERED)
    with session(url) as db:
        assert split_video(db, video, info(clock, track), [SegmentSpan(0, 0, 10_000)])
    return video


def test_a_track_comes_back_as_it_was_stored(database_url: str) -> None:
    video = opened(database_url, None, TRACK)
    with session(database_url) as db:
        stored = track_of(db, video)
        row = db.scalars(select(TrackRow)).one()
        assert stored == TRACK
        assert (row.fixes, row.south, row.north, row.west, row.east) == (5, 48.1, 48.1, 11.5, 11.5004)
        assert row.length_m == pytest.approx(length_m(TRACK))
        assert len(row.points) == 58 * 5
        store_track(db, video, replace(TRACK, fixes=FIXES[:2]))
    with session(database_url) as db:
        again = track_of(db, video)
    assert again is not None
    assert again.fixes == FIXES[:2]
    assert count(database_url, TrackRow) == 1


def test_more_doubts_than_a_byte_holds_are_still_doubts() -> None:
    fixes = tuple(Fix(1.0, 2.0, offset_s=float(n), doubt=f"Doubt {n}.") for n in range(300))
    back = fixes_of(*packed(fixes))
    assert [fix.doubt for fix in back[:255]] == [f"Doubt {n}." for n in range(255)]
    assert all(fix.doubt for fix in back)


@pytest.mark.parametrize(
    ("clock", "zone"),
    [
        (Clock(CLAIM, "+02:00", (OTHER,)), "+02:00"),
        (Clock(replace(CLAIM, at=AT.astimezone(dt.UTC)), None), "+00:00"),
        (Clock(OTHER, None, (CLAIM,)), None),
    ],
)
def test_a_clock_says_whether_its_zone_is_known(database_url: str, clock: Clock, zone: str | None) -> None:
    video = opened(database_url, clock, None)
    with session(database_url) as db:
        row = db.execute(select(*CLOCK_COLUMNS, Video.make, Video.camera, Video.recovered)).mappings().one()
        assert (row["clock_zone"], row["make"], row["camera"], row["recovered"]) == (zone, "Viofo", "rear", True)
        assert clock_of(row) == replace(clock, zone=zone)
        store_sightings(db, video, [sighting(0, "AB123CD")])
    with session(database_url) as db:
        shown = db.execute(text("SELECT * FROM plate_sightings")).mappings().one()
    began = clock.start.at.replace(tzinfo=dt.UTC) if zone is None else clock.start.at
    assert shown["first_seen_at"] == began + dt.timedelta(seconds=1)
    assert shown["last_seen_at"] == began + dt.timedelta(seconds=3)
    assert (shown["clock_from"], shown["clock_zone"], shown["camera"]) == (clock.start.told_by, zone, "rear")
    assert list(shown)[-16:-14] == ["first_seen_at", "last_seen_at"]


def test_a_sighting_has_the_place_of_the_frame_that_was_read(database_url: str) -> None:
    video = opened(database_url, Clock(CLAIM, "+02:00"), TRACK)
    clock = Clock(CLAIM, "+02:00")
    (one,) = placed([sighting(0, "AB123CD")], info(clock, TRACK))
    with session(database_url) as db:
        (again,) = placed([sighting(0, "AB123CD")], info(clock, track_of(db, video)))
        assert again == one
        store_sightings(db, video, [one])
    expected = place_at(TRACK, 2.0)
    assert expected is not None
    with session(database_url) as db:
        name_place(db, "far", near(0.0, 0.0, 9.0))
        name_place(db, "depot", near(48.1, 11.5, 500.0))
    with session(database_url) as db:
        row = db.execute(text("SELECT * FROM plate_sightings")).mappings().one()
    assert (row["lat"], row["lon"], row["place_error_m"]) == (expected.lat, expected.lon, expected.error_m)
    assert (row["speed_mps"], row["bearing_deg"]) == (expected.speed_mps, expected.bearing_deg)
    assert row["place"] == "depot"


def test_a_purge_takes_the_track(database_url: str) -> None:
    video = opened(database_url, Clock(CLAIM, "+02:00"), TRACK)
    with session(database_url) as db:
        db.execute(text("UPDATE videos SET state = 'aggregating' WHERE id = :id"), {"id": video})
        job = db.get_one(Video, video).job_id
        assert end_video(db, video, VideoState.DONE, None)
    with session(database_url) as db:
        purge(db, [video], PurgeScope(older_than_s=0))
    assert count(database_url, TrackRow) == 0
    with session(database_url) as db:
        store_track(db, video, TRACK)
    with session(database_url) as db:
        assert f"video {video} is purged, and its track is there" in contradictions(db, job)["state"]


def test_places_have_names(database_url: str) -> None:
    with session(database_url) as db:
        name_place(db, " depot ", near(48.1, 11.5, 300.0))
        name_place(db, "depot", near(48.2, 11.5, 200.0))
        assert [(one.name, one.lat, one.radius_m) for one in places(db)] == [("depot", 48.2, 200.0)]
        assert area_of(db, "depot") == near(48.2, 11.5, 200.0)
        assert forget_place(db, "depot")
        assert not forget_place(db, "depot")
        with pytest.raises(UsageError, match="There is no place 'depot'"):
            area_of(db, "depot")
        with pytest.raises(UsageError, match="1 to 60"):
            name_place(db, " ", near(0, 0, 1.0))
