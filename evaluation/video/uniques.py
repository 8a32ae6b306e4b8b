"""Scores the unique plates of one clip: those that are there against those that were reported."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from evaluation.texts import characters_wrong, same_folded
from pipeline.records import ReadTracklet, Sighting

#: What a CSV says of a plate that a person reads without doubt.
CLEAR = "clear"
#: A wrong text further than this from the time of a plate is no reading of it: as far as `pipeline.sightings` looks for
#: misreadings of one vehicle.
NEAR_S = 3.0
#: A text with more of a plate's characters wrong is another text, not that plate misread.
MISREAD_SHARE = 0.5

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class TruePlate:
    """A plate of a clip, over all its passings; seconds from the clip's beginning."""

    text: str
    #: Whether a person reads it without doubt: others are asked of nobody, and no error where they are read.
    clear: bool
    #: When it is first seen, and when it is first legible: a first time stamp between the two is right.
    first_s: Span
    #: When it is last legible, and when it is last seen.
    last_s: Span


@dataclass(frozen=True, slots=True)
class FoundPlate:
    """A unique text of a clip, as a user gets to see it: all its sightings in one."""

    text: str
    first_s: float
    last_s: float
    #: False for a single read.
    confirmed: bool
    confidence: float
    #: The surest first.
    sightings: tuple[Sighting, ...]


class Verdict(enum.StrEnum):
    """What a reported text is."""

    #: A clear plate, as it is.
    EXACT = "exact"
    #: A clear plate, but for O and 0, I and 1.
    FOLDED = "folded"
    #: A plate that is there and that nobody was asked for.
    BONUS = "bonus"
    #: At a place whose truth nobody knows.
    UNJUDGED = "unjudged"
    #: No plate of the clip.
    FALSE = "false"


@dataclass(frozen=True, slots=True)
class Asked:
    """A clear plate, and what comes nearest to it."""

    plate: TruePlate
    #: None where nothing that was reported can be it.
    found: FoundPlate | None
    #: `EXACT`, `FOLDED`, or `FALSE` where it was misread or missed.
    verdict: Verdict
    #: The surest reading that can be it, of those too unsure to be reported; only where it was missed.
    unreported: ReadTracklet | None

    @property
    def read(self) -> bool:
        """Whether it was read, O and 0, I and 1 taken for the same."""
        return self.verdict is not Verdict.FALSE

    @property
    def characters_wrong(self) -> int:
        return characters_wrong(self.plate.text, self.found.text if self.found else "")

    @property
    def first_error_s(self) -> float | None:
        """How far off the first time stamp is; None where the plate was not read."""
        return _outside(self.found.first_s, self.plate.first_s) if self.read and self.found else None

    @property
    def last_error_s(self) -> float | None:
        return _outside(self.found.last_s, self.plate.last_s) if self.read and self.found else None


@dataclass(frozen=True, slots=True)
class Reported:
    """A text that was reported, and what it is."""

    found: FoundPlate
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Outcome:
    """A clip, judged."""

    name: str
    asked: tuple[Asked, ...]
    #: In order of appearance.
    reported: tuple[Reported, ...]
    #: Seconds that the clip shows, and that the road took for it.
    duration_s: float
    elapsed_s: float
    #: Frames that the detector saw.
    frames: int

    def of(self, verdict: Verdict) -> list[FoundPlate]:
        return [r.found for r in self.reported if r.verdict is verdict]


def unique_true(plates: Iterable[TruePlate]) -> tuple[TruePlate, ...]:
    """One entry a text, by first appearance: a plate that passes twice is one plate, clear if it ever is.

    Where one of its passings is clear, the others only widen the times at which it is seen.
    """
    found: dict[str, TruePlate] = {}
    for plate in plates:
        other = found.get(plate.text)
        found[plate.text] = plate if other is None else _both(other, plate)
    return tuple(sorted(found.values(), key=lambda p: (p.first_s, p.text)))


def unique_found(sightings: Iterable[Sighting]) -> tuple[FoundPlate, ...]:
    """One entry a text, by first appearance; confirmed if any of its sightings is."""
    by_text: dict[str, list[Sighting]] = {}
    for sighting in sightings:
        by_text.setdefault(sighting.text, []).append(sighting)
    return tuple(
        FoundPlate(
            text=text,
            first_s=min(s.first.time_s for s in own),
            last_s=max(s.last.time_s for s in own),
            confirmed=any(s.confirmed for s in own),
            confidence=max(s.confidence for s in own),
            sightings=tuple(sorted(own, key=lambda s: -s.confidence)),
        )
        for text, own in by_text.items()
    )


