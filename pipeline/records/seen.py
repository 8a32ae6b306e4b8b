"""What is seen in frames: boxes, detections, tracklets and their crops."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Image: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the original frame, half-open."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def width(self) -> float:
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        return self.y2 - self.y1

    @property
    def area(self) -> float:
        return max(0.0, self.width) * max(0.0, self.height)

    @property
    def centre(self) -> tuple[float, float]:
        return (self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2

    def iou(self, other: Box) -> float:
        """Intersection over union, 0 to 1."""
        shared = self.shared(other)
        return shared / (self.area + other.area - shared) if shared else 0.0

    def shared(self, other: Box) -> float:
        """Area in common, square pixels."""
        width = min(self.x2, other.x2) - max(self.x1, other.x1)
        height = min(self.y2, other.y2) - max(self.y1, other.y1)
        return max(0.0, width) * max(0.0, height)

    def grown(self, margin_x: float, margin_y: float) -> Box:
        """The box with a margin in pixels on each side; may leave the frame."""
        return Box(self.x1 - margin_x, self.y1 - margin_y, self.x2 + margin_x, self.y2 + margin_y)

    def shifted(self, dx: float, dy: float) -> Box:
        return Box(self.x1 + dx, self.y1 + dy, self.x2 + dx, self.y2 + dy)

    def clipped(self, width: int, height: int) -> Box:
        """The part of the box inside a frame of that size."""
        return Box(
            min(max(self.x1, 0.0), width),
            min(max(self.y1, 0.0), height),
            min(max(self.x2, 0.0), width),
            min(max(self.y2, 0.0), height),
        )

    def as_tuple(self) -> tuple[float, float, float, float]:
        return self.x1, self.y1, self.x2, self.y2


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded frame, upright."""

    pts: int
    time_s: float
    image: Image


@dataclass(frozen=True, slots=True)
class Detection:
    """One plate box found in one frame."""

    box: Box
    #: The detector's score, 0 to 1.
    confidence: float


@dataclass(frozen=True, slots=True)
class Observation:
    """A detection at its time."""

    pts: int
    time_s: float
    box: Box
    confidence: float


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """The picture of one observation: the plate with a margin around it, cut from the original frame."""

    observation: Observation
    #: Where the plate's box lies inside `image`, in pixels of `image`.
    plate: Box
    #: Sharpness, size, frontality and exposure in one number; larger is better.
    quality: float
    image: Image


@dataclass(frozen=True, slots=True)
class Tracklet:
    """One plate followed inside one segment."""

    #: Position in the segment, by first appearance.
    index: int
    observations: tuple[Observation, ...]
    #: The crops worth reading, best first.
    crops: tuple[Crop, ...] = field(default=(), compare=False)

    @property
    def first(self) -> Observation:
        return self.observations[0]

    @property
    def last(self) -> Observation:
        return self.observations[-1]
