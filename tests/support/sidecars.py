"""What cameras write beside their videos, made up for the tests, and the shared files of real ones."""

from __future__ import annotations

import datetime as dt
from functools import reduce
from operator import xor
from pathlib import Path

from tests.conftest import SHARED_DATA, missing

CONTAINERS = SHARED_DATA / "containers"


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[arg-type, misc]


def shared(name: str) -> Path:
    path = CONTAINERS / name
    if not path.is_file():
        missing(f"{name} of the shared data is not there.")
    return path


def sentence(text: str) -> str:
    return f"${text}*{reduce(xor, text.encode()):02X}\r\n"


def rmc(time: str, lat: str = "5000.0000", date: str = "010326", status: str = "A") -> str:
    return sentence(f"GNRMC,{time},{status},{lat},N,00900.0000,E,10.0,90.0,{date},,,A")


def gga(time: str, lat: str = "5000.0000", quality: int = 1) -> str:
    return sentence(f"GNGGA,{time},{lat},N,00900.0000,E,{quality},09,0.9,321.5,M,47.0,M,,")


def log(*lines: tuple[int, str], header: bool = True) -> str:
    """Lines of a log: seconds after 12:00 of UTC, and the file that was being recorded."""
    start = int(utc(2026, 3, 1, 12).timestamp()) - 8 * 3600
    body = (f"{start + second},A,50.{second:06},9.0,9000,1389,0,100,0,{name}F.MP4,0,0,0" for second, name in lines)
    return "\n".join(["$V02"] * header + list(body)) + "\n"


FIRST, SECOND = "NO20260301-130023-000001", "NO20260301-130123-000002"


GPX = """<?xml version="1.0"?><gpx xmlns="http://www.topografix.com/GPX/1/1" xmlns:x="urn:x"><metadata/>
<wpt lat="1" lon="1"><time>2026-03-01T12:00:00Z</time></wpt><trk><trkseg>
<trkpt lat="50.0" lon="9.0"><ele>120.5</ele><time>2026-03-01T13:00:01.5+01:00</time>
<extensions><x:TrackPointExtension><x:speed>13.5</x:speed><x:course>271</x:course></x:TrackPointExtension></extensions></trkpt>
<trkpt lon="9.1" lat="50.1"><time>2026-03-01T12:00:00</time></trkpt></trkseg></trk></gpx>"""
