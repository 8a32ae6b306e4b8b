"""Maps of sightings and tracks, as the programs that draw them read them."""

from __future__ import annotations

import io
import json
import math
import struct
from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashplate.export.maps.camera_track import CameraTrack
from dashplate.export.maps.geojson import to_geojson
from dashplate.export.maps.geoparquet import write_geoparquet
from dashplate.export.maps.gpx import to_gpx
from dashplate.export.maps.kml import to_kml
from dashplate.export.rows import SightingLine
from dashplate.export.text import to_csv, to_json_lines
from pipeline.camera.records import Fix
from tests.unit.command_line.test_export import sighting
from tests.unit.command_line.test_export_forms import lines

#: Berlin puts its clocks back at 01:00 UTC.
BEFORE_WINTER = datetime(2026, 10, 25, 0, 59, 59, tzinfo=UTC)
GPX = "{http://www.topografix.com/GPX/1/1}"
TPX = "{http://www.garmin.com/xmlschemas/TrackPointExtension/v2}"
DP = "{urn:dashplate:sighting}"
KML = "{http://www.opengis.net/kml/2.2}"
GX = "{http://www.google.com/kml/ext/2.2}"

#: What RFC 7946 says of the parts that are written: positions of two numbers within the earth, lines of two or more.
_POSITION = {
    "type": "array",
    "prefixItems": [{"type": "number", "minimum": -most, "maximum": most} for most in (180, 90)],
    "minItems": 2,
    "maxItems": 2,
}  # fmt: skip


def _geometry(kind: str, coordinates: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"type": {"const": kind}, "coordinates": coordinates},
        "required": ["type", "coordinates"],
        "additionalProperties": False,
    }


RFC_7946 = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "type": {"const": "FeatureCollection"},
        "features": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "type": {"const": "Feature"},
                    "id": {"type": ["number", "string"]},
                    "properties": {"type": "object"},
                    "geometry": {
                        "oneOf": [
                            _geometry("Point", _POSITION),
                            _geometry("MultiPoint", {"type": "array", "items": _POSITION}),
                            _geometry("LineString", {"type": "array", "items": _POSITION, "minItems": 2}),
                        ]
                    },
                },
                "required": ["type", "geometry", "properties"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["type", "features"],
    "additionalProperties": False,
}


def placed(plate: str = "AB12CDE", **changes: Any) -> SightingLine:
    """Seen on the Marienplatz from one second before the clocks change to one second behind."""
    began = BEFORE_WINTER - timedelta(seconds=1)
    seen = {
        "first_seen_at": began + timedelta(seconds=1), "last_seen_at": began + timedelta(seconds=3),
        "clock_from": "gps", "clock_zone": "Europe/Berlin", "clock_error_s": 0.1,
        "lat": 48.137154, "lon": 11.576124, "bearing_deg": 271.26,
        "speed_mps": 11.111, "place_error_m": 5.5, "movement": "oncoming", "drive": 3, "passing": 17, "camera": "front",
        "country_confidence": 0.98765, "recorded_at": began + timedelta(seconds=2), "recorded_from": "gps",
    }  # fmt: skip
    (row,) = lines(sighting(plate, **(seen | changes)))
    return row


def track(*fixes: Fix, recorded_at: datetime | None = BEFORE_WINTER, zone: str | None = "Europe/Berlin") -> CameraTrack:
    return CameraTrack("/cam/a <1>.mp4", "front", 3, "NMEA", recorded_at, zone, fixes)


def fixes(*offsets_s: float, **changes: Any) -> list[Fix]:
    """A fix at each second, 11 m further north each second."""
    return [Fix(48 + second / 1e4, 11.5, offset_s=second, **changes) for second in offsets_s]


def collection(rows: Iterable[SightingLine | CameraTrack]) -> dict[str, Any]:
    """What is written as GeoJSON, held against the rules."""
    read: dict[str, Any] = json.loads("".join(to_geojson(rows)), parse_constant=pytest.fail)
    jsonschema.validate(read, RFC_7946, jsonschema.Draft202012Validator)
    return read


