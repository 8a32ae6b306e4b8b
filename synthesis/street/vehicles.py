"""Cars and vans as a few textured panels each, with a plate at either end."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from synthesis.camera import Points, View
from synthesis.drawing.brush import Colour, shade
from synthesis.drawing.plates import Plate
from synthesis.drawing.raster import Sprite, draw_quad
from synthesis.street import bodywork
from synthesis.street.bodywork import Shape

Image = NDArray[np.uint8]

_FRAME_MM = 9
_MM = 0.001
#: How far the plate stands off the body, metres.
_STAND_OFF_M = 0.03
#: A car changing lanes turns no more than this, radians.
_MOST_YAW = 0.2


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a vehicle is and how it moves; ``s`` is where the end stands that the camera sees."""

    u: float
    s: float
    speed_mps: float
    #: Faces the camera: drives, or stands, the other way.
    oncoming: bool = False
    braking: bool = False
    #: Sideways movement, metres a second; also turns the car a little.
    side_mps: float = 0.0


@dataclass(frozen=True, slots=True)
class _Panel:
    sprite: Sprite
    #: 4×3: x right, y up, z forward from the tail, metres; corners as `draw_quad` wants them.
    corners: Points


def _quad(*corners: tuple[float, float, float]) -> Points:
    return np.array(corners, np.float64)


def framed(plate: Plate) -> Sprite:
    """Return a plate in its black holder."""
    edge = round(_FRAME_MM * plate.image.shape[1] / plate.style.width_mm)
    return Sprite(
        np.asarray(cv2.copyMakeBorder(plate.image, edge, edge, edge, edge, cv2.BORDER_CONSTANT, value=(22, 22, 22)))
    )


class _Measures:
    """Half widths at body, belt and roof, and how far from the tail the windows begin and end, metres."""

    def __init__(self, shape: Shape) -> None:
        self.half, self.base = shape.width / 2, shape.width * 0.47
        self.roof = self.half * (0.93 if shape.boxy else 0.72)
        self.z0, self.z1 = shape.deck, shape.deck + shape.rear_slope
        self.z3 = shape.length - shape.bonnet
        self.z2 = self.z3 - shape.front_slope


def _both_sides(sprite: Sprite, right: Points) -> list[_Panel]:
    """Return a panel of the right side and its mirror image on the left."""
    mirrored = Sprite(np.ascontiguousarray(_unmultiplied(sprite)[:, ::-1]))
    return [_Panel(sprite, right), _Panel(mirrored, right[[1, 0, 3, 2]] * (-1.0, 1.0, 1.0))]


