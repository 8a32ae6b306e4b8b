"""The whole world of a drive, drawn one frame at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import numpy as np
from numpy.typing import NDArray

from synthesis.camera import View
from synthesis.lens import CLOCK_START, Lens
from synthesis.screen import ScreenClock
from synthesis.street.behind import Seen, looking_back
from synthesis.street.ground import Ground
from synthesis.street.scenery import SIGHT_M, Street
from synthesis.street.sky import Backdrop
from synthesis.street.traffic import Traffic

Image = NDArray[np.uint8]

#: Nothing that lies farther behind than this is drawn, metres.
_BEHIND_M = 6.0


@dataclass(frozen=True, slots=True)
class DriveSpec:
    """What makes one drive differ from another."""

    seed: int
    duration_s: float
    fps: int
    width: int
    height: int
    plates: int
    #: Seen by a camera in the rear window, which looks back.
    rear: bool = False
    #: What the clock on screen takes for the first frame's moment, and whose time it shows.
    clock_start: datetime = CLOCK_START
    clock_zone: str = "UTC"
    #: What the camera burns into its pictures in place of the usual clock and speed.
    clock: ScreenClock | None = None

    @property
    def frames(self) -> int:
        """Number of pictures in the drive."""
        return round(self.duration_s * self.fps)


def traffic_of(spec: DriveSpec) -> Seen:
    """Return the drive's traffic alone, which is all that its truth needs."""
    traffic = Traffic(np.random.default_rng([spec.seed, 1]), spec.duration_s, spec.plates)
    return looking_back(traffic, spec.duration_s) if spec.rear else traffic


class Scene:
    """Draws any frame of a drive; the same spec always gives the same pictures."""

    def __init__(self, spec: DriveSpec) -> None:
        self._spec = spec
        self._traffic = traffic_of(spec)
        grounds, skies, streets, lenses = np.random.default_rng([spec.seed, 3 if spec.rear else 2]).spawn(4)
        self._ground = Ground(grounds)
        self._backdrop = Backdrop(skies, spec.width, spec.height)
        farthest_m = max(self._traffic.own.s(0.0), self._traffic.own.s(spec.duration_s))
        self._street = Street(streets, farthest_m + SIGHT_M)
        self._lens = Lens(lenses, spec.width, spec.height, spec.clock_start, spec.clock_zone)

    def frame(self, index: int) -> Image:
        """Return frame ``index``, height×width×3, BGR."""
        spec = self._spec
        view = self._traffic.own.view(index / spec.fps, spec.width, spec.height)
        canvas = np.zeros((spec.height, spec.width, 3), np.uint8)
        self._backdrop.draw(canvas, view)
        self._ground.draw(canvas, view)
        self._street.draw_flat(canvas, view)
        self._draw_upright(canvas, view)
        picture = self._lens.expose(canvas, view, index, stamped=spec.clock is None)
        if spec.clock is not None:
            spec.clock.draw(picture, view.time_s)
        return picture

    def _draw_upright(self, canvas: Image, view: View) -> None:
        """Draw cars and street from far to near."""
        layers: list[tuple[float, Callable[[Image, View], None]]] = [
            (thing.start_s, thing.draw) for thing in self._street.things if thing.seen(view)
        ]
        for actor in self._traffic.actors:
            pose = actor.pose(view.time_s)
            if -_BEHIND_M < pose.s - view.s < SIGHT_M:
                layers.append((pose.s, partial(actor.vehicle.draw, pose=pose)))
        for _, draw in sorted(layers, key=lambda layer: -layer[0]):
            draw(canvas, view)
