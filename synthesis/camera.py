"""The dashcam: where a point of the road lands in the picture.

Road coordinates, metres: ``u`` to the right of the centre line, ``y`` up, ``s`` along the road. Picture
coordinates: pixels of the frame, x right, y down. The road bends by a sideways shift that grows with the
square of the distance, so everything bends alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

#: Nothing nearer than this is drawn, metres.
NEAR_M = 0.8
#: Height of the lens above the road, metres.
LENS_HEIGHT_M = 1.32
#: Focal length over picture width: 44 degrees across, a dashcam with a longish lens.
FOCAL_SHARE = 1.25
#: The road bends as far as this and runs straight on, metres.
BEND_M = 70.0
#: Height of the horizon in the picture.
HORIZON_SHARE = 0.44
#: How long the shutter stays open on a bright day, seconds.
EXPOSURE_S = 1 / 220


@dataclass(frozen=True, slots=True)
class View:
    """The camera at one moment."""

    width: int
    height: int
    time_s: float
    u: float
    s: float
    speed_mps: float
    #: Curvature of the road ahead, 1 over metres.
    bend: float
    #: Heading, radians to the right of the road's first direction; turns the backdrop.
    heading: float
    #: Shake and pitch of the car, pixels.
    shift_x: float = 0.0
    shift_y: float = 0.0

    @property
    def focal(self) -> float:
        """Focal length in pixels."""
        return self.width * FOCAL_SHARE

    @property
    def centre(self) -> tuple[float, float]:
        """Where the vanishing point of a straight road lies, pixels."""
        return self.width / 2 + self.shift_x, self.height * HORIZON_SHARE + self.shift_y

    def distance(self, points: Points) -> Points:
        """Return how far ahead of the lens ``points`` (N×3: u, y, s) lie, metres."""
        return np.asarray(points[:, 2] - self.s, np.float64)

    def drift(self, ahead: Points) -> Points:
        """Return how far the road has bent to the right, metres, at these distances.

        It runs straight on past `BEND_M`.
        """
        curved = np.minimum(ahead, BEND_M)
        return np.asarray(self.bend * curved * (ahead - curved / 2), np.float64)

    def project(self, points: Points) -> Points:
        """Return the N×2 picture positions of ``points`` (N×3: u, y, s).

        What lies behind the lens is taken to stand just before it.
        """
        ahead = np.maximum(self.distance(points), NEAR_M / 2)
        across = points[:, 0] - self.u + self.drift(ahead)
        cx, cy = self.centre
        scale = self.focal / ahead
        placed = np.empty((len(points), 2))
        placed[:, 0] = cx + across * scale
        placed[:, 1] = cy + (LENS_HEIGHT_M - points[:, 1]) * scale
        return placed

    def smear(self, point: Points, speed_mps: tuple[float, float]) -> tuple[float, float]:
        """Return how far, pixels right and down, a point moves in the picture while the shutter is open.

        ``speed_mps`` is the point's own speed across and along the road.
        """
        step = np.array([speed_mps[0], 0.0, speed_mps[1] - self.speed_mps]) * EXPOSURE_S
        before, after = self.project(np.stack([point - step / 2, point + step / 2]))
        return float(after[0] - before[0]), float(after[1] - before[1])
