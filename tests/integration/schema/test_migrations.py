"""The schema on a real PostgreSQL: upgrades, downgrades, and what they keep."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select, text, update
from sqlalchemy.exc import IntegrityError

from db.engine import check, engine_for, session
from db.findings import queries
from db.findings.mapping import MEDIA_COLUMNS, media_columns, media_of
from db.findings.search import index_some, plates
from db.findings.stage_results import store_sightings
from db.migrate import upgrade
from db.models import Base, Plate, Segment, SightingRow, Video
from pipeline.errors import ServiceUnavailable
from pipeline.records import Box
from tests.support.database import count, make_job, run_sql
from tests.support.schema import catalogue, downgrade
from tests.support.tables.findings import sighting


def test_the_migrated_schema_is_the_models(database_url: str) -> None:
    with engine_for(database_url).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_the_migrated_schema_has_the_models_checks_and_indexes(database_url: str) -> None:
    """Alembic's comparison leaves out check constraints, partial indexes' conditions and identities."""
    with engine_for(database_url).connect() as connection:
        migrated = catalogue(connection, "public")
        connection.execute(text("CREATE SCHEMA models"))
        # Indexes call functions, which the models do not make.
        connection.execute(text("SET LOCAL search_path = models, public"))
        Base.metadata.create_all(connection, checkfirst=False)
        assert migrated == catalogue(connection, "models")
        connection.rollback()


def test_upgrading_twice_keeps_the_rows(database_url: str) -> None:
    make_job(database_url, 1)
    upgrade(database_url)
    assert count(database_url, Segment) == 1


def test_downgrade_leaves_nothing_and_many_machines_may_upgrade_at_once(database_url: str) -> None:
    downgrade(database_url)
    inspector = inspect(engine_for(database_url))
    assert inspector.get_table_names() == ["alembic_version"]
    assert inspector.get_view_names() == []

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(upgrade, [database_url] * 3))
    with session(database_url) as db:
        assert queries.jobs(db) == []


def test_videos_from_before_overlays_were_looked_for_have_none(database_url: str) -> None:
    _, (video_id,) = make_job(database_url, 1)
    downgrade(database_url, "0001")
    upgrade(database_url)
    row = select(*MEDIA_COLUMNS).where(Video.id == video_id)
    with session(database_url) as db:
        stored = db.execute(row).mappings().one()
        assert stored["overlays"] is None
        media = media_of(stored, 0)
        assert media.overlays == ()
        db.execute(
            update(Video).values(**media_columns(replace(media, overlays=(Box(1, 2, 30, 8.5),), recovered=True)))
        )
        now = media_of(db.execute(row).mappings().one(), 0)
        assert (now.overlays, now.recovered) == ((Box(1, 2, 30, 8.5),), True)


def test_videos_from_before_drives_wait_to_be_joined(database_url: str) -> None:
    _, videos = make_job(database_url, 1, 1, 1, 1, 1)
    said = (
        "UPDATE videos SET kind = 'video', recorded_at = now(), recorded_from = 'container', finished_at = now(), "
        "to_join = false WHERE id = :id"
    )
    for video in videos:
        run_sql(database_url, said, id=video)
    others = ("kind = 'photo'", "recorded_at = NULL, recorded_from = NULL", "finished_at = NULL", "purged_at = now()")
    for video, other in zip(videos[1:], others, strict=True):
        run_sql(database_url, f"UPDATE videos SET {other} WHERE id = :id", id=video)
    downgrade(database_url, "0013")
    upgrade(database_url)
    with session(database_url) as db:
        assert db.execute(select(Video.id).where(Video.to_join)).scalars().all() == videos[:1]


def test_an_unknown_state_is_refused(database_url: str) -> None:
    make_job(database_url, 1)
    run_sql(database_url, "INSERT INTO moves VALUES ('segment', 'pending', 'asleep', 'nobody')")
    try:
        with pytest.raises(IntegrityError, match="ck_segments_segmentstate"):
            run_sql(database_url, "UPDATE segments SET state = 'asleep'")
    finally:
        run_sql(database_url, "DELETE FROM moves WHERE after = 'asleep'")


def test_an_unreachable_database_is_told_without_its_password() -> None:
    with pytest.raises(ServiceUnavailable, match="does not answer") as caught:
        check("postgresql://dashplate:hunter2@127.0.0.1:1/dashplate")
    assert "hunter2" not in str(caught.value)
    assert "went away" not in str(caught.value), "nobody was there"


def test_plates_from_before_that_no_picture_tells_apart_become_one(database_url: str) -> None:
    _, videos = make_job(database_url, 0, 0, 0)
    for video_id, plate in zip(videos, ("LS15EBC", "AB123", "CD456"), strict=True):
        with session(database_url) as db:
            store_sightings(db, video_id, [sighting(0, plate)])
    downgrade(database_url, "0002")
    run_sql(database_url, "UPDATE plates SET text = 'LSI5EBC' WHERE text = 'AB123'")
    upgrade(database_url)
    with session(database_url) as db:
        assert db.scalars(select(SightingRow.text).order_by(SightingRow.video_id)).all() == [
            "LS15EBC", "LSI5EBC", "CD456",
        ]  # fmt: skip
        assert db.scalars(select(Plate.text).order_by(Plate.text)).all() == ["CD456", "LS15EBC"]
        index_some(db)
        assert len(plates(db, "LS*", 10)) == 1