class Vehicle:
    """One vehicle: its panels are painted when it is first drawn."""

    def __init__(self, shape: Shape, paint: Colour, plate: Plate, rng: np.random.Generator) -> None:
        self.shape, self.plate = shape, plate
        self._paint, self._rng = paint, rng

    @cached_property
    def _shadow(self) -> Sprite:
        return bodywork.shadow(self.shape.width + 0.9, self.shape.length + 0.9)

    @cached_property
    def _plate(self) -> Sprite:
        return framed(self.plate)

    @cached_property
    def _tail(self) -> dict[bool, Sprite]:
        """The tail with its brake lights off and on."""
        badge = bodywork.BADGES[sum(map(ord, self.plate.text)) % len(bodywork.BADGES)]
        return {on: bodywork.tail(self.shape, self._paint, badge, braking=on) for on in (False, True)}

    @cached_property
    def _panels(self) -> list[_Panel]:
        """Every panel but the tail, in no order."""
        return [*self._sheets(), *self._glass(), *self._sides()]

    def _sheets(self) -> list[_Panel]:
        """Return roof, boot lid, bonnet and nose."""
        m, sheet = _Measures(self.shape), bodywork.lid(self._paint)
        top, belt, edge, end = self.shape.height, self.shape.belt, self.shape.nose, self.shape.length
        roof = _quad((-m.roof, top, m.z2), (m.roof, top, m.z2), (m.roof, top, m.z1), (-m.roof, top, m.z1))
        deck = _quad((-m.base, belt, m.z0), (m.base, belt, m.z0), (m.half, belt, 0.0), (-m.half, belt, 0.0))
        bonnet = _quad((m.base, belt, m.z3), (-m.base, belt, m.z3), (-m.half, edge, end), (m.half, edge, end))
        nose = _quad((m.half, edge, end), (-m.half, edge, end), (-m.half, 0.0, end), (m.half, 0.0, end))
        front = bodywork.nose(self.shape, self._paint)
        return [_Panel(sheet, roof), _Panel(sheet, deck), _Panel(sheet, bonnet), _Panel(front, nose)]

    def _glass(self) -> list[_Panel]:
        """Return rear window, or a van's doors, windscreen and side windows."""
        m, shape, paint = _Measures(self.shape), self.shape, self._paint
        top, belt = shape.height, shape.belt
        rear = _quad((-m.roof, top, m.z1), (m.roof, top, m.z1), (m.base, belt, m.z0), (-m.base, belt, m.z0))
        front = _quad((m.roof, top, m.z2), (-m.roof, top, m.z2), (-m.base, belt, m.z3), (m.base, belt, m.z3))
        right = _quad((m.roof, top, m.z1), (m.roof, top, m.z2), (m.base, belt, m.z3), (m.base, belt, m.z0))
        side = bodywork.side_glass(m.z3 - m.z0, top - belt, paint, shape.boxy)
        if shape.boxy:
            doors = bodywork.van_doors(shape, paint, self._rng)
        else:
            doors = bodywork.end_glass(shape, paint, self._rng, front=False)
        screen = bodywork.end_glass(shape, paint, self._rng, front=True)
        return [_Panel(doors, rear), _Panel(screen, front), *_both_sides(side, right)]

    def _sides(self) -> list[_Panel]:
        half, belt, end = self.shape.width / 2, self.shape.belt, self.shape.length
        right = _quad((half, belt, 0.0), (half, belt, end), (half, 0.0, end), (half, 0.0, 0.0))
        return _both_sides(bodywork.flank(self.shape, self._paint), right)

    def draw(self, canvas: Image, view: View, pose: Pose) -> None:
        """Draw the vehicle with its shadow and its plate."""
        shape = self.shape
        speed = (pose.side_mps, pose.speed_mps)
        wide, long = shape.width / 2 + 0.45, 0.45
        ground = _quad(
            (-wide, 0, shape.length + long),
            (wide, 0, shape.length + long),
            (wide, 0, -long),
            (-wide, 0, -long),
        )
        draw_quad(canvas, view, self._shadow, self._placed(ground, pose), speed_mps=speed)
        half = shape.width / 2
        tail = _quad((-half, shape.belt, 0), (half, shape.belt, 0), (half, 0, 0), (-half, 0, 0))
        panels = [*self._panels, _Panel(self._tail[pose.braking], tail)]
        placed = [(panel.sprite, self._placed(panel.corners, pose)) for panel in panels]
        for sprite, corners in sorted(placed, key=lambda item: -float(item[1][:, 2].mean())):
            draw_quad(canvas, view, sprite, corners, speed_mps=speed, two_sided=False)
        rim = self._plate_corners(pose, _FRAME_MM)
        draw_quad(canvas, view, self._plate, rim, speed_mps=speed, two_sided=False)

    def plate_corners(self, pose: Pose) -> Points:
        """Return the 4×3 road corners of the plate that faces the camera."""
        return self._plate_corners(pose, 0)

    def outline(self, pose: Pose) -> Points:
        """Return the eight corners of the box around the vehicle, for hiding what stands behind."""
        half, end, top = self.shape.width / 2, self.shape.length, self.shape.height
        return self._placed(_quad(*((x, y, z) for x in (-half, half) for y in (0.0, top) for z in (0.0, end))), pose)

    def _plate_corners(self, pose: Pose, margin_mm: int) -> Points:
        style, shape = self.plate.style, self.shape
        half, up = (style.width_mm / 2 + margin_mm) * _MM, (style.height_mm / 2 + margin_mm) * _MM
        if pose.oncoming:
            y, z, half = shape.plate_front, shape.length + _STAND_OFF_M, -half
        else:
            y, z = shape.plate_rear, -_STAND_OFF_M
        return self._placed(_quad((-half, y + up, z), (half, y + up, z), (half, y - up, z), (-half, y - up, z)), pose)

    def _placed(self, points: Points, pose: Pose) -> Points:
        """Turn and move points of the vehicle onto the road."""
        yaw = np.clip(np.arctan2(pose.side_mps, max(4.0, abs(pose.speed_mps))), -_MOST_YAW, _MOST_YAW)
        cos, sin = np.cos(yaw), np.sin(yaw)
        x = points[:, 0] * cos + points[:, 2] * sin
        z = points[:, 2] * cos - points[:, 0] * sin
        if pose.oncoming:
            return np.stack([pose.u - x, points[:, 1], pose.s + self.shape.length - z], axis=1)
        return np.stack([pose.u + x, points[:, 1], pose.s + z], axis=1)


def _unmultiplied(sprite: Sprite) -> Image:
    """Return a sprite's picture with its colours divided by coverage again."""
    image = sprite.level(1, 1)
    share = np.maximum(image[..., 3:].astype(np.float32) / 255, 1 / 255)
    return np.dstack([np.clip(image[..., :3] / share, 0, 255).astype(np.uint8), image[..., 3]])


def random_vehicle(plate: Plate, rng: np.random.Generator, shapes: tuple[Shape, ...]) -> Vehicle:
    """Return a vehicle of one of the shapes in a common paint."""
    shape = shapes[int(rng.integers(len(shapes)))]
    paint = (236, 236, 234) if shape.boxy else bodywork.PAINTS[int(rng.integers(len(bodywork.PAINTS)))]
    return Vehicle(shape, shade(paint, float(rng.uniform(0.92, 1.04))), plate, rng)
