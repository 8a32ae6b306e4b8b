"""What detection holds of a segment that cannot be cut, by the hour: `python -m bench.parts.long_segment [HOURS]`.

A street on which 20 plates pass a minute, each for two seconds, their detector a stand-in that knows where they are.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import numpy as np
import psutil

from pipeline.detection.segment import SAMPLE_FPS, DetectOptions, track_plates
from pipeline.records import Box, Detection, Frame, Image, MediaKind

_PLATES_A_MINUTE, _SEEN_S = 20, 2.0
_EVERY = round(60 / _PLATES_A_MINUTE * SAMPLE_FPS)
_SEEN = round(_SEEN_S * SAMPLE_FPS)


class _Street:
    """Frames of noise, and where the plates are in them; prints what the process holds at each hour's end."""

    def __init__(self, hours: int) -> None:
        self._looks = round(hours * 3600 * SAMPLE_FPS)
        self._looked = 0
        self._image = np.random.default_rng(1).integers(0, 255, (720, 1280, 3), np.uint8)

    def frames(self) -> Iterator[Frame]:
        for number in range(self._looks):
            yield Frame(number, number / SAMPLE_FPS, self._image)

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        return [self._detect_one() for _ in images]

    def _detect_one(self) -> list[Detection]:
        plate, look = divmod(self._looked, _EVERY)
        if self._looked % round(3600 * SAMPLE_FPS) == _EVERY:
            print(f"{self._looked / SAMPLE_FPS / 3600:4.0f} h  {held_mb():5.0f} MB", flush=True)
        self._looked += 1
        if look >= _SEEN:
            return []
        x, width = 100.0 + 20 * look + plate % 7, 60.0 + 4 * look
        return [Detection(Box(x, 300.0, x + width, 300.0 + width / 4), 0.9)]


def held_mb() -> float:
    return float(psutil.Process().memory_info().rss) / 1e6


def main(hours: int) -> None:
    street = _Street(hours)
    tracklets, looked = track_plates(street.frames(), street, MediaKind.VIDEO, DetectOptions())
    print(f"{hours:>4} h  {held_mb():5.0f} MB  {len(tracklets)} tracklets of {looked} looks")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
