"""Rebuilds the index of a recording that was never finished."""

from __future__ import annotations

import enum
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate, takewhile
from typing import BinaryIO

from pipeline.sources.source import Source, shown
from pipeline.video.recovery import remains as left
from pipeline.video.recovery.coding.guess import Group, guess
from pipeline.video.recovery.coding.header_bits import MOST_HEADERS
from pipeline.video.recovery.coding.order import shown_at
from pipeline.video.recovery.coding.parameter_sets import ParameterSets, of_units
from pipeline.video.recovery.coding.trial import Trial, believed, enough, size_said, trial
from pipeline.video.recovery.damage import Outline
from pipeline.video.recovery.index import FRAME_TICKS, Stream, clock_of, index
from pipeline.video.recovery.siblings import siblings
from pipeline.video.recovery.stream.framing import Learnt, learn, learn_start_codes
from pipeline.video.recovery.stream.nal import CODECS, H264
from pipeline.video.recovery.stream.pictures import Picture, Sets, pictures
from pipeline.video.recovery.stream.reading import Reading, Spent

#: Frames a second where nothing says how many: most dashcams record so many.
USUAL_RATE = Fraction(30)
#: Keyframes that parameter sets are tried on, and pictures from each on.
_TRIED_KEYFRAMES, _TRIED_PICTURES = 4, 12
#: Keyframes that parameter sets are sought for by trying, which takes some seconds where there are none to find.
_GUESSED_KEYFRAMES = 2
#: Fewer pictures than this are chance.
_LEAST_PICTURES = 2
#: Bytes that are read of the pictures from one keyframe on: a minute of most cameras, and one second of the best.
_TRIED_BYTES = 32 * 1024**2
#: Bytes before and after the media data in which the rest of an index is looked for.
_REST_BYTES = left.MOST_BYTES


