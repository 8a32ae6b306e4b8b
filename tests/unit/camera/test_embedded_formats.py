"""Every format that is read inside videos: the same drive, built from each one's layout."""

from __future__ import annotations

import datetime as dt
import io
import struct
from dataclasses import dataclass

import pytest

from pipeline.camera.embedded import embedded_track
from pipeline.camera.embedded.readers.hidden import hidden_fixes
from pipeline.camera.embedded.readers.ligogps import SIDELESS, STRETCHED, ligogps_fixes
from pipeline.camera.embedded.readers.nmea import BAD_CHECKSUM, fixes_in
from pipeline.camera.embedded.readers.novatek.blocks import freegps_fixes
from pipeline.camera.records import Track
from tests.support.camera_files.atoms import blackvue
from tests.support.camera_files.drive import BEGAN, COURSE_DEG, LAT, LON, SECONDS, SPEED_MPS, STEP_DEG, position, rmc
from tests.support.camera_files.formats import FILES
from tests.support.camera_files.ligogps import ligo_exchanged, ligo_grouped
from tests.support.camera_files.mp4 import FTYP, box, film, interleaved
from tests.support.camera_files.novatek import EACE, novatek, seventymai, viofo_unlocked
from tests.support.camera_files.samples import gpmf, ssmd, ssmd_unlocked, txet

#: What a format's clock is: UTC, the camera's own without a zone, or none.
UTC, LOCAL, NONE = "utc", "local", "none"


@dataclass(frozen=True)
class Told:
    """What a format says beside the positions."""

    clock: str = LOCAL
    #: Seconds since the first frame of the first fix; None where the format does not know.
    first_s: float | None = 0.0
    speed: bool = True
    bearing: bool = True
    fixes: int = 3
    make: str | None = None


TOLD = {
    "Novatek, listed": Told(),
    "Novatek, no list": Told(),
    "Novatek, no index": Told(first_s=None),
    "Novatek, in boxes": Told(first_s=None),
    "Viofo, later layout": Told(first_s=1.0),
    "Kenwood": Told(),
    "longer header": Told(),
    "Vantrue": Told(UTC),
    "Vantrue, doubles": Told(make="Vantrue"),
    "Vantrue S1": Told(make="Vantrue"),
    "70mai": Told(NONE, make="70mai"),
    "Akaso": Told(),
    "doubles": Told(),
    "IQS": Told(bearing=False),
    "INNOVV": Told(NONE, make="INNOVV"),
    "XBHT": Told(bearing=False),
    "XGODY": Told(),
    "Nextbase 512G": Told(UTC, make="Nextbase"),
    "Azdome": Told(bearing=False),
    "EACHPAI": Told(UTC),
    "ATC": Told(),
    "LigoGPS, hidden": Told(bearing=False),
    "LigoGPS, trailer": Told(first_s=None),
    "LigoGPS, JSON": Told(UTC, first_s=None, bearing=False),
    "GoPro": Told(UTC, bearing=False, fixes=30, make="GoPro"),
    "GoPro, GPS9": Told(UTC, bearing=False, fixes=30, make="GoPro"),
    "CAMM": Told(UTC, first_s=0.666),
    "SigmaStar": Told(UTC),
    "Rove": Told(bearing=False, make="Rove"),
    "Vueroid": Told(bearing=False, make="Vueroid"),
    "Garmin PNDM": Told(NONE, bearing=False, make="Garmin"),
    "Garmin uuid": Told(UTC, first_s=None, bearing=False, make="Garmin"),
    "RVMI": Told(NONE, first_s=1.0),
    "Wolfbox": Told(UTC, make="Wolfbox"),
    "Wolfbox, no date": Told(NONE, make="Wolfbox"),
    "Vantrue FMAS": Told(make="Vantrue"),
    "Rove Stealth": Told(bearing=False),
    "Thinkware": Told(UTC, make="Thinkware"),
    "NMEA subtitles": Told(UTC),
    "Nextbase subtitles": Told(UTC, make="Nextbase"),
    "Roadhawk": Told(UTC),
    "E-PRANCE": Told(UTC),
    "DJI": Told(NONE, bearing=False),
    "DJI, named": Told(speed=False, bearing=False),
    "Mini 0806": Told(bearing=False),
    "gps0": Told(UTC, first_s=None),
    "70mai Pro": Told(NONE, bearing=False, make="70mai"),
    "BlackVue": Told(UTC, first_s=0.3, make="BlackVue"),
    "Kenwood, udta": Told(first_s=None, bearing=False, make="Kenwood"),
    "Kenwood, trailer": Told(first_s=None, speed=False, bearing=False, make="Kenwood"),
    "Nextbase gdat": Told(first_s=None, make="Nextbase"),
    "Denver": Told(first_s=None, make="Denver"),
    "Auto-Vox": Told(make="Auto-Vox"),
    "place": Told(NONE, speed=False, bearing=False, fixes=1),
    "Novatek, TS": Told(first_s=None),
    "Juscar, TS": Told(first_s=None),
    "LigoGPS, TS trailer": Told(first_s=None),
}


