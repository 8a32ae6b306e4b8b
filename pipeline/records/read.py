"""What is read: characters, candidates, readings, and sightings of vehicles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.records.seen import Box, Observation

if TYPE_CHECKING:
    from pipeline.camera.tracks.place import Place


@dataclass(frozen=True, slots=True)
class Character:
    """One position of a reading."""

    char: str
    #: Probability that this position shows `char`, 0 to 1.
    confidence: float


#: A character less sure than this counts as not recognised.
UNSURE_BELOW = 0.5
#: What stands among characters, and never in a text, for a letter of a script that the reader does not know.
FOREIGN = "·"


def shown(characters: Sequence[Character]) -> str:
    """The text with `?` where a character is less than half sure, and `·` for each letter of an unknown script."""
    return "".join(c.char if c.confidence >= UNSURE_BELOW else "?" for c in characters)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text that the pixels may show, with its share of the probability."""

    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reader believes a tracklet, or a photograph's plate, says."""

    text: str
    confidence: float
    #: Those of the text, and `FOREIGN` where the plate carries a letter that cannot be read.
    characters: tuple[Character, ...]
    #: Runner-up texts, likeliest first; the text itself is not among them.
    alternatives: tuple[Candidate, ...]
    #: ISO 3166 code of the country that its text and looks tell, or None where they tell none that was asked for.
    country: str | None
    #: Crops whose own best text agrees with `text` within one edit.
    reads: int
    #: Crops that were read.
    crops: int
    #: Position in the tracklet's crops of the one that supports `text` best: the evidence.
    best_crop: int
    #: Probability that the plate is of `country`, if the text is right; None without one, and in what was stored before
    #: revision 0014.
    country_confidence: float | None = None

    @property
    def shown(self) -> str:
        return shown(self.characters)

    @property
    def confidences(self) -> tuple[float, ...]:
        """Those of the text's characters."""
        return tuple(c.confidence for c in self.characters if c.char != FOREIGN)


@dataclass(frozen=True, slots=True)
class ReadTracklet:
    """A tracklet with its reading, as the aggregator takes it: no pixels, only where they are kept."""

    segment: int
    index: int
    first: Observation
    last: Observation
    #: How many frames it was seen on.
    seen: int
    #: The observation behind `reading.best_crop`.
    best: Observation
    #: Name of the evidence crop in the result store, or None where none is kept.
    crop: str | None
    reading: Reading


@dataclass(frozen=True, slots=True)
class Sighting:
    """One vehicle passing once, stitched over segments."""

    #: Position in the video, by first appearance.
    index: int
    text: str
    country: str | None
    confidence: float
    characters: tuple[Character, ...]
    alternatives: tuple[Candidate, ...]
    first: Observation
    last: Observation
    best: Observation
    crop: str | None
    #: Crops that agree with `text`, over all its tracklets.
    reads: int
    #: False marks a `single read`: only one crop says so.
    confirmed: bool
    #: (segment, tracklet) pairs it was stitched from.
    tracklets: tuple[tuple[int, int], ...]
    #: Probability that the plate is of `country`, if the text is right; None without one.
    country_confidence: float | None = None
    #: Where the camera was at `best`, by its track; None where that does not say.
    place: Place | None = None
    #: How the vehicle moved against the camera's; None where the picture does not say.
    movement: str | None = None

    @property
    def shown(self) -> str:
        return shown(self.characters)

    @property
    def first_s(self) -> float:
        return self.first.time_s

    @property
    def last_s(self) -> float:
        return self.last.time_s

    @property
    def best_s(self) -> float:
        """When the frame was that it was read from."""
        return self.best.time_s

    @property
    def box(self) -> Box:
        """Where the plate is in that frame."""
        return self.best.box