class RateFrom(enum.Enum):
    """What says how many frames a second there are."""

    STREAM = "as its stream says"
    INDEX = "as what is left of its index says"
    SIBLING = "as another recording beside it has"
    PROBE = "as was found when it was first opened"
    GUESS = "which is a guess, because nothing says how many there were, so times may be off"


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was made of a recording that was never finished."""

    #: An MP4's beginning, whose index says where in the file, which follows it, the pictures lie.
    head: bytes
    pictures: int
    seconds: float
    #: Frames a second, and ticks.
    rate: Fraction
    clock_hz: int
    rate_from: RateFrom
    #: Nothing said how the pictures are coded; it was found by trying.
    guessed: bool = False
    #: There is an index, of which nothing can be made.
    indexed: bool = False

    def sentence(self, source: Source) -> str:
        """For the person who sent it."""
        why = (
            "has an index (moov) that cannot be read."
            if self.indexed
            else "was never finished by the camera: its index (moov) is missing, as after a power cut."
        )
        tried = " How its pictures are coded was found by trying." if self.guessed else ""
        return (
            f"{shown(source)} {why} {self.seconds:.1f} s were recovered, at {float(self.rate):.4g} frames a second,"
            f" {self.rate_from.value}.{tried}"
        )


def rebuild(source: Source, file: BinaryIO, size: int, where: Outline, clock_hz: int | None = None) -> Recovery | None:
    """None where no pictures of H.264 or H.265 are found, or nothing says how they are coded. Raises OSError.

    With `clock_hz`, that of an index which was written before, this one has the same times, whatever says otherwise.
    """
    try:
        return _rebuilt(source, file, size, where, clock_hz)
    except (struct.error, OverflowError, Spent):
        # What is left is so damaged that it says numbers that no index holds, or takes too long to look through.
        return None


def _rebuilt(source: Source, file: BinaryIO, size: int, where: Outline, clock_hz: int | None) -> Recovery | None:
    learnt = _learnt(file, size, where)
    if learnt is None:
        return None
    sets = Sets()
    found = list(pictures(learnt.units(Reading(file, size), where.start, where.end), sets))
    if len(found) < _LEAST_PICTURES:
        return None
    if not any(picture.key for picture in found):
        found[0] = found[0]._replace(key=True)
    return _Described(source, Reading(file, size), where, learnt, found).recovery(sets, clock_hz)


def _learnt(file: BinaryIO, size: int, where: Outline) -> Learnt | None:
    """How units are framed and coded here: the way in which the most pictures are found at the beginning."""
    span = where.start, where.end
    ways = [how(Reading(file, size), codec, *span) for how in (learn, learn_start_codes) for codec in CODECS]
    best = max(ways, key=lambda found: found.pictures)
    return best if best.pictures >= _LEAST_PICTURES else None


@dataclass(frozen=True, slots=True)
class _Description:
    """How pictures may be coded, and what came with it."""

    sets: ParameterSets
    #: Frames a second; None where nothing says.
    rate: Fraction | None = None
    rate_from: RateFrom = RateFrom.GUESS
    guessed: bool = False


class _Described:
    """Pictures, and the search for what describes them."""

    def __init__(
        self, source: Source, reading: Reading, where: Outline, learnt: Learnt, found: Sequence[Picture]
    ) -> None:
        self._source, self._reading, self._where = source, reading, where
        self._learnt, self._pictures = learnt, found
        self._groups = list(self._to_try())

    def recovery(self, own: Sets, clock_hz: int | None) -> Recovery | None:
        """By the first description that the pictures can be decoded with; where all are damaged, by the best."""
        best: tuple[_Description, Trial] | None = None
        for described in self._descriptions(own):
            result = self._tried(described.sets)
            if best is None or result.good > best[1].good:
                best = described, result
            if result.good >= _TRIED_PICTURES:
                break
        if best is None or not best[1].width:
            return None
        return self._recovery(*best, clock_hz)

    def _descriptions(self, own: Sets) -> Iterator[_Description]:
        """From the stream itself, what is left of its index, other files, and by trying: those that are whole."""
        codec = self._learnt.codec
        rest = self._rest()
        rate = None if rest is None else believed(rest.rate)
        found = [_Description(of_units(codec, own.units(self._reading)), rate, RateFrom.INDEX)]
        if rest is not None:
            found.append(_Description(rest.sets, rate, RateFrom.INDEX))
        yield from (described for described in found if described.sets.whole)
        for sibling in siblings(self._source, codec):
            if sibling.sets.whole:
                yield _Description(sibling.sets, believed(sibling.rate), RateFrom.SIBLING)
        if codec is H264 and not self._learnt.start_codes:
            guesses = (guess(group) for group in self._groups[:_GUESSED_KEYFRAMES])
            yield from (_Description(sets, guessed=True) for sets in guesses if sets is not None)

    def _rest(self) -> left.Remains | None:
        last = self._pictures[-1]
        after = last.at + last.size
        tail = self._reading.bytes(after, min(_REST_BYTES, self._reading.size - after))
        head = self._reading.bytes(0, min(_REST_BYTES, self._where.start))
        return left.remains(tail, self._learnt.codec) or left.remains(head, self._learnt.codec)

    def _to_try(self) -> Iterator[Group]:
        """Some pictures from each of a few keyframes on, as they stand in the file."""
        keys = [number for number, picture in enumerate(self._pictures) if picture.key][:_TRIED_KEYFRAMES]
        for number in keys:
            group = self._pictures[number : number + MOST_HEADERS]
            room = takewhile(lambda read: read <= _TRIED_BYTES, accumulate(picture.size for picture in group))
            samples = [self._reading.bytes(picture.at, picture.size) for picture, _ in zip(group, room, strict=False)]
            yield Group([picture.slice_head for picture in group], samples)

    def _tried(self, sets: ParameterSets) -> Trial:
        """The trial in which the most pictures came out unbroken."""
        best = Trial()
        for group in self._groups:
            samples = group.samples[:_TRIED_PICTURES]
            result = trial(sets, samples, self._learnt.start_codes)
            if not best.width or result.good > best.good:
                best = result
            if enough(result, samples):
                # A recording of fewer pictures has no more to show.
                return replace(best, good=_TRIED_PICTURES)
        if best.good or not self._groups:
            return best
        return size_said(sets, self._groups[0].samples, self._learnt.start_codes)

    def _rate_beside(self, result: Trial) -> tuple[Fraction, RateFrom]:
        """The rate of another recording of that size, else the usual one."""
        for sibling in siblings(self._source, self._learnt.codec):
            rate = believed(sibling.rate)
            if rate and (sibling.width, sibling.height) == (result.width, result.height):
                return rate, RateFrom.SIBLING
        return USUAL_RATE, RateFrom.GUESS

    def _recovery(self, described: _Description, result: Trial, clock_hz: int | None) -> Recovery:
        told_by = RateFrom.PROBE
        if clock_hz is None:
            rate, told_by = self._rate(described, result)
            clock_hz = clock_of(rate)
        numbers = shown_at(self._pictures, described.sets)
        stream = Stream(described.sets, self._learnt.start_codes, result.width, result.height, clock_hz)
        head = index(stream, self._pictures, numbers, self._reading.size)
        rate = Fraction(clock_hz, FRAME_TICKS)
        seconds = float((max(numbers) + 1) / rate)
        count = len(self._pictures)
        return Recovery(head, count, seconds, rate, clock_hz, told_by, described.guessed, self._where.indexed)

    def _rate(self, described: _Description, result: Trial) -> tuple[Fraction, RateFrom]:
        if result.rate is not None:
            return result.rate, RateFrom.STREAM
        if described.rate is not None:
            return described.rate, described.rate_from
        return self._rate_beside(result)
