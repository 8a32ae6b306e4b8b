"""Finds H.264 parameter sets by trying: the last resort where neither the file nor one beside it has any.

Arithmetic coding forgives nothing: read with one wrong number, a keyframe breaks within a few blocks, and one row too
many or a width that is off breaks it as well. So what decodes to the end without an error is right in all that decides
about reading it. Some numbers decide about nothing that breaks (the quantiser of a stream without arithmetic coding,
the colours' offset): these are taken as x264 writes them into its stream, else as nearly all cameras have them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from pipeline.video.recovery.coding.header_bits import MOST_HEADERS, aligned, orders
from pipeline.video.recovery.coding.order import places_of
from pipeline.video.recovery.coding.parameter_sets import Order, ParameterSets
from pipeline.video.recovery.coding.trial import enough, trial
from pipeline.video.recovery.coding.written_sets import Assumed
from pipeline.video.recovery.stream.framing import PREFIX_BYTES

#: Sizes that cameras record in, pixels.
_SIZES = (
    (1920, 1080), (1280, 720), (2560, 1440), (3840, 2160), (2304, 1296), (2560, 1600), (2880, 2160), (2880, 1620),
    (2592, 1944), (2592, 1520), (2592, 1458), (2688, 1520), (2560, 1080), (2704, 1520), (3200, 1800), (2048, 1536),
    (1920, 1440), (1600, 1200), (1600, 900), (1440, 1080), (1280, 960), (1280, 1024), (1280, 800), (1024, 768),
    (1024, 576), (960, 540), (960, 720), (864, 480), (854, 480), (848, 480), (800, 600), (800, 480), (800, 448),
    (768, 432), (720, 576), (720, 480), (704, 576), (640, 480), (640, 360), (480, 360), (480, 270), (352, 288),
    (320, 240), (320, 180),
)  # fmt: skip
_WIDTHS = tuple(dict.fromkeys(width for width, _ in _SIZES))
#: All other widths that are tried, in blocks of 16 pixels.
_MORE_WIDTHS = tuple(width for width in range(4096, 159, -16) if width not in _WIDTHS)
#: Quantisers that encoders count from: 26 but for x264 at constant quality.
_QUANTISERS = (26, 23, 28, 20, 18, 22, 24, 25, 21, 27, 30, 19, 29, 32)
#: Rows of blocks that a width is tried on: at the end of a row a wrong one breaks.
_TRIED_ROWS = 3
_BLOCK_PX = 16
#: The tallest pictures that are tried, and how much taller than wide.
_MOST_ROWS, _TALLEST = 160, 1.25
#: Pictures that a group has to have, and that have to come out of it.
_LEAST_PICTURES = 6
#: Pictures that are kept at least where B-frames are referred to.
_KEPT = 4
#: x264 writes its settings into the first picture.
_X264 = re.compile(rb"x264 - core.{0,2000}?options: ([ -~]{10,1500})", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Group:
    """Pictures that follow each other from a keyframe on."""

    #: The first bytes of their first slices.
    headers: Sequence[bytes]
    #: The first few, as they stand in the file.
    samples: Sequence[bytes]


def guess(group: Group) -> ParameterSets | None:
    """Parameter sets with which a group can be decoded; None where none are found, within some seconds."""
    told = _told(group.samples[0])
    first = _first_slice(group.samples[0])
    if first is None or len(group.samples) < _LEAST_PICTURES:
        return None
    for candidate in _keyframes(group, first, told):
        found = _with_references(candidate, group, told)
        if found is not None:
            return found.sets()
    return None


def _told(sample: bytes) -> dict[str, float]:
    """The numbers among the settings that x264 wrote; none where another encoder made it."""
    settings = _X264.search(sample)
    pairs = re.findall(rb"(\w+)=(-?\d+(?:\.\d+)?)(?= |$)", settings[1]) if settings else []
    return {name.decode(): float(value) for name, value in pairs}


def _first_slice(sample: bytes) -> bytes | None:
    """The first slice with its length; the blocks of others are not needed to know a picture's width."""
    at = 0
    while at + PREFIX_BYTES < len(sample):
        end = at + PREFIX_BYTES + int.from_bytes(sample[at : at + PREFIX_BYTES], "big")
        if sample[at + PREFIX_BYTES] & 0x1F in (1, 5):
            return sample[at:end]
        at = end
    return None


