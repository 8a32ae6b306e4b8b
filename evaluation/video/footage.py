"""What `eval video` measures: clips and rides behind one small interface."""

from __future__ import annotations

from typing import Protocol

from evaluation.video.processing import Models, Processed
from evaluation.video.uniques import Outcome, TruePlate, judge, unique_found
from pipeline.records import Box, Image, Observation, Sighting


class Footage(Protocol):
    """Moving pictures whose plates are known."""

    @property
    def name(self) -> str: ...

    @property
    def plates(self) -> tuple[TruePlate, ...]: ...

    def process(self, models: Models) -> Processed:
        """Run the road over it."""
        ...

    def is_unjudged(self, sighting: Sighting) -> bool:
        """Whether nobody can say if what was read there is right."""
        ...

    def image_at(self, observation: Observation) -> Image:
        """The frame of an observation, BGR."""
        ...

    def look_of(self, plate: TruePlate) -> tuple[Image, Box | None, float]:
        """A frame that shows a plate, BGR, its place where that is known, and the second."""
        ...


def outcome(footage: Footage, processed: Processed) -> Outcome:
    """What the road made of it, judged."""
    found = unique_found(processed.sightings)
    asked, reported = judge(footage.plates, found, processed.readings, footage.is_unjudged)
    return Outcome(footage.name, asked, reported, processed.duration_s, processed.elapsed_s, processed.frames)
