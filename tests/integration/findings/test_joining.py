"""Videos that have ended are joined with what was recorded around them: into drives, and sightings into passings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

import pytest
from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from db.engine import session
from db.findings.search import index_some
from db.findings.stage_results import store_sightings
from db.jobs.videos import end_video
from db.models import DriveRow, SightingRow
from db.states import VideoState
from db.where.asked import convoys
from db.where.joining import join_some
from pipeline.records import Sighting
from tests.support.database import asked, count, make_job, overlap, run_sql
from tests.support.tables.findings import observation, sighting

BEGAN = dt.datetime(2026, 3, 1, 8, tzinfo=dt.UTC)
#: Each video is so long, seconds.
LONG_S = 10
PLATE, OTHER = "AB123CD", "XY987ZZ"


def passing(index: int, plate: str, first_s: float, last_s: float) -> Sighting:
    times = (observation(first_s), observation((first_s + last_s) / 2), observation(last_s))
    return replace(sighting(index, plate), first=times[0], best=times[1], last=times[2])


class Drive:
    """A job of clips; each was recorded at a second after the first, by a camera."""

    def __init__(self, url: str, *clips: tuple[float, str], zone: str | None = "+00:00") -> None:
        self.url = url
        self.job, self.videos = make_job(url, *([1] * len(clips)), state=VideoState.AGGREGATING)
        for video, (second, camera) in zip(self.videos, clips, strict=True):
            at = BEGAN + dt.timedelta(seconds=second)
            run_sql(
                url,
                "UPDATE videos SET recorded_at = :at, recorded_from = 'gps', camera = :camera, clock_zone = :zone"
                " WHERE id = :id",
                at=at, camera=camera, zone=zone, id=video,
            )  # fmt: skip

    def end(self, number: int, *seen: Sighting, join: bool = True) -> None:
        with session(self.url) as db:
            store_sightings(db, self.videos[number], seen)
            assert end_video(db, self.videos[number], VideoState.DONE, None)
        if join:
            join_all(self.url)

    def again(self, number: int, *seen: Sighting) -> None:
        """A redo: other sightings in place of the earlier ones."""
        video = self.videos[number]
        run_sql(self.url, "UPDATE videos SET state = 'processing', finished_at = NULL WHERE id = :id", id=video)
        run_sql(self.url, "UPDATE videos SET state = 'aggregating' WHERE id = :id", id=video)
        run_sql(self.url, "DELETE FROM sightings WHERE video_id = :id", id=video)
        self.end(number, *seen)

    def passings(self) -> list[RowMapping]:
        with session(self.url) as db:
            return list(db.execute(text("SELECT * FROM passings ORDER BY first_seen_at, plate")).mappings())

    def grouped(self) -> set[frozenset[tuple[int, str]]]:
        """Of each passing, its sightings as (number of the video, text)."""
        with session(self.url) as db:
            rows = db.execute(text("SELECT id, video_id, text FROM sightings")).all()
        of = {row.id: (self.videos.index(row.video_id), row.text) for row in rows}
        return {frozenset(of[number] for number in row["sightings"]) for row in self.passings()}


def join_all(url: str) -> int:
    joined = 0
    while True:
        with session(url) as db:
            some = join_some(db)
        if not some:
            return joined
        joined += some


def drives(url: str) -> list[tuple[int | None, list[int]]]:
    with session(url) as db:
        rows = db.execute(text("SELECT drive_id, array_agg(id ORDER BY id) AS ids FROM videos GROUP BY 1 ORDER BY 2"))
        return [(row.drive_id, row.ids) for row in rows]


def test_a_vehicle_that_spans_a_cut_and_is_seen_by_both_cameras_passes_once(database_url: str) -> None:
    drive = Drive(database_url, (0, "front"), (10, "front"), (0, "rear"), (4000, "front"))
    drive.end(0, passing(0, PLATE, 7, 9.8), passing(1, OTHER, 1, 2))
    drive.end(1, passing(0, PLATE, 0.2, 3))
    drive.end(2, passing(0, PLATE, 9, 9.9))
    drive.end(3, passing(0, PLATE, 0.2, 3))
    assert drive.grouped() == {
        frozenset({(0, PLATE), (1, PLATE), (2, PLATE)}), frozenset({(0, OTHER)}), frozenset({(3, PLATE)}),
    }  # fmt: skip
    (_, first), (_, later) = drives(database_url)
    assert (first, later) == (drive.videos[:3], drive.videos[3:])
    row = next(row for row in drive.passings() if len(row["sightings"]) == 3)
    assert (row["plate"], row["job"], sorted(row["cameras"])) == (PLATE, drive.job, ["front", "rear"])
    assert row["first_seen_at"] == BEGAN + dt.timedelta(seconds=7)
    assert row["last_seen_at"] == BEGAN + dt.timedelta(seconds=13)
    assert row["pictures"] == ["b"] * 3
    with session(database_url) as db:
        shown = db.execute(
            text("SELECT passing, drive, first_seen_at FROM plate_sightings WHERE plate = :p ORDER BY 3, 1"),
            {"p": PLATE},
        ).all()
    assert len({one.passing for one in shown[:3]}) == 1
    assert shown[3].passing != shown[0].passing
    assert len({one.drive for one in shown}) == 2


def test_the_order_in_which_videos_end_does_not_matter(database_url: str) -> None:
    seen = ((passing(0, PLATE, 7, 9.8),), (passing(0, PLATE, 0.2, 9.9),), (passing(0, PLATE, 0.1, 3),))
    for order in permutations(range(3)):
        drive = Drive(database_url, (0, "front"), (10, "front"), (20, "front"))
        for number in order:
            drive.end(number, *seen[number])
        of_job = [row for row in drive.passings() if row["job"] == drive.job]
        assert [len(row["sightings"]) for row in of_job] == [3], order
        assert [ids for _, ids in drives(database_url)][-1] == drive.videos


def test_all_at_once_gives_what_one_by_one_gives_and_again_changes_nothing(database_url: str) -> None:
    drive = Drive(database_url, (0, "front"), (10, "front"), (0, "rear"))
    for number, one in enumerate((passing(0, PLATE, 7, 9.8), passing(0, PLATE, 0.2, 3), passing(0, PLATE, 9, 9.9))):
        drive.end(number, one, join=False)
    assert join_all(database_url) == 3
    before = (rows(database_url), drives(database_url))
    assert [len(row["sightings"]) for row in drive.passings()] == [3]
    run_sql(database_url, "UPDATE videos SET to_join = true")
    assert join_all(database_url) == 3
    assert (rows(database_url), drives(database_url)) == before


def rows(url: str) -> Sequence[object]:
    with session(url) as db:
        return db.execute(text("SELECT id, passing_id, xmin::text FROM sightings ORDER BY id")).all()


def test_a_redo_that_finds_less_parts_what_it_had_joined(database_url: str) -> None:
    drive = Drive(database_url, (0, "front"), (10, "front"), (20, "front"))
    drive.end(0, passing(0, PLATE, 7, 9.8))
    drive.end(1, passing(0, PLATE, 0.1, 9.9))
    drive.end(2, passing(0, PLATE, 0.1, 3))
    assert drive.grouped() == {frozenset({(0, PLATE), (1, PLATE), (2, PLATE)})}
    drive.again(1, passing(0, OTHER, 4, 5))
    # Ten seconds apart: as one passing as if there had been no cut.
    assert drive.grouped() == {frozenset({(0, PLATE), (2, PLATE)}), frozenset({(1, OTHER)})}
    drive.again(0, passing(0, PLATE, 0, 0.2))
    drive.again(2, passing(0, PLATE, 9, 9.5))
    assert drive.grouped() == {frozenset({(0, PLATE)}), frozenset({(2, PLATE)}), frozenset({(1, OTHER)})}
    assert count(database_url, SightingRow) == 3


def test_two_drives_become_one_where_what_lay_between_comes_late(database_url: str) -> None:
    drive = Drive(database_url, (0, "front"), (500, "front"), (250, "front"))
    drive.end(0)
    drive.end(1)
    assert [ids for _, ids in drives(database_url)[:2]] != [drive.videos[:2]]
    kept = min(number for number, _ in drives(database_url) if number)
    drive.end(2)
    assert drives(database_url) == [(kept, drive.videos)]
    assert count(database_url, DriveRow) == 1
    with session(database_url) as db:
        row = db.get_one(DriveRow, kept)
        assert (row.began_at, row.ended_at) == (BEGAN, BEGAN + dt.timedelta(seconds=510))


def test_jobs_are_not_joined_with_each_other(database_url: str) -> None:
    for _ in range(2):
        Drive(database_url, (0, "front")).end(0, passing(0, PLATE, 1, 2))
    assert [len(ids) for _, ids in drives(database_url)] == [1, 1]
    assert len({number for number, _ in drives(database_url)}) == 2


def test_a_video_that_nobody_knows_the_time_of_is_of_no_drive(database_url: str) -> None:
    drive = Drive(database_url, (0, "front"))
    run_sql(database_url, "UPDATE videos SET recorded_at = NULL, recorded_from = NULL")
    drive.end(0, passing(0, PLATE, 1, 2))
    assert drives(database_url) == [(None, drive.videos)]
    (row,) = drive.passings()
    assert (row["first_seen_at"], row["drive"], row["plate"]) == (None, None, PLATE)


def test_joining_is_nothing_to_search(database_url: str) -> None:
    drive = Drive(database_url, (0, "front"), (10, "front"))
    drive.end(0, passing(0, PLATE, 7, 9.8), join=False)
    drive.end(1, passing(0, PLATE, 0.2, 3), join=False)
    with session(database_url) as db:
        while index_some(db):
            pass
    assert join_all(database_url) == 2
    assert [len(row["sightings"]) for row in drive.passings()] == [2]
    with session(database_url) as db:
        assert db.scalar(text("SELECT count(*) FROM search_backlog")) == 0
        db.execute(text("UPDATE sightings SET confidence = 0.5"))
        assert db.scalar(text("SELECT count(*) FROM search_backlog")) == 1


def test_one_at_a_time_joins_the_videos_of_a_job(database_url: str) -> None:
    drive = Drive(database_url, (0, "front"), (10, "front"))
    drive.end(0, join=False)
    drive.end(1, join=False)
    with session(database_url) as db:
        assert join_some(db) == 2
        with session(database_url) as other:
            assert join_some(other) == 0
    assert join_all(database_url) == 0


def test_whoever_does_a_neighbour_again_waits_and_is_waited_for(database_url: str) -> None:
    """Videos before their sightings: none of both waits for what the other holds."""
    drive = Drive(database_url, (0, "front"), (10, "front"))
    drive.end(0, passing(0, PLATE, 7, 9.8))
    drive.end(1, passing(0, PLATE, 0.2, 3), join=False)

    def redo(db: Session) -> None:
        video = {"id": drive.videos[0]}
        db.execute(text("SELECT id FROM videos WHERE id = :id FOR UPDATE"), video)
        db.execute(text("DELETE FROM sightings WHERE video_id = :id"), video)
        store_sightings(db, drive.videos[0], [passing(0, OTHER, 7, 9.8)])

    overlap(database_url, join_some, redo)
    assert drive.grouped() == {frozenset({(0, OTHER)}), frozenset({(1, PLATE)})}


def test_joining_looks_at_neighbours_only(database_url: str) -> None:
    """A drive of many clips is not read again with each of them."""
    drive = Drive(database_url, *((10 * number, "front") for number in range(40)))
    for number in range(39):
        drive.end(number, passing(0, PLATE, 1, 9.9), passing(1, f"ZZ{number}", 1, 2), join=False)
    join_all(database_url)
    drive.end(39, passing(0, OTHER, 1, 9.9), join=False)
    with asked(database_url) as seen:
        join_all(database_url)
    assert len(seen) < 25
    assert len(drive.passings()) == 41


def test_joining_leaves_other_vehicles_alone(database_url: str) -> None:
    """In a large fleet's job hundreds are recorded at the same time."""
    drive = Drive(database_url, (0, "front"), (0, "front"), (LONG_S, "front"))
    run_sql(database_url, "UPDATE videos SET path = '/other' || path WHERE id = :id", id=drive.videos[1])
    for number in range(3):
        drive.end(number, join=False)
    run_sql(database_url, "UPDATE videos SET to_join = false WHERE id = :id", id=drive.videos[1])
    with session(database_url) as held:
        held.execute(text("SELECT FROM videos WHERE id = :id FOR UPDATE"), {"id": drive.videos[1]})
        # It would wait for the row that is held.
        assert join_all(database_url) == 2
    assert [videos for _, videos in drives(database_url)] == [[drive.videos[0], drive.videos[2]], [drive.videos[1]]]


