"""What stitching a parked car's stay costs: `python -m bench.parts.stitch`. By the hour it has to stay the same."""

from __future__ import annotations

import random
import time

from pipeline.records import Box, Candidate, Character, MediaKind, Observation, Reading, ReadTracklet
from pipeline.sightings import stitch

_HOURS = (1, 3, 12)
#: A segment is as long as the producer cuts it; both cars are in each.
_SEGMENT_S = 10.0
_PLATES = ("LS15EBC", "LS16EBC")
#: Share of readings that are wrong in a character.
_MISREAD = 0.1
_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"


def main() -> None:
    """Print tracklets, sightings and seconds of processor for each length."""
    for hours in _HOURS:
        tracklets = _parked(hours, random.Random(1))
        began = time.process_time()
        sightings = stitch(tracklets, MediaKind.VIDEO)
        print(f"{hours:>3} h  {len(tracklets):>6} tracklets  {len(sightings):>4} sightings", end="  ")
        print(f"{time.process_time() - began:6.2f} s of processor")


def _parked(hours: int, rng: random.Random) -> list[ReadTracklet]:
    """Two cars with like plates beside each other, seen in each segment."""
    return [
        _tracklet(plate, segment, place, rng)
        for segment in range(round(3600 * hours / _SEGMENT_S))
        for place, plate in enumerate(_PLATES)
    ]


def _tracklet(plate: str, segment: int, place: int, rng: random.Random) -> ReadTracklet:
    text = _misread(plate, rng) if rng.random() < _MISREAD else plate
    reading = Reading(
        text=text,
        confidence=0.9,
        characters=tuple(Character(char, 0.95) for char in text),
        alternatives=(Candidate(_misread(plate, rng), 0.02),),
        country="GB",
        reads=3,
        crops=3,
        best_crop=0,
    )
    first, best, last = (_seen(segment * _SEGMENT_S + offset, place) for offset in (0.0, 5.0, 9.9))
    return ReadTracklet(segment, place, first, last, 100, best, None, reading)


def _misread(plate: str, rng: random.Random) -> str:
    place = rng.randrange(len(plate))
    return plate[:place] + rng.choice(_LETTERS) + plate[place + 1 :]


def _seen(time_s: float, place: int) -> Observation:
    x = 100.0 + 600.0 * place
    return Observation(round(time_s * 90_000), time_s, Box(x, 300.0, x + 80.0, 320.0), 0.9)


if __name__ == "__main__":
    main()
