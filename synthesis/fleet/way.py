"""The road of a drive on the earth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from synthesis.street.traffic import OwnCar

#: Metres of a degree of latitude on the mean earth.
_DEGREE_M = 2 * math.pi * 6_371_008.8 / 360
_STEP_S = 0.05


@dataclass(frozen=True, slots=True)
class Spot:
    """Where the camera car is at one moment."""

    #: WGS 84, degrees.
    lat: float
    lon: float
    speed_mps: float
    #: Degrees clockwise from north.
    bearing_deg: float


class Way:
    """Lays a drive's road on the earth, from a point on, in a direction."""

    def __init__(self, own: OwnCar, duration_s: float, start: tuple[float, float], bearing_deg: float) -> None:
        self._own, self._start, self._bearing = own, start, math.radians(bearing_deg)
        self._times = np.arange(-1.0, duration_s + 2.0, _STEP_S)
        bearings = np.array([self._heading(float(time)) for time in self._times])
        steps = np.array([own.speed(float(time)) for time in self._times]) * _STEP_S
        self._north_m = np.cumsum(np.cos(bearings) * steps)
        self._east_m = np.cumsum(np.sin(bearings) * steps)

    def spot(self, time_s: float) -> Spot:
        """Return where the car is so many seconds after the drive's first frame."""
        lat, lon = self._start
        north_m, east_m = (float(np.interp(time_s, self._times, way)) for way in (self._north_m, self._east_m))
        return Spot(
            lat + north_m / _DEGREE_M, lon + east_m / (_DEGREE_M * math.cos(math.radians(lat))),
            self._own.speed(time_s), math.degrees(self._heading(time_s)) % 360,
        )  # fmt: skip

    def _heading(self, time_s: float) -> float:
        return self._bearing + self._own.view(time_s, 1, 1).heading
