"""The ten digits as strokes, each in the forms that plates have."""

from __future__ import annotations

from collections.abc import Callable

from synthesis.lettering.strokes import Shape, Stroke, bend, turned


def _zero(s: Shape) -> list[Stroke]:
    if "0 slashed" in s.kinds:
        return [s.ring(), [(0.14, 0.84), (0.86, 0.16)]]
    if "0 dotted" in s.kinds:
        return [s.ring(), [(0.5, 0.46), (0.5, 0.54)]]
    if "0 slit" in s.kinds:
        bow = s.bow
        top = s.arc(0.5, bow, 0.5, bow, 180, 285)
        return [[*s.arc(0.5, bow, 0.5, bow, 345, 360), *s.arc(0.5, 1 - bow, 0.5, bow, 0, 180), *top]]
    return [s.ring()]


def _one(s: Shape) -> list[Stroke]:
    if "1 bar" in s.kinds:
        return [[(0.5, 0.0), (0.5, 1.0)]]
    if "1 foot" in s.kinds:
        return [[(0.08, 0.22), (0.55, 0.0), (0.55, 1.0)], [(0.0, 1.0), (1.0, 1.0)]]
    if "1 long" in s.kinds:
        return [[(0.0, 0.4), (0.8, 0.0), (0.8, 1.0)]]
    if "1 level" in s.kinds:
        return [[(0.0, 0.12), (0.45, 0.1), (0.7, 0.0), (0.7, 1.0)]]
    return [[(0.05, 0.24), (0.72, 0.0), (0.72, 1.0)]]


def _two(s: Shape) -> list[Stroke]:
    bow = min(s.bow, 0.34)
    head = s.arc(0.5, bow, 0.5, bow, 180 + s.opening / 3, 360)
    if "2 swan" in s.kinds:
        return [
            [*head, *bend((1.0, bow), (1.0, 0.52), (0.5, 0.66)), *bend((0.5, 0.66), (0.0, 0.8), (0.0, 1.0)), (1.0, 1.0)]
        ]
    if "2 square" in s.kinds:
        return [[(0.0, 0.0), (1.0, 0.0), (1.0, s.waist), (0.0, s.waist), (0.0, 1.0), (1.0, 1.0)]]
    return [[*head, *s.arc(0.5, bow, 0.5, bow, 0, 35), (0.0, 1.0), (1.0, 1.0)]]


def _three(s: Shape) -> list[Stroke]:
    if "3 flat" in s.kinds:
        return [[(0.03, 0.0), (0.95, 0.0), (0.42, 0.4), *s.arc(0.42, 0.7, 0.58, 0.3, -90, 165 - s.opening / 2)]]
    waist = s.waist - 0.02
    upper = s.arc(0.46, waist / 2, 0.48, waist / 2, 165 + s.opening, 450)
    lower = s.arc(0.46, (1 + waist) / 2, 0.54, (1 - waist) / 2, 270, 555 - s.opening)
    if "3 square" in s.kinds:
        return [[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)], [(0.25, s.waist), (1.0, s.waist)]]
    return [[*upper, (0.3, waist)], lower]


def _four(s: Shape) -> list[Stroke]:
    if "4 closed" in s.kinds:
        return [[(0.74, 1.0), (0.74, 0.0), (0.0, 0.7), (1.0, 0.7)]]
    if "4 open" in s.kinds:
        return [[(0.2, 0.0), (0.0, 0.62), (1.0, 0.62)], [(0.76, 0.3), (0.76, 1.0)]]
    if "4 square" in s.kinds:
        return [[(0.0, 0.0), (0.0, 0.55), (1.0, 0.55)], [(0.92, 0.0), (0.92, 1.0)]]
    return [[(0.6, 0.0), (0.0, 0.7), (1.0, 0.7)], [(0.72, 0.42), (0.72, 1.0)]]


def _five(s: Shape) -> list[Stroke]:
    if "5 square" in s.kinds:
        return [[(1.0, 0.0), (0.0, 0.0), (0.0, s.waist), (1.0, s.waist), (1.0, 1.0), (0.0, 1.0)]]
    if "5 upright" in s.kinds:
        bow = 0.3
        return [
            [
                (0.95, 0.0),
                (0.03, 0.0),
                (0.03, 0.42),
                (0.45, 0.4),
                *s.arc(0.45, 0.4 + bow, 0.55, bow, -85, 175 - s.opening / 2),
            ]
        ]
    return [[(0.92, 0.0), (0.12, 0.0), (0.05, 0.46), *s.arc(0.46, 0.68, 0.54, 0.32, 222, 525 - s.opening / 2)]]


def _six(s: Shape) -> list[Stroke]:
    top = 0.4
    if "6 curled" in s.kinds:
        bow = s.bow_within(0.6)
        return [s.ring(top), [*s.arc(0.5, bow, 0.5, bow, 345 - s.opening / 3, 180), (0.0, 0.75)]]
    if "6 square" in s.kinds:
        return [[(1.0, 0.0), (0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, s.waist), (0.0, s.waist)]]
    if "6 bent" in s.kinds:
        return [s.arc(0.5, 0.69, 0.5, 0.31, 0, 360), bend((0.0, 0.69), (0.02, 0.2), (0.8, 0.0))]
    return [s.arc(0.5, 0.7, 0.5, 0.3, 0, 360), [(0.0, 0.7), (0.05, 0.52), (0.2, 0.3), (0.7, 0.0)]]


def _seven(s: Shape) -> list[Stroke]:
    if "7 bent" in s.kinds:
        return [[(0.0, 0.0), (1.0, 0.0), *bend((1.0, 0.05), (0.4, 0.45), (0.35, 1.0))]]
    if "7 crossed" in s.kinds:
        return [[(0.0, 0.0), (1.0, 0.0), (0.38, 1.0)], [(0.3, 0.52), (0.95, 0.52)]]
    if "7 hooked" in s.kinds:
        return [[(0.0, 0.16), (0.0, 0.0), (1.0, 0.0), (0.35, 1.0)]]
    if "7 steep" in s.kinds:
        return [[(0.0, 0.0), (1.0, 0.0), (1.0, 0.18), (0.5, 1.0)]]
    return [[(0.0, 0.0), (1.0, 0.0), (0.3, 1.0)]]


def _eight(s: Shape) -> list[Stroke]:
    waist = s.waist - 0.02
    if "8 square" in s.kinds:
        return [[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0.0, 0.0)], [(0.0, s.waist), (1.0, s.waist)]]
    if "8 even" in s.kinds:
        return [s.ring(0.0, s.waist), s.ring(s.waist, 1.0)]
    upper = s.arc(0.5, waist / 2, 0.44, waist / 2, 0, 360)
    return [upper, s.arc(0.5, (1 + waist) / 2, 0.5, (1 - waist) / 2, 0, 360)]


def _nine(s: Shape) -> list[Stroke]:
    return turned(_six(s))


DIGITS: dict[str, Callable[[Shape], list[Stroke]]] = {
    "0": _zero, "1": _one, "2": _two, "3": _three, "4": _four,
    "5": _five, "6": _six, "7": _seven, "8": _eight, "9": _nine,
}  # fmt: skip