def judge(
    truth: Sequence[TruePlate],
    found: Sequence[FoundPlate],
    readings: Sequence[ReadTracklet] = (),
    unjudged: Callable[[Sighting], bool] = lambda sighting: False,
) -> tuple[tuple[Asked, ...], tuple[Reported, ...]]:
    """Each clear plate with what comes nearest to it, and each reported text with what it is.

    `truth` and `found` have each text once. A text answers for one plate at most: right ones first, then those right
    but for O and 0, I and 1, then misreadings, the nearest first. A text one letter from that of a plate which is not
    clear counts neither way: whoever wrote that truth saw the same blurred picture. `unjudged` tells of a sighting
    whether it is of a place that counts neither way. `readings` are what the texts were stitched from.
    """
    clear = [plate for plate in truth if plate.clear]
    others = [plate for plate in truth if not plate.clear]
    verdicts = {f.text: Verdict.EXACT for f in found if any(f.text == plate.text for plate in clear)}
    pairs = dict(_right(clear, found))
    verdicts |= {f.text: Verdict.FOLDED for f in pairs.values() if f.text not in verdicts}
    left = [f for f in found if f.text not in verdicts]
    for f in left:
        if any(same_folded(f.text, plate.text) for plate in others):
            verdicts[f.text] = Verdict.BONUS
        else:
            excused = any(_hardly_misread(f, plate) for plate in others) or all(map(unjudged, f.sightings))
            verdicts[f.text] = Verdict.UNJUDGED if excused else Verdict.FALSE
    wrong = [f for f in left if verdicts[f.text] is Verdict.FALSE]
    missed = [plate for plate in clear if plate.text not in pairs]
    misread = dict(_nearest(missed, wrong))
    asked = [
        Asked(plate, right, verdicts[right.text], None)
        if (right := pairs.get(plate.text))
        else Asked(plate, misread.get(plate.text), Verdict.FALSE, _unreported(plate, readings))
        for plate in clear
    ]
    return tuple(asked), tuple(Reported(f, verdicts[f.text]) for f in found)


def _hardly_misread(found: FoundPlate, plate: TruePlate) -> bool:
    return characters_wrong(plate.text, found.text) <= 1 and _gap_s(plate, found.first_s, found.last_s) <= NEAR_S


def _right(clear: Sequence[TruePlate], found: Sequence[FoundPlate]) -> Iterator[tuple[str, FoundPlate]]:
    """Each plate's text with the text that reads it."""
    exact = {f.text: f for f in found}
    free = [f for f in found if all(f.text != plate.text for plate in clear)]
    for plate in clear:
        if plate.text in exact:
            yield plate.text, exact[plate.text]
        elif alike := [f for f in free if same_folded(f.text, plate.text)]:
            nearest = min(alike, key=lambda f: _gap_s(plate, f.first_s, f.last_s))
            free.remove(nearest)
            yield plate.text, nearest


def _nearest(missed: Sequence[TruePlate], wrong: Sequence[FoundPlate]) -> Iterator[tuple[str, FoundPlate]]:
    """Pairs of plates and their misreadings, nearest in text first, then in time."""
    pairs = sorted(
        (
            (characters_wrong(plate.text, f.text), _gap_s(plate, f.first_s, f.last_s), plate.text, f.text, f)
            for plate in missed
            for f in wrong
            if _may_be(plate, f.text, f.first_s, f.last_s)
        ),
        key=lambda pair: pair[:4],
    )
    plates, texts = set[str](), set[str]()
    for *_, plate_text, text, f in pairs:
        if plate_text not in plates and text not in texts:
            plates.add(plate_text)
            texts.add(text)
            yield plate_text, f


def _unreported(plate: TruePlate, readings: Sequence[ReadTracklet]) -> ReadTracklet | None:
    near = [r for r in readings if _may_be(plate, r.reading.text, r.first.time_s, r.last.time_s)]
    wrong = {id(r): characters_wrong(plate.text, r.reading.text) for r in near}
    return min(near, key=lambda r: (wrong[id(r)], -r.reading.confidence), default=None)


def _may_be(plate: TruePlate, text: str, first_s: float, last_s: float) -> bool:
    alike = characters_wrong(plate.text, text) <= MISREAD_SHARE * len(plate.text)
    return alike and _gap_s(plate, first_s, last_s) <= NEAR_S


def _gap_s(plate: TruePlate, first_s: float, last_s: float) -> float:
    """Seconds between the plate's time and another's, 0 where they overlap."""
    return max(first_s - plate.last_s[1], plate.first_s[0] - last_s, 0.0)


def _outside(time_s: float, span: Span) -> float:
    return max(span[0] - time_s, time_s - span[1], 0.0)


def _both(a: TruePlate, b: TruePlate) -> TruePlate:
    """Two passings of one plate; what is legible counts of the clear one, where only one is."""
    clear = [p for p in (a, b) if p.clear] or [a, b]
    return replace(
        a,
        clear=a.clear or b.clear,
        first_s=(min(a.first_s[0], b.first_s[0]), min(p.first_s[1] for p in clear)),
        last_s=(max(p.last_s[0] for p in clear), max(a.last_s[1], b.last_s[1])),
    )
