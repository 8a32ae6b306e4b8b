"""A database of the first release, with its data in it, upgraded: nothing is lost, and what was unfinished goes on.

`first_release.sql` says how its rows came about: the first release wrote them itself, and was stopped in the middle.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from dashplate import export
from dashplate.stack import Stack
from db.engine import engine_for, session
from db.findings import queries
from db.findings.stage_results import read_tracklets_of, store_sightings
from db.jobs import control
from db.jobs.submit import NewVideo, add_videos
from db.jobs.videos import end_video
from db.migrate import upgrade
from db.models import Video
from db.queue import outbox, scheduler, segment_moves
from db.states import SegmentState, VideoState
from pipeline.formats.confusions import folded
from pipeline.sightings import stitch
from tests.support.database import LEASE_S, SILENT, detect, no_waiting, read, split
from tests.support.schema import catalogue, downgrade
from tests.support.tables.counters import check_counters

HERE = Path(__file__).parent
DUMP = HERE / "first_release.sql"
#: What `dashplate export` of the first release wrote for its three finished jobs.
EXPORTED = HERE / "first_release.csv"
VIEWS = ("plate_sightings", "job_progress", "unique_plates")
#: As in the exported file.
STORE = Path("/var/lib/dashplate/store")
FINISHED, UNFINISHED = (1, 2, 3), (4, 5, 6)
TABLES = ("jobs", "videos", "segments", "tracklets", "crops", "readings", "plates", "sightings", "outbox")
#: A table's rows by key, each column's value as JSON has it.
Rows = dict[int, dict[str, Any]]


@pytest.fixture
def old_url(stack: Stack) -> Iterator[str]:
    """The first release's database, not upgraded; afterwards an empty one, as the embedded role may make no other."""
    _empty(stack.database_url)
    _load(stack.database_url)
    yield stack.database_url
    _empty(stack.database_url)


def test_the_dump_has_the_schema_that_was_released(old_url: str) -> None:
    """Should somebody edit the first migration, upgrades would no longer start from what users have."""
    dumped = _schema(old_url)
    _empty(old_url)
    upgrade(old_url, "0001")
    assert _schema(old_url) == dumped


def test_the_dump_has_work_in_every_state(old_url: str) -> None:
    before = _everything(old_url)
    segments, videos = ({row["state"] for row in before[table].values()} for table in ("segments", "videos"))
    assert segments == {str(state) for state in SegmentState}
    # The first release had no cancelling; here everything that is `processing` has segments.
    assert videos == {str(state) for state in VideoState} - {"failed", "cancelled"}
    assert [job["finished_at"] is not None for job in before["jobs"].values()] == [True] * 3 + [False] * 3
    assert {row["sent_at"] is None for row in before["outbox"].values()} == {True, False}
    texts = {row["text"] for row in before["plates"].values()}
    assert {"KB0123", "KBO123", "L01234", "LOI234"} <= texts


def test_every_value_is_still_there(old_url: str) -> None:
    before = _everything(old_url)
    upgrade(old_url)
    after = _everything(old_url)
    for table in ("jobs", "videos", "segments", "tracklets", "crops", "readings"):
        assert before[table], table
        assert _as_before(after[table], before[table]) == before[table], table


def test_sightings_keep_their_text_where_plates_became_one(old_url: str) -> None:
    before = _everything(old_url)
    upgrade(old_url)
    after = _everything(old_url)
    kept: dict[str, int] = {}
    for plate_id, plate in before["plates"].items():
        key = folded(plate["text"])
        kept[key] = min(plate_id, kept.get(key, plate_id))
    assert len(kept) == len(before["plates"]) - 2
    assert {plate["key"]: plate_id for plate_id, plate in after["plates"].items()} == kept
    for plate_id, plate in after["plates"].items():
        assert plate["created_at"] == before["plates"][plate_id]["created_at"]
        assert folded(plate["text"]) == plate["key"]

    expected: Rows = {}
    for sighting_id, row in before["sightings"].items():
        read_as = before["plates"][row["plate_id"]]["text"]
        expected[sighting_id] = row | {"plate_id": kept[folded(read_as)], "text": read_as}
    assert _as_before(after["sightings"], expected) == expected


def test_what_is_owed_is_still_owed(old_url: str) -> None:
    """Rows of steps that are done go; the first release kept them."""
    before = _everything(old_url)
    upgrade(old_url)
    after = _everything(old_url)["outbox"]
    waits_for = {"probe": "registered", "aggregate": "aggregating"}
    owed = {
        number: row
        for number, row in before["outbox"].items()
        if before["videos"][row["key"]]["state"] == waits_for[row["kind"]]
    }
    assert Counter((row["kind"], row["sent_at"] is None) for row in owed.values()) == {
        ("aggregate", False): 1, ("probe", False): 1, ("probe", True): 3,
    }  # fmt: skip
    assert _as_before(after, owed) == owed
    assert all(row["job_id"] == before["videos"][row["key"]]["job_id"] for row in after.values())


