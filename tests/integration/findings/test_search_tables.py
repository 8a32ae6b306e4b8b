"""What search is made of, on a real PostgreSQL: what came, changed and went, and what plates count."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from bench.search.command import _stored
from bench.search.fleet import Fleet
from db.engine import session
from db.findings.search import (
    index_if_it_can,
    is_complete,
    plates,
    said,
)
from db.findings.stage_results import store_sightings
from db.keeping.retention import PurgeScope, purge
from pipeline.records import Sighting
from tests.support.database import end, make_job, run_sql
from tests.support.searching import find, index_all, saying, store, told
from workers.maintenance import search_index

COUNTED = "plate, country, sightings, videos, reads, confidence, confirmed, key"
#: `unique_plates` as it was before plates had counters.
LOOKED_AT = """
SELECT p.text AS plate, mode() WITHIN GROUP (ORDER BY s.country) AS country, count(*) AS sightings,
       count(DISTINCT s.video_id) AS videos, sum(s.reads) AS reads, max(s.confidence) AS confidence,
       bool_or(s.confirmed) AS confirmed, p.key
FROM plates p JOIN sightings s ON s.plate_id = p.id GROUP BY p.id
"""


def test_what_is_gone_is_not_found_and_leaves_no_text_behind(database_url: str) -> None:
    _, (video, other) = make_job(database_url, 0, 0)
    store(database_url, video, [saying(0, "AB123CD", "AB128CD")])
    store(database_url, other, [saying(0, "AB128CD", "AB188CD")])
    run_sql(database_url, f"UPDATE videos SET state = 'aggregating' WHERE id = {video}")
    end(database_url, video)
    with session(database_url) as db:
        assert purge(db, [video], PurgeScope(older_than_s=0)).sightings == 1
    assert told(find(database_url, "AB123CD")) == []
    assert told(find(database_url, "AB128CD")) == [("AB128CD", "AB128CD", True)]
    index_all(database_url)
    with session(database_url) as db:
        assert db.scalars(text("SELECT key FROM spellings ORDER BY key")).all() == ["AB128CD", "AB188CD"]
        assert db.scalar(text("SELECT count(*) FROM candidates")) == 2
    store(database_url, other, [saying(0, "XY999ZZ")])
    with session(database_url) as db:
        assert db.scalars(text("SELECT key FROM spellings")).all() == ["XY999ZZ"]


def test_pages_are_full_where_newer_sightings_are_gone_and_not_yet_forgotten(database_url: str) -> None:
    _, (video,) = make_job(database_url, 0)
    store(database_url, video, [saying(i, "AB123CD") for i in range(400)])
    run_sql(database_url, "DELETE FROM sightings WHERE index >= 50")
    for wanted, narrowed in (("AB123CD", {}), ("AB1*", {}), ("AB123CD", {"alike": True})):
        assert len(find(database_url, wanted, 50, **narrowed)) == 50


def test_no_row_keeps_others_from_being_found(database_url: str) -> None:
    """Whoever loads rows with SQL may store runners-up of any shape."""
    _, (video,) = make_job(database_url, 0)
    long = "A" * 5000
    shapes = (
        '{}', '"AB"', 'null', '7', '[1, null, "AB", []]', '[{"confidence": 0.1}]', '[{"text": "ZZ1"}]',
        '[{"text": "ZZ2", "confidence": "much"}]', '[{"text": "ZZ3", "confidence": 1e999}]',
        '[{"text": "ZZ4", "confidence": 1e-999}]', '[{"text": null, "confidence": 0.1}]',
        f'[{{"text": "{long}", "confidence": 0.1}}]', '[{"text": "", "confidence": 0.1}]',
    )  # fmt: skip
    with session(database_url) as db:
        store_sightings(db, video, [saying(index, f"AB{index:02}CD") for index in range(len(shapes) + 1)])
        for index, shape in enumerate(shapes):
            change = text("UPDATE sightings SET alternatives = CAST(:shape AS jsonb) WHERE index = :index")
            db.execute(change, {"shape": shape, "index": index})
    index_all(database_url)
    assert [row["read_as"] for row in find(database_url, "AB*")] == [f"AB{i:02}CD" for i in range(len(shapes), -1, -1)]
    assert [(said(row), row["share"]) for row in find(database_url, "ZZ*")] == [(f"ZZ{i}", 0) for i in (4, 3, 2, 1)]


def test_what_cannot_be_made_searchable_is_said_and_the_rest_is_found(database_url: str) -> None:
    _, (video,) = make_job(database_url, 0)
    store(database_url, video, [saying(0, "AB123CD")])
    with session(database_url) as db:
        store_sightings(db, video, [saying(0, "AB123CD"), saying(1, "AB124CD")])
    run_sql(database_url, "ALTER TABLE candidates ADD CONSTRAINT broken CHECK (sighting_id < 0) NOT VALID")
    assert index_if_it_can(database_url) is None
    assert not search_index.index_all(database_url)
    with session(database_url) as db:
        assert not is_complete(db)
    run_sql(database_url, "ALTER TABLE candidates DROP CONSTRAINT broken")
    assert search_index.index_all(database_url)
    assert len(find(database_url, "AB12*")) == 2


def test_a_measurement_that_breaks_off_leaves_the_triggers_on(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_job(database_url, 0)
    asked = text("SELECT count(*) FROM pg_trigger WHERE tgrelid = 'sightings'::regclass AND tgenabled = 'D'")

    def broken(db: Session, *_: object) -> None:
        if db.scalar(asked):
            raise KeyboardInterrupt

    monkeypatch.setattr("bench.search.command.store_sightings", broken)
    with pytest.raises(KeyboardInterrupt):
        _stored(database_url, Fleet(10))
    with session(database_url) as db:
        assert db.scalar(asked) == 0


def test_rows_that_somebody_changes_or_deletes_are_counted_again(database_url: str) -> None:
    _, (video,) = make_job(database_url, 0)
    seen = ["AB111CD"] * 3 + ["AB222CD"] * 3 + ["AB333CD"] * 2
    store(database_url, video, [saying(index, plate) for index, plate in enumerate(seen)])

    def counted() -> dict[str, tuple[int, int]]:
        index_all(database_url)
        with session(database_url) as db:
            rows = plates(db, "*")
            whole = text("SELECT text, sightings FROM plates")
            zeros = {row.text: (0, 0) for row in db.execute(whole) if not row.sightings}
        return {row["plate"]: (row["sightings"], row["reads"]) for row in rows} | zeros

    assert counted() == {"AB111CD": (3, 6), "AB222CD": (3, 6), "AB333CD": (2, 4)}
    run_sql(database_url, "DELETE FROM sightings WHERE index = 0 OR text = 'AB333CD'")
    assert counted() == {"AB111CD": (2, 4), "AB222CD": (3, 6), "AB333CD": (0, 0)}
    run_sql(database_url, "UPDATE sightings SET reads = 10 WHERE index = 1")
    assert counted()["AB111CD"] == (2, 12)
    # To and fro, without the text that would tell where it was.
    other = "(SELECT id FROM plates WHERE key = '{}')"
    run_sql(database_url, f"UPDATE sightings SET plate_id = {other.format('AB111CD')} WHERE index = 3")
    assert counted() == {"AB111CD": (3, 14), "AB222CD": (2, 4), "AB333CD": (0, 0)}
    run_sql(database_url, f"UPDATE sightings SET plate_id = {other.format('AB222CD')} WHERE index = 3")
    assert counted() == {"AB111CD": (2, 12), "AB222CD": (3, 6), "AB333CD": (0, 0)}


def test_rows_that_somebody_loads_are_found_and_counted(database_url: str) -> None:
    _, (video,) = make_job(database_url, 0)
    with session(database_url) as db:
        store_sightings(db, video, [saying(0, "AB123CD", "AB128CD")])
        assert not is_complete(db)
    assert find(database_url, "AB123CD") == []
    run_sql(
        database_url,
        """
        INSERT INTO plates (key, text, country) VALUES ('L0ADED1', 'LOADED1', 'IT');
        INSERT INTO sightings (video_id, plate_id, index, text, shown, country, confidence, characters, alternatives,
               first_s, last_s, best_s, first_pts, last_pts, best_pts, x1, y1, x2, y2, reads, confirmed, tracklets)
        SELECT video_id, (SELECT id FROM plates WHERE key = 'L0ADED1'), 100 + n, 'LOADED1', shown, country, confidence,
               characters, '[{"text": "LOADEDI", "confidence": 0.1}]', first_s, last_s, best_s, first_pts, last_pts,
               best_pts, x1, y1, x2, y2, reads, confirmed, tracklets
        FROM sightings, generate_series(1, 3) n
        """,
    )
    index_all(database_url)
    assert told(find(database_url, "loaded*")) == [("LOADED1", "LOADED1", True)] * 3
    with session(database_url) as db:
        (plate,) = plates(db, "LOADED1", 10)
    assert (plate["sightings"], plate["videos"], plate["reads"]) == (3, 1, 6)


def test_plates_count_what_their_sightings_say(searched: str, fleet: list[Sighting]) -> None:
    def counted(query: str) -> list[tuple[object, ...]]:
        with session(searched) as db:
            return [tuple(row) for row in db.execute(text(f"SELECT {COUNTED} FROM {query} ORDER BY key"))]

    assert counted("unique_plates") == counted(f"({LOOKED_AT}) whole") != []
    # Stored again with less, and with other texts.
    store(searched, 1, [replace(one, index=index, country=None) for index, one in enumerate(fleet[150:250])])
    assert counted("unique_plates") == counted(f"({LOOKED_AT}) whole") != []
