"""What each format of files beside a video says, and that no bytes bring a reader down."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.camera.records import Fix, Track
from pipeline.camera.sidecars import formats, gpx, kml, nmea, seventymai, subtitles
from pipeline.camera.sidecars.markup import BrokenMarkup
from pipeline.camera.tracks.place import began_by_track, place_at
from pipeline.camera.tracks.sense import checked
from pipeline.errors import DashplateError
from tests.support.sidecars import FIRST, GPX, SECOND, gga, log, rmc, sentence, shared, utc


def read(reader: Callable[[bytes], Track | None], text: str) -> Track:
    track = reader(text.encode())
    assert track is not None
    return track


# NMEA.


def test_rmc_and_gga_of_one_time_are_one_fix() -> None:
    track = read(nmea.read, gga("120000.00") + rmc("120000.00") + rmc("120001.00") + gga("120001.00"))
    assert [(fix.at, fix.altitude_m) for fix in track.fixes] == [
        (utc(2026, 3, 1, 12, 0, 0), 321.5),
        (utc(2026, 3, 1, 12, 0, 1), 321.5),
    ]
    assert track.fixes[0].speed_mps == pytest.approx(10 * 1852 / 3600)
    assert track.fixes[0].bearing_deg == 90.0


def test_a_gga_gets_the_day_of_its_neighbours_over_midnight_too() -> None:
    track = read(nmea.read, gga("235958.00") + rmc("235959.00", date="280226") + gga("000000.00") + rmc("000001.00"))
    assert [fix.at for fix in track.fixes] == [
        utc(2026, 2, 28, 23, 59, 58),
        utc(2026, 2, 28, 23, 59, 59),
        utc(2026, 3, 1, 0, 0, 0),
        utc(2026, 3, 1, 0, 0, 1),
    ]


def test_a_date_may_come_from_zda_and_is_unknown_without_any() -> None:
    assert [fix.at for fix in read(nmea.read, gga("120000.00")).fixes] == [None]
    dated = read(nmea.read, sentence("GPZDA,120000.00,01,03,2026,00,00") + gga("120000.00"))
    assert [fix.at for fix in dated.fixes] == [utc(2026, 3, 1, 12)]


def test_a_wrong_checksum_is_a_doubt_where_the_others_are_right() -> None:
    damaged = rmc("120002.00").replace("5000.0000", "5100.0000")
    track = read(nmea.read, rmc("120000.00") + rmc("120001.00") + damaged)
    assert [fix.doubt for fix in track.fixes] == [None, None, nmea.WRONG_SUM]


def test_where_most_checksums_are_wrong_they_say_nothing() -> None:
    changed = (rmc("120000.00") + rmc("120001.00") + rmc("120002.00")).replace("5000.0000", "5000.0001")
    assert [fix.doubt for fix in read(nmea.read, changed).fixes] == [None] * 3


def test_the_first_sentence_says_the_start_though_it_has_no_position() -> None:
    void = "".join(rmc(f"1200{second:02}.00", status="V") for second in range(30))
    track = read(nmea.read, void + rmc("120030.00") + rmc("120031.00"))
    assert len(track.fixes) == 2
    assert began_by_track(track) == (utc(2026, 3, 1, 12), 1.0)
    place = place_at(track, 30.5)
    assert place is not None


def test_void_and_impossible_sentences_give_no_fix() -> None:
    void = (
        rmc("120000.00", status="V")
        + gga("120001.00", quality=0)
        + rmc("256060.00")
        + rmc("120003.00", lat="9999.9999")
    )
    assert nmea.read((void + rmc("120004.00", lat="9000.0001")).encode()) is None
    assert nmea.read(b"$GPRMC,,V,,,,,,,,,,N*53\r\n") is None


def test_blackvue_stamps_say_the_moment_in_the_video() -> None:
    track = read(nmea.read, "[1699970400000]" + sentence("GPTXT,1") + "[1699970402500]" + rmc("120002.00"))
    assert (track.source, track.make, track.fixes[0].offset_s) == ("BlackVue NMEA", "BlackVue", 2.5)
    assert began_by_track(track) == (utc(2026, 3, 1, 11, 59, 59) + dt.timedelta(seconds=0.5), 0.5)


# 70mai.


def test_a_recording_began_with_its_first_line_where_the_one_before_had_not_paused() -> None:
    lines = [(second, FIRST) for second in range(40, 60)] + [(second, SECOND) for second in range(60, 90)]
    track = seventymai.read_clip(log(*lines).encode(), SECOND)
    assert track is not None
    assert [fix.offset_s for fix in track.fixes] == list(range(30))
    assert began_by_track(track) == (utc(2026, 3, 1, 12, 1), 0.5)


def test_a_cold_start_is_placed_by_what_the_next_recording_says_of_the_clocks() -> None:
    # The names are an hour and 23 s ahead of the satellites; the first fix came 40 s after the start.
    lines = [(second, FIRST) for second in range(40, 60)] + [(second, SECOND) for second in range(60, 90)]
    track = seventymai.read_clip(log(*lines).encode(), FIRST)
    assert track is not None
    assert track.fixes[0].offset_s == 40.0
    assert track.tells_start


def test_a_recording_alone_is_placed_by_its_name_and_tells_no_start() -> None:
    track = seventymai.read_clip(log((40, FIRST), (41, FIRST)).encode(), FIRST)
    assert track is not None
    assert [fix.offset_s for fix in track.fixes] == [17.0, 18.0]
    assert began_by_track(track) is None
    assert place_at(track, 17.5) is not None


def test_a_name_that_comes_twice_is_that_of_the_newest_session() -> None:
    old, new = log((0, FIRST), (1, FIRST)), log((3600, FIRST), (3601, FIRST), (3602, FIRST))
    track = seventymai.read_clip((old + new).encode(), FIRST)
    assert track is not None
    assert len(track.fixes) == 3


def test_names_of_70mai_and_of_others() -> None:
    assert seventymai.clip_named("NO20260101-120000-000001F.MP4") == "NO20260101-120000-000001"
    assert seventymai.clip_named("ev20260101-120000-000001b.mp4") == "EV20260101-120000-000001"
    assert seventymai.clip_named("20260101_120000_NF.mp4") is None


# XML.


def test_gpx() -> None:
    assert read(gpx.read, GPX).fixes == (
        Fix(50.1, 9.1, at=utc(2026, 3, 1, 12)),
        Fix(50.0, 9.0, None, utc(2026, 3, 1, 12, 0, 1) + dt.timedelta(seconds=0.5), 120.5, 13.5, 271.0),
    )


def test_gpx_in_utf_16() -> None:
    assert gpx.read(GPX.replace('"1.0"?', '"1.0" encoding="UTF-16"?').encode("utf-16")) == read(gpx.read, GPX)


def test_a_damaged_gpx_gives_what_comes_before_the_damage() -> None:
    assert len(read(gpx.read, GPX[: GPX.index("<trkpt lon")]).fixes) == 1
    with pytest.raises(BrokenMarkup, match="damaged"):
        gpx.read(GPX[: GPX.index("</trkpt>")].encode())


BOMB = "<!DOCTYPE gpx [<!ENTITY a 'aaaaaaaaaa'>" + "".join(
    f"<!ENTITY {name} '{f'&{last};' * 10}'>" for last, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "head",
    [
        BOMB + "]>",
        "<!DOCTYPE gpx [<!ENTITY i SYSTEM 'file:///etc/passwd'>]>",
        "<!DOCTYPE gpx [<!ENTITY % i SYSTEM 'http://x/'> %i;]>",
    ],
)
def test_entities_are_refused(head: str) -> None:
    bomb = GPX.replace("<gpx ", head + "<gpx ").replace("120.5", "&i;")
    with pytest.raises(BrokenMarkup, match="entities"):
        gpx.read(bomb.encode())


def test_xml_that_is_nested_without_end_is_refused() -> None:
    with pytest.raises(BrokenMarkup, match="nested"):
        gpx.read(b"<gpx>" + b"<a>" * 100_000)


def test_kml_tracks_and_places_with_times() -> None:
    text = """<kml xmlns:gx="urn:gx"><Document><Placemark><gx:Track>
