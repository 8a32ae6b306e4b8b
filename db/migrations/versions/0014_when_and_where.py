"""When and where: clocks and cameras of videos, tracks, places of sightings, drives, passings, and search by place."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[2] / "sql"
_SOURCES = ("given", "gps", "embedded", "sidecar", "filename", "overlay", "container", "file")
_SOURCES_BEFORE = ("container", "file")
_OF_VIDEOS = (
    ("make", sa.String), ("model", sa.String), ("camera", sa.String),
    ("clock_zone", sa.String), ("clock_error_s", sa.Float), ("clock_others", JSONB),
    ("drive_id", sa.BigInteger),
)  # fmt: skip
_FLAGS_OF_VIDEOS = ("recovered", "to_join", "screen_read")
_OF_SIGHTINGS = (
    ("lat", sa.Float), ("lon", sa.Float), ("bearing_deg", sa.Float), ("speed_mps", sa.Float),
    ("place_error_m", sa.Float), ("movement", sa.String), ("passing_id", sa.BigInteger),
    ("country_confidence", sa.Float),
)  # fmt: skip
#: Of `views_0014.sql`, `places_0014.sql` and `convoys_0014.sql`, in the order in which they are made.
_FUNCTIONS = (
    "metres_apart", "local_time_of", "moment_of", "place_of", "off_line", "metres_from_line", "area_pieces",
    "area_rows", "sightings_inside", "heat", "convoys",
)  # fmt: skip


def upgrade() -> None:
    _create_tables()
    for name, kind in _OF_VIDEOS:
        op.add_column("videos", sa.Column(name, kind()))
    for name in _FLAGS_OF_VIDEOS:
        op.add_column("videos", sa.Column(name, sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_foreign_key("fk_videos_drive_id", "videos", "drives", ["drive_id"], ["id"], ondelete="SET NULL")
    for name, kind in _OF_SIGHTINGS:
        op.add_column("sightings", sa.Column(name, kind()))
    op.add_column("readings", sa.Column("country_confidence", sa.Float()))
    _say_sources(_SOURCES)
    # A file system's times are moments; what a container says may be any camera's local time.
    _run("UPDATE videos SET clock_zone = '+00:00' WHERE recorded_from = 'file'")
    # They are joined by whoever sweeps; what is purged has nothing to join.
    _run(
        "UPDATE videos SET to_join = true WHERE kind = 'video' AND finished_at IS NOT NULL AND purged_at IS NULL"
        " AND recorded_at IS NOT NULL"
    )
    _create_indexes()
    _run((_SQL / "views_0014.sql").read_text(encoding="utf-8"))
    _drop_searches()
    _run((_SQL / "places_0014.sql").read_text(encoding="utf-8"))
    _run((_SQL / "convoys_0014.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    _run("DROP VIEW passings")
    _run("DROP TRIGGER note_changed ON sightings")
    _run("DROP FUNCTION note_changed_sightings")
    telling = (_SQL / "telling_0011.sql").read_text(encoding="utf-8")
    _run("DROP FUNCTION alerting")
    _run(telling[telling.index("CREATE FUNCTION alerting") : telling.index("-- Whether two stretches")])
    before = (_SQL / "search_0009.sql").read_text(encoding="utf-8")
    _run(before[before.index("CREATE TRIGGER note_changed") : before.index("CREATE TRIGGER note_gone")])
    _drop_searches()
    _run("DROP VIEW plate_sightings")
    for name in reversed(_FUNCTIONS):
        _run(f"DROP FUNCTION {name}")
    views = (_SQL / "views_0012.sql").read_text(encoding="utf-8")
    sightings, plates = views.split("-- As in 0009; new at the end")
    _run(sightings)
    _run(plates[plates.index("-- Unique plates that a pattern") :])
    search = (_SQL / "search_0012.sql").read_text(encoding="utf-8")
    _run(search[: search.index("-- What sightings may say")])
    # What said so then is no word any more.
    _run("UPDATE videos SET recorded_at = NULL, recorded_from = NULL WHERE recorded_from NOT IN ('container', 'file')")
    _say_sources(_SOURCES_BEFORE)
    op.drop_column("readings", "country_confidence")
    for name, _ in _OF_SIGHTINGS:
        op.drop_column("sightings", name)
    for name in (*_FLAGS_OF_VIDEOS, *(name for name, _ in _OF_VIDEOS)):
        op.drop_column("videos", name)
    op.drop_index("ix_videos_recorded", "videos")
    for table in ("places", "drives", "tracks"):
        op.drop_table(table)


def _create_tables() -> None:
    op.create_table(
        "tracks",
        sa.Column("video_id", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("sidecar", sa.Boolean(), nullable=False),
        sa.Column("began_at", sa.String()),
        sa.Column("tells_start", sa.Boolean(), nullable=False),
        sa.Column("points", sa.LargeBinary(), nullable=False),
        sa.Column("fixes", sa.BigInteger(), nullable=False),
        sa.Column("doubts", JSONB(), nullable=False),
        *(sa.Column(name, sa.Float()) for name in ("south", "west", "north", "east")),
        sa.Column("length_m", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("video_id", name="pk_tracks"),
        sa.ForeignKeyConstraint(["video_id"], ["videos.id"], ondelete="CASCADE", name="fk_tracks_video_id"),
    )
    op.create_table(
        "drives",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("clock_zone", sa.String()),
        sa.PrimaryKeyConstraint("id", name="pk_drives"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE", name="fk_drives_job_id"),
    )
    op.create_table(
        "places",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        *(sa.Column(name, sa.Float(), nullable=False) for name in ("lat", "lon", "radius_m")),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_places"),
        sa.UniqueConstraint("name", name="uq_places_name"),
        sa.CheckConstraint(
            "lat BETWEEN -90 AND 90 AND lon BETWEEN -180 AND 180 AND radius_m > 0", name=op.f("ck_places_circle")
        ),
    )


def _create_indexes() -> None:
    op.create_index("ix_drives_job", "drives", ["job_id", "began_at"])
    op.create_index("ix_drives_began", "drives", ["began_at"])
    known = sa.text("recorded_at IS NOT NULL")
    op.create_index("ix_videos_recorded", "videos", ["job_id", "recorded_at"], postgresql_where=known)
    op.create_index("ix_videos_drive", "videos", ["drive_id"], postgresql_where=sa.text("drive_id IS NOT NULL"))
    op.create_index("ix_videos_to_join", "videos", ["id"], postgresql_where=sa.text("to_join"))
    _run(
        """
        CREATE INDEX ix_sightings_place ON sightings ((floor(lat * 200)::integer), lon)
        INCLUDE (lat, id, plate_id, video_id) WHERE lat IS NOT NULL
        """
    )
    passing = sa.text("passing_id IS NOT NULL")
    op.create_index("ix_sightings_passing", "sightings", ["passing_id"], postgresql_where=passing)


def _say_sources(words: tuple[str, ...]) -> None:
    op.drop_constraint(op.f("ck_videos_recordedfrom"), "videos")
    listed = ", ".join(f"'{word}'" for word in words)
    op.create_check_constraint(op.f("ck_videos_recordedfrom"), "videos", f"recorded_from IN ({listed})")


def _drop_searches() -> None:
    """They take or return what changes."""
    _run("DROP FUNCTION search_plates")
    _run("DROP FUNCTION plates_fitting")


def _run(sql: str) -> None:
    # As it stands: to the driver a percent sign would begin a parameter.
    op.get_bind().exec_driver_sql(sql, execution_options={"no_parameters": True})
