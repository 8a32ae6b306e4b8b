"""Holds what was found and read in photographs against what they are known to show."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import TypeAlias

from evaluation.stills.truth import KnownPlate, Still
from evaluation.texts import characters_wrong, same_folded
from evaluation.truth_groups import ALL
from pipeline.formats.confusions import folded
from pipeline.photo import PhotoPlate
from pipeline.records import Reading
from training.detector.measuring.measure import IGNORED_IOU, RIGHT_IOU

#: A reading may be meant for a plate without a box where at most this share of the plate's characters is wrong.
ALIKE = 0.5

#: How well a plate and a place fit; 0: not at all.
Likeness: TypeAlias = Callable[[KnownPlate, PhotoPlate], float]


@dataclass(frozen=True, slots=True)
class Answer:
    """A plate that counts, and the place that was found for it; None: none was."""

    plate: KnownPlate
    place: PhotoPlate | None

    @property
    def reading(self) -> Reading | None:
        return self.place.reading if self.place else None

    @property
    def said(self) -> str:
        return self.reading.text if self.reading else ""

    @property
    def is_right(self) -> bool:
        """Whether it was read right but for O and 0, I and 1."""
        return same_folded(self.plate.text, self.said)

    @property
    def characters_wrong(self) -> int:
        return characters_wrong(self.plate.text, self.said)


@dataclass(frozen=True, slots=True)
class JudgedStill:
    """A picture, what was found in it, and what of that is right."""

    still: Still
    found: tuple[PhotoPlate, ...]
    #: One for each plate that counts.
    answers: tuple[Answer, ...]
    #: Places with a reading that nothing known explains; empty where the picture may show other plates.
    false: tuple[PhotoPlate, ...]
    #: Milliseconds from the decoded picture to the readings.
    ms: float


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: one reader on one group of plates, in the pictures of it. None: nothing to measure."""

    group: str
    reader: str
    pictures: int
    #: Those that count.
    plates: int
    #: Share of the plates with a box that a place was found for, read or not.
    found: float | None
    #: Share of the plates that are read right, of all that count.
    exact: float | None
    #: The same with O and 0, I and 1 taken for the same.
    folded: float | None
    #: Characters to mend over those that there are, in plates that a place was found for.
    cer: float | None
    #: Readings that nothing explains, in pictures whose plates are all known.
    false: int
    #: Share of the readings that are right (folded): of plates that count, and those that are false.
    precision: float | None
    #: Whether pictures that may show other plates are among them: false readings there are not known, so precision is
    #: an upper bound.
    upper_bound: bool
    #: Median over the pictures.
    ms_per_picture: float


def judge(still: Still, found: Sequence[PhotoPlate], ms: float, on_it: Likeness | None = None) -> JudgedStill:
    """Give each known plate the place that was found for it; what is left with a reading may be false.

    A place has found a plate with a box where they overlap by half, or where they touch and the reading is the
    plate's text. It has found one without a box where the reading is more like its text than unlike it. `on_it` says in
    another way than by overlap how well a place fits a plate with a box, over 0 where it has found it.
    """
    pairs = _Pairs(still.plates, found)
    pairs.join(on_it or _overlap)
    pairs.join(_touch_and_say_so)
    pairs.join(_alike)
    answers = tuple(Answer(plate, pairs.place_of(index)) for index, plate in enumerate(still.plates) if plate.counts)
    false = tuple(_unexplained(still, pairs)) if still.every_plate_known else ()
    return JudgedStill(still, tuple(found), answers, false, ms)


def table_rows(judged: Mapping[str, Sequence[JudgedStill]]) -> Iterator[Row]:
    """All pictures, then each group in the order of their names; for each of them a row a reader.

    A false reading counts for each group of its picture.
    """
    groups = sorted({group for some in judged.values() for j in some for group in j.still.groups} - {""})
    for reader, some in judged.items():
        yield _row(ALL, reader, some)
    for group in groups:
        for reader, some in judged.items():
            yield _row(group, reader, [_of_group(j, group) for j in some if group in j.still.groups])