def gpx(rows: Iterable[SightingLine | CameraTrack]) -> ElementTree.Element:
    return ElementTree.fromstring("".join(to_gpx(rows)))


def kml(rows: Iterable[SightingLine | CameraTrack]) -> ElementTree.Element:
    return ElementTree.fromstring("".join(to_kml(rows)))


# Columns of every export.


def test_times_have_the_offset_that_the_zone_has_at_that_moment() -> None:
    row = placed(clock_zone="Europe/Berlin")
    assert (row.first_seen_at, row.last_seen_at) == ("2026-10-25T02:59:59+02:00", "2026-10-25T02:00:01+01:00")
    fixed = placed(clock_zone="-03:30")
    assert fixed.first_seen_at == "2026-10-24T21:29:59-03:30"


def test_times_of_no_known_zone_have_no_offset() -> None:
    row = placed(clock_zone=None)
    assert (row.first_seen_at, row.clock_zone) == ("2026-10-25T00:59:59", "")
    assert row.recorded_at == "2026-10-25T01:00:00"
    assert placed(clock_zone="Europe/Berlin").recorded_at == "2026-10-25T01:00:00+00:00"
    assert placed(first_seen_at=None, last_seen_at=None).first_seen_at == ""


def test_what_is_not_known_is_empty_and_null() -> None:
    (row,) = lines(sighting("AB12CDE"))
    told = json.loads("".join(to_json_lines([row])))
    assert (told["lat"], told["drive"], told["movement"], told["first_seen_at"]) == (None, None, "", "")
    heading, cells = "".join(to_csv([row], SightingLine)).splitlines()
    assert heading.endswith(",movement,drive,passing,camera,country_confidence,place")
    assert cells.endswith(",,,1,,,"), "an empty cell where nobody knows"


def test_a_zone_is_no_formula() -> None:
    assert ",+02:00," in "".join(to_csv([placed(clock_zone="+02:00")], SightingLine))


# GeoJSON.


def test_a_sighting_is_a_point_with_the_columns_of_its_row() -> None:
    row = placed()
    (feature,) = collection([row])["features"]
    assert feature["geometry"] == {"type": "Point", "coordinates": [11.576124, 48.137154]}
    assert feature["properties"] == asdict(row)
    assert feature["id"] == row.sighting


def test_a_track_is_parted_at_its_gaps() -> None:
    first, second = collection([track(*fixes(0, 1, 2, 22.5, 23.5), *fixes(60))])["features"]
    assert first["geometry"]["coordinates"] == [[11.5, 48.0], [11.5, 48.0001], [11.5, 48.0002]]
    assert first["properties"]["times"] == [
        "2026-10-25T02:59:59.000+02:00", "2026-10-25T02:00:00.000+01:00", "2026-10-25T02:00:01.000+01:00",
    ]  # fmt: skip
    assert second["properties"]["offsets_s"] == [22.5, 23.5]
    assert len(second["geometry"]["coordinates"]) == len(second["properties"]["times"]) == 2


def test_fixes_that_are_not_believed_are_marked_and_not_drawn() -> None:
    wild = Fix(10.0, 10.0, offset_s=1.5, doubt="No vehicle gets there in that time.")
    nowhere = Fix(99.0, 10.0, offset_s=1.6, doubt="Its position lies outside the earth's coordinates.")
    line, marked = collection([track(*fixes(0, 1), wild, nowhere, *fixes(2))])["features"]
    assert [10.0, 10.0] not in line["geometry"]["coordinates"]
    assert marked["geometry"] == {"type": "MultiPoint", "coordinates": [[10.0, 10.0]]}
    assert marked["properties"]["doubts"] == [wild.doubt]


def test_a_track_without_times_is_one_line_without_times() -> None:
    (line,) = collection([track(Fix(48.0, 11.0), Fix(48.1, 11.0), Fix(48.2, 11.0))])["features"]
    assert line["properties"]["times"] == [None, None, None]
    (line,) = collection([track(*fixes(0, 1), recorded_at=None)])["features"]
    assert line["properties"]["times"] == [None, None], "seconds into a video are no clock"
    assert line["properties"]["offsets_s"] == [0, 1]


