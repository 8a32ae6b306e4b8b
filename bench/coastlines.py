"""`python -m bench.coastlines land-50m.json`: the coastlines that the pages' map draws, packed small.

The source is `land-50m.json` of the npm package `world-atlas`, which is Natural Earth's land at 1:50 million (public
domain) as TopoJSON. What it becomes, and how it is read, is said in `dashplate/web/static/map/coast.js`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Annotated, Any

import typer

#: Steps of a degree: 556 m, less than what the source leaves out.
STEPS_A_DEGREE = 200
TURN = 360 * STEPS_A_DEGREE
FILE = Path("dashplate/web/static/vendor/coast-50m-2.0.2.bin")

#: Longitude and latitude in steps.
Point = tuple[int, int]


def main(
    source: Annotated[Path, typer.Argument(help="land-50m.json.")],
    out: Annotated[Path, typer.Option(help="The packed file.")] = FILE,
) -> None:
    """Pack the coastlines."""
    packed = pack(rings(json.loads(source.read_text(encoding="utf-8"))))
    out.write_bytes(packed)
    typer.echo(f"{out}: {len(packed):,} bytes")


def rings(topology: dict[str, Any]) -> Iterator[list[Point]]:
    """The closed lines around land and around lakes in it, each without its last point, which is its first."""
    arcs = [_decoded(arc, topology["transform"]) for arc in topology["arcs"]]
    for polygon in (ring for shape in topology["objects"]["land"]["geometries"] for ring in shape["arcs"]):
        for ring in polygon:
            points = _unrolled([point for number in ring for point in _directed(arcs, number)])
            kept = [point for point, following in pairwise([*points, points[0]]) if point != following]
            if len(kept) >= 3:
                yield kept


def pack(lines: Iterable[Sequence[Point]]) -> bytes:
    """How many points a line has, then each point less the one before it, as variable-length integers."""
    packed = bytearray()
    for line in lines:
        packed += _varint(len(line))
        before = (0, 0)
        for point in line:
            for now, then in zip(point, before, strict=True):
                packed += _varint(_zigzag(now - then))
            before = point
    return bytes(packed)


def _decoded(arc: Sequence[Sequence[int]], transform: dict[str, list[float]]) -> list[Point]:
    """An arc's points: they are stored as differences, in the file's own steps."""
    scale, translate = transform["scale"], transform["translate"]
    sums = accumulate(((x, y) for x, y in arc), lambda a, b: (a[0] + b[0], a[1] + b[1]))
    degrees = ((x * scale[0] + translate[0], y * scale[1] + translate[1]) for x, y in sums)
    return [(round(lon * STEPS_A_DEGREE), round(lat * STEPS_A_DEGREE)) for lon, lat in degrees]


def _unrolled(points: Sequence[Point]) -> list[Point]:
    """The same going on beyond 180° where it crosses that; a line around the south pole is closed below it."""
    unrolled = [points[0]]
    for lon, lat in points[1:]:
        turns = round((unrolled[-1][0] - lon) / TURN)
        unrolled.append((lon + turns * TURN, lat))
    first, last = unrolled[0][0], unrolled[-1][0]
    if abs(last - first) > TURN // 2:
        return [*unrolled, (last, -90 * STEPS_A_DEGREE), (first, -90 * STEPS_A_DEGREE)]
    return unrolled


def _directed(arcs: Sequence[list[Point]], number: int) -> list[Point]:
    """An arc of a ring; a negative number is one's complement of an arc that is walked backwards."""
    return arcs[number] if number >= 0 else arcs[~number][::-1]


def _zigzag(value: int) -> int:
    """Small numbers of either sign as small ones without."""
    return 2 * value if value >= 0 else -2 * value - 1


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the eighth says that more follow."""
    packed = bytearray()
    while value > 0x7F:
        packed.append(value & 0x7F | 0x80)
        value >>= 7
    packed.append(value)
    return bytes(packed)


if __name__ == "__main__":
    typer.run(main)
