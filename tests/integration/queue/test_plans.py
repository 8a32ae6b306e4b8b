"""What is asked all the time finds its rows by index, however many there are: no query that grows with the fleet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from db.engine import engine_for, session
from db.findings import queries
from db.jobs.submit import NewVideo, add_videos
from db.jobs.videos import end_video
from db.keeping.due import _DUE_BY_JOB
from db.models import Segment, Video
from db.queue import last_sweep, monitored, outbox, scheduler, segment_moves, unreachable
from db.queue.segment_moves import Dispatched
from db.states import SegmentState, VideoState
from tests.support.database import DETECTING, LEASE_S, READING, asked, run_sql, split
from tests.support.tables.counters import check_counters

VIDEOS, SEGMENTS_EACH = 2000, 10
#: Tables that grow with the fleet.
LARGE = {"segments", "videos", "outbox"}
#: Videos from here on are not opened yet; those before the first two are done.
_UNOPENED = 1900

FILL = (
    """
    INSERT INTO jobs (name, options) VALUES ('a fleet', '{}'), ('a drive', '{}')
    """,
    f"""
    INSERT INTO videos (job_id, path, fingerprint, state, kind, width, height, time_base_num, time_base_den,
                        start_pts, end_pts, duration_s, timed, segments)
    SELECT CASE WHEN i > {VIDEOS} THEN 2 ELSE 1 END, '/cam/' || i || '.mp4', i::text, state,
           CASE WHEN opened THEN 'video' END, 1280, 720, 1, 1000, 0, 100000, CASE WHEN opened THEN 100 END, true,
           CASE WHEN opened THEN {SEGMENTS_EACH} ELSE 0 END
    FROM generate_series(1, {VIDEOS} + 1) i,
         LATERAL (SELECT i NOT BETWEEN {_UNOPENED} AND {VIDEOS} AS opened) o,
         LATERAL (SELECT CASE WHEN opened THEN 'processing' ELSE 'registered' END AS state) s
    """,
    f"""
    INSERT INTO segments (job_id, video_id, index, start_pts, end_pts, start_s, end_s, state, moved_at)
    SELECT v.job_id, v.id, g, g * 10000, (g + 1) * 10000, g * 10, (g + 1) * 10,
           CASE WHEN v.id <= 1000 THEN 'done' ELSE 'pending' END, now() - make_interval(secs => v.id)
    FROM videos v, generate_series(0, {SEGMENTS_EACH} - 1) g WHERE v.state = 'processing'
    """,
    f"""
    UPDATE videos SET state = 'aggregating', segments_done = {SEGMENTS_EACH}, footage_done_s = 100, started_at = now()
    WHERE id <= 1000
    """,
    """
    UPDATE videos SET state = 'done', finished_at = now() WHERE id <= 990
    """,
    """
    INSERT INTO outbox (kind, key, job_id)
    SELECT CASE state WHEN 'registered' THEN 'probe' ELSE 'aggregate' END, id, job_id FROM videos
    WHERE state IN ('registered', 'aggregating')
    """,
    """
    UPDATE segments SET not_before = now() + interval '1 hour', failures = 1 WHERE video_id = 1001
    """,
    "ANALYZE",
)


#: Of the tests alone.
_OURS = "/* test */"
#: Indexes of what is on the way, of which there is never much.
SMALL = {
    "ix_segments_in_flight", "ix_segments_delayed", "ix_segments_parked", "ix_videos_started", "ix_videos_away",
    "ix_outbox_sent", "ix_outbox_failing",
}  # fmt: skip

#: Without these, something would be looked for among all rows of a job.
MADE_FOR_THIS = {
    "ix_segments_pending", "ix_segments_in_flight", "ix_segments_delayed", "ix_segments_ended", "ix_videos_started",
    "ix_videos_away", "ix_videos_ended", "ix_outbox_due", "ix_outbox_sent", "ix_outbox_failing",
}  # fmt: skip


@pytest.fixture
def fleet(database_url: str) -> str:
    """Two thousand videos, half of them done, and a small job."""
    for statement in FILL:
        run_sql(database_url, statement)
    check_counters(database_url)
    return database_url


def planned(url: str, statement: str, values: Any) -> list[dict[str, Any]]:
    """The nodes of the statement's plan.

    At twenty thousand rows PostgreSQL may rightly find that cheapest; so it is told that it is not, and does it only
    where no index helps.
    """
    if not statement.lstrip().upper().startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")):
        return []
    values = values[0] if isinstance(values, list) else values
    with engine_for(url).connect() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        ((plan,),) = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values).scalars()
    return list(_nodes(plan["Plan"]))


def _nodes(node: dict[str, Any], table: str = "") -> Iterator[dict[str, Any]]:
    # Below a bitmap scan of a table, its indexes do not name it.
    table = node.get("Relation Name", table)
    yield {**node, "Relation Name": table}
    for child in node.get("Plans", ()):
        yield from _nodes(child, table)


def read_whole(nodes: list[dict[str, Any]]) -> set[str]:
    """Large tables, and large indexes, that are read from end to end."""
    found = set()
    for node in nodes:
        table, index = node["Relation Name"], node.get("Index Name")
        if table in LARGE and node["Node Type"] == "Seq Scan":
            found.add(table)
        if table in LARGE and index and index not in SMALL and "Index Cond" not in node:
            found.add(index)
    return found


def flying(db: Session) -> list[Dispatched]:
    return scheduler.take_pending(db, 32, 32)


def one_detected(db: Session) -> Dispatched:
    segment = flying(db)[0]
    assert segment_moves.begin(db, segment.segment_id, segment.attempt, DETECTING, "host:1", LEASE_S)
    return segment


def reading(db: Session) -> Dispatched:
    segment = one_detected(db)
    assert segment_moves.detected(db, segment.segment_id, segment.attempt, 80, None)
    assert segment_moves.begin(db, segment.segment_id, segment.attempt, READING, "host:1", LEASE_S)
    return segment


def fails(db: Session) -> None:
    segment = one_detected(db)
    assert segment_moves.failed(db, segment.segment_id, segment.attempt, "It broke.")


def renews(db: Session) -> None:
    segment = one_detected(db)
    assert segment_moves.renew(db, segment.segment_id, segment.attempt, LEASE_S)


def finishes(db: Session) -> None:
    segment = reading(db)
    assert segment_moves.finished(db, segment.segment_id, segment.attempt)


def gives_up(db: Session) -> None:
    segment = one_detected(db)
    db.execute(text(_OURS + "UPDATE segments SET failures = 3 WHERE id = :id"), {"id": segment.segment_id})
    assert segment_moves.failed(db, segment.segment_id, segment.attempt, "It broke.")


def is_away(db: Session) -> None:
    first, second = flying(db)[:2]
    for segment in (first, second):
        assert segment_moves.begin(db, segment.segment_id, segment.attempt, DETECTING, "host:1", LEASE_S)
        assert unreachable.unreachable(db, segment.segment_id, segment.attempt, "Its share is away.", longest_s=-1.0)
    queries.waiting_for(db, 1)
    unreachable.unpark(db)


def loses(db: Session) -> None:
    one_detected(db)
    db.execute(text(_OURS + "UPDATE segments SET lease_until = now() - interval '1 s' WHERE state = 'detecting'"))
    ((segment_id, attempt),) = segment_moves.lost(db)
    assert segment_moves.lost_attempt(db, segment_id, attempt, "Its worker went silent.")


def strands(db: Session) -> None:
    sent = len(flying(db))
    db.execute(text(_OURS + "UPDATE segments SET moved_at = now() - interval '1 hour' WHERE state = 'queued'"))
    assert len(segment_moves.stranded(db, SegmentState.QUEUED, 10.0)) == sent
    segment_moves.stranded(db, SegmentState.DETECTED, 10.0)


def prolongs(db: Session) -> None:
    flying(db)
    segment_moves.prolong_all(db, LEASE_S)
    outbox.prolong_all(db, LEASE_S)
    last_sweep.paused(db, 10.0)


def steps(db: Session) -> None:
    message = scheduler.take_messages(db, 8)[0]
    held = outbox.begin(db, message.kind, message.key, LEASE_S)
    assert held is not None
    assert outbox.renew(db, held, LEASE_S)
    assert outbox.holds(db, held)
    outbox.put_back(db, held, "It broke.", counts=True)
    outbox.resend_lost(db)
    outbox.resend_quiet(db, 10.0)
    outbox.exhausted(db)


def ends(db: Session) -> None:
    assert end_video(db, 995, VideoState.DONE, None)


def opens(db: Session) -> None:
    assert split(db, _UNOPENED, 3)


def arrives(db: Session) -> None:
    assert add_videos(db, 1, [NewVideo("/cam/new.mp4", "new")]) == 1


def progresses(db: Session) -> None:
    columns = "job, segments_done, segments_quarantined, footage_done_s, footage_expected_s, segments_delayed, state"
    row = db.execute(text(f"SELECT {columns} FROM job_progress WHERE job = 1")).mappings().one()
    assert (row["segments_done"], row["segments_delayed"]) == (10_000, 10)
    assert db.execute(text("SELECT pace FROM job_pace WHERE job = 1")).scalar_one() > 0


def monitors(db: Session) -> None:
    look, _ = monitored.look(db, None)
    flying(db)
    monitored.look(db, look)
    assert monitored.delayed(db, sorted(look.unfinished)) == 10
    monitored.in_flight(db)
    monitored.away(db)
    monitored.video_tasks(db)
    monitored.deliveries(db)
    monitored.sweep_age_s(db)
    monitored.server(db)


DEEDS = (
    flying, reading, renews, finishes, fails, gives_up, is_away, loses, strands, prolongs, steps, ends, opens, arrives,
    progresses, monitors,
)  # fmt: skip


def test_nothing_is_read_from_end_to_end(fleet: str) -> None:
    found, used = [], set()
    for deed in DEEDS:
        with asked(fleet) as statements, Session(engine_for(fleet)) as db:
            deed(db)
            db.rollback()
        assert statements
        for statement, values in statements:
            if _OURS not in statement:
                nodes = planned(fleet, statement, values)
                used |= {node.get("Index Name") for node in nodes}
                found += [f"{deed.__name__} reads the whole {whole}:{statement}" for whole in read_whole(nodes)]
    assert not found, "\n".join(found)
    assert used >= MADE_FOR_THIS


def test_the_guard_sees_what_is_read_from_end_to_end(fleet: str) -> None:
    with asked(fleet) as statements, session(fleet) as db:
        db.scalars(select(Segment.id).where(Segment.frames_looked > 5)).all()
        db.scalars(select(func.count()).select_from(Video)).all()
        db.scalars(
            select(Segment.index).where(Segment.state == "pending", ~Segment.parked).order_by(Segment.job_id)
        ).all()
        db.scalars(select(Segment.id).where(Segment.id == 7)).all()
    assert [read_whole(planned(fleet, *one)) for one in statements if one[0].startswith("SELECT segments")] == [
        {"segments"}, {"ix_segments_pending"}, set(),
    ]  # fmt: skip
    assert [bool(read_whole(planned(fleet, *one))) for one in statements if "count" in one[0]] == [True]


def test_retention_looks_at_no_more_than_what_is_due(database_url: str) -> None:
    """With 20,000 ended videos, 5,000 of them purged and none due, the sweeper's question reads a few pages."""
    run_sql(
        database_url,
        """
        INSERT INTO jobs (name, options, state, finished_at, retain_s)
        SELECT 'tour', '{}', 'finished', now(), 86400 FROM generate_series(1, 4)
        """,
    )
    run_sql(
        database_url,
        """
        INSERT INTO videos (job_id, path, fingerprint, state, finished_at, purged_at)
        SELECT 1 + i % 4, '/cam/' || i, 'print ' || i, 'done',
               now() - make_interval(days => CAST(i % 4 = 0 AS int) * 9),
               CASE WHEN i % 4 = 0 THEN now() END
        FROM generate_series(1, 20000) i
        """,
    )
    run_sql(database_url, "ANALYZE videos")
    asked_with = {"limit": 100, "job": 0, "ended": "epoch", "video": 0}
    with session(database_url) as db:
        plan = db.scalar(text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {_DUE_BY_JOB.text}"), asked_with)
    root = plan[0]["Plan"]
    assert root["Actual Rows"] == 0
    assert root["Shared Hit Blocks"] + root["Shared Read Blocks"] < 60, plan
