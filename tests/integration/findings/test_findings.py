"""What was found, stored and loaded on a real PostgreSQL; storing twice changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from sqlalchemy import select

from db.engine import session
from db.findings import queries
from db.findings.search import index_some, plates
from db.findings.stage_results import read_tracklets_of, store_frames, store_sightings
from db.findings.stored_files import deleted, drop_crops, names_of, owed_deletions
from db.models import CropRow, FrameRow, Plate, ReadingRow, SightingRow, TrackletRow
from pipeline.records import Sighting
from tests.support.database import count, make_job, waiting
from tests.support.processes import PATIENCE_S, wait_until
from tests.support.tables.findings import (
    PICTURES,
    Picture,
    crops_of,
    observation,
    owe_deletion,
    reading,
    sighting,
    store_all,
    store_readings,
    store_tracklets,
    tracklet,
)


def test_what_was_found_comes_back_as_it_was(database_url: str) -> None:
    _, (video_id,) = make_job(database_url, 1)
    store_all(database_url, ["AB123", "ÖX77"])
    with session(database_url) as db:
        crops = crops_of(db, 1)
        assert [[row.name for row in rows] for rows in crops.values()] == [["a", "b"], ["c", "d"]]
        found = read_tracklets_of(db, video_id)
    assert [(t.segment, t.index, t.seen, t.crop) for t in found] == [(0, 0, 3, "b"), (0, 1, 3, "d")]
    assert [t.reading for t in found] == [reading("AB123"), reading("ÖX77")]
    assert (found[0].first, found[0].last, found[0].best) == (
        observation(1.0), observation(3.0), observation(2.0),
    )  # fmt: skip


def test_storing_a_segment_twice_gives_the_same_rows(database_url: str) -> None:
    _, (video_id,) = make_job(database_url, 1)
    for _ in range(2):
        store_all(database_url, ["AB123", "CD456"])
    with session(database_url) as db:
        assert [t.reading.text for t in read_tracklets_of(db, video_id)] == ["AB123", "CD456"]
    assert [count(database_url, t) for t in (TrackletRow, CropRow, ReadingRow)] == [2, 4, 2]


def test_reading_again_replaces_the_readings(database_url: str) -> None:
    """Another reader may find nothing legible where the one before did."""
    _, (video_id,) = make_job(database_url, 2)
    store_all(database_url, ["AB123", "CD456"])
    with session(database_url) as db:
        store_tracklets(db, 2, [tracklet(0)], PICTURES)
        (elsewhere,) = crops_of(db, 2)
        store_readings(db, 2, {elsewhere: reading("EF789")})
        first, _ = crops_of(db, 1)
        store_readings(db, 1, {first: reading("AB128", None)})
        assert [t.reading for t in read_tracklets_of(db, video_id)] == [reading("AB128", None), reading("EF789")]
        store_readings(db, 1, {})
        assert [t.reading for t in read_tracklets_of(db, video_id)] == [reading("EF789")]


def test_pictures_are_stored_with_what_their_files_hold(database_url: str) -> None:
    make_job(database_url, 1)
    files = {key: Picture(picture.name, size, f"{size:064x}") for size, (key, picture) in enumerate(PICTURES.items())}
    with session(database_url) as db:
        store_tracklets(db, 1, [tracklet(0), tracklet(1, 5.0)], files)
        rows = [row for rows in crops_of(db, 1).values() for row in rows]
        assert [(row.name, row.size, row.sha256) for row in rows] == [
            (file.name, file.size, file.sha256) for file in files.values()
        ]


def test_evidence_frames_are_replaced_and_shown_with_their_sighting(database_url: str) -> None:
    job_id, (video_id,) = make_job(database_url, 0)
    for name in ("old", "new"):
        with session(database_url) as db:
            store_sightings(db, video_id, [sighting(0, "AB123")])
            store_frames(db, video_id, {2000: Picture(f"{name}.jpg", 7, "f" * 64), 9000: Picture(f"{name}-9.jpg")})
    with session(database_url) as db:
        (row,) = queries.sightings(db, job_id)
        frames = db.scalars(select(FrameRow).order_by(FrameRow.pts)).all()
        assert names_of(db, video_id) == {"new.jpg", "b"}, "no sighting was read from the other"
    assert row["frame"] == "new.jpg", "the frame of its best moment"
    assert [(frame.pts, frame.size, frame.sha256) for frame in frames] == [(2000, 7, "f" * 64)]


def test_a_frame_stays_while_the_better_one_is_missing(database_url: str) -> None:
    job_id, (video_id,) = make_job(database_url, 0)
    with session(database_url) as db:
        store_sightings(db, video_id, [sighting(0, "AB123")])
        assert store_frames(db, video_id, {2000: Picture("old.jpg")}) == 0
        store_sightings(db, video_id, [replace(sighting(0, "AB123"), best=observation(2.5))])
        assert store_frames(db, video_id, {}) == 1
        assert names_of(db, video_id) == {"old.jpg", "b"}
        assert [row["frame"] for row in queries.sightings(db, job_id)] == ["old.jpg"], "the next best is shown"
        assert store_frames(db, video_id, {2500: Picture("better.jpg")}) == 0
        assert names_of(db, video_id) == {"better.jpg", "b"}
        assert [row["frame"] for row in queries.sightings(db, job_id)] == ["better.jpg"]


def test_files_that_rows_name_and_files_that_have_to_go(database_url: str) -> None:
    _, (video_id, _) = make_job(database_url, 1, 1)
    store_all(database_url, ["AB123", "CD456"])
    with session(database_url) as db:
        assert names_of(db, video_id) == {"a", "b", "c", "d"}
        drop_crops(db, video_id)
        owe_deletion(db, ["crops/1/", "frames/1/7.jpg"])
        owe_deletion(db, [])
    with session(database_url) as db:
        assert (names_of(db, video_id), count(database_url, TrackletRow)) == (set(), 2)
        (number, folder), (_, frame) = owed_deletions(db)
        assert (folder, frame) == ("crops/1/", "frames/1/7.jpg")
        deleted(db, [number])
        assert [name for _, name in owed_deletions(db)] == ["frames/1/7.jpg"]


def test_fresh_readings_follow_the_order_in_which_they_came(database_url: str) -> None:
    job_id, _ = make_job(database_url, 2)
    with session(database_url) as db:
        store_tracklets(db, 1, [tracklet(0)], PICTURES)
        store_tracklets(db, 2, [tracklet(0, 5.0)], PICTURES)
        (first,), (second,) = crops_of(db, 1), crops_of(db, 2)
        store_readings(db, 2, {second: reading("LATER1")})
        (seen,) = queries.fresh_readings(db, job_id, 0, queries.newest_reading(db))
        store_readings(db, 1, {first: reading("EARLY1")})
        (fresh,) = queries.fresh_readings(db, job_id, seen["id"], queries.newest_reading(db))
        assert queries.fresh_readings(db, job_id, fresh["id"], queries.newest_reading(db)) == []
    assert (seen["text"], seen["first_s"], fresh["text"], fresh["first_s"]) == ("LATER1", 5.0, "EARLY1", 1.0)


def test_storing_sightings_twice_gives_the_same_rows(database_url: str) -> None:
    job_id, (video_id, other) = make_job(database_url, 0, 0)
    passing = [sighting(0, "AB123"), sighting(1, "CD456"), sighting(2, "AB123", None)]
    for _ in range(2):
        with session(database_url) as db:
            store_sightings(db, video_id, passing)
    with session(database_url) as db:
        store_sightings(db, other, [sighting(0, "AB123")])
        rows = queries.sightings(db, job_id)
        index_some(db)
        found = plates(db, "AB*", 10)
        countries = {p.text: p.country for p in db.scalars(select(Plate))}
    assert [(r["video_id"], r["plate"]) for r in rows] == [
        (video_id, "AB123"), (video_id, "AB123"), (video_id, "CD456"), (other, "AB123"),
    ]  # fmt: skip
    assert rows[0]["alternatives"] == [{"text": "AB128", "confidence": 0.04}]
    assert [(p["plate"], p["sightings"], p["videos"], p["reads"]) for p in found] == [("AB123", 3, 2, 6)]
    assert countries == {"AB123": "IT", "CD456": "IT"}


def test_a_plate_keeps_its_country_and_learns_a_missing_one(database_url: str) -> None:
    _, (one, two, three) = make_job(database_url, 0, 0, 0)
    for video_id, country in ((one, None), (two, "GB"), (three, None)):
        with session(database_url) as db:
            store_sightings(db, video_id, [sighting(0, "AB123", country)])
    with session(database_url) as db:
        assert db.scalars(select(Plate.country)).all() == ["GB"]


def test_what_no_picture_tells_apart_is_one_plate_named_after_all_its_sightings(database_url: str) -> None:
    job_id, videos = make_job(database_url, 0, 0, 0, 0)
    passing = (sighting(0, "LSI5EBC", None), sighting(0, "LS15EBC", "GB"), sighting(0, "LSI5EBC", None))
    for video_id, seen in zip(videos, (*passing, sighting(0, "LS15EBD", "GB")), strict=True):
        with session(database_url) as db:
            store_sightings(db, video_id, [seen])
    with session(database_url) as db:
        rows = queries.sightings(db, job_id)
        assert db.execute(select(Plate.text, Plate.country).order_by(Plate.text)).all() == [
            ("LS15EBC", "GB"), ("LS15EBD", "GB"),
        ]  # fmt: skip
        assert db.scalars(select(SightingRow.text).order_by(SightingRow.video_id)).all() == [
            "LSI5EBC", "LS15EBC", "LSI5EBC", "LS15EBD",
        ]  # fmt: skip
        index_some(db)
        assert [plate["plate"] for plate in plates(db, "LSI5*C", 10)] == ["LS15EBC"]
    assert [row["plate"] for row in rows] == ["LS15EBC"] * 3 + ["LS15EBD"]


def test_plates_do_not_depend_on_the_order_in_which_videos_end(database_url: str) -> None:
    _, (one, two) = make_job(database_url, 0, 0)
    seen = {one: sighting(0, "OO1"), two: sighting(0, "001")}
    names = []
    for order in ((one, two), (two, one)):
        for video_id in order:
            with session(database_url) as db:
                store_sightings(db, video_id, [seen[video_id]])
        with session(database_url) as db:
            names.append(db.scalars(select(Plate.text)).all())
    assert names == [["001"], ["001"]]


def test_a_plate_that_nobody_says_any_more_goes(database_url: str) -> None:
    _, (video_id,) = make_job(database_url, 0)
    for texts in (("AB123", "CD456"), ("AB123",)):
        with session(database_url) as db:
            store_sightings(db, video_id, [sighting(i, plate) for i, plate in enumerate(texts)])
    with session(database_url) as db:
        assert db.scalars(select(Plate.text)).all() == ["AB123"]


def test_aggregators_that_meet_on_the_same_plates_both_succeed(database_url: str) -> None:
    _, (one, two) = make_job(database_url, 0, 0)
    there, back = [sighting(0, "AB123"), sighting(1, "CD456")], [sighting(0, "CD456"), sighting(1, "AB123")]

    def store(video_id: int, sightings: Sequence[Sighting]) -> None:
        with session(database_url) as db:
            store_sightings(db, video_id, sightings)

    store(one, there)
    with ThreadPoolExecutor(2) as pool:
        with session(database_url) as db:
            db.execute(select(Plate).where(Plate.text == "AB123").with_for_update())
            first = pool.submit(store, one, there)
            wait_until("the first to wait", lambda: waiting(database_url) == 1)
            second = pool.submit(store, two, back)
            wait_until("both to wait", lambda: waiting(database_url) == 2)
        first.result(timeout=PATIENCE_S)
        second.result(timeout=PATIENCE_S)
    assert [count(database_url, Plate), count(database_url, SightingRow)] == [2, 4]