def test_views_and_exports_say_what_they_said(old_url: str) -> None:
    sightings, progress, plates = (_view(old_url, view) for view in VIEWS)
    upgrade(old_url)
    now = [row | {"plate": row["read_as"]} for row in _view(old_url, "plate_sightings")]
    assert _same_columns(now, sightings) == _sorted(sightings)
    assert _same_columns(_view(old_url, "job_progress"), progress) == _sorted(progress)

    whole: dict[str, Counter[str]] = {}
    for row in plates:
        counts = Counter({name: row[name] for name in ("sightings", "reads")})
        whole.setdefault(folded(row["plate"]), Counter()).update(counts)
    after = {row["key"]: row for row in _view(old_url, "unique_plates")}
    assert {key: {name: row[name] for name in ("sightings", "reads")} for key, row in after.items()} == whole

    exported = list(csv.DictReader(EXPORTED.read_text(encoding="utf-8").splitlines()))
    assert len(exported) == 9
    rows = [row | {"plate": row["read_as"]} for row in _exported(old_url)]
    assert [{name: row[name] for name in exported[0]} for row in rows] == exported


def test_counters_are_what_the_rows_say(old_url: str) -> None:
    upgrade(old_url)
    check_counters(old_url)


def test_jobs_have_the_state_that_they_were_in(old_url: str) -> None:
    upgrade(old_url)
    after = _everything(old_url)
    assert {number: job["state"] for number, job in after["jobs"].items()} == {
        **dict.fromkeys(FINISHED, "finished"), **dict.fromkeys(UNFINISHED, "running"),
    }  # fmt: skip
    for job in after["jobs"].values():
        assert (job["open"], job["key"], job["priority"], job["retain_s"]) == (False, None, "normal", None)
    for segment in after["segments"].values():
        assert segment["job_id"] == after["videos"][segment["video_id"]]["job_id"]
        given_up = segment["state"] == "quarantined"
        # Nothing that may still be done has used up its attempts.
        assert (segment["failures"] >= segment_moves.MAX_FAILURES) == given_up
        assert segment["failures"] + segment["losses"] <= segment["attempt"]
    for video in after["videos"].values():
        assert (video["started_at"] is not None) == (video["segments_done"] + video["segments_quarantined"] > 0)


def test_what_was_unfinished_goes_on_to_its_end(old_url: str) -> None:
    before = _everything(old_url)
    upgrade(old_url)
    with session(old_url) as db:
        taken = scheduler.take_pending(db, window=32, least_depth=32)
    never_sent = {number for number, row in before["segments"].items() if row["state"] == "pending"}
    assert never_sent
    assert {segment.segment_id for segment in taken} == never_sent
    with session(old_url) as db:
        lost = segment_moves.lost(db)
        assert dict(lost) == {
            number: row["attempt"]
            for number, row in before["segments"].items()
            if row["state"] in ("detecting", "reading")
        }
        assert all(segment_moves.lost_attempt(db, *segment, SILENT) for segment in lost)

    _finish_everything(old_url, taken)
    after = _everything(old_url)
    assert {job["state"] for job in after["jobs"].values()} == {"finished"}
    assert all(job["finished_at"] for job in after["jobs"].values())
    # Each of the four files that were not opened yet has one.
    assert len(after["segments"]) == len(before["segments"]) + 4
    assert Counter(row["state"] for row in after["segments"].values()) == {"done": 34, "quarantined": 1}
    assert after["outbox"] == {}
    check_counters(old_url)

    # What was stored before is as it was; the night's plates were put together from readings of both releases.
    for table in ("tracklets", "crops", "readings"):
        assert _as_before(after[table], before[table]) == before[table], table
    assert after["sightings"].keys() > before["sightings"].keys()
    with session(old_url) as db:
        assert "GU2623" in {row["plate"] for row in queries.sightings(db, 4)}


def test_what_the_first_release_gave_up_can_be_tried_again(old_url: str) -> None:
    upgrade(old_url)
    assert control.retry(old_url, 3, failed=True, quarantined=True) == (0, 1)
    assert control.retry(old_url, 1, failed=True, quarantined=True) == (1, 0)
    check_counters(old_url)
    _finish_everything(old_url)
    after = _everything(old_url)
    assert {row["state"] for row in after["segments"].values()} == {"done"}
    assert {job["state"] for job in after["jobs"].values()} == {"finished"}
    check_counters(old_url)


