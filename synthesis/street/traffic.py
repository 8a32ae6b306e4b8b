"""Who drives where: the camera car's own motion and the cars that it meets.

Each of them shows a plate that gets legible, and none drives through another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from synthesis.camera import View
from synthesis.drawing.patterns import Rng
from synthesis.drawing.plates import STYLES, Plate, random_plate
from synthesis.street.bodywork import HATCH, SEDAN, SUV, VAN
from synthesis.street.vehicles import Pose, Vehicle, random_vehicle

Curve = NDArray[np.float64]

#: Where the camera car drives, and where the others do, metres right of the centre line.
OWN_LANE_M, OTHER_LANE_M, BAY_MIDDLE_M = 1.45, -1.35, 4.1
_STEP_S = 1 / 120
_BEND_PER_M, _BEND_PERIOD_M = 0.0009, 260.0
_SETTLE_S = 0.42
#: Distance at the middle of a meeting with a parked or an oncoming car: just inside the legible stretch,
#: metres.
_MEETING_M = 9.4


class Meeting(StrEnum):
    """How a plate comes into view."""

    #: A slower car pulls out ahead, is caught up with and overtaken.
    FOLLOW = "follow"
    #: A car parked at the right goes by.
    PARKED = "parked"
    #: A car comes the other way, both slowing down for the narrow street.
    ONCOMING = "oncoming"
    #: A car overtakes, moves in ahead and pulls away.
    PASSING = "passing"


#: A parked car stands between meetings that need the other lane, so that it is free again.
_ORDER = (
    Meeting.FOLLOW, Meeting.PARKED, Meeting.ONCOMING, Meeting.PARKED, Meeting.PASSING, Meeting.PARKED,
    Meeting.ONCOMING,
)  # fmt: skip
#: Seconds that a meeting takes, and the camera car's speed in the middle of it, metres a second.
_PACE = {
    Meeting.FOLLOW: (3.9, 11.5),
    Meeting.PARKED: (1.9, 5.8),
    Meeting.ONCOMING: (2.3, 3.8),
    Meeting.PASSING: (3.1, 11.0),
}
#: Large plates, legible from afar, and those that only a near car shows well.
_REAR = ("GB-rear", "DE", "FR", "NL", "RO", "PL", "HK-rear", "VN", "BR", "IN")
_SMALL = ("US-CA", "VN-two-row", "US-NY", "HK-rear-two-row", "US-TX", "US-CO")
_FRONT = ("DE", "GB-front", "FR", "HK-front", "PL", "BR", "RO", "VN")


@dataclass(frozen=True, slots=True)
class Actor:
    """A vehicle and where it is at any time."""

    vehicle: Vehicle
    pose: Callable[[float], Pose]


def _smooth(x: float) -> float:
    x = min(1.0, max(0.0, x))
    return x * x * (3 - 2 * x)


@dataclass(frozen=True, slots=True)
class _Slot:
    kind: Meeting
    start_s: float
    end_s: float

    @property
    def middle_s(self) -> float:
        return (self.start_s + self.end_s) / 2

    def at(self, share: float) -> float:
        return self.start_s + share * (self.end_s - self.start_s)


def _slots(duration_s: float, plates: int) -> list[_Slot]:
    kinds = [_ORDER[index % len(_ORDER)] for index in range(plates)]
    edges = np.concatenate([[0.0], np.cumsum([_PACE[kind][0] for kind in kinds])])
    edges *= duration_s / edges[-1] if plates else 1.0
    return [_Slot(kind, float(a), float(b)) for kind, a, b in zip(kinds, edges[:-1], edges[1:], strict=True)]


class OwnCar:
    """The camera car's motion over the whole drive."""

    def __init__(self, slots: list[_Slot], duration_s: float, rng: Rng) -> None:
        self._times = np.arange(-2.0, duration_s + 4.0, _STEP_S)
        knots = [(slot.middle_s, _PACE[slot.kind][1]) for slot in slots] or [(0.0, 11.0)]
        wanted = np.interp(self._times, *np.array(knots).T)
        self._speed = _settled(wanted)
        self._s = np.cumsum(self._speed) * _STEP_S
        aside = np.zeros_like(self._times)
        for slot in slots:
            if slot.kind is Meeting.FOLLOW:
                aside[(self._times > slot.at(0.55)) & (self._times < slot.at(0.95))] = 1
        self._u = OWN_LANE_M + _settled(aside) * (OTHER_LANE_M - OWN_LANE_M)
        self._phases = rng.uniform(0, 2 * np.pi, 8)

    def _at(self, curve: Curve, time_s: float) -> float:
        return float(np.interp(time_s, self._times, curve))

    def s(self, time_s: float) -> float:
        """Return how far along the road the car is, metres."""
        return self._at(self._s, time_s)

    def speed(self, time_s: float) -> float:
        """Return its speed, metres a second."""
        return self._at(self._speed, time_s)

    def view(self, time_s: float, width: int, height: int) -> View:
        """Return what the dashcam looks at: shaken by the road, nodding as the car brakes."""
        s, speed = self.s(time_s), self.speed(time_s)
        nod = (self.speed(time_s + 0.1) - self.speed(time_s - 0.1)) / 0.2
        waves = np.sin(2 * np.pi * time_s * np.array([1.3, 2.9, 5.3, 8.7, 1.1, 3.7, 6.1, 9.1]) + self._phases)
        rough = height / 720 * min(1.0, speed / 10)
        turn = 2 * np.pi * s / _BEND_PERIOD_M
        heading = -_BEND_PER_M * _BEND_PERIOD_M / (2 * np.pi) * float(np.cos(turn))
        return View(
            width, height, time_s, self._at(self._u, time_s), s, speed, _BEND_PER_M * float(np.sin(turn)),
            heading,
            shift_x=rough * float(waves[:4] @ (0.7, 0.4, 0.25, 0.15)),
            shift_y=rough * float(waves[4:] @ (1.1, 0.7, 0.5, 0.3)) + 1.6 * nod * height / 720,
        )  # fmt: skip