def test_fixes_that_know_the_clock_alone_are_told_by_it() -> None:
    """As those of a GPX file beside the video: of UTC; and of a camera's local time, that no zone is known of."""
    began = BEFORE_WINTER
    known = [Fix(48.0 + second / 1e4, 11.0, at=began + timedelta(seconds=second)) for second in range(2)]
    (line,) = collection([track(*known)])["features"]
    assert line["properties"]["times"] == ["2026-10-25T02:59:59.000+02:00", "2026-10-25T02:00:00.000+01:00"]
    assert line["properties"]["offsets_s"] == [0, 1]
    (line,) = collection([track(*known, recorded_at=None, zone=None)])["features"]
    assert line["properties"]["times"] == ["2026-10-25T00:59:59.000+00:00", "2026-10-25T01:00:00.000+00:00"]
    assert line["properties"]["offsets_s"] == [None, None]
    local = [replace(fix, at=fix.at.replace(tzinfo=None)) for fix in known if fix.at]
    (line,) = collection([track(*local, zone=None)])["features"]
    assert line["properties"]["times"] == ["2026-10-25T00:59:59.000", "2026-10-25T01:00:00.000"]
    assert line["properties"]["offsets_s"] == [0, 1]


@pytest.mark.parametrize("east", [1, -1])
def test_a_line_over_the_antimeridian_is_cut_there(east: int) -> None:
    """On Taveuni, Fiji, the meridian crosses the road."""
    road = [Fix(-16.8, east * 179.9996, offset_s=0), Fix(-16.8004, east * -179.9996, offset_s=2)]
    west, other = collection([track(*road)])["features"]
    assert west["geometry"]["coordinates"] == [[east * 179.9996, -16.8], [east * 180, -16.8002]]
    assert other["geometry"]["coordinates"] == [[east * -180, -16.8002], [east * -179.9996, -16.8004]]
    assert west["properties"]["offsets_s"] == [0, 1.0]


def test_an_empty_map_is_a_map() -> None:
    assert collection([])["features"] == []
    assert collection([track()])["features"] == []
    assert list(gpx([])) == []
    assert len(kml([]).findall(f".//{KML}Placemark")) == 0


# GPX and KML.


def test_gpx_has_waypoints_then_tracks_in_the_schemas_order() -> None:
    moving = fixes(0, 1, 22, speed_mps=11.111, bearing_deg=271.26, altitude_m=520.04)
    read = gpx([placed(), track(*moving)])
    assert read.get("version") == "1.1"
    point, way = read
    assert [child.tag for child in point] == [f"{GPX}time", f"{GPX}name", f"{GPX}src", f"{GPX}extensions"]
    assert (point.get("lat"), point.get("lon")) == ("48.1371540", "11.5761240")
    assert point.findtext(f"{GPX}time") == "2026-10-25T01:00:00.000Z", "the frame's that was read, in UTC"
    assert point.findtext(f"{GPX}extensions/{DP}movement") == "oncoming"
    assert [child.tag for child in way] == [f"{GPX}name", f"{GPX}src", f"{GPX}trkseg", f"{GPX}trkseg"]
    assert way.findtext(f"{GPX}name") == "a <1>.mp4"
    first = way.find(f"{GPX}trkseg/{GPX}trkpt")
    assert first is not None
    assert [child.tag for child in first] == [f"{GPX}ele", f"{GPX}time", f"{GPX}extensions"]
    assert first.findtext(f"{GPX}extensions/{TPX}TrackPointExtension/{TPX}speed") == "11.11"
    assert first.findtext(f"{GPX}extensions/{TPX}TrackPointExtension/{TPX}course") == "271.3"


def test_a_local_time_is_not_written_as_utc() -> None:
    read = gpx([placed(clock_zone=None), track(*fixes(0, 1), zone=None)])
    assert [time.text for time in read.iter(f"{GPX}time")] == [
        "2026-10-25T01:00:00.000", "2026-10-25T00:59:59.000", "2026-10-25T01:00:00.000",
    ]  # fmt: skip
    read = kml([placed(clock_zone=None), track(*fixes(0, 1), zone=None)])
    assert read.findtext(f".//{KML}TimeStamp/{KML}when") == "2026-10-25T01:00:00.000"


