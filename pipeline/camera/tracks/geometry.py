"""Distances, directions and steps on the earth, taken as a sphere: that is off by 0.5% at most.

Positions are degrees, WGS 84; directions are degrees clockwise from north.
"""

from __future__ import annotations

import math

EARTH_RADIUS_M = 6_371_008.8

#: Below this angle, about a millimetre, two positions are one.
_SAME_RAD = 1e-10

Vector = tuple[float, float, float]


def distance_m(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Along the surface; exact for small distances too (haversine)."""
    north = math.sin(math.radians(lat2 - lat1) / 2)
    east = math.sin(math.radians(lon2 - lon1) / 2)
    chord = north * north + math.cos(math.radians(lat1)) * math.cos(math.radians(lat2)) * east * east
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(chord)))


def direction_deg(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Where the second position lies, seen from the first; 0 to 360, and 0 where both are one."""
    here, there, east = math.radians(lat1), math.radians(lat2), math.radians(lon2 - lon1)
    y = math.sin(east) * math.cos(there)
    x = math.cos(here) * math.sin(there) - math.sin(here) * math.cos(there) * math.cos(east)
    return full_circle(math.degrees(math.atan2(y, x)))


def full_circle(degrees: float) -> float:
    """An angle from 0 up to, but without, 360."""
    turned = degrees % 360
    return 0.0 if turned == 360 else turned  # The remainder of a tiny negative number is 360 itself.


def between(lat1: float, lon1: float, lat2: float, lon2: float, share: float) -> tuple[float, float]:
    """The position that part of the way along the great circle; `share` 0 is the first, 1 the second."""
    a, b = _vector(lat1, lon1), _vector(lat2, lon2)
    angle = distance_m(lat1, lon1, lat2, lon2) / EARTH_RADIUS_M
    if angle < _SAME_RAD or math.pi - angle < _SAME_RAD:
        # One place, or two between which every way is as short.
        return (lat1, lon1) if share < 0.5 else (lat2, lon2)
    of_a, of_b = math.sin((1 - share) * angle) / math.sin(angle), math.sin(share * angle) / math.sin(angle)
    x, y, z = (of_a * i + of_b * j for i, j in zip(a, b, strict=True))
    return math.degrees(math.atan2(z, math.hypot(x, y))), math.degrees(math.atan2(y, x))


def step(lat: float, lon: float, bearing_deg: float, metres: float) -> tuple[float, float]:
    """The position so many metres on in a direction; behind, for a negative number."""
    here, bearing, angle = math.radians(lat), math.radians(bearing_deg), metres / EARTH_RADIUS_M
    sine = math.sin(here) * math.cos(angle) + math.cos(here) * math.sin(angle) * math.cos(bearing)
    there = math.asin(max(-1.0, min(1.0, sine)))
    y = math.sin(bearing) * math.sin(angle) * math.cos(here)
    x = math.cos(angle) - math.sin(here) * math.sin(there)
    return math.degrees(there), half_circle(lon + math.degrees(math.atan2(y, x)))


def half_circle(degrees: float) -> float:
    """A longitude from -180 up to, but without, 180."""
    return (degrees + 180) % 360 - 180


def turned(degrees1: float, degrees2: float, share: float) -> float:
    """The direction that part of the way from one to the other, along the shorter arc."""
    return full_circle(degrees1 + half_circle(degrees2 - degrees1) * share)


def _vector(lat: float, lon: float) -> Vector:
    north, east = math.radians(lat), math.radians(lon)
    return math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north)
