"""What is left of an index that was cut off: parameter sets and the rate, found by the names of their boxes."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from pipeline.video.recovery.coding.parameter_sets import ParameterSets, of_configuration
from pipeline.video.recovery.stream.nal import H264, Codec

#: Bytes of an index that are looked through: sets and times stand before the long tables.
MOST_BYTES = 4 * 1024**2


@dataclass(frozen=True, slots=True)
class Remains:
    """What an index said of a stream, as far as it is there."""

    sets: ParameterSets
    #: Frames a second; None where that part is gone.
    rate: Fraction | None


def remains(data: bytes, codec: Codec) -> Remains | None:
    """The last stream of this codec that an index, or a piece of one, describes with all its parameter sets."""
    kind = b"avcC" if codec is H264 else b"hvcC"
    at = data.rfind(kind)
    while at >= 4:
        size = int.from_bytes(data[at - 4 : at], "big")
        sets = of_configuration(codec, data[at + 4 : at - 4 + size])
        if sets.whole:
            return Remains(sets, _rate(data, at))
        at = data.rfind(kind, 0, at)
    return None


def _rate(data: bytes, at: int) -> Fraction | None:
    """By the media's clock, which stands before, and how long most frames are shown, which stands after."""
    clock, times = data.rfind(b"mdhd", 0, at), data.find(b"stts", at)
    if clock < 0 or times < 0:
        return None
    long = data[clock + 4 : clock + 5] == b"\1"
    ticks = int.from_bytes(data[clock + (24 if long else 16) :][:4], "big")
    count = int.from_bytes(data[times + 8 : times + 12], "big")
    entries = data[times + 12 : times + 12 + 8 * min(count, MOST_BYTES // 8)]
    runs = [entries[i : i + 8] for i in range(0, len(entries) - 7, 8)]
    frames = sum(int.from_bytes(run[:4], "big") for run in runs)
    length = sum(int.from_bytes(run[:4], "big") * int.from_bytes(run[4:], "big") for run in runs)
    return Fraction(ticks * frames, length) if ticks and length else None
