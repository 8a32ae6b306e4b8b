"""Follows plates from frame to frame inside one segment: boxes in, tracklets out.

Vehicles on a road move smoothly, so each live track predicts where its plate will be (constant velocity) and how wide
it will be; boxes go to the nearest prediction, surest pair first. Distances are measured in plate widths, which makes
the gate the same for a distant plate and a near one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pipeline.records import Box, Detection, Observation

#: A box further than this many plate widths from where a track is expected belongs to another plate.
GATE_WIDTHS = 1.6
#: A track seen once has no velocity yet: an oncoming plate may have moved far in one sampling step.
FIRST_GATE_WIDTHS = 2.5
#: Between two looks a plate does not grow or shrink by more than this factor.
MAX_SCALE_STEP = 1.7
#: A track unseen for longer than this has ended.
MAX_GAP_S = 0.7
#: How much of the newest displacement enters the velocity.
VELOCITY_GAIN = 0.6


@dataclass(slots=True)
class Track:
    """A tracklet in the making."""

    #: Number of the track in its segment, by first appearance.
    index: int
    observations: list[Observation]
    #: Pixels a second.
    _velocity: tuple[float, float] = field(default=(0.0, 0.0))

    @property
    def last(self) -> Observation:
        return self.observations[-1]

    def predicted(self, time_s: float) -> Box:
        """Where the plate should be at that time."""
        step_s = time_s - self.last.time_s
        return self.last.box.shifted(self._velocity[0] * step_s, self._velocity[1] * step_s)

    def add(self, observation: Observation) -> None:
        step_s = observation.time_s - self.last.time_s
        if step_s > 0:
            self._learn_velocity(observation, step_s)
        self.observations.append(observation)

    def _learn_velocity(self, observation: Observation, step_s: float) -> None:
        (x0, y0), (x1, y1) = self.last.box.centre, observation.box.centre
        gain = 1.0 if len(self.observations) == 1 else VELOCITY_GAIN
        vx, vy = self._velocity
        self._velocity = (vx + gain * ((x1 - x0) / step_s - vx), vy + gain * ((y1 - y0) / step_s - vy))


class Tracker:
    """Links the detections of successive frames; feed frames in time order."""

    def __init__(self) -> None:
        self._live: list[Track] = []
        self._ended: list[Track] = []
        self._count = 0

    def update(self, pts: int, time_s: float, detections: Sequence[Detection]) -> list[tuple[Track, Observation]]:
        """Take one frame's boxes; return the track that each of them joined or began."""
        self._retire(time_s)
        observations = [Observation(pts, time_s, d.box, d.confidence) for d in detections]
        joined = self._assign(observations)
        for track, observation in joined:
            track.add(observation)
        taken = {id(observation) for _, observation in joined}
        begun = [(self._begin(o), o) for o in observations if id(o) not in taken]
        return joined + begun

    def take_ended(self) -> list[Track]:
        """Hand over the tracks that nothing can join any more; each is handed over once."""
        ended, self._ended = self._ended, []
        return ended

    def take_all(self) -> list[Track]:
        """Hand over all tracks that are left, after the last frame."""
        self._ended += self._live
        self._live = []
        return self.take_ended()

    def _retire(self, time_s: float) -> None:
        gone = [t for t in self._live if time_s - t.last.time_s > MAX_GAP_S]
        self._ended += gone
        self._live = [t for t in self._live if t not in gone]

    def _begin(self, observation: Observation) -> Track:
        track = Track(self._count, [observation])
        self._count += 1
        self._live.append(track)
        return track

    def _assign(self, observations: Sequence[Observation]) -> list[tuple[Track, Observation]]:
        pairs = [
            (distance, t, o)
            for t, track in enumerate(self._live)
            for o, observation in enumerate(observations)
            if (distance := _distance(track, observation)) is not None
        ]
        return [(self._live[t], observations[o]) for t, o in nearest_pairs(pairs)]


def _distance(track: Track, observation: Observation) -> float | None:
    """How far off the prediction, in plate widths; None where it cannot be the same plate."""
    expected = track.predicted(observation.time_s)
    gate = FIRST_GATE_WIDTHS if len(track.observations) == 1 else GATE_WIDTHS
    distance = widths_apart(expected, observation.box)
    return distance if distance is not None and distance <= gate else None


def widths_apart(a: Box, b: Box) -> float | None:
    """Distance between the centres of two boxes, in plate widths; None where their sizes are not one plate's."""
    scale = max(a.width, b.width) / max(1.0, min(a.width, b.width))
    if scale > MAX_SCALE_STEP:
        return None
    (x0, y0), (x1, y1) = a.centre, b.centre
    distance: float = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5 / max(a.width, b.width, 1.0)
    return distance


def nearest_pairs(near: Iterable[tuple[float, int, int]]) -> list[tuple[int, int]]:
    """Who goes with whom: of (distance, one, other) the nearest first, and each but once."""
    pairs: dict[int, int] = {}
    for _, one, other in sorted(near):
        if one not in pairs and other not in pairs.values():
            pairs[one] = other
    return list(pairs.items())