NEAR = BEGAN.date()


def track_in(data: bytes, near: dt.date | None = NEAR) -> Track | None:
    return embedded_track(io.BytesIO(data), len(data), near=near, exiftool=False)


def found_in(data: bytes, near: dt.date | None = NEAR) -> Track:
    """The track that is in a file; it is an error if there is none."""
    track = track_in(data, near)
    assert track is not None
    return track


def test_every_built_format_is_checked() -> None:
    assert set(TOLD) == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_the_drive_is_read(name: str) -> None:
    told = TOLD[name]
    track = found_in(FILES[name]())
    first = track.fixes[0]
    assert len(track.fixes) == told.fixes
    # Kenwood writes ten-thousandths of minutes, 70mai Pro thousandths: a metre.
    assert first.lat == pytest.approx(LAT, abs=1e-5)
    assert first.lon == pytest.approx(LON, abs=1e-5)
    assert track.fixes[-1].lat - first.lat == pytest.approx(2 * STEP_DEG, rel=0.5) or told.fixes == 1
    assert first.offset_s == (None if told.first_s is None else pytest.approx(told.first_s))
    assert first.at == {UTC: BEGAN.replace(tzinfo=dt.UTC), LOCAL: BEGAN, NONE: None}[told.clock]
    # The coarsest write whole knots and whole miles an hour.
    assert first.speed_mps == (pytest.approx(SPEED_MPS, rel=0.03) if told.speed else None)
    assert first.bearing_deg == (pytest.approx(COURSE_DEG, abs=0.01) if told.bearing else None)
    assert track.make == told.make
    assert not track.sidecar


def test_fixes_stand_at_the_seconds_of_their_blocks() -> None:
    track = found_in(FILES["Novatek, listed"]())
    assert [fix.offset_s for fix in track.fixes] == [0.0, 1.0, 2.0]


def test_a_standing_camera_without_a_clock_goes_on_telling_where_it_stands() -> None:
    track = found_in(interleaved([seventymai(0), seventymai(0), seventymai(0)], listed=True))
    assert [fix.offset_s for fix in track.fixes] == [0.0, 1.0, 2.0]


def test_a_block_that_a_camera_writes_again_is_one_fix() -> None:
    track = found_in(interleaved([novatek(0), novatek(0), novatek(1), novatek(1)], listed=True))
    assert [fix.at for fix in track.fixes] == [BEGAN, BEGAN + dt.timedelta(seconds=1)]


@pytest.mark.parametrize("block", [novatek(0, status=b"V"), viofo_unlocked(0), novatek(0).replace(b"ANE", b"V00")])
def test_blocks_without_a_fix_give_none(block: bytes) -> None:
    assert freegps_fixes(block) == []
    track = found_in(interleaved([block], listed=True))
    assert (track.fixes, track.began_at) == ((), BEGAN)


def test_the_clock_before_the_first_fix_is_not_taken_for_the_one_after_it() -> None:
    assert found_in(FILES["Viofo, later layout"]()).began_at is None


def test_a_cipher_that_nobody_knows_gives_no_position() -> None:
    words = bytearray(novatek(0))
    words[75:88] = bytes(5) + b"\xf1\x4e\x3e\x3d\x90\xdf\xca\x40"
    assert freegps_fixes(bytes(words)) == []


def test_rc4_of_the_published_block() -> None:
    fixes = hidden_fixes(EACE)
    assert fixes is not None
    assert fixes[0].lat == pytest.approx(43 + 42.726563 / 60)
    assert fixes[0].at == dt.datetime(2024, 8, 16, 8, 34, 1)


def test_exchanged_letters_are_known_by_the_counting_seconds() -> None:
    table = b"LIGOGPSINFO\0\0\0\0\1\0\0\0\0" + b"".join(ligo_exchanged(range(14)))
    fixes = ligogps_fixes(table, scale=1)
    assert len(fixes) == 14
    assert fixes[0].lat == pytest.approx(-LAT, abs=1e-5)
    assert fixes[0].lon == pytest.approx(-LON, abs=1e-5)
    assert fixes[13].at == BEGAN + dt.timedelta(seconds=13)
    assert {fix.doubt for fix in fixes} == {None}


def test_exchanged_letters_do_not_tell_the_hemisphere() -> None:
    table = b"LIGOGPSINFO\0\0\0\0\1\0\0\0\0" + b"".join(ligo_exchanged(range(14), signed=False))
    assert {fix.doubt for fix in ligogps_fixes(table, scale=1)} == {SIDELESS}


def test_stretched_positions_are_doubted() -> None:
    table = b"LIGOGPSINFO\0\0\0\0\5\0\0\0\0" + ligo_grouped(0)
    assert [fix.doubt for fix in ligogps_fixes(table, scale=1)] == [STRETCHED]
    assert [fix.doubt for fix in ligogps_fixes(table)] == [None]


