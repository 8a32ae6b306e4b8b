"""Real and made files of many cameras: what is read of each, against values of ExifTool and of the layouts."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.camera.embedded import embedded_track
from pipeline.camera.records import Track

#: `E`: ExifTool 12.57 with `-ee -n` says the same, to the last digit. `M`: mapillary_tools 0.14 does. Neither reads the
#: others; their values were worked out from the files' bytes by the layouts of ExifTool 13 and dashcamigo.
E, M, L = "exiftool", "mapillary_tools", "layout"


@dataclass(frozen=True)
class Said:
    """Number of fixes, the first and the last position, the first and the last clock, who says so."""

    fixes: int
    first: tuple[float, float]
    last: tuple[float, float]
    began: str | None
    ended: str | None
    by: str
    #: How many of them are doubted.
    doubted: int = 0


SAID = {
    "70mai-embedded/real-anonymized.mp4": Said(12, (50, 30), (50.0036667, 30), None, None, L),
    "70mai-embedded/synthetic-70mai.mp4": Said(3, (50, 30), (50.0016667, 30.0016667), None, None, L),
    "70mai-gps-box/synthetic-mai-pro.mp4": Said(3, (50, 30), (50.02, 30.02), None, None, E),
    "blackvue-mp4/synthetic.mp4": Said(
        4, (50, 30), (50.0000667, 30.0001333), "2021-10-11T18:15:00+00:00", "2021-10-11T18:15:05+00:00", E
    ),
    "carcam-real-anonymized/carcam-4ch-front.mp4": Said(
        3, (50, 30), (50.0002, 30.0002), "2025-06-07T18:06:00", "2025-06-07T18:06:02", L
    ),
    "garmin/synthetic-pndm.mp4": Said(5, (50, 30), (50.0004, 30.0004), None, None, L),
    "gopro-gpmf/hero5-trimmed.mp4": Said(
        36,
        (33.1264969, -117.3273542),
        (33.1265052, -117.3273654),
        "2017-04-17T17:31:03+00:00",
        "2017-04-17T17:31:04.930389+00:00",
        M,
    ),
    "gopro-gpmf/hero8-trimmed.mp4": Said(
        36,
        (42.0266244, -129.2943386),
        (35.3334057, -126.8595105),
        "2019-11-18T23:42:08.645000+00:00",
        "2019-11-18T23:42:11.952118+00:00",
        M,
        doubted=36,
    ),
    "ibox/synthetic-ibox.MOV": Said(
        2, (50, 30), (50.0005, 30.0005), "2023-04-22T12:45:20+00:00", "2023-04-22T12:45:21+00:00", E
    ),
    "ligogps-trailer/real-anonymized.mp4": Said(
        180, (48.1, -2.1), (48.100179, -2.100179), "2026-08-03T11:34:53", "2026-08-03T11:37:52", L
    ),
    "ligogps-trailer/synthetic-edge.mp4": Said(
        3, (50.1, 30.1), (50.100006, 30.100006), "2026-08-03T11:34:53", "2026-08-03T11:34:59", L
    ),
    "ligogps-trailer/synthetic-happy.mp4": Said(
        6, (50.1, 30.1), (50.100005, 30.100005), "2026-08-03T11:34:53", "2026-08-03T11:34:58", L
    ),
    "ligogps/synthetic-ligogps.mp4": Said(
        3, (50, 30), (50.0002, 30.0004), "2025-06-07T18:06:16", "2025-06-07T18:06:18", L
    ),
    "navitel/sample.MOV": Said(
        5, (50, 30), (50.0004, 30.0004), "2020-11-04T13:30:15+00:00", "2020-11-04T13:30:19+00:00", E
    ),
    "novatek-real-anonymized/2e-drive-730.mp4": Said(
        3, (50, 30), (50.0002035, 30.0001994), "2021-10-13T15:37:57", "2021-10-13T15:37:59", L
    ),
    "novatek-real-anonymized/silverstone-a80.mp4": Said(
        3, (50, 30), (50.0002035, 30.0001994), "2019-02-16T12:07:49", "2019-02-16T12:07:52", L
    ),
    "novatek-real-anonymized/viofo-a119-mini2-coldstart.mp4": Said(
        4, (50, 30), (50.0003011, 30.0003011), "2026-04-06T14:22:05", "2026-04-06T14:22:06", L
    ),
    "novatek/synthetic-vantrue.mp4": Said(
        3, (47, 27), (47.0000033, 27.0000033), "2024-12-23T17:51:36+00:00", "2024-12-23T17:51:38+00:00", L
    ),
    "novatek/synthetic-viofo.mp4": Said(
        3, (50.1234538, 30.6543213), (50.125, 30.6560018), "2026-01-15T12:00:00", "2026-01-15T12:00:02", L
    ),
    "rvmi/sample.mp4": Said(4, (30, 50), (30.0003, 50.0003), None, None, E, doubted=4),
    "sstar-ssmd-real-anonymized/neoline-spectrum-4k-front.mp4": Said(237, (56, 40), (56, 40), None, None, L),
    "sstar-ssmd-real-anonymized/neoline-spectrum-front-good-signal.mp4": Said(179, (45, 39), (45, 39), None, None, L),
    "sstar-ssmd/synthetic-edge.mp4": Said(4, (50, 30), (50.0003, 30.0003), None, None, L, doubted=1),
    "sstar-ssmd/synthetic-happy.mp4": Said(5, (50, 30), (50.0004, 30.0004), None, None, L),
    "thinkware/real-anonymized.mp4": Said(
        10, (50, 30), (50.0009, 30.0009), "2026-06-02T04:16:46+00:00", "2026-06-02T04:16:56+00:00", L
    ),
    "thinkware/synthetic-fseries.mp4": Said(
        7, (50, 30), (50.0006, 30.0006), "2026-01-15T12:00:00+00:00", "2026-01-15T12:00:06+00:00", L
    ),
    "vueroid-txet/real-anonymized.mp4": Said(
        60, (50, -30), (50.0003011, -30.0003011), "2025-11-11T08:54:23", "2025-11-11T08:54:26", L
    ),
    "vueroid-txet/synthetic-edge.mp4": Said(4, (50, -30), (50, 30), "2026-03-15T10:00:00", "2026-03-15T10:00:03", L),
    "vueroid-txet/synthetic-happy.mp4": Said(
        5, (50, 30), (50.0003988, 30.0003988), "2026-03-15T10:00:00", "2026-03-15T10:00:02", L
    ),
    "wolfbox/synthetic-wolfbox-a.mp4": Said(3, (50, 30), (50.0003333, 30.0003333), None, None, L),
    "wolfbox/synthetic-wolfbox-b.mp4": Said(
        3, (50, 30), (50.0003333, 30.0003333), "2026-03-15T17:39:51+00:00", "2026-03-15T17:39:53+00:00", L
    ),
}


@pytest.fixture(scope="session")
def containers(shared_data: Path) -> Path:
    return shared_data / "containers"


def read(path: Path, near: dt.date | None = None) -> Track | None:
    with path.open("rb") as file:
        return embedded_track(file, path.stat().st_size, near=near, exiftool=False)


@pytest.mark.parametrize("name", SAID)
def test_cameras_files(containers: Path, name: str) -> None:
    said, track = SAID[name], read(containers / name)
    assert track is not None
    first, last = track.fixes[0], track.fixes[-1]
    assert len(track.fixes) == said.fixes
    assert [first.lat, first.lon, last.lat, last.lon] == pytest.approx([*said.first, *said.last], abs=1e-5)
    assert (first.at and first.at.isoformat(), last.at and last.at.isoformat()) == (said.began, said.ended)
    assert sum(fix.doubt is not None for fix in track.fixes) == said.doubted


def test_all_others_have_no_track(containers: Path) -> None:
    films = sorted(path for path in containers.rglob("*.*") if path.suffix.lower() in (".mp4", ".mov", ".ts"))
    others = {path.relative_to(containers).as_posix() for path in films} - set(SAID)
    assert {name for name in others if read(containers / name) is not None} == set()
    assert len(others) >= 14


def test_sigmastar_with_the_day_of_its_name(containers: Path) -> None:
    track = read(containers / "sstar-ssmd/synthetic-happy.mp4", near=dt.date(2026, 3, 15))
    assert track is not None
    assert track.fixes[0].at == dt.datetime(2026, 3, 15, 17, 39, 51, tzinfo=dt.UTC)
    assert track.fixes[0].offset_s == 1.0


def test_makes_models_and_beginnings(containers: Path) -> None:
    blackvue = read(containers / "blackvue-mp4/synthetic.mp4")
    assert blackvue is not None
    assert (blackvue.make, blackvue.model) == ("BlackVue", "DR900X Plus")
    gopro = read(containers / "gopro-gpmf/hero8-trimmed.mp4")
    assert gopro is not None
    assert (gopro.make, gopro.model) == ("GoPro", "HERO8 Black")
    ibox = read(containers / "ibox/synthetic-ibox.MOV")
    assert ibox is not None
    assert ibox.began_at == dt.datetime(2023, 4, 22, 15, 45, 15)