@pytest.mark.parametrize(("zone", "ahead_s"), [("+10:00", 36_000), ("-03:30", -12_600), ("Asia/Tokyo", 32_400)])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_camera_without_a_zone_is_in_that_of_the_others(
    database_url: str, zone: str, ahead_s: int, order: tuple[int, int]
) -> None:
    drive = Drive(database_url, (0, "front"), (ahead_s, "rear"), zone=zone)
    run_sql(database_url, "UPDATE videos SET clock_zone = NULL WHERE id = :id", id=drive.videos[1])
    for number in order:
        drive.end(number, passing(0, PLATE, 1 + 2 * number, 2 + 2 * number))
    assert [ids for _, ids in drives(database_url)] == [drive.videos]
    (row,) = drive.passings()
    assert row["last_seen_at"] - row["first_seen_at"] == dt.timedelta(seconds=3)
    assert row["first_seen_at"] == BEGAN + dt.timedelta(seconds=1)
    assert row["clock_zone"] is not None
    with session(database_url) as db:
        known = db.execute(text("SELECT began_at, ended_at FROM drives")).one()
        assert tuple(known) == (BEGAN, BEGAN + dt.timedelta(seconds=LONG_S))
        (found,) = convoys(db, least_drives=1, least_days=1)
        assert found["last_seen_at"] - found["first_seen_at"] == dt.timedelta(seconds=3)


