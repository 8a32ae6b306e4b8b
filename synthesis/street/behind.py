"""The same traffic as a camera in the rear window sees it: the road turned by half a circle.

What was to the right is to the left, what lay ahead lies behind, and of each vehicle the other end is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from synthesis.camera import View
from synthesis.street.traffic import Actor, OwnCar, Traffic
from synthesis.street.vehicles import Pose, Vehicle


class Own(Protocol):
    """The car that the camera is in."""

    def s(self, time_s: float) -> float:
        """Return how far along the road of its camera it is, metres."""

    def view(self, time_s: float, width: int, height: int) -> View:
        """Return what its camera looks at."""


class Seen(Protocol):
    """The camera car and everyone else, as one camera sees them."""

    @property
    def own(self) -> Own: ...

    @property
    def actors(self) -> Sequence[Actor]: ...


@dataclass(frozen=True, slots=True)
class _OwnBehind:
    own: OwnCar
    #: Of the front camera's road, where that of the rear camera begins, metres: the farthest that anybody gets.
    end_m: float

    def s(self, time_s: float) -> float:
        return self.end_m - self.own.s(time_s)

    def view(self, time_s: float, width: int, height: int) -> View:
        ahead = self.own.view(time_s, width, height)
        s, speed = self.end_m - ahead.s, -ahead.speed_mps
        return replace(ahead, u=-ahead.u, s=s, speed_mps=speed, bend=-ahead.bend, heading=-ahead.heading)


@dataclass(frozen=True, slots=True)
class _Behind:
    own: _OwnBehind
    actors: Sequence[Actor]


def looking_back(traffic: Traffic, duration_s: float) -> Seen:
    """Return a drive's traffic on the road of its rear camera."""
    end_m = traffic.own.s(duration_s)
    actors = [Actor(one.vehicle, _turned(one.vehicle, one.pose, end_m)) for one in traffic.actors]
    return _Behind(_OwnBehind(traffic.own, end_m), actors)


def _turned(vehicle: Vehicle, pose: Callable[[float], Pose], end_m: float) -> Callable[[float], Pose]:
    def turned(time_s: float) -> Pose:
        ahead = pose(time_s)
        return Pose(
            -ahead.u, end_m - ahead.s - vehicle.shape.length, -ahead.speed_mps, oncoming=not ahead.oncoming,
            side_mps=-ahead.side_mps,
        )  # fmt: skip

    return turned
