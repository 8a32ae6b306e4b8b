"""The capitals A to M as strokes, each in the forms that plates have."""

from __future__ import annotations

from collections.abc import Callable

from synthesis.lettering.strokes import Shape, Stroke


def _a(s: Shape) -> list[Stroke]:
    if "A arched" in s.kinds:
        bow = s.bow_within(0.6)
        return [[(0.0, 1.0), (0.0, bow), *s.arc(0.5, bow, 0.5, bow, 180, 360), (1.0, 1.0)], [(0.0, 0.62), (1.0, 0.62)]]
    left, right = 0.5 - s.tip / 2, 0.5 + s.tip / 2
    bar = 0.74 if "A low" in s.kinds else 0.67
    side = left * (1 - bar)
    return [[(0.0, 1.0), (left, 0.0), (right, 0.0), (1.0, 1.0)], [(side, bar), (1 - side, bar)]]


def _b(s: Shape) -> list[Stroke]:
    waist = s.waist - 0.02
    reach = 1.0 if "B even" in s.kinds else 0.92
    upper, lower = min(waist / 2, s.bow), min((1 - waist) / 2, s.bow)
    flank = 0.55
    return [
        [(0.0, waist), (0.0, 0.0), (flank, 0.0), *s.arc(flank, upper, reach - flank, upper, -90, 0)]
        + [*s.arc(flank, waist - upper, reach - flank, upper, 0, 90), (0.0, waist)],
        [(0.0, waist), (flank, waist), *s.arc(flank, waist + lower, 1 - flank, lower, -90, 0)]
        + [*s.arc(flank, 1 - lower, 1 - flank, lower, 0, 90), (0.0, 1.0), (0.0, waist)],
    ]


def _c(s: Shape) -> list[Stroke]:
    bow = s.bow
    return [[*s.arc(0.5, bow, 0.5, bow, 350 - s.opening, 180), *s.arc(0.5, 1 - bow, 0.5, bow, 180, 10 + s.opening)]]


def _d(s: Shape) -> list[Stroke]:
    bow = min(s.bow, 0.5)
    flank = 0.5 if "D full" in s.kinds else 0.35
    upper = s.arc(flank, bow, 1 - flank, bow, -90, 0)
    return [[(0.0, 0.0), (flank, 0.0), *upper, *s.arc(flank, 1 - bow, 1 - flank, bow, 0, 90), (0.0, 1.0), (0.0, 0.0)]]


def _e(s: Shape) -> list[Stroke]:
    middle = 1.0 if "E even" in s.kinds else 0.86
    return [[(1.0, 0.0), (0.0, 0.0), (0.0, 1.0), (1.0, 1.0)], [(0.0, s.waist), (middle, s.waist)]]


def _f(s: Shape) -> list[Stroke]:
    waist = s.waist + (0.03 if "F low" in s.kinds else 0.0)
    return [[(1.0, 0.0), (0.0, 0.0), (0.0, 1.0)], [(0.0, waist), (0.85, waist)]]


def _g(s: Shape) -> list[Stroke]:
    bow = s.bow
    bowl = [*s.arc(0.5, bow, 0.5, bow, 350 - s.opening, 180), *s.arc(0.5, 1 - bow, 0.5, bow, 180, 0)]
    bar = max(0.5, min(0.56, 1 - bow))
    if "G spurred" in s.kinds:
        return [[*bowl, (1.0, bar), (0.56, bar)], [(1.0, bar), (1.0, 1.0)]]
    if "G crossed" in s.kinds:
        return [[*bowl, (1.0, bar)], [(0.5, bar), (1.12, bar)]]
    if "G plain" in s.kinds:
        return [[*bowl, (1.0, bar)], [(0.5, bar), (1.0, bar)]]
    return [[*bowl, (1.0, bar), (0.52, bar)]]


def _h(s: Shape) -> list[Stroke]:
    return [[(0.0, 0.0), (0.0, 1.0)], [(1.0, 0.0), (1.0, 1.0)], [(0.0, s.waist), (1.0, s.waist)]]


def _i(s: Shape) -> list[Stroke]:
    if "I serif" in s.kinds:
        return [[(0.5, 0.0), (0.5, 1.0)], [(0.0, 0.0), (1.0, 0.0)], [(0.0, 1.0), (1.0, 1.0)]]
    return [[(0.5, 0.0), (0.5, 1.0)]]


def _j(s: Shape) -> list[Stroke]:
    bow = s.bow
    hook = s.arc(0.45, 1 - bow, 0.5, bow, 0, 180 - s.opening / 2)
    if "J barred" in s.kinds:
        return [[(0.3, 0.0), (0.95, 0.0), (0.95, 1 - bow), *hook]]
    if "J short" in s.kinds:
        return [[(0.95, 0.0), (0.95, 1 - bow), *s.arc(0.45, 1 - bow, 0.5, bow, 0, 110)]]
    return [[(0.95, 0.0), (0.95, 1 - bow), *hook]]


def _k(s: Shape) -> list[Stroke]:
    stem = [(0.0, 0.0), (0.0, 1.0)]
    if "K met" in s.kinds:
        return [stem, [(1.0, 0.0), (0.06, s.waist), (1.0, 1.0)]]
    if "K bridged" in s.kinds:
        return [stem, [(1.0, 0.0), (0.4, s.waist), (1.0, 1.0)], [(0.0, s.waist), (0.4, s.waist)]]
    return [stem, [(0.97, 0.0), (0.0, 0.62)], [(0.34, 0.4), (1.0, 1.0)]]


def _l(s: Shape) -> list[Stroke]:
    return [[(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)]]


def _m(s: Shape) -> list[Stroke]:
    valley = 1.0 if "M deep" in s.kinds else 0.42 if "M high" in s.kinds else 0.66
    if "M splayed" in s.kinds:
        return [[(0.0, 1.0), (0.14, 0.0), (0.5, max(0.7, valley)), (0.86, 0.0), (1.0, 1.0)]]
    if "M combed" in s.kinds:
        return [[(0.0, 1.0), (0.0, 0.0), (1.0, 0.0), (1.0, 1.0)], [(0.5, 0.0), (0.5, 0.75)]]
    return [[(0.0, 1.0), (0.0, 0.0), (0.5, valley), (1.0, 0.0), (1.0, 1.0)]]


FIRST_LETTERS: dict[str, Callable[[Shape], list[Stroke]]] = {
    "A": _a, "B": _b, "C": _c, "D": _d, "E": _e, "F": _f, "G": _g,
    "H": _h, "I": _i, "J": _j, "K": _k, "L": _l, "M": _m,
}  # fmt: skip