def _settled(curve: Curve) -> Curve:
    """Smooth a curve as a driver's feet and hands do."""
    reach = int(3 * _SETTLE_S / _STEP_S)
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) * _STEP_S / _SETTLE_S) ** 2)
    return np.convolve(np.pad(curve, reach, mode="edge"), bell / bell.sum(), mode="valid")


def _parked(own: OwnCar, slot: _Slot) -> Callable[[float], Pose]:
    pose = Pose(BAY_MIDDLE_M, own.s(slot.middle_s) + _MEETING_M, 0.0)
    return lambda time_s: pose


def _oncoming(own: OwnCar, slot: _Slot, vehicle: Vehicle) -> Callable[[float], Pose]:
    speed, meeting = 4.2, own.s(slot.middle_s) + _MEETING_M
    return lambda time_s: Pose(OTHER_LANE_M, meeting - speed * (time_s - slot.middle_s), -speed, oncoming=True)


def _passing(own: OwnCar, slot: _Slot) -> Callable[[float], Pose]:
    """Come from behind, show the plate beside the camera for two seconds, move in ahead, then leave."""

    def gap(time_s: float) -> float:
        since = time_s - slot.at(0.16)
        return 6.0 + 2.3 * since + 0.9 * max(0.0, since - 1.6) ** 2 if since > 0 else 6.0 + 8.0 * since

    def u(time_s: float) -> float:
        return OTHER_LANE_M + _smooth((time_s - slot.at(0.16) - 1.5) / 1.5) * (OWN_LANE_M - OTHER_LANE_M)

    return lambda time_s: _relative(own, time_s, gap, u)


def _follow(own: OwnCar, slot: _Slot) -> Callable[[float], Pose]:
    """Stand in the bay ahead, pull out, be followed closely, then be overtaken."""
    near, far = 6.6, 15.0
    leave = slot.at(0.05) if slot.start_s > 0 else -1.5
    parked_s = own.s(leave) + far

    def gap(time_s: float) -> float:
        closing = far + (near - far) * _smooth((time_s - leave) / (slot.at(0.38) - leave))
        return closing - 8.5 * max(0.0, time_s - slot.at(0.6))

    def u(time_s: float) -> float:
        return BAY_MIDDLE_M + _smooth((time_s - leave) / 1.9) * (OWN_LANE_M + 0.1 - BAY_MIDDLE_M)

    def pose(time_s: float) -> Pose:
        if time_s <= leave:
            return Pose(BAY_MIDDLE_M, parked_s, 0.0)
        return _relative(own, time_s, gap, u)

    return pose


def _relative(own: OwnCar, time_s: float, gap: Callable[[float], float], u: Callable[[float], float]) -> Pose:
    """Return the pose of a car that drives ``gap`` metres ahead of the camera."""
    step = 0.05
    before, after = own.s(time_s - step) + gap(time_s - step), own.s(time_s + step) + gap(time_s + step)
    speed = (after - before) / (2 * step)
    side = (u(time_s + step) - u(time_s - step)) / (2 * step)
    slowing = own.speed(time_s + 0.3) < own.speed(time_s - 0.3) - 0.5
    return Pose(u(time_s), own.s(time_s) + gap(time_s), speed, braking=slowing, side_mps=side)


def _style(kind: Meeting, index: int, order: dict[str, list[str]]) -> str:
    if kind is Meeting.ONCOMING:
        return order["front"][index % len(_FRONT)]
    small = kind is Meeting.PASSING or (kind is Meeting.FOLLOW and index > 0)
    return order["small"][index // 4 % len(_SMALL)] if small else order["rear"][index % len(_REAR)]


class Traffic:
    """The camera car and everyone else, for a drive with this many plates."""

    def __init__(self, rng: Rng, duration_s: float, plates: int) -> None:
        slots = _slots(duration_s, plates)
        self.own = OwnCar(slots, duration_s, rng.spawn(1)[0])
        order = {
            key: list(rng.permutation(names)) for key, names in (("rear", _REAR), ("small", _SMALL), ("front", _FRONT))
        }
        used: set[str] = set()
        self.actors = [
            self._actor(slot, _style(slot.kind, i, order), rng.spawn(1)[0], used) for i, slot in enumerate(slots)
        ]

    def _actor(self, slot: _Slot, style: str, rng: Rng, used: set[str]) -> Actor:
        plate = _unused(style, rng, used)
        shapes = (HATCH, SEDAN, SUV) if slot.kind is Meeting.ONCOMING else (HATCH, SEDAN, SUV, VAN)
        vehicle = random_vehicle(plate, rng, shapes)
        if slot.kind is Meeting.ONCOMING:
            return Actor(vehicle, _oncoming(self.own, slot, vehicle))
        motion = {Meeting.PARKED: _parked, Meeting.PASSING: _passing, Meeting.FOLLOW: _follow}[slot.kind]
        return Actor(vehicle, motion(self.own, slot))


def _unused(style: str, rng: Rng, used: set[str]) -> Plate:
    while (plate := random_plate(STYLES[style], rng)).text in used:
        pass
    used.add(plate.text)
    return plate
