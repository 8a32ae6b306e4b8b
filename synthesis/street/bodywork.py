"""The painted faces of cars and vans: tail, nose, flanks and glass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthesis.drawing.brush import Brush, Colour, shade
from synthesis.drawing.raster import Sprite

_PX_PER_M = 150.0
_RUBBER: Colour = (26, 25, 25)
_PLASTIC: Colour = (44, 42, 41)
_GLASS: Colour = (74, 62, 52)
_CHROME: Colour = (206, 204, 202)
_UNDER: Colour = (20, 19, 19)
#: Words on tails, none of them a plate.
BADGES = ("GLX", "TDI", "HYBRID", "1.6", "SPORT", "ECO", "4X4", "V6")
FIRMS = ("EXPRESS LOGISTICS", "FRESH BAKERY", "CITY PLUMBING", "PARCEL RUN", "GARDEN CARE")


@dataclass(frozen=True, slots=True)
class Shape:
    """Outer measures of a vehicle, metres; heights above the road."""

    width: float
    length: float
    height: float
    #: Lower edge of the windows.
    belt: float
    #: From the tail to the foot of the rear window, and from there to the roof.
    deck: float
    rear_slope: float
    #: From the nose to the foot of the windscreen, and from there to the roof.
    bonnet: float
    front_slope: float
    #: Height of the bonnet's leading edge.
    nose: float
    #: Height of the plate's middle, rear and front.
    plate_rear: float
    plate_front: float = 0.48
    wheel: float = 0.32
    boxy: bool = False


HATCH = Shape(1.78, 4.1, 1.47, 0.94, 0.06, 0.42, 0.95, 0.85, 0.74, 0.74)
SEDAN = Shape(1.82, 4.65, 1.43, 0.93, 0.72, 0.62, 1.15, 0.85, 0.72, 0.72)
SUV = Shape(1.88, 4.5, 1.68, 1.06, 0.06, 0.34, 1.0, 0.75, 0.9, 0.82, 0.58, 0.36)
VAN = Shape(1.98, 5.2, 2.25, 1.2, 0.02, 0.08, 0.7, 0.8, 0.95, 0.62, 0.55, 0.34, boxy=True)

PAINTS: tuple[Colour, ...] = (
    (196, 194, 190), (52, 48, 46), (120, 116, 112), (40, 36, 150), (128, 70, 28), (232, 232, 230),
    (96, 92, 60),
    (70, 92, 44), (58, 84, 150), (150, 140, 126),
)  # fmt: skip


def _wheels_end(brush: Brush, shape: Shape) -> None:
    """Paint the tyres and the dark underneath, as seen from the tail or the nose."""
    brush.box(0.12, 0.1, shape.width - 0.12, 0.34, _UNDER)
    for left in (0.06, shape.width - 0.29):
        brush.box(left, 0.0, left + 0.23, 0.4, _RUBBER, 0.04)


def _recess(brush: Brush, shape: Shape, y: float) -> None:
    middle = shape.width / 2
    brush.box(middle - 0.33, y - 0.1, middle + 0.33, y + 0.1, _PLASTIC, 0.03)


def tail(shape: Shape, paint: Colour, badge: str, *, braking: bool) -> Sprite:
    """Return the lower tail, road to belt line: lights, bumper, plate recess, badge."""
    brush = Brush(shape.width, shape.belt, _PX_PER_M)
    w, top = shape.width, shape.belt
    _wheels_end(brush, shape)
    brush.box(0.0, 0.24, w, top, paint, 0.1)
    brush.light([(0, 0.6), (0.28, 0.7), (0.45, 0.84), (0.52, 1.0), (0.8, 1.04), (0.95, 1.2), (1, 1.05)])
    brush.box(0.05, 0.22, w - 0.05, 0.34, _PLASTIC, 0.05)
    brush.box(0.03, 0.505, w - 0.03, 0.515, shade(paint, 0.5))
    brush.line([(0.24, 0.52), (0.3, top - 0.02)], 0.008, shade(paint, 0.55))
    brush.line([(w - 0.24, 0.52), (w - 0.3, top - 0.02)], 0.008, shade(paint, 0.55))
    _recess(brush, shape, shape.plate_rear)
    _tail_lights(brush, shape, braking)
    middle = w / 2
    if top - shape.plate_rear > 0.16:
        brush.disc(middle, top - 0.055, 0.042, _CHROME)
        brush.disc(middle, top - 0.055, 0.03, shade(paint, 0.5))
    brush.text(badge, w * 0.24, 0.56, 0.045, _CHROME)
    for x in (0.14, w - 0.14):
        brush.box(x - 0.07, 0.42, x + 0.07, 0.445, (36, 30, 150))
    brush.disc(w * 0.22, 0.25, 0.035, (120, 118, 116), 0.7)
    return brush.sprite()


def _tail_lights(brush: Brush, shape: Shape, braking: bool) -> None:
    w, top = shape.width, shape.belt
    red: Colour = (70, 60, 250) if braking else (36, 28, 160)
    core: Colour = (170, 160, 255) if braking else (60, 52, 196)
    for side in (0, 1):
        outer = [(0.015, top - 0.04), (0.3, top - 0.07), (0.26, top - 0.24), (0.03, top - 0.28)]
        inner = [(0.04, top - 0.08), (0.24, top - 0.1), (0.21, top - 0.16), (0.045, top - 0.17)]
        white = [(0.05, top - 0.2), (0.2, top - 0.19), (0.19, top - 0.225), (0.055, top - 0.245)]
        for points, colour in ((outer, red), (inner, core), (white, (190, 192, 205))):
            brush.polygon([(w - x, y) if side else (x, y) for x, y in points], colour)


def nose(shape: Shape, paint: Colour) -> Sprite:
    """Return the lower front, road to bonnet edge: headlights, grille, intake, plate mount."""
    brush = Brush(shape.width, shape.nose, _PX_PER_M)
    w, top, middle = shape.width, shape.nose, shape.width / 2
    _wheels_end(brush, shape)
    brush.box(0.0, 0.2, w, top, paint, 0.12)
    brush.light([(0, 0.55), (0.4, 0.75), (0.7, 0.95), (1, 1.15)])
    brush.box(0.2, 0.2, w - 0.2, 0.33, _PLASTIC, 0.05)
    brush.box(middle - 0.42, top - 0.2, middle + 0.42, top - 0.05, _UNDER, 0.05)
    for y in (top - 0.165, top - 0.125, top - 0.085):
        brush.line([(middle - 0.4, y), (middle + 0.4, y)], 0.008, (110, 108, 106))
    brush.disc(middle, top - 0.12, 0.055, _CHROME)
    brush.disc(middle, top - 0.12, 0.04, shade(paint, 0.4))
    for side in (0, 1):
        lamp = [(0.03, top - 0.05), (0.42, top - 0.08), (0.36, top - 0.2), (0.06, top - 0.18)]
        brush.polygon([(w - x, y) if side else (x, y) for x, y in lamp], (150, 144, 138))
        for x, radius in ((0.14, 0.05), (0.28, 0.05)):
            brush.disc(w - x if side else x, top - 0.125, radius, (246, 250, 252))
        brush.disc(w - 0.24 if side else 0.24, 0.3, 0.045, (205, 205, 200))
    _recess(brush, shape, shape.plate_front)
    return brush.sprite()


def flank(shape: Shape, paint: Colour) -> Sprite:
    """Return the lower side, road to belt line, tail at the left: wheels, doors, handles, sill."""
    brush = Brush(shape.length, shape.belt, _PX_PER_M * 0.7)
    length, top, r = shape.length, shape.belt, shape.wheel
    dip = shape.nose
    outline = [(0.03, 0.3), (0.0, 0.5), (0.04, top), (length - shape.bonnet, top), (length - 0.05, dip),
               (length, 0.4),
               (length - 0.06, 0.22), (0.2, 0.22)]  # fmt: skip
    brush.polygon(outline, paint)
    brush.light([(0, 0.45), (0.3, 0.62), (0.5, 0.8), (0.66, 0.78), (0.74, 1.0), (0.92, 1.08), (1, 1.25)])
    brush.box(0.3, 0.2, length - 0.3, 0.28, _PLASTIC)
    front_door = length - shape.bonnet - 0.1
    doors = [front_door, front_door - 1.05] + ([] if shape.boxy else [front_door - 2.0])
    for x in doors:
        brush.line([(x, 0.3), (x + 0.03, top)], 0.012, shade(paint, 0.45))
    for x in doors[1:]:
        brush.box(x + 0.06, top - 0.17, x + 0.24, top - 0.13, shade(paint, 0.6), 0.02)
    brush.line([(0.1, top * 0.72), (length - 0.2, top * 0.7)], 0.012, shade(paint, 0.72))
    for x in (0.8, length - 0.82):
        brush.disc(x, r, r + 0.07, _UNDER)
        brush.disc(x, r, r, _RUBBER)
        brush.disc(x, r, r * 0.68, (150, 150, 150))
        brush.disc(x, r, r * 0.6, (96, 95, 94))
        for angle in np.linspace(0, 2 * np.pi, 5, endpoint=False):
            tip = (x + r * 0.62 * float(np.cos(angle)), r + r * 0.62 * float(np.sin(angle)))
            brush.line([(x, r), tip], 0.06, (176, 176, 176))
        brush.disc(x, r, r * 0.14, (70, 70, 70))
    brush.polygon([(0.0, top - 0.05), (0.22, top - 0.08), (0.12, top - 0.24), (0.0, top - 0.28)], (34, 28, 150))
    return brush.sprite()


def side_glass(width: float, height: float, paint: Colour, boxy: bool) -> Sprite:
    """Return the side windows between belt and roof, for a trapezium as wide as ``width`` at the belt."""
    brush = Brush(width, height, _PX_PER_M * 0.7, shade(paint, 0.9))
    first = width - 1.2 if boxy else 0.12
    brush.box(first, 0.04, width - 0.1, height - 0.09, _GLASS, 0.03)
    brush.polygon([(first, height * 0.5), (width - 0.1, height * 0.62), (width - 0.1, height - 0.09),
                   (first, height - 0.09)], shade(_GLASS, 1.5))  # fmt: skip
    if not boxy:
        for x in (width * 0.3, width * 0.62):
            brush.box(x - 0.035, 0.0, x + 0.035, height, _UNDER)
    return brush.sprite()


def end_glass(shape: Shape, paint: Colour, rng: np.random.Generator, *, front: bool) -> Sprite:
    """Return the rear window or the windscreen with its frame."""
    width, height = shape.width * 0.94, shape.height - shape.belt + 0.1
    brush = Brush(width, height, _PX_PER_M, shade(paint, 1.05))
    inset = 0.06 if front else 0.11
    brush.box(inset, 0.03, width - inset, height - 0.08, _GLASS, 0.07)
    brush.polygon([(inset + 0.02, height * 0.55), (width - inset - 0.02, height * 0.75),
                   (width - inset - 0.03, height - 0.09), (inset + 0.03, height - 0.09)],
                  shade(_GLASS, 1.75))  # fmt: skip
    for x in (0.3, 0.7):
        brush.box(width * x - 0.11, 0.03, width * x + 0.11, height * 0.56, shade(_GLASS, 0.55), 0.06)
    if front:
        brush.disc(width * 0.7, height * 0.55, 0.1, (92, 112, 150), 1.25)
        brush.box(width * 0.5 - 0.09, height - 0.2, width * 0.5 + 0.09, height - 0.13, _UNDER)
        brush.line([(width * 0.15, 0.05), (width * 0.5, 0.11)], 0.018, _UNDER)
    else:
        brush.box(width / 2 - 0.16, height - 0.07, width / 2 + 0.16, height - 0.04, (40, 32, 140))
        brush.line([(width * 0.5, 0.04), (width * 0.68, 0.16)], 0.018, _UNDER)
        if rng.random() < 0.5:
            brush.box(width * 0.16, 0.06, width * 0.16 + 0.12, 0.14, (60, 200, 235))
    return brush.sprite()


def lid(paint: Colour) -> Sprite:
    """Return a bonnet, boot lid or roof: a plain sheet that mirrors the sky."""
    brush = Brush(1.0, 1.0, 60, shade(paint, 1.12))
    brush.light([(0, 0.95), (0.6, 1.12), (1, 1.22)])
    brush.line([(0.2, 0.0), (0.26, 1.0)], 0.02, shade(paint, 0.95))
    brush.line([(0.8, 0.0), (0.74, 1.0)], 0.02, shade(paint, 0.95))
    return brush.sprite()


def van_doors(shape: Shape, paint: Colour, rng: np.random.Generator) -> Sprite:
    """Return the upper tail of a van, belt to roof: two doors with small windows.

    A firm's name and its telephone stand on them, for a reader to leave alone.
    """
    width, height = shape.width * 0.98, shape.height - shape.belt + 0.02
    brush = Brush(width, height, _PX_PER_M)
    brush.box(0.0, -0.1, width, height, paint, 0.08)
    brush.light([(0, 0.98), (0.8, 1.05), (1, 1.18)])
    for x in (width * 0.28, width * 0.72):
        brush.box(x - 0.34, 0.42, x + 0.34, 0.92, _UNDER, 0.06)
        brush.box(x - 0.31, 0.45, x + 0.31, 0.89, shade(_GLASS, 1.1), 0.05)
    brush.line([(width / 2, 0.0), (width / 2, height)], 0.014, shade(paint, 0.4))
    ink: Colour = (130, 60, 20) if sum(paint) > 380 else (235, 235, 235)
    brush.text(FIRMS[int(rng.integers(len(FIRMS)))], width / 2, 0.3, 0.13, ink, width * 0.86)
    brush.text(f"0800 {int(rng.integers(100, 999))} {int(rng.integers(100, 999))}", width / 2, 0.12, 0.09, ink)
    return brush.sprite()


def shadow(width: float, length: float) -> Sprite:
    """Return a soft dark patch a little larger than the car it lies under."""
    brush = Brush(width, length, 24)
    brush.box(0.3, 0.3, width - 0.3, length - 0.3, (18, 17, 16), 0.3)
    brush.fade(0.11)
    brush.weaken(0.78)
    return brush.sprite()
