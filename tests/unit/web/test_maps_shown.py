"""What maps are given: tracks with their gaps, the ground that they lie on, and whom they may ask for pictures."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from pydantic import ValidationError

from bench.coastlines import FILE, STEPS_A_DEGREE, pack, rings
from dashplate.web.mapped import MOST_FIXES, track_shown
from dashplate.web.page import policy
from pipeline.camera.records import Fix, Track
from tests.conftest import ROOT
from workers.settings import Settings


def track(*offsets_s: float) -> Track:
    return Track(tuple(Fix(52 + at / 1e4, 13.0, offset_s=at, speed_mps=11.12) for at in offsets_s), "GPX")


def test_a_gap_stays_open() -> None:
    shown = track_shown(track(0, 1, 2, 9, 10))
    assert [[fix[2] for fix in stretch] for stretch in shown["track"]] == [[0, 1, 2], [9, 10]]
    assert shown["track"][0][1] == [52.0001, 13.0, 1, 11.12, None]


def test_what_is_not_believed_is_told_apart_with_why() -> None:
    doubted = Fix(0.5, 0.25, offset_s=1.0, doubt="a jump")
    shown = track_shown(Track((Fix(52.0, 13.0, offset_s=0.0), doubted), "GPX"))
    assert shown["doubted"] == [[0.5, 0.25, "a jump"]]
    assert len(shown["track"]) == 1


def test_a_long_track_is_thinned_and_keeps_its_ends() -> None:
    shown = track_shown(track(*(at / 10 for at in range(30_001))))
    (stretch,) = shown["track"]
    assert len(stretch) <= MOST_FIXES
    assert (stretch[0][2], stretch[-1][2]) == (0, 3000)


def test_no_track_is_an_empty_one() -> None:
    assert track_shown(None) == {"track": [], "doubted": []}


# The ground


def test_the_coastlines_are_small_and_whole() -> None:
    packed = (ROOT / FILE).read_bytes()
    assert len(packed) <= 200_000
    lines = unpacked(packed)
    assert len(lines) > 1000
    assert all(-90 <= lat <= 90 for line in lines for _, lat in line)
    # None of them jumps over the world where it crosses 180°; what closes Antarctica does below the map.
    assert all(abs(a[0] - b[0]) < 90 for line in lines for a, b in pairwise(line) if min(a[1], b[1]) > -90)
    # Berlin is on land, the middle of the Atlantic is not.
    assert is_land(lines, 13.4, 52.5)
    assert is_land(lines, 178.0, 68.0)
    assert is_land(lines, 0.0, -85.0)
    assert not is_land(lines, -40.0, 30.0)
    assert not is_land(lines, 51.0, 42.0)


def test_a_topology_is_packed_as_it_is_read() -> None:
    topology = {
        "transform": {"scale": [1, 1], "translate": [0, 0]},
        "arcs": [[[0, 0], [10, 0]], [[0, 0], [0, 5], [10, 5]]],
        "objects": {"land": {"geometries": [{"arcs": [[[0, -2]]]}]}},
    }
    assert unpacked(pack(rings(json.loads(json.dumps(topology))))) == [
        [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 5.0)]
    ]


Line = list[tuple[float, float]]


def unpacked(packed: bytes) -> list[Line]:
    """What `static/map/coast.js` makes of the file, longitude first."""
    numbers, value, shift = [], 0, 0
    for byte in packed:
        value += (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(value)
            value = shift = 0
    lines, place = [], 0
    while place < len(numbers):
        count, lon, lat = numbers[place], 0, 0
        line = []
        for at in range(place + 1, place + 1 + 2 * count, 2):
            lon, lat = lon + signed(numbers[at]), lat + signed(numbers[at + 1])
            line.append((lon / STEPS_A_DEGREE, lat / STEPS_A_DEGREE))
        lines.append(line)
        place += 1 + 2 * count
    return lines


def signed(value: int) -> int:
    return -(value + 1) // 2 if value & 1 else value // 2


def is_land(lines: list[Line], lon: float, lat: float) -> bool:
    """By how many lines a ray to the east meets, in any of the worlds beside each other."""
    met = 0
    for line in lines:
        for (x1, y1), (x2, y2) in pairwise([*line, line[0]]):
            if (y1 > lat) != (y2 > lat):
                at = x1 + (lat - y1) / (y2 - y1) * (x2 - x1)
                met += sum(at > lon + turn for turn in (-360, 0, 360))
    return met % 2 == 1


# A tile server


def test_a_page_with_a_map_may_ask_the_tile_server_and_nobody_else() -> None:
    usual = policy(None)
    widened = policy("https://tile.example:8443/a/{z}/{x}/{y}.png?key=1")
    assert "https:" not in usual
    assert widened == usual.replace("img-src 'self' data:", "img-src 'self' data: https://tile.example:8443")


@pytest.mark.parametrize(
    "address",
    [
        "https://tile.example/{z}/{x}.png", "//tile.example/{z}/{x}/{y}", "https://a b/{z}/{x}/{y}",
        "https://a;script-src/{z}/{x}/{y}", "https://user@host/{z}/{x}/{y}", "https://h/{z}/{x}/{y};x",
        "https://h,https://g/{z}/{x}/{y}", "https://'self'/{z}/{x}/{y}", "https://h/{z}/{x}/{y}\n", "https://*/{z}/{x}/{y}",
    ],
)  # fmt: skip
def test_an_address_that_would_say_more_than_a_host_is_refused(address: str) -> None:
    with pytest.raises(ValidationError):
        Settings(tile_url=address)