def test_a_finished_job_takes_more_files(old_url: str) -> None:
    upgrade(old_url)
    known = _everything(old_url)["videos"][1]
    with session(old_url) as db:
        new = [NewVideo(known["path"], known["fingerprint"]), NewVideo("/videos/later.mp4", "later")]
        assert add_videos(db, 1, new) == 1
    job = _everything(old_url)["jobs"][1]
    assert (job["state"], job["finished_at"], job["videos"], job["videos_ended"]) == ("running", None, 5, 4)


def test_going_back_to_the_release_before_and_forth_keeps_everything(old_url: str) -> None:
    upgrade(old_url, "0003")
    schema, third = _schema(old_url), _everything(old_url)
    upgrade(old_url)
    newest = _everything(old_url)

    downgrade(old_url, "0003")
    assert _schema(old_url) == schema
    back = _everything(old_url)
    for table in set(TABLES) - {"outbox"}:
        assert back[table] == third[table], table
    assert back["outbox"] == {number: third["outbox"][number] for number in newest["outbox"]}

    upgrade(old_url)
    assert _everything(old_url) == newest


def _empty(url: str) -> None:
    engine_for(url).dispose()
    with engine_for(url).begin() as connection:
        connection.execute(text("SET LOCAL lock_timeout = '5s'"))
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))


def _load(url: str) -> None:
    # A connection of its own: the dump changes settings that would stay with it.
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain) as connection:
        connection.execute(DUMP.read_bytes())


def _everything(url: str) -> dict[str, Rows]:
    with engine_for(url).connect() as connection:
        return {
            table: {
                row[0].get("id", row[0].get("tracklet_id")): row[0]
                for row in connection.execute(text(f"SELECT to_jsonb(t) FROM {table} t ORDER BY 1"))
            }
            for table in TABLES
        }


def _as_before(after: Rows, before: Rows) -> Rows:
    """The rows that were there before, with the columns that they had; a column that is gone is missed."""
    return {
        number: {name: after[number][name] for name in row if name in after[number]}
        for number, row in before.items()
        if number in after
    }


def _schema(url: str) -> set[str]:
    """Tables, checks, indexes and views, without casts and brackets: reading a dump, PostgreSQL sets them anew."""
    with engine_for(url).connect() as connection:
        views = connection.execute(text("SELECT viewname || definition FROM pg_views WHERE schemaname = 'public'"))
        spelled = catalogue(connection, "public") | set(views.scalars())
    return {re.sub(r"::(character varying|text)(\[\])?|[()\s]", "", each) for each in spelled}


def _view(url: str, view: str) -> list[dict[str, Any]]:
    with engine_for(url).connect() as connection:
        return list(connection.execute(text(f"SELECT to_jsonb(v) FROM {view} v")).scalars())


def _same_columns(now: list[dict[str, Any]], before: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return _sorted([{name: row[name] for name in before[0]} for row in now])


def _sorted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=str)


def _exported(url: str) -> list[dict[str, str]]:
    """The finished jobs' exports as they are read back."""
    rows: list[dict[str, str]] = []
    with session(url) as db:
        for job_id in FINISHED:
            plates = export.unique_plates(queries.sightings(db, job_id), lambda name: str(STORE / name))
            rows += csv.DictReader(export.to_csv(plates))
    return rows


def _finish_everything(url: str, sent: list[segment_moves.Dispatched] | None = None) -> None:
    """Sweep, send and work, as the fleet does, until nothing is open; readings that are missing stay missing."""
    waiting = sent or []
    for _ in range(20):
        # Nobody waits here for delays.
        no_waiting(url)
        with session(url) as db:
            for held in segment_moves.lost(db):
                segment_moves.lost_attempt(db, *held, SILENT)
            for step in (SegmentState.QUEUED, SegmentState.DETECTED):
                waiting += segment_moves.stranded(db, step, 0.0)
            outbox.resend_quiet(db, 0.0)
        with session(url) as db:
            waiting += scheduler.take_pending(db, window=32, least_depth=32)
            messages = scheduler.take_messages(db, window=32)
        for segment in waiting:
            if segment.only_read or detect(url, segment):
                read(url, segment)
        for message in messages:
            with session(url) as db:
                assert outbox.begin(db, message.kind, message.key, LEASE_S)
                if message.kind == outbox.PROBE:
                    assert split(db, message.key, 1)
                else:
                    _aggregate(db, message.key)
        waiting = []
        if all(job["finished_at"] for job in _everything(url)["jobs"].values()):
            return
    raise AssertionError("something never ends")


def _aggregate(db: Session, video_id: int) -> None:
    video = db.get_one(Video, video_id)
    store_sightings(db, video_id, stitch(read_tracklets_of(db, video_id), video.kind))
    assert end_video(db, video_id, VideoState.DONE, None)