def test_kml_plays_tracks_in_time_and_ends_them_at_gaps() -> None:
    read = kml([placed(), track(*fixes(0, 1, 22, 23, altitude_m=520.0))])
    seen, driven = read.findall(f".//{KML}Placemark")
    assert seen.findtext(f"{KML}Point/{KML}coordinates") == "11.5761240,48.1371540"
    said = {data.get("name"): data.findtext(f"{KML}value") for data in seen.iter(f"{KML}Data")}
    assert (said["plate"], said["movement"], said["confirmed"]) == ("AB12CDE", "oncoming", "true")
    assert driven.findtext(f"{GX}MultiTrack/{GX}interpolate") == "0"
    for part in driven.findall(f"{GX}MultiTrack/{GX}Track"):
        whens, places = part.findall(f"{KML}when"), part.findall(f"{GX}coord")
        assert len(whens) == len(places) == 2
    assert driven.findtext(f".//{GX}coord") == "11.5000000 48.0000000 520.0"


def test_kml_without_times_has_plain_lines() -> None:
    read = kml([track(Fix(48.0, 11.0), Fix(48.1, 11.0))])
    assert read.findtext(f".//{KML}MultiGeometry/{KML}LineString/{KML}coordinates") == (
        "11.0000000,48.0000000,0.0 11.0000000,48.1000000,0.0"
    )


@given(st.text(), st.text(alphabet=st.characters(categories=("Cs", "Cc", "Cn"))))
def test_any_name_makes_whole_xml(name: str, odd: str) -> None:
    rows = [placed(video=name + odd), replace(track(*fixes(0, 1)), video=odd + name)]
    for read in (gpx(rows), kml(rows)):
        assert len(list(read.iter())) > 10
    assert len(collection(rows)["features"]) == 2


# GeoParquet.


def test_geoparquet_says_where_as_geoparquet_does(tmp_path: Path) -> None:
    rows = [placed(), placed("XY34ZZZ", lat=-33.85, lon=151.21, drive=None)]
    file = io.BytesIO()
    write_geoparquet(file, rows)
    read = pyarrow.parquet.ParquetFile(file)
    geo = json.loads(read.metadata.metadata[b"geo"])
    assert (geo["version"], geo["primary_column"]) == ("1.1.0", "geometry")
    column = geo["columns"]["geometry"]
    assert (column["encoding"], column["geometry_types"]) == ("WKB", ["Point"])
    assert column["bbox"] == [11.576124, -33.85, 151.21, 48.137154]
    assert column["covering"]["bbox"]["ymax"] == ["bbox", "ymax"]
    table = read.read().to_pylist()
    # Little-endian, a point, x, y.
    points = [struct.unpack("<BIdd", row["geometry"]) for row in table]
    assert points == [(1, 1, row.lon, row.lat) for row in rows]
    assert table[1]["bbox"] == {"xmin": 151.21, "ymin": -33.85, "xmax": 151.21, "ymax": -33.85}
    plain = [{name: value for name, value in row.items() if name not in ("geometry", "bbox")} for row in table]
    assert plain == [asdict(row) for row in rows], "null where nobody knows"


def test_an_empty_geoparquet_is_whole() -> None:
    file = io.BytesIO()
    write_geoparquet(file, [])
    read = pyarrow.parquet.ParquetFile(file)
    assert read.metadata.num_rows == 0
    assert "bbox" not in json.loads(read.metadata.metadata[b"geo"])["columns"]["geometry"]


def test_the_extent_spans_all_groups() -> None:
    file = io.BytesIO()
    write_geoparquet(file, (placed(lat=math.sin(n / 2.5e3) * 80, lon=n / 50) for n in range(6_000)))
    read = pyarrow.parquet.ParquetFile(file)
    assert read.num_row_groups == 2
    west, south, east, north = json.loads(read.metadata.metadata[b"geo"])["columns"]["geometry"]["bbox"]
    assert (west, east) == (0.0, 119.98)
    assert north == pytest.approx(80, abs=0.01)
    assert south == 0.0
