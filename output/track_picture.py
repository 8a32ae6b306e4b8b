"""A small picture of a track for the terminal, in braille: eight dots a character."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from pipeline.camera.records import Fix, Track
from pipeline.camera.tracks.place import bounds, parts

#: Dots of a character: two across, four down. A terminal's characters are twice as high as wide, so dots are square.
_ACROSS, _DOWN = 2, 4
_BLANK = 0x2800
#: The bit of each dot in Unicode's braille block, by row and column.
_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
#: A degree of latitude in metres, and the same for longitude at the equator.
_DEGREE_M = 111_195.0
#: A parked car's fixes scatter this wide; a smaller track would show nothing but that.
_SMALLEST_M = 20.0

START, END = "o", "x"


def track_picture(track: Track, width: int = 48, height: int = 16) -> str | None:
    """The believed fixes as lines of text, at most so many characters wide and high; None where there are none.

    North is up, and a metre is as long across as up. Fixes are joined within the parts of the track, so its gaps stay
    open. `o` marks the start and `x` the end; a track of one place is a single `x`.
    """
    drawn = parts(track)
    box = bounds(track)
    if not drawn or box is None:
        return None
    placed = _placed(drawn, (box.south + box.north) / 2, box.west, width * _ACROSS, height * _DOWN)
    rows = _rows(dot for part in placed for dot in _line(part))
    _mark(rows, placed[0][0], START)
    _mark(rows, placed[-1][-1], END)
    return "\n".join("".join(row).rstrip() for row in rows)


_Dot = tuple[int, int]


def _placed(drawn: Sequence[Sequence[Fix]], middle: float, west: float, width: int, height: int) -> list[list[_Dot]]:
    """Each fix as (column, row) of a dot, the row from the top; equal scales, and the picture's corner at 0, 0."""
    narrowing = max(math.cos(math.radians(middle)), 1e-6)
    # Longitudes count from the western edge, so that a track across the 180th meridian stays whole.
    metres = [
        [((fix.lon - west) % 360 * _DEGREE_M * narrowing, -fix.lat * _DEGREE_M) for fix in part] for part in drawn
    ]
    left, top = min(x for part in metres for x, _ in part), min(y for part in metres for _, y in part)
    across = max(x for part in metres for x, _ in part) - left
    down = max(y for part in metres for _, y in part) - top
    dot_m = max(across / max(width - 1, 1), down / max(height - 1, 1), _SMALLEST_M / max(width, height))
    return [[(round((x - left) / dot_m), round((y - top) / dot_m)) for x, y in part] for part in metres]


def _line(part: Sequence[_Dot]) -> Iterator[_Dot]:
    yield part[0]
    for (x1, y1), (x2, y2) in pairwise(part):
        steps = max(abs(x2 - x1), abs(y2 - y1))
        for step in range(1, steps + 1):
            yield x1 + round((x2 - x1) * step / steps), y1 + round((y2 - y1) * step / steps)


def _rows(dots: Iterator[_Dot]) -> list[list[str]]:
    bits: dict[_Dot, int] = {}
    for x, y in dots:
        cell = x // _ACROSS, y // _DOWN
        bits[cell] = bits.get(cell, 0) | _BITS[y % _DOWN][x % _ACROSS]
    columns, lines = max(x for x, _ in bits) + 1, max(y for _, y in bits) + 1
    return [[chr(_BLANK | bits[x, y]) if (x, y) in bits else " " for x in range(columns)] for y in range(lines)]


def _mark(rows: list[list[str]], dot: _Dot, mark: str) -> None:
    rows[dot[1] // _DOWN][dot[0] // _ACROSS] = mark
