"""When each picture is shown: by the order that slice headers tell, which also tells how many pictures were lost."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipeline.video.recovery.coding.parameter_sets import Order, ParameterSets
from pipeline.video.recovery.stream.bits import Bits
from pipeline.video.recovery.stream.nal import H264, Codec
from pipeline.video.recovery.stream.pictures import Picture

#: A step of more pictures inside a sequence is no loss but nonsense, and counts as one.
_MOST_LOST = 300
#: H.265: pictures from which the places of others are not counted on (RASL, RADL, and those nobody refers to).
_NO_ANCHOR = frozenset({0, 2, 4, 6, 8, 9})


def shown_at(pictures: Sequence[Picture], sets: ParameterSets) -> list[int]:
    """For each picture, in the order of decoding, the number of the frame at which it is shown, from 0.

    Numbers are left out where pictures were lost, as far as it can be told. No two are the same.
    """
    try:
        places = _places(pictures, sets)
    except (ValueError, StopIteration, KeyError):
        places = [None] * len(pictures)
    step, spacing = _step(pictures, places), _spacing(pictures)
    numbers: list[int] = []
    begin = 0
    for start, end in _sequences(pictures):
        begin += spacing.lost_before(pictures[start]) if start else 0
        inner = _inner(places[start:end], step)
        numbers += [begin + number for number in inner]
        begin += max(inner) + 1
    return numbers


def _sequences(pictures: Sequence[Picture]) -> Iterator[tuple[int, int]]:
    """Stretches in which places count on: from one picture that starts them anew to the next."""
    starts = [0, *(i for i, picture in enumerate(pictures) if i and _starts_anew(picture.slice_head))]
    yield from pairwise([*starts, len(pictures)])


def _starts_anew(head: bytes) -> bool:
    header = head[0]
    # IDR of H.264; IDR and BLA of H.265. The codecs' header bytes do not coincide: 0x25, 0x45 and 0x65 are odd.
    return header & 0x9F == 0x05 or (16 <= header >> 1 <= 20 and not header & 1)


def _inner(places: Sequence[int | None], step: int) -> list[int]:
    """Numbers within one sequence, the first shown being 0."""
    known = [place for place in places if place is not None]
    if len(known) < len(places) or len(set(known)) < len(known):
        return list(range(len(places)))
    ranks = sorted(range(len(known)), key=known.__getitem__)
    numbers = [0] * len(known)
    for before, here in pairwise(ranks):
        steps = max(1, round((known[here] - known[before]) / step))
        numbers[here] = numbers[before] + (steps if steps <= _MOST_LOST else 1)
    return numbers


def _step(pictures: Sequence[Picture], places: Sequence[int | None]) -> int:
    """How far the places of pictures are apart that follow each other: 2 mostly, as each may have two fields."""
    steps: Counter[int] = Counter()
    for start, end in _sequences(pictures):
        known = sorted(place for place in places[start:end] if place is not None)
        steps.update(there - here for here, there in pairwise(known) if there > here)
    return steps.most_common(1)[0][0] if steps else 1


@dataclass(frozen=True, slots=True)
class _Spacing:
    """How far pictures lie apart in the file."""

    #: Bytes between two that follow each other, mostly.
    gap: int
    #: Bytes from one to the next, on average.
    stride: int

    def lost_before(self, picture: Picture) -> int:
        """Pictures that were lost before one that starts anew, by the bytes that are missing there."""
        return max(0, picture.gap - self.gap) // max(1, self.stride)


def _spacing(pictures: Sequence[Picture]) -> _Spacing:
    gap = statistics.median_low([picture.gap for picture in pictures])
    return _Spacing(gap, gap + sum(picture.size for picture in pictures) // len(pictures))


def _places(pictures: Sequence[Picture], sets: ParameterSets) -> list[int | None]:
    """What the slice headers say: picture order counts, whole, or frame numbers where these are the order."""
    return places_of([picture.slice_head for picture in pictures], sets.order, sets.codec)


def places_of(heads: Sequence[bytes], order: Order, codec: Codec = H264) -> list[int | None]:
    """Where each picture is shown, by the first bytes of its first slice; in numbers that start anew where decoding
    does. None where a header ends early."""
    count = _Count(order.place_bits or order.frame_bits)
    places: list[int | None] = []
    for head in heads:
        if _starts_anew(head):
            count.begin()
        try:
            places.append(_h264(head, order, count) if codec is H264 else _h265(head, order, count))
        except ValueError:
            places.append(None)
    return places


class _Count:
    """Makes whole numbers of their lowest bits, each being near the last that counts (H.264, clause 8.2.1)."""

    def __init__(self, bits: int) -> None:
        self._range, self._anchor = 1 << bits, 0

    def begin(self) -> None:
        self._anchor = 0

    def whole(self, low: int, anchor: bool) -> int:
        ahead = (low - self._anchor) % self._range
        value = self._anchor + (ahead if ahead < self._range // 2 else ahead - self._range)
        if anchor:
            self._anchor = value
        return value


def _h264(head: bytes, order: Order, count: _Count) -> int:
    bits = Bits(head[1:])
    bits.ue(), bits.ue(), bits.ue()
    if order.planes:
        bits.u(2)
    frame = bits.u(order.frame_bits)
    if order.fields and bits.flag():
        bits.flag()
    if head[0] & 0x1F == 5:
        bits.ue()
    reference = bool(head[0] >> 5)
    if not order.place_bits:
        # Pictures that no other refers to are shown before the next one of the same number.
        return 2 * count.whole(frame, reference) - (not reference)
    return count.whole(bits.u(order.place_bits), reference)


def _h265(head: bytes, order: Order, count: _Count) -> int:
    kind, layer = head[0] >> 1, head[1] & 7
    bits = Bits(head[2:])
    bits.flag()
    if 16 <= kind <= 21:
        bits.flag()
    bits.ue()
    bits.u(order.extra_bits)
    bits.ue()
    if order.output_flag:
        bits.flag()
    if order.planes:
        bits.u(2)
    if kind in (19, 20):
        return 0
    return count.whole(bits.u(order.place_bits), layer == 1 and kind not in _NO_ANCHOR)
