"""Some letters of Thai and Devanagari as strokes: OpenCV's faces lack them, and plates carry them beside digits.

They are rough on purpose: the reader has to tell them from what it reads, not from each other.
"""

from __future__ import annotations

from collections.abc import Callable

from synthesis.lettering.strokes import Shape, Stroke

_HEADLINE: Stroke = [(0.0, 0.0), (1.0, 0.0)]


def _loop(x: float, y: float) -> Stroke:
    """Return the small ring that Thai letters begin with."""
    return Shape().arc(x, y, 0.13, 0.1, 0, 360)


def _stem(x: float) -> Stroke:
    return [(x, 0.0), (x, 1.0)]


def _arch(s: Shape, rise: float = 0.32) -> Stroke:
    return s.arc(0.5, rise, 0.46, rise, 180, 360)


THAI: dict[str, Callable[[Shape], list[Stroke]]] = {
    "ก": lambda s: [[(0.04, 1.0), (0.04, 0.52), (0.2, 0.42), (0.04, 0.32), *_arch(s), (0.96, 1.0)]],
    "ข": lambda s: [_loop(0.22, 0.12), [(0.34, 0.16), (0.14, 0.45), (0.14, 1.0), (0.96, 1.0), (0.96, 0.0)]],
    "ค": lambda s: [[(0.04, 1.0), *_arch(s), (0.96, 1.0)], _loop(0.42, 0.52), [(0.06, 0.95), (0.36, 0.6)]],
    "ง": lambda s: [_loop(0.62, 0.12), [(0.76, 0.14), (0.76, 0.9), (0.55, 1.0), (0.1, 0.6)]],
    "จ": lambda s: [[(0.04, 0.24), *_arch(s)[1:], (0.96, 1.0), (0.6, 1.0), (0.42, 0.62)], _loop(0.36, 0.55)],
    "ธ": lambda s: [[(0.94, 0.0), (0.12, 0.06), (0.12, 0.32), (0.94, 0.34), (0.94, 1.0), (0.05, 1.0), (0.05, 0.55)]],
    "บ": lambda s: [_loop(0.14, 0.1), [(0.14, 0.2), (0.14, 1.0), (0.94, 1.0), (0.94, 0.0)]],
    "พ": lambda s: [_loop(0.14, 0.1), [(0.12, 0.2), (0.24, 1.0), (0.5, 0.3), (0.76, 1.0), (0.94, 0.0)]],
    "ร": lambda s: [[(0.1, 0.2), (0.5, 0.0), (0.9, 0.16)], [(0.12, 0.38), (0.8, 0.42), (0.8, 0.9)], _loop(0.66, 0.9)],
    "ว": lambda s: [[(0.08, 0.22), *_arch(s)[2:], (0.96, 0.9)], _loop(0.8, 0.88)],
    "ท": lambda s: [
        _loop(0.14, 0.1),
        [(0.24, 0.16), (0.24, 1.0)],
        [(0.24, 0.42), (0.6, 0.0), (0.94, 0.2), (0.94, 1)],
    ],
    "ห": lambda s: [_loop(0.14, 0.1), [(0.2, 0.2), (0.2, 1.0)], [(0.2, 0.6), (0.7, 0.36), (0.9, 0.55), (0.9, 1.0)]],
}
DEVANAGARI: dict[str, Callable[[Shape], list[Stroke]]] = {
    "म": lambda s: [_HEADLINE, _stem(0.86), [(0.3, 0.0), (0.3, 0.6), (0.86, 0.6)], _loop(0.18, 0.64)],
    "प": lambda s: [_HEADLINE, _stem(0.86), [(0.2, 0.0), (0.2, 0.5), (0.4, 0.62), (0.86, 0.54)]],
    "ग": lambda s: [_HEADLINE, _stem(0.86), [(0.34, 0.0), (0.34, 0.58)], _loop(0.22, 0.62)],
    "न": lambda s: [_HEADLINE, _stem(0.86), [(0.86, 0.44), (0.24, 0.44)], _loop(0.22, 0.52)],
    "ज": lambda s: [_HEADLINE, _stem(0.86), [(0.86, 0.36), (0.5, 0.34), (0.22, 0.54), (0.46, 0.8)]],
    "र": lambda s: [_HEADLINE, [(0.4, 0.0), (0.72, 0.2), (0.5, 0.44), (0.3, 0.4), (0.86, 1.0)]],
    "द": lambda s: [
        _HEADLINE,
        [(0.6, 0.0), (0.6, 0.2), (0.2, 0.32), (0.2, 0.58), (0.56, 0.66), (0.74, 0.5), (0.8, 1)],
    ],
    "क": lambda s: [
        _HEADLINE,
        _stem(0.5),
        s.arc(0.24, 0.46, 0.24, 0.18, 0, 360),
        s.arc(0.74, 0.46, 0.24, 0.18, 180, 440),
    ],
    "ब": lambda s: [_HEADLINE, _stem(0.86), s.arc(0.5, 0.44, 0.34, 0.2, 0, 360), [(0.26, 0.58), (0.74, 0.3)]],
    "ह": lambda s: [_HEADLINE, [(0.4, 0.0), (0.4, 0.2), (0.8, 0.32), (0.4, 0.5), (0.2, 0.7), (0.6, 0.98), (0.82, 0.8)]],
}