<when>2026-03-01T12:00:01Z</when><when>2026-03-01T12:00:02Z</when>
<gx:coord>9.0 50.0 120</gx:coord><gx:coord>9.1 50.1 121</gx:coord></gx:Track></Placemark>
<Placemark><TimeStamp><when>2026-03-01T12:00:00Z</when></TimeStamp>
<Point><coordinates>8.9,49.9</coordinates></Point></Placemark>
<Placemark><LineString><coordinates>1,1 2,2</coordinates></LineString></Placemark></Document></kml>"""
    assert [(fix.lat, fix.lon, fix.altitude_m, fix.at) for fix in read(kml.read, text).fixes] == [
        (49.9, 8.9, None, utc(2026, 3, 1, 12)),
        (50.0, 9.0, 120.0, utc(2026, 3, 1, 12, 0, 1)),
        (50.1, 9.1, 121.0, utc(2026, 3, 1, 12, 0, 2)),
    ]
    assert kml.read(b"<kml><LineString><coordinates>1,1 2,2</coordinates></LineString></kml>") is None


# Subtitles.


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        (
            "2023-08-28 17:26:58.889\n[iso: 160] [latitude: 36.27423] [longitude: -41.36214] [abs_alt: 19.621]",
            Fix(36.27423, -41.36214, 61.5, dt.datetime(2023, 8, 28, 17, 26, 58, 889_000), 19.621),
        ),
        ("F/2.8, SS 1667, GPS (120.3534, 23.1201, 26), H.S 4.50m/s", Fix(23.1201, 120.3534, 61.5, None, None, 4.5)),
        (
            "{}A,200131,101112.000,+4812.0000,N,+01730.0000,E,+20.00,+1.0,",
            Fix(48.2, 17.5, 61.5, dt.datetime(2020, 1, 31, 10, 11, 12), None, 20 * 0.44704),
        ),
        ("48.12345°S 17.54321°W 72 km/h", Fix(-48.12345, -17.54321, 61.5, None, None, 20.0)),
        ("S: 48.12345, E: 17.54321", Fix(-48.12345, 17.54321, 61.5)),
    ],
)
def test_subtitles(text: str, fix: Fix) -> None:
    found = read(
        subtitles.read, f"1\n00:00:59,000 --> 00:01:00,000\nHello!\n\n2\n00:01:01,500 --> 00:01:02,000\n{text}\n"
    )
    assert len(found.fixes) == 1
    assert found.fixes[0].speed_mps == (None if fix.speed_mps is None else pytest.approx(fix.speed_mps))
    assert [getattr(found.fixes[0], name) for name in ("lat", "lon", "offset_s", "at", "altitude_m")] == [
        getattr(fix, name) for name in ("lat", "lon", "offset_s", "at", "altitude_m")
    ]


def test_subtitles_that_say_no_place_are_no_track() -> None:
    assert subtitles.read(b"1\n00:00:01,000 --> 00:00:02,000\nMeet me at 48.1234.\n") is None


# The shared files, against what stands in them.


NOON_2023, NEW_YEAR = utc(2023, 11, 14, 12), utc(2025, 1, 1, 12)
MOV, NAP = utc(2013, 1, 29, 5, 30, 11), utc(2023, 11, 15, 6, 13, 20)


@pytest.mark.parametrize(
    ("name", "source", "fixes", "first", "last", "began", "length_s"),
    [
        ("nmea/synthetic.NMEA", "NMEA", 4, (50, 30), (50 + 0.02 / 60, 30 + 0.04 / 60), NOON_2023, 4),
        ("dashcam-viewer-corpus/MOV_0581.nmea", "NMEA", 30, (-34, 151), (-34, 151), MOV, 31),
        ("blackvue/synthetic.gps", "BlackVue NMEA", 5, (50, 30), (50 + 0.02 / 60, 30 + 0.04 / 60), NOON_2023, 4),
        ("escort/real-anonymized.map", "Escort map", 10, (37, -121), (37, -121), utc(2026, 5, 11, 0, 15, 55), 9),
        (
            "escort/synthetic-happy.map",
            "Escort map",
            5,
            (1 + 0.05 / 60, 2),
            (1 + 0.01 / 60, 2 + 0.04 / 60),
            NEW_YEAR,
            4,
        ),
        ("70mai/real-anonymized-a810.txt", "70mai log", 50, (50, 9), (50, 9), utc(2026, 7, 12, 17, 55, 32), 49),
        ("70mai/synthetic-multi-session.txt", "70mai log", 5, (50, 30), (50.0001, 30.0002), NAP, 200),
    ],
)
def test_shared_files(
    name: str,
    source: str,
    fixes: int,
    first: tuple[float, float],
    last: tuple[float, float],
    began: dt.datetime,
    length_s: int,
) -> None:
    path = shared(name)
    track = formats.read(path.read_bytes(), path.suffix)
    assert track is not None
    track = checked(track)
    assert (track.source, len(track.fixes), [fix.doubt for fix in track.fixes if fix.doubt]) == (source, fixes, [])
    ends = (track.fixes[0], first, began), (track.fixes[-1], last, began + dt.timedelta(seconds=length_s))
    for fix, place, at in ends:
        assert (fix.lat, fix.lon) == pytest.approx(place, abs=1e-9)
        assert fix.at == at


@pytest.mark.parametrize(
    "name", ["escort/synthetic-not-escort.map", "70mai/synthetic-not-v02.txt", "blackvue/real-anonymized.3gf"]
)
def test_shared_files_that_hold_no_track(name: str) -> None:
    path = shared(name)
    assert formats.read(path.read_bytes(), path.suffix) is None


def test_the_broken_lines_of_the_shared_files() -> None:
    log_file = formats.read(shared("70mai/synthetic-edge.txt").read_bytes(), ".txt")
    assert log_file is not None
    assert [fix.at.second for fix in log_file.fixes if fix.at] == [20, 22, 23, 24, 27]
    map_file = formats.read(shared("escort/synthetic-edge.map").read_bytes(), ".map")
    assert map_file is not None
    found = checked(map_file).fixes
    assert [fix.at.second for fix in found if fix.at] == [0, 2, 5, 6, 7]
    assert [fix.at.second for fix in found if fix.at and fix.doubt] == [2]


def test_the_clock_of_the_shared_70mai_is_23_s_ahead_of_the_satellites() -> None:
    track = seventymai.read_clip(shared("70mai/real-anonymized-a810.txt").read_bytes(), "NO20260712-195504-000000")
    assert track is not None
    assert began_by_track(track) == (utc(2026, 7, 12, 17, 54, 41), 0.5)


# Whatever the bytes.

SAMPLES = {
    ".nmea": gga("235958.00") + rmc("235959.00", date="280226") + "[1699970402500]" + rmc("000001.00"),
    ".gps": "[1699970402500]" + rmc("120002.00") + "[1699970403500]" + rmc("120003.00"),
    ".txt": log((40, FIRST), (41, FIRST), (42, SECOND)),
    ".map": "A,110526,001555,3700.0000,N,12100.0000,W,117.36,0.10,-0.17,1.59;\n" * 3,
    ".gpx": GPX,
    ".kml": "<kml><Track><when>2026-03-01T12:00:01Z</when><coord>9.0 50.0 120</coord></Track></kml>",
    ".srt": "1\n00:00:01,000 --> 00:00:02,000\n2023-08-28 17:26:58.889 [latitude: 36.27423] [longitude: -41.36214]\n",
}


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, bytes]:
    ending = draw(st.sampled_from(sorted(SAMPLES)))
    data = bytearray(SAMPLES[ending].encode())
    for _ in range(draw(st.integers(1, 8))):
        at = draw(st.integers(0, len(data) - 1))
        match draw(st.sampled_from(("byte", "digit", "cut", "double"))):
            case "byte":
                data[at] = draw(st.integers(0, 255))
            case "digit":
                data[at] = draw(st.sampled_from(b"0123456789.-,NSEW\n<>&"))
            case "cut":
                del data[at : at + draw(st.integers(1, 20))]
            case "double":
                data[at:at] = data[at : at + draw(st.integers(1, 40))]
        if not data:
            break
    return ending, bytes(data)


@given(st.one_of(mutated(), st.tuples(st.sampled_from(sorted(SAMPLES)), st.binary(max_size=300))))
@settings(max_examples=1500, deadline=None)
def test_no_bytes_raise_anything_but_errors_of_the_project(case: tuple[str, bytes]) -> None:
    ending, data = case
    try:
        tracks = [formats.read(data, ending), seventymai.read_clip(data, FIRST)]
    except DashplateError:
        return
    for track in tracks:
        if track is not None:
            found = checked(track)
            began_by_track(found)
            place_at(found, 1.0)
