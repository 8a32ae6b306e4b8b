"""Places and searches by place on the command line and over the service's own road."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from sqlalchemy import text

from dashplate.commands.findings import search, where
from dashplate.typed.areas import parse_along, parse_box, parse_metres, parse_near
from db.engine import session
from db.where.area import near
from output import terminal
from pipeline.errors import UsageError
from tests.support.database import make_job
from tests.support.road import Road
from tests.support.searching import saying, store

PLUS_TWO = dt.timezone(dt.timedelta(hours=2))
GPX = """<?xml version="1.0"?>
<gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>
<trkpt lat="48.137" lon="11.570"><time>2026-03-01T08:00:00Z</time></trkpt>
<trkpt lat="48.137" lon="11.580"><time>2026-03-01T08:00:10Z</time></trkpt>
</trkseg></trk></gpx>
"""


@pytest.fixture
def seen(road: Road) -> Road:
    """KA05MH1234 in a city, KA05MH1235 a kilometre north."""
    _, (video,) = make_job(road.url, 0)
    store(road.url, video, [saying(0, "KA05MH1234"), saying(1, "KA05MH1235")])
    with session(road.url) as db:
        db.execute(text("UPDATE sightings SET lat = 48.137 + 0.009 * index, lon = 11.575"))
    return road


def found(capsys: pytest.CaptureFixture[str], plate: str | None, **area: str) -> list[str]:
    nothing = dict.fromkeys(("job", "country", "since", "until", "share", "near", "box", "along", "place"))
    about = {**nothing, **area, "alike": False, "winners": False, "limit": 10, "as_json": True, "data": None}
    search.show_found(plate, **about)  # type: ignore[arg-type]
    return [json.loads(line)["plate"] for line in capsys.readouterr().out.splitlines()]


def test_a_search_by_place(seen: Road, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    track = tmp_path / "tour, in town.gpx"
    track.write_text(GPX)
    assert found(capsys, None, near="48.137,11.575,500m") == ["KA05MH1234"]
    assert found(capsys, None, near="48.137,11.575,2km") == ["KA05MH1235", "KA05MH1234"]
    assert found(capsys, None, box="48.14,11.5,48.2,11.6") == ["KA05MH1235"]
    assert found(capsys, None, along=f"{track},100m") == ["KA05MH1234"]
    assert found(capsys, "KA*5", near="48.137,11.575,2km") == ["KA05MH1235"]
    where.add_place("depot", "48.146,11.575,300m", None)
    assert found(capsys, None, place="depot") == ["KA05MH1235"]
    search.show_plates("*", 10, place="depot", as_json=True, data=None)
    assert [json.loads(line)["plate"] for line in capsys.readouterr().out.splitlines()] == ["KA05MH1235"]
    where.list_places(as_json=True, data=None)
    assert json.loads(capsys.readouterr().out) == {"name": "depot", "lat": 48.146, "lon": 11.575, "radius_m": 300.0}
    where.remove_place("depot", None)
    with pytest.raises(UsageError, match="no place 'depot'"):
        found(capsys, None, place="depot")
    with pytest.raises(UsageError, match="Give one of --near, --box"):
        found(capsys, None, near="48,11,5m", box="1,1,2,2")
    with pytest.raises(UsageError, match="Give a plate"):
        found(capsys, None)
    asked = [row["query"] for row in seen.ask("SELECT query FROM audit WHERE action = 'search' ORDER BY id")]
    assert asked[:1] == ["near 48.137,11.575,500m"]


@pytest.mark.parametrize(("typed", "metres"), [("500m", 500.0), ("2km", 2000.0), ("1.5KM", 1500.0), ("80", 80.0)])
def test_distances(typed: str, metres: float) -> None:
    assert parse_metres(typed) == metres


def test_areas_as_they_are_typed(tmp_path: Path) -> None:
    assert parse_near("-33.86, 151.21, 1km") == near(-33.86, 151.21, 1000.0)
    assert parse_box("-18,179,-16,-179").box == (-18, 179, -16, -179)
    empty = tmp_path / "empty.gpx"
    empty.write_text("<gpx/>")
    for parse, typed in (
        (parse_near, "48,11"), (parse_near, "48,11,5 miles"), (parse_near, "a,11,5m"), (parse_near, "nan,11,5m"),
        (parse_box, "1,2,3"), (parse_box, "3,1,2,4"), (parse_along, "track.gpx"), (parse_along, "nowhere.gpx,5m"),
        (parse_along, f"{empty},5m"),
    ):  # fmt: skip
        with pytest.raises(UsageError):
            parse(typed)


def test_convoys_say_by_whose_clock(
    road: Road, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """UTC where the zones of all clocks are known; else it is said that one is not."""
    row = {"plate": "AB12CDE", "days_seen": 2, "drives": 3, "passings": 3, "apart_m": 0.0}
    times = dict.fromkeys(("first_seen_at", "last_seen_at"), dt.datetime(2026, 3, 1, 9, tzinfo=PLUS_TWO))
    monkeypatch.setattr(where, "convoys_in_time", lambda *_, **__: [row | times])
    monkeypatch.setattr(terminal.out, "width", 200)
    _, (video,) = make_job(road.url, 0)
    store(road.url, video, [saying(0, "AB12CDE")])
    with session(road.url) as db:
        drive = "INSERT INTO drives (job_id, began_at, ended_at) SELECT job_id, now(), now() FROM videos RETURNING id"
        db.execute(
            text("UPDATE videos SET recorded_at = now(), recorded_from = 'gps', clock_zone = '+02:00', drive_id = :d"),
            {"d": db.scalar(text(drive))},
        )
    for zone, said in (("'+02:00'", "2026-03-01 07:00 UTC"), ("NULL", "2026-03-01 07:00 no zone")):
        with session(road.url) as db:
            db.execute(text(f"UPDATE videos SET clock_zone = {zone}"))
        where.show_convoys(None, 3, 2, None, None, 50, as_json=False, data=None)
        out = capsys.readouterr().out
        assert said in out
        assert ("whose zone is not known" in out) == (zone == "NULL")