def test_gopro_without_lock_is_kept_and_doubted() -> None:
    track = found_in(film(b"gpmd", [gpmf(0, lock=0), gpmf(1, lock=2)]))
    assert [fix.doubt is None for fix in track.fixes] == [False] * 10 + [True] * 10


def test_sigmastar_without_satellites_and_with_a_clock_that_jumps() -> None:
    rows = [ssmd_unlocked(0), *(ssmd(second) for second in range(1, 6))]
    late = bytearray(ssmd(1))
    late[26] -= 2
    track = found_in(film(b"ssmd", [*rows[:1], bytes(late), *rows[2:]]))
    assert len(track.fixes) == 5
    assert [fix.doubt is None for fix in track.fixes] == [False, True, True, True, True]
    unknown = found_in(film(b"ssmd", rows), near=None)
    assert {fix.at for fix in unknown.fixes} == {None}


@pytest.mark.parametrize(("near", "year"), [(dt.date(2026, 5, 21), 2026), (dt.date(2025, 5, 19), 2025)])
def test_sigmastars_day_is_the_one_next_to_the_names(near: dt.date, year: int) -> None:
    track = found_in(FILES["SigmaStar"](), near=near)
    assert track.fixes[0].at == BEGAN.replace(year=year, tzinfo=dt.UTC)


def test_vueroids_sides() -> None:
    south_west = bytearray(txet(0))
    south_west[52:54] = b"\0\0"
    track = found_in(film(b"mp4s", [bytes(south_west)], handler=b"tvxt"))
    assert track.fixes[0].lat == pytest.approx(-LAT, abs=1e-4)
    assert track.fixes[0].lon == pytest.approx(-LON, abs=1e-4)


def test_rvmi_is_sure_where_only_one_number_can_be_a_latitude() -> None:
    row = b"gReV" + struct.pack("<iiihHB", 37_617_000, 105_000_000, 0, 360, 22, 12)
    turned = b"gReV" + struct.pack("<iiihHB", 105_000_000, 37_617_000, 0, 360, 22, 12)
    track = found_in(film(b"RVMI", [row, turned], handler=b"data"))
    assert {(fix.lat, fix.lon, fix.doubt) for fix in track.fixes} == {(37.617, 105.0, None)}


def test_the_beginning_by_the_cameras_clock() -> None:
    for name in ("gps0", "BlackVue"):
        track = found_in(FILES[name]())
        assert track.began_at == BEGAN + dt.timedelta(hours=2)


def test_a_beginning_without_any_position() -> None:
    track = found_in(FTYP + box(b"IDIT", b"2026-05-20 19:39:51\0"))
    assert not track.fixes
    assert track.began_at == BEGAN + dt.timedelta(hours=2)


def test_old_records_of_the_ring_are_left_out() -> None:
    data = FILES["gps0"]()
    start = data.index(b"gps0") + 4
    record = data[start : start + 32]
    track = found_in(FTYP + box(b"gps0", data[start:], record))
    assert len(track.fixes) == 3


def test_a_wrong_checksum_is_doubted_and_all_wrong_ones_are_not() -> None:
    one = found_in(blackvue(broken=[1]))
    assert [fix.doubt for fix in one.fixes] == [None, BAD_CHECKSUM, None]
    every = found_in(blackvue(broken=list(SECONDS)))
    assert {fix.doubt for fix in every.fixes} == {None}


def test_nmea_altitude_void_and_midnight() -> None:
    gga = "GPGGA,173951.00,5005.25000,N,01425.27200,E,1,12,0.5,245.0,M,46.0,M,,"
    fixes = fixes_in(f"${rmc(0)}\r\n${gga}\r\n$GPRMC,173952.00,V,,,,,,,200526,,,N\r\n", offset_s=4.0)
    assert [(fix.altitude_m, fix.offset_s) for fix in fixes] == [(245.0, 4.0)]
    late = "GPRMC,235959.00,A,5005.25,N,01425.272,E,1.0,2.0,200526,,,A"
    after = gga.replace("173951.00", "000000.00")
    days = [fix.at.day for fix in fixes_in(f"{late}\n{after}") if fix.at]
    assert days == [20, 21]


def test_south_and_west() -> None:
    fixes = fixes_in("GPRMC,053011.000,A,3400.0000,S,15100.0000,W,28.68,323.73,290113,,,A")
    assert [(fix.lat, fix.lon) for fix in fixes] == [(-34.0, -151.0)]


def test_the_better_of_two_tracks_is_taken() -> None:
    poor, rich = FILES["place"](), FILES["BlackVue"]()
    track = found_in(rich + poor[len(FTYP) :])
    assert track.source == "BlackVue NMEA"
    assert track.fixes[0].lat == pytest.approx(position(0)[0])
