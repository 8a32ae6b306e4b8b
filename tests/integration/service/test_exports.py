"""Exports over HTTP: the bytes that one written whole would have, out of a memory that stays small."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import openpyxl
import pandas
import psutil
import pyarrow.parquet
import pytest
from sqlalchemy import text

from dashplate.client import Client
from dashplate.export import COLUMNS, plain, unique_plates
from dashplate.export.rows import sighting_lines
from db.access.scopes import Scope
from db.engine import session
from db.findings import queries
from db.where.tracks import store_track
from output.files import json_text
from pipeline.camera.records import Fix, Track
from tests.support.command_line.in_process import run_command
from tests.support.database import run_sql
from tests.support.service import Served

VIDEOS, SIGHTINGS = 250, 15_000
#: Of growth. All at once would be some 150: a sighting brings 10 kB of runner-ups along.
MEGABYTES_ALLOWED = 40


@pytest.fixture(scope="module")
def job(served: Served) -> Iterator[int]:
    """A job of many sightings; each plate passes three times in its video, and others between."""
    url = served.database_url
    with session(url) as db:
        job = int(db.execute(text("INSERT INTO jobs (name, options) VALUES ('many', '{}') RETURNING id")).scalar_one())
    run_sql(
        url,
        "INSERT INTO videos (job_id, path, fingerprint, state) "
        "SELECT :job, '/cam/' || n || E'\\t.mp4', 'many ' || n, 'done' FROM generate_series(1, :videos) n",
        job=job, videos=VIDEOS,
    )  # fmt: skip
    run_sql(url, "INSERT INTO plates (key, text) SELECT 'XQ' || n, 'XQ' || n FROM generate_series(1000, 2999) n "
                 "ON CONFLICT DO NOTHING")  # fmt: skip
    run_sql(
        url,
        """
        INSERT INTO sightings (video_id, plate_id, index, text, shown, confidence, characters, alternatives,
            first_s, last_s, best_s, first_pts, last_pts, best_pts, x1, y1, x2, y2, reads, confirmed, tracklets)
        SELECT v.id, p.id, n, p.text, p.text, 0.5 + (n % 7) / 20.0, '[]',
            (SELECT jsonb_agg(jsonb_build_object('text', repeat('K', 40), 'confidence', 0.01))
             FROM generate_series(1, 25)),
            (n * 37) % 600, (n * 37) % 600 + 1, (n * 37) % 600, 0, 0, 0, 1, 2, 3, 4, 2, n % 2 = 0, '[]'
        FROM (SELECT id, row_number() OVER (ORDER BY id) AS number FROM videos WHERE job_id = :job) v
        CROSS JOIN generate_series(1, :each) n
        JOIN plates p ON p.key = 'XQ' || (1000 + (v.number * 13 + n % (:each / 3)) % 2000)
        """,
        job=job, each=SIGHTINGS // VIDEOS,
    )  # fmt: skip
    yield job
    run_sql(url, "DELETE FROM jobs WHERE id = :job", job=job)


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    with served.client(Scope.SEARCH) as opened:
        yield opened


def whole(url: str, job: int, form: str) -> str:
    """The export as it was once made, all of it in memory."""
    with session(url) as db:
        rows = list(unique_plates(queries.sightings(db, job), str))
        progress, videos = queries.progress(db, job), queries.videos(db, job)
    assert progress is not None
    if form == "json":
        told = {"job": plain(progress), "videos": [plain(v) for v in videos], "plates": [asdict(row) for row in rows]}
        return json_text(told, indent=2) + "\n"
    if form == "jsonl":
        return "".join(json_text(asdict(row)) + "\n" for row in rows)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([getattr(row, name) for name in COLUMNS] for row in rows)
    return out.getvalue()


@pytest.mark.parametrize("form", ["csv", "jsonl", "json"])
def test_an_export_has_the_bytes_that_it_had(served: Served, client: httpx.Client, job: int, form: str) -> None:
    answer = client.get(f"/v1/jobs/{job}/export", params={"format": form})
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == f'attachment; filename="job-{job}.{form}"'
    assert answer.content == whole(served.database_url, job, form).encode()
    with session(served.database_url) as db:
        last = db.execute(text("SELECT query, rows FROM audit WHERE action = 'export' ORDER BY id DESC LIMIT 1")).one()
    assert tuple(last) == (f"job {job} as {form}", SIGHTINGS // 3)


def test_the_memory_of_an_export_stays_small(served: Served, client: httpx.Client, job: int) -> None:
    port = served.url.rpartition(":")[2]
    (service,) = [p for p in psutil.process_iter(["cmdline"]) if port in (p.info["cmdline"] or [])]
    before = service.memory_info().rss
    most = sent = 0
    with client.stream("GET", f"/v1/jobs/{job}/export", params={"format": "jsonl"}) as answer:
        for number, piece in enumerate(answer.iter_bytes()):
            sent += len(piece)
            if number % 20 == 0:
                most = max(most, service.memory_info().rss)
    assert sent > 5_000_000
    assert most - before < MEGABYTES_ALLOWED * 1_000_000


def test_whoever_leaves_lets_go(served: Served, client: httpx.Client, job: int) -> None:
    """More than may be sent at a time, each left after its first bytes."""
    for _ in range(6):
        with client.stream("GET", f"/v1/jobs/{job}/export", params={"format": "json"}) as answer:
            assert answer.status_code == 200
            next(answer.iter_bytes())
    assert client.get(f"/v1/jobs/{job}/export").status_code == 200


def test_an_export_is_of_one_moment(served: Served, client: httpx.Client, job: int) -> None:
    """What is deleted while it is sent is sent all the same; the record has its number."""
    with client.stream("GET", f"/v1/jobs/{job}/export", params={"format": "jsonl"}) as answer:
        lines = answer.iter_lines()
        next(lines)
        run_sql(served.database_url, "DELETE FROM sightings WHERE video_id = (SELECT max(id) FROM videos WHERE "
                                     "job_id = :job)", job=job)  # fmt: skip
        assert 1 + sum(1 for _ in lines) == SIGHTINGS // 3
    assert len(client.get(f"/v1/jobs/{job}/export", params={"format": "jsonl"}).text.splitlines()) < SIGHTINGS // 3


def test_the_command_writes_the_same(served: Served, job: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DASHPLATE_DATABASE_URL", "DASHPLATE_REDIS_URL", "DASHPLATE_DATA_DIR"):
        monkeypatch.setenv(name, served.env[name])
    out = tmp_path / "plates.json"
    said = run_command("export", str(job), "--format", "json", "--out", str(out))
    assert said.code == 0, said.err
    assert out.read_text("utf-8") == whole(served.database_url, job, "json")
    assert run_command("export", str(job)).out == whole(served.database_url, job, "csv")


def told(url: str, job: int, rows: str) -> list[dict[str, Any]]:
    """The rows of an export, as the query gives them."""
    with session(url) as db:
        found = queries.sightings(db, job)
        return [asdict(row) for row in (unique_plates if rows == "plates" else sighting_lines)(found, str)]


def shown(value: Any) -> Any:
    """As a workbook has it, where a cell for nothing is an empty one."""
    return "" if value is None else value


@pytest.mark.parametrize("rows", ["plates", "sightings"])
def test_every_form_says_the_same(served: Served, client: httpx.Client, job: int, rows: Any, tmp_path: Path) -> None:
    wanted = told(served.database_url, job, rows)
    with Client(served.url, served.token(Scope.SEARCH)) as asked:
        lines = asked.export(job, "jsonl", rows).save(tmp_path / "a.jsonl").read_text("utf-8").splitlines()
        assert [json.loads(line) for line in lines] == wanted
        assert json.loads(asked.export(job, "json", rows).read())[rows] == wanted
        parquet = pandas.read_parquet(asked.export(job, "parquet", rows).save(tmp_path / "a.parquet"))
        book = openpyxl.load_workbook(asked.export(job, "xlsx", rows).save(tmp_path / "a.xlsx"), read_only=True)
    assert parquet.astype(object).where(parquet.notna(), None).to_dict("records") == wanted
    heading, *cells = book[rows].iter_rows(values_only=True)
    assert [dict(zip(heading, map(shown, row), strict=True)) for row in cells] == [
        {name: shown(value) for name, value in row.items()} for row in wanted
    ]
    answer = client.get(f"/v1/jobs/{job}/export", params={"format": "xlsx", "rows": rows})
    assert answer.headers["content-disposition"] == f'attachment; filename="job-{job}.xlsx"'
    assert answer.headers["content-type"].endswith("spreadsheetml.sheet")
    assert served.last_audited("export")[1] == (
        f"job {job} as xlsx" if rows == "plates" else f"job {job} as xlsx, {rows}"
    )


def test_plate_recognizers_columns_are_sightings(served: Served, client: httpx.Client, job: int) -> None:
    answer = client.get(f"/v1/jobs/{job}/export", params={"format": "plate-recognizer"})
    assert answer.headers["content-disposition"] == f'attachment; filename="job-{job}.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    wanted = told(served.database_url, job, "sightings")
    assert [(row["source_url"], row["plate"].upper()) for row in rows] == [
        (row["video"], row["plate"]) for row in wanted
    ]
    assert {row["dscore"] for row in rows} == {""}, "nothing is left of their readings"


def test_a_file_grows_by_what_it_lacks(
    served: Served, job: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DASHPLATE_DATABASE_URL", "DASHPLATE_REDIS_URL", "DASHPLATE_DATA_DIR"):
        monkeypatch.setenv(name, served.env[name])
    out = tmp_path / "sightings.csv"
    words = ("export", str(job), "--rows", "sightings", "--out", str(out), "--append")
    first = run_command(*words)
    assert first.code == 0, first.err
    rows = out.read_text("utf-8").splitlines(keepends=True)
    assert f"{len(rows) - 1:,} rows added." in first.err
    out.write_text("".join(rows[:-2]), "utf-8")
    assert "2 rows added." in run_command(*words).err
    assert out.read_text("utf-8") == "".join(rows)
    again = run_command(*words)
    assert (again.code, out.read_text("utf-8")) == (0, "".join(rows))
    assert "has them all" in again.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--format", "xlsx", "--append", "--out", "a.xlsx"), "Nothing can be added to xlsx"),
        (("--append",), "name it with --out"),
        (("--format", "parquet"), "is no text; name a file with --out"),
        (("--rows", "cars"), "There are no rows 'cars'"),
        (("--format", "pdf"), "There is no format 'pdf'"),
    ],
)
def test_what_cannot_be_meant_is_refused(words: tuple[str, ...], sentence: str) -> None:
    run_command("export", "1", *words).assert_refused(sentence)


# Maps.


@pytest.fixture
def mapped(served: Served, job: int) -> Iterator[int]:
    """The job, where one of its videos has a clock and a track with a gap, and its sightings have places."""
    url = served.database_url
    driven = [Fix(48 + second / 1e4, 11.5, offset_s=second, speed_mps=11.0) for second in (0.0, 1.0, 30.0, 31.0)]
    with session(url) as db:
        video = db.execute(text("SELECT min(id) FROM videos WHERE job_id = :job"), {"job": job}).scalar_one()
        store_track(db, video, Track(tuple(driven), "NMEA", sidecar=True))
    run_sql(url, "UPDATE videos SET recorded_at = '2026-10-25 00:59:59Z', recorded_from = 'gps', clock_error_s = 0.1, "
                 "clock_zone = 'Europe/Berlin', camera = 'rear' WHERE id = :video", video=video)  # fmt: skip
    run_sql(url, "UPDATE sightings SET lat = 48, lon = 11.5 + best_s / 1e4, place_error_m = 5 "
                 "WHERE video_id = :video", video=video)  # fmt: skip
    yield job
    run_sql(url, "DELETE FROM tracks WHERE video_id = :video", video=video)
    run_sql(
        url, "UPDATE sightings SET lat = NULL, lon = NULL, place_error_m = NULL WHERE video_id = :video", video=video
    )


def test_maps_hold_the_sightings_that_have_a_place_and_the_tracks(
    served: Served, client: httpx.Client, mapped: int
) -> None:
    wanted = [row for row in told(served.database_url, mapped, "sightings") if row["lat"] is not None]
    assert len(wanted) == SIGHTINGS // VIDEOS
    answer = client.get(f"/v1/jobs/{mapped}/export", params={"format": "geojson"})
    assert answer.headers["content-type"] == "application/geo+json"
    features = answer.json()["features"]
    assert [one["properties"] for one in features if one["geometry"]["type"] == "Point"] == wanted
    lines = [one for one in features if one["geometry"]["type"] == "LineString"]
    assert [one["properties"]["offsets_s"] for one in lines] == [[0, 1], [30, 31]]
    assert lines[0]["properties"]["times"] == ["2026-10-25T02:59:59.000+02:00", "2026-10-25T02:00:00.000+01:00"]
    assert served.last_audited("export")[1] == f"job {mapped} as geojson"


@pytest.mark.parametrize(("form", "ending", "places", "ways"), [
    ("gpx", "gpx", "{*}wpt", "{*}trk"), ("kml", "kml", ".//{*}Point", ".//{*}MultiTrack"),
])  # fmt: skip
def test_maps_as_xml_hold_as_much(
    served: Served, client: httpx.Client, mapped: int, form: str, ending: str, places: str, ways: str
) -> None:
    answer = client.get(f"/v1/jobs/{mapped}/export", params={"format": form, "rows": "plates"})
    assert answer.headers["content-disposition"] == f'attachment; filename="job-{mapped}.{ending}"'
    read = ElementTree.fromstring(answer.content)
    assert (len(read.findall(places)), len(read.findall(ways))) == (SIGHTINGS // VIDEOS, 1)


def test_a_map_as_parquet_says_what_the_rows_say(
    served: Served, mapped: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DASHPLATE_DATABASE_URL", "DASHPLATE_REDIS_URL", "DASHPLATE_DATA_DIR"):
        monkeypatch.setenv(name, served.env[name])
    wanted = [row for row in told(served.database_url, mapped, "sightings") if row["lat"] is not None]
    with Client(served.url, served.token(Scope.SEARCH)) as asked:
        sent = asked.export(mapped, "geoparquet").save(tmp_path / "sent.parquet")
    written = tmp_path / "written.parquet"
    said = run_command("export", str(mapped), "--format", "geoparquet", "--out", str(written))
    assert said.code == 0, said.err
    for path in (sent, written):
        read = pyarrow.parquet.read_table(path).drop_columns(["geometry", "bbox"]).to_pylist()
        # The command says where the store is.
        assert [row | {"crop": "", "frame": ""} for row in read] == [row | {"crop": "", "frame": ""} for row in wanted]
    refused = run_command("export", str(mapped), "--format", "geoparquet")
    assert (refused.code, "geoparquet is no text" in refused.err) == (2, True)
    grown = run_command("export", str(mapped), "--format", "gpx", "--out", str(tmp_path / "a.gpx"), "--append")
    assert (grown.code, "Nothing can be added to gpx" in grown.err) == (2, True)
    streamed = run_command("export", str(mapped), "--format", "gpx").out
    assert len(ElementTree.fromstring(streamed).findall("{*}wpt")) == len(wanted)