def test_a_redo_that_loses_its_clock_leaves_its_drive(database_url: str) -> None:
    drive = Drive(database_url, (0, "front"), (10, "front"), (290, "front"), (590, "front"))
    seen = (passing(0, PLATE, 7, 9.8), passing(0, PLATE, 0.2, 1), passing(0, OTHER, 1, 2), passing(0, OTHER, 1, 2))
    for number, one in enumerate(seen):
        drive.end(number, one)
    assert [ids for _, ids in drives(database_url)] == [drive.videos]
    for number in (0, 2):
        run_sql(
            database_url,
            "UPDATE videos SET recorded_at = NULL, recorded_from = NULL, clock_zone = NULL WHERE id = :id",
            id=drive.videos[number],
        )
        drive.again(number, seen[number])
    of = {one: number for number, ids in drives(database_url) for one in ids}
    assert [of[one] is None for one in drive.videos] == [True, False, True, False]
    assert of[drive.videos[1]] != of[drive.videos[3]]
    assert count(database_url, DriveRow) == 2
    assert count(database_url, SightingRow) == 4
    with session(database_url) as db:
        assert db.scalar(text("SELECT count(passing_id) FROM sightings")) == 0


def test_a_long_drive_is_not_read_as_a_whole(database_url: str) -> None:
    """Nor is it held, so that others may do something about its other clips meanwhile."""
    drive = Drive(database_url, *((10 * number, "front") for number in range(120)))
    for number in range(119):
        drive.end(number, passing(0, f"ZZ{number}", 1, 2), join=False)
    join_all(database_url)
    drive.end(119, passing(0, PLATE, 1, 2), join=False)
    with session(database_url) as db:
        assert join_some(db) == 1
        with session(database_url) as other:
            free = text("SELECT count(*) FROM (SELECT FROM videos FOR NO KEY UPDATE SKIP LOCKED) f")
            assert 70 <= other.scalar(free) < 119
    assert [ids for _, ids in drives(database_url)] == [drive.videos]
    with session(database_url) as db:
        known = db.execute(text("SELECT began_at, ended_at FROM drives")).one()
    assert tuple(known) == (BEGAN, BEGAN + dt.timedelta(seconds=1200))