def _keyframes(group: Group, first: bytes, told: dict[str, float]) -> Iterator[Assumed]:
    """What a keyframe can be decoded with: all but what concerns references."""
    quantisers = dict.fromkeys((round(told.get("crf", told.get("qp", 26))), *_QUANTISERS))
    offset = int(told.get("chroma_qp_offset", 0))
    ways = [replace(way, chroma_offset=offset) for way in _ways(group, told)]
    likely = next(iter(quantisers))
    # Of a stream without arithmetic coding the quantiser shows only in pictures, not in errors.
    tried = [(_WIDTHS, number, way) for number, way in product(quantisers, ways) if way.cabac or number == likely]
    tried += [(_MORE_WIDTHS, likely, way) for way in ways]
    for widths, quantiser, way in tried:
        for width in widths:
            some = replace(way, width=width, height=_TRIED_ROWS * _BLOCK_PX, quantiser=quantiser)
            if enough(trial(some.sets(), [first], False), [first]):
                yield from _with_height(some, group.samples[0])


def _ways(group: Group, told: dict[str, float]) -> Iterator[Assumed]:
    """How keyframes may be written, size and quantiser aside."""
    intra = [header for header in group.headers if header[0] & 0x1F == 5]
    for order in orders(group.headers[:MOST_HEADERS]):
        for deblocking in (True, False):
            way = Assumed(frame_bits=order.frame_bits, place_bits=order.place_bits, deblocking=deblocking)
            way = replace(way, reordered=_reordered(group.headers, order))
            if all(aligned(header, order, deblocking) for header in intra):
                yield from (replace(way, large_blocks=large) for large in (False, True))
            yield replace(way, cabac=False)
            if told:
                yield replace(way, cabac=False, large_blocks=True)


def _reordered(headers: Sequence[bytes], order: Order) -> int:
    """How many pictures are decoded before one that is shown before them, at most."""
    most = 0
    before: list[int] = []
    for header, place in zip(headers, places_of(headers, order), strict=True):
        if header[0] & 0x1F == 5:
            before = []
        if place is not None:
            most = max(most, sum(other > place for other in before))
            before.append(place)
    return most


def _with_height(some: Assumed, sample: bytes) -> Iterator[Assumed]:
    """The most rows of blocks with which the whole keyframe decodes."""
    most = min(_MOST_ROWS, int(_TALLEST * some.width) // _BLOCK_PX)
    for rows in range(most, _TRIED_ROWS - 1, -1):
        tried = replace(some, height=rows * _BLOCK_PX)
        if enough(trial(tried.sets(), [sample], False), [sample]):
            yield _as_shown(tried)
            return


def _as_shown(coded: Assumed) -> Assumed:
    """With the size that is usual among those of so many blocks."""
    blocks = coded.width // -_BLOCK_PX, coded.height // -_BLOCK_PX
    for width, height in _SIZES:
        if (width // -_BLOCK_PX, height // -_BLOCK_PX) == blocks and width <= coded.width:
            return replace(coded, width=width, height=height)
    return coded


def _with_references(keyframe: Assumed, group: Group, told: dict[str, float]) -> Assumed | None:
    """With what slices need to know of references: the numbers with which the most pictures come out before one breaks.

    None where it breaks too early whatever they are.
    """
    best, most = None, _LEAST_PICTURES - 1
    for tried in _references(keyframe, group, told):
        good = trial(tried.sets(), group.samples, False).good
        if good > most:
            best, most = tried, good
        if good == len(group.samples):
            break
    return best


def _references(keyframe: Assumed, group: Group, told: dict[str, float]) -> Iterator[Assumed]:
    """Numbers with which the picture after the keyframe can be decoded, the likeliest first."""
    pair = group.samples[:2]
    references = max(1, min(16, int(told.get("ref", 1))))
    # As x264 counts them; how many are kept shows in pictures only, and only where these are reordered.
    kept = max(references, 1 + keyframe.reordered, _KEPT if keyframe.reordered else 1)
    # What x264 says is what it writes; others mostly count from one.
    usual = dict.fromkeys((references if told else 1, *range(1, 17)))
    both = (int(told["weightb"]) * 2, 0, 2, 1) if "weightb" in told else (0, 2, 1)
    for first, weighted in product(usual, dict.fromkeys((told.get("weightp", 0) > 0, False, True))):
        base = replace(keyframe, usual_first=first, weighted=weighted, references=max(kept, first))
        if not enough(trial(base.sets(), pair, False), pair):
            continue
        if not keyframe.reordered:
            yield base
            continue
        for second, idc in product((1, 2, 3, 4), dict.fromkeys(both)):
            yield replace(base, usual_second=second, weighted_both=idc)
