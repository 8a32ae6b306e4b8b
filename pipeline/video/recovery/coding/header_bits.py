"""Finds how many bits the numbers in H.264 slice headers take, from headers that follow each other.

A picture's `frame_num` is one more than that of the last one that others refer to, and its place in the order of
showing is near its neighbours'. Only with the right number of bits do the numbers of a whole group come out so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise

from pipeline.video.recovery.coding.order import places_of
from pipeline.video.recovery.coding.parameter_sets import Order
from pipeline.video.recovery.stream.bits import Bits

#: What the standard allows.
_WIDTHS = range(4, 17)
#: Headers that are compared, and how many of them have to fit: some may be damaged.
MOST_HEADERS, _SHARE = 48, 0.9
#: Pictures are shown at most so many places after their turn in decoding.
_MOST_REORDERED = 16


def orders(headers: Sequence[bytes]) -> Iterator[Order]:
    """How headers may be meant that follow each other from a keyframe on; the likeliest first."""
    for frame_bits in _WIDTHS:
        if _counts_on(headers, frame_bits):
            # Places go by two mostly, so one bit less seems to fit as well.
            for place_bits in reversed(_WIDTHS):
                if _shown_in_turn(headers, Order(place_bits, frame_bits)):
                    yield Order(place_bits, frame_bits)
            yield Order(0, frame_bits)


def _counts_on(headers: Sequence[bytes], frame_bits: int) -> bool:
    last, fits = 0, 0
    for number, header in enumerate(headers):
        frame = _frame_number(header, frame_bits)
        if frame is None:
            continue
        fits += number == 0 or frame == (last + 1) % (1 << frame_bits) or (header[0] & 0x1F == 5 and frame == 0)
        if header[0] >> 5:
            last = frame
    return fits >= _SHARE * len(headers)


def _frame_number(header: bytes, frame_bits: int) -> int | None:
    with suppress(ValueError):
        bits = Bits(header[1:])
        bits.ue(), bits.ue(), bits.ue()
        return bits.u(frame_bits)
    return None


def _shown_in_turn(headers: Sequence[bytes], order: Order) -> bool:
    places = places_of(headers, order)
    starts = [number for number, header in enumerate(headers) if header[0] & 0x1F == 5]
    groups = [places[start:end] for start, end in pairwise([*starts, len(headers)])]
    steps: Counter[int] = Counter()
    for group in groups:
        known = sorted({place for place in group if place is not None})
        if len(known) < _SHARE * len(group) or group[0] != 0:
            return False
        steps.update(after - before for before, after in pairwise(known))
    if not steps:
        return True
    step, count = steps.most_common(1)[0]
    near = all(
        place is not None and abs(place - step * turn) <= step * _MOST_REORDERED
        for group in groups
        for turn, place in enumerate(group)
    )
    return near and count >= _SHARE * steps.total()


def aligned(header: bytes, order: Order, deblocking: bool) -> bool:
    """Whether an intra slice's header, read so, ends as those before CABAC data do: with ones up to a whole byte."""
    try:
        bits = Bits(header[1:])
        bits.ue(), bits.ue(), bits.ue(), bits.u(order.frame_bits)
        if header[0] & 0x1F == 5:
            bits.ue()
        bits.u(order.place_bits)
        if header[0] & 0x1F == 5:
            bits.u(2)
        elif header[0] >> 5 and bits.flag():
            return False
        bits.se()
        if deblocking and bits.ue() != 1:
            bits.se(), bits.se()
        rest = bits.left % 8
        return bits.u(rest) == (1 << rest) - 1
    except ValueError:
        return False
