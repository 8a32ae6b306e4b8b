"""The capitals N to Z as strokes, and the marks between groups."""

from __future__ import annotations

from collections.abc import Callable

from synthesis.lettering.strokes import Shape, Stroke, bend


def _n(s: Shape) -> list[Stroke]:
    return [[(0.0, 1.0), (0.0, 0.0), (1.0, 1.0), (1.0, 0.0)]]


def _o(s: Shape) -> list[Stroke]:
    return [s.ring()]


def _bowl(s: Shape) -> Stroke:
    waist = s.waist + 0.05
    bow = min(waist / 2, s.bow)
    upper = s.arc(0.5, bow, 0.5, bow, -90, 0)
    return [(0.0, 1.0), (0.0, 0.0), (0.5, 0.0), *upper, *s.arc(0.5, waist - bow, 0.5, bow, 0, 90), (0.0, waist)]


def _p(s: Shape) -> list[Stroke]:
    return [_bowl(s)]


def _q(s: Shape) -> list[Stroke]:
    if "Q long" in s.kinds:
        return [s.ring(0.0, 0.94), [(0.45, 0.66), (1.06, 1.02)]]
    if "Q upright" in s.kinds:
        return [s.ring(0.0, 0.9), [(0.5, 0.72), (0.5, 1.0), (0.75, 1.0)]]
    if "Q outside" in s.kinds:
        return [s.ring(0.0, 0.94), [(0.72, 0.86), (1.08, 1.0)]]
    return [s.ring(), [(0.56, 0.7), (1.02, 1.0)]]


def _r(s: Shape) -> list[Stroke]:
    waist = s.waist + 0.05
    if "R upright" in s.kinds:
        return [_bowl(s), bend((0.5, waist), (0.95, waist), (0.97, 1.0))]
    if "R from stem" in s.kinds:
        return [_bowl(s), [(0.1, waist), (1.0, 1.0)]]
    return [_bowl(s), [(0.46, waist), (1.0, 1.0)]]


def _s(s: Shape) -> list[Stroke]:
    waist = s.waist - 0.01
    if "S slanted" in s.kinds:
        bow = min(s.bow, 0.27)
        upper = s.arc(0.5, bow, 0.5, bow, 350 - s.opening, 170)
        return [[*upper, *s.arc(0.5, 1 - bow, 0.5, bow, -10, 190 - s.opening)]]
    upper = s.arc(0.5, waist / 2, 0.48, waist / 2, 345 - s.opening, 90)
    return [[*upper, *s.arc(0.5, (1 + waist) / 2, 0.5, (1 - waist) / 2, 270, 555 - s.opening)]]


def _t(s: Shape) -> list[Stroke]:
    return [[(0.0, 0.0), (1.0, 0.0)], [(0.5, 0.0), (0.5, 1.0)]]


def _u(s: Shape) -> list[Stroke]:
    return [[(0.0, 0.0), (0.0, 1 - s.bow), *s.arc(0.5, 1 - s.bow, 0.5, s.bow, 180, 0), (1.0, 0.0)]]


def _v(s: Shape) -> list[Stroke]:
    return [[(0.0, 0.0), (0.5 - s.tip / 2, 1.0), (0.5 + s.tip / 2, 1.0), (1.0, 0.0)]]


def _w(s: Shape) -> list[Stroke]:
    peak = 0.0 if "W high" in s.kinds else 0.55 if "W low" in s.kinds else 0.28
    if "W upright" in s.kinds:
        return [[(0.0, 0.0), (0.0, 1.0), (0.5, max(0.35, peak)), (1.0, 1.0), (1.0, 0.0)]]
    return [[(0.0, 0.0), (0.24, 1.0), (0.5, peak), (0.76, 1.0), (1.0, 0.0)]]


def _x(s: Shape) -> list[Stroke]:
    return [[(0.0, 0.0), (1.0, 1.0)], [(1.0, 0.0), (0.0, 1.0)]]


def _y(s: Shape) -> list[Stroke]:
    fork = 0.42 if "Y short" in s.kinds else 0.54
    if "Y cupped" in s.kinds:
        return [[(0.0, 0.0), (0.0, 0.2), *s.arc(0.5, 0.2, 0.5, 0.3, 180, 0), (1.0, 0.0)], [(0.5, 0.5), (0.5, 1.0)]]
    return [[(0.0, 0.0), (0.5, fork), (1.0, 0.0)], [(0.5, fork), (0.5, 1.0)]]


def _z(s: Shape) -> list[Stroke]:
    strokes = [[(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)]]
    return [*strokes, [(0.2, 0.5), (0.8, 0.5)]] if "Z crossed" in s.kinds else strokes


LAST_LETTERS: dict[str, Callable[[Shape], list[Stroke]]] = {
    "N": _n, "O": _o, "P": _p, "Q": _q, "R": _r, "S": _s, "T": _t,
    "U": _u, "V": _v, "W": _w, "X": _x, "Y": _y, "Z": _z,
}  # fmt: skip

MARKS: dict[str, Callable[[Shape], list[Stroke]]] = {
    "-": lambda s: [[(0.1, 0.5), (0.9, 0.5)]],
    ".": lambda s: [[(0.5, 0.98), (0.5, 1.0)]],
    "·": lambda s: [[(0.5, 0.5), (0.5, 0.52)]],
    ":": lambda s: [[(0.5, 0.28), (0.5, 0.3)], [(0.5, 0.74), (0.5, 0.76)]],
    "/": lambda s: [[(0.0, 1.0), (1.0, 0.0)]],
}