def _of_group(judged: JudgedStill, group: str) -> JudgedStill:
    return replace(judged, answers=tuple(answer for answer in judged.answers if answer.plate.group == group))


class _Pairs:
    """Plates and places, each of which goes into one pair at most."""

    def __init__(self, plates: Sequence[KnownPlate], places: Sequence[PhotoPlate]) -> None:
        self._plates, self._places = plates, places
        self._place_of: dict[int, int] = {}

    def join(self, likeness: Likeness) -> None:
        """Pair what is still free, most alike first; a likeness of 0 makes no pair."""
        free = [index for index in range(len(self._places)) if index not in self._place_of.values()]
        plates = [index for index in range(len(self._plates)) if index not in self._place_of]
        alike = [(likeness(self._plates[one], self._places[other]), one, other) for one in plates for other in free]
        for share, plate, place in sorted(alike, key=lambda pair: -pair[0]):
            if share > 0 and plate not in self._place_of and place not in self._place_of.values():
                self._place_of[plate] = place

    def place_of(self, plate: int) -> PhotoPlate | None:
        place = self._place_of.get(plate)
        return None if place is None else self._places[place]

    def free_plates(self) -> list[KnownPlate]:
        return [plate for index, plate in enumerate(self._plates) if index not in self._place_of]

    def free_places(self) -> list[PhotoPlate]:
        return [place for index, place in enumerate(self._places) if index not in self._place_of.values()]


def _overlap(plate: KnownPlate, place: PhotoPlate) -> float:
    iou = plate.box.iou(place.detection.box) if plate.box else 0.0
    return iou if iou >= RIGHT_IOU else 0.0


def _touch_and_say_so(plate: KnownPlate, place: PhotoPlate) -> float:
    if plate.box is None or not plate.text or place.reading is None:
        return 0.0
    touching = plate.box.shared(place.detection.box) > 0
    return float(touching and same_folded(plate.text, place.reading.text))


def _alike(plate: KnownPlate, place: PhotoPlate) -> float:
    if plate.box or not plate.text or place.reading is None:
        return 0.0
    wrong = characters_wrong(folded(plate.text), folded(place.reading.text)) / len(plate.text)
    return 1.0 - wrong if wrong <= ALIKE else 0.0


def _unexplained(still: Still, pairs: _Pairs) -> Iterator[PhotoPlate]:
    """Places left with a reading: neither on a plate that does not count, nor with a text that the picture shows.

    A plate of which neither box nor text is known explains one of them, the surest first.
    """
    unknown = sum(not plate.text and plate.box is None for plate in pairs.free_plates())
    uncounted = [plate.box for plate in still.plates if plate.box and not plate.counts]
    texts = {folded(plate.text) for plate in still.plates if plate.text}
    for place in sorted(pairs.free_places(), key=lambda place: -place.detection.confidence):
        if place.reading is None or folded(place.reading.text) in texts:
            continue
        if any(place.detection.box.iou(box) >= IGNORED_IOU for box in uncounted):
            continue
        if unknown:
            unknown -= 1
            continue
        yield place


def _row(group: str, reader: str, judged: Sequence[JudgedStill]) -> Row:
    answers = [answer for j in judged for answer in j.answers]
    boxed = [answer for answer in answers if answer.plate.box]
    found = [answer for answer in answers if answer.place]
    false = sum(len(j.false) for j in judged)
    right = sum(answer.is_right for answer in answers)
    return Row(
        group=group,
        reader=reader,
        pictures=len(judged),
        plates=len(answers),
        found=_share(sum(answer.place is not None for answer in boxed), len(boxed)),
        exact=_share(sum(answer.said == answer.plate.text for answer in answers), len(answers)),
        folded=_share(right, len(answers)),
        cer=_share(sum(answer.characters_wrong for answer in found), sum(len(answer.plate.text) for answer in found)),
        false=false,
        precision=_share(right, sum(answer.reading is not None for answer in answers) + false),
        upper_bound=not all(j.still.every_plate_known for j in judged),
        ms_per_picture=median(j.ms for j in judged),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
