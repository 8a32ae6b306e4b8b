"""Stitches tracklets into sightings: one vehicle that passes once is one row, across segments and misreads.

Two tracklets are the same vehicle when their texts differ by no more than the recogniser's own confusions explain and
they are close in time. Texts are compared by an edit distance in which look-alikes cost little: 1 is one full letter.
Fixed-prefix similarity (Jaro-Winkler) is not used: vehicles of one region share a prefix.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.formats import Formats, load_formats
from pipeline.formats.confusions import CONFUSIONS, folded
from pipeline.pooling import ALTERNATIVES, NEVER_ZERO, shares
from pipeline.records import FOREIGN, Candidate, Character, MediaKind, Reading, ReadTracklet, Sighting

#: Tracklets with equal texts this far apart are still one passing: a plate hidden behind another car, a wiper.
SAME_TEXT_GAP_S = 20.0
#: Tracklets with like texts must be this close.
LIKE_TEXT_GAP_S = 3.0
#: Texts of one vehicle differ by at most this: one true misread, or a few look-alikes.
LIKE_COST = 1.0
#: Two plates that are this many plate widths apart at one moment are on two vehicles.
ELSEWHERE_WIDTHS = 1.5
#: What exchanging look-alikes costs, against 1 for any other exchange.
LOOK_ALIKE_COST = 0.3
#: A character lost at either end is a plate cut off by the frame or a neighbouring bolt.
END_COST = 0.6
#: Chance that one of many tracklets is of no use at all: bounds what it can veto.
_OUTLIER = 0.01
#: A tracklet weighs at least this, however unsure it is.
_LEAST_SURE = 0.01
#: More agreeing crops than this do not make a tracklet weigh more: they are looks at the same picture.
_MOST_READS = 4

#: A video's sighting has to be this sure of the whole text: one that two crops agree on, and a single read.
CONFIRMED_CONFIDENCE, SINGLE_READ_CONFIDENCE = 0.35, 0.7
#: The same where the text is not likely a plate of any country: what is read off signs and shop fronts seldom is.
UNKNOWN_FORM_CONFIDENCE, UNKNOWN_FORM_SINGLE_READ_CONFIDENCE = 0.75, 0.95
#: Shorter texts than this have to be as sure as single reads even where two crops agree: signs are mostly short.
_SHORT_BELOW = 5
#: A photograph has one picture of each plate.
PHOTO_CONFIDENCE = 0.1

#: A video has a home country where this many different plates are surely read and named, and this share of them for it.
HOME_PLATES, HOME_SHARE, HOME_CONFIDENCE = 3, 0.7, 0.9


def stitch(
    tracklets: Sequence[ReadTracklet], kind: MediaKind | None, formats: Formats | None = None
) -> tuple[Sighting, ...]:
    """The sightings of one video, by first appearance; `tracklets` are all that have a reading, in any order.

    `formats` are those of the countries that were asked for, or of all.
    """
    formats = formats or load_formats()
    groups: list[_Group] = []
    # Those that a later tracklet may still belong to: a day of one camera has thousands of others.
    near: list[_Group] = []
    for tracklet in sorted(tracklets, key=lambda t: (t.first.pts, t.segment, t.index)):
        near = [group for group in near if group.last_s + SAME_TEXT_GAP_S >= tracklet.first.time_s]
        _, home = min(_homes(near, tracklet), key=lambda pair: pair[0], default=(0.0, None))
        if home is None:
            home = _Group()
            groups.append(home)
            near.append(home)
        home.add(tracklet)
    sightings = [s for group in groups if _worth_keeping(s := group.sighting(), kind, formats)]
    ordered = sorted(sightings, key=lambda s: (s.first.pts, s.text))
    return tuple(_numbered(_at_home(ordered, formats)))


@dataclass(slots=True)
class _Group:
    """Tracklets of one vehicle's passing, in the making."""

    members: list[ReadTracklet] = field(default_factory=list)
    #: When it was last seen so far.
    last_s: float = -math.inf
    #: Members that a later tracklet may still be near to: a car that is parked for a day has thousands of others.
    _recent: list[ReadTracklet] = field(default_factory=list)

    def add(self, member: ReadTracklet) -> None:
        self.members.append(member)
        self._recent.append(member)
        self.last_s = max(self.last_s, member.last.time_s)

    def recent(self, time_s: float) -> list[ReadTracklet]:
        """Its members that were still seen shortly before `time_s`, which never runs back."""
        self._recent = [m for m in self._recent if time_s - m.last.time_s <= SAME_TEXT_GAP_S]
        return self._recent

    def sighting(self) -> Sighting:
        share_of = _fused(self.members)
        key = max(share_of, key=lambda k: (share_of[k], k))
        text, country = _named(self.members, key)
        best = max(self.members, key=lambda m: (_proposals(m.reading).get(key, 0.0) * _weight(m), -m.index))
        reads = sum(m.reading.reads for m in self.members if edit_cost(m.reading.text, text) <= LIKE_COST)
        return Sighting(
            index=0,
            text=text,
            country=country,
            confidence=min(1.0, share_of[key]),
            characters=_characters(self.members, text),
            alternatives=_runners_up(self.members, share_of, key),
            first=min((m.first for m in self.members), key=lambda o: o.pts),
            last=max((m.last for m in self.members), key=lambda o: o.pts),
            best=best.best,
            crop=best.crop,
            reads=reads,
            confirmed=reads >= 2,
            tracklets=tuple((m.segment, m.index) for m in self.members),
            country_confidence=_sure_of_country(self.members, key, country),
        )


def edit_cost(a: str, b: str) -> float:
    """Edit distance between two plate texts, weighted by what is easily confused; 0 for equal texts."""
    row = [_gap_cost(j) for j in range(len(b) + 1)]
    for i, char in enumerate(a, start=1):
        previous, row = row, [_gap_cost(i)]
        for j, other in enumerate(b, start=1):
            gap = END_COST if (i, j) == (len(a), len(b)) else 1.0
            row.append(min(previous[j - 1] + _exchange_cost(char, other), previous[j] + gap, row[j - 1] + gap))
    return row[-1]


def _gap_cost(length: int) -> float:
    """Characters missing at the beginning: the first is cheap, further ones are not."""
    return 0.0 if length == 0 else END_COST + length - 1


def _exchange_cost(a: str, b: str) -> float:
    if a == b:
        return 0.0
    return LOOK_ALIKE_COST if (a, b) in CONFUSIONS or (b, a) in CONFUSIONS else 1.0


def _homes(groups: Sequence[_Group], tracklet: ReadTracklet) -> Iterator[tuple[float, _Group]]:
    """The groups that a tracklet may belong to, with how unlike it is to each."""
    for group in groups:
        members = group.recent(tracklet.first.time_s)
        costs = [c for member in members if (c := _kinship(member, tracklet)) is not None]
        if costs and not any(_elsewhere(member, tracklet) for member in members):
            yield min(costs), group


def _kinship(a: ReadTracklet, b: ReadTracklet) -> float | None:
    """How unlike two tracklets of one vehicle are; None where they are two vehicles."""
    gap_s = max(b.first.time_s - a.last.time_s, a.first.time_s - b.last.time_s, 0.0)
    if folded(a.reading.text) == folded(b.reading.text):
        return 0.0 if gap_s <= SAME_TEXT_GAP_S else None
    if gap_s > LIKE_TEXT_GAP_S:
        return LIKE_COST if gap_s <= SAME_TEXT_GAP_S and _is_stray(a, b) else None
    if _part_of(a, b):
        return LIKE_COST
    cost = edit_cost(a.reading.text, b.reading.text)
    # A whole letter apart is two cars of one fleet as often as one car misread: one of them must have doubted.
    return cost if cost < LIKE_COST or (cost == LIKE_COST and _either_doubts(a.reading, b.reading)) else None


def _is_stray(a: ReadTracklet, b: ReadTracklet) -> bool:
    """Whether one of two like texts is a lone look at the other's plate, which had not moved: a glare, a wiper."""
    earlier, later = (a, b) if a.last.time_s <= b.first.time_s else (b, a)
    (x0, y0), (x1, y1) = earlier.last.box.centre, later.first.box.centre
    widest = max(earlier.last.box.width, later.first.box.width)
    unmoved = math.hypot(x1 - x0, y1 - y0) <= ELSEWHERE_WIDTHS * widest
    lone = min(a.reading.reads, b.reading.reads) <= 1
    return lone and unmoved and edit_cost(a.reading.text, b.reading.text) <= LIKE_COST


def _either_doubts(a: Reading, b: Reading) -> bool:
    """Whether one reading has the other's text among its runners-up."""
    return any(c.text == b.text for c in a.alternatives) or any(c.text == a.text for c in b.alternatives)


def _part_of(a: ReadTracklet, b: ReadTracklet) -> bool:
    """Whether one text is a piece of the other: the plate was partly hidden or out of the frame."""
    shorter, longer = sorted((a.reading.text, b.reading.text), key=len)
    return len(shorter) >= max(3, len(longer) - 3) and shorter in longer


def _elsewhere(a: ReadTracklet, b: ReadTracklet) -> bool:
    """Seen at the same time, be it in one frame, in two places with two texts: two vehicles, however alike."""
    begin_s, end_s = max(a.first.time_s, b.first.time_s), min(a.last.time_s, b.last.time_s)
    if end_s < begin_s or folded(a.reading.text) == folded(b.reading.text):
        return False
    (ax, ay), (bx, by) = _centre_at(a, (begin_s + end_s) / 2), _centre_at(b, (begin_s + end_s) / 2)
    return math.hypot(ax - bx, ay - by) > ELSEWHERE_WIDTHS * max(a.best.box.width, b.best.box.width)


def _centre_at(tracklet: ReadTracklet, time_s: float) -> tuple[float, float]:
    """Where its plate was at that time, on the straight line between its first and last place."""
    (x0, y0), (x1, y1) = tracklet.first.box.centre, tracklet.last.box.centre
    length_s = tracklet.last.time_s - tracklet.first.time_s
    share = (time_s - tracklet.first.time_s) / length_s if length_s > 0 else 0.0
    return x0 + share * (x1 - x0), y0 + share * (y1 - y0)


def _weight(member: ReadTracklet) -> float:
    return math.sqrt(min(max(member.reading.reads, 1), _MOST_READS)) * max(member.reading.confidence, _LEAST_SURE)


def _fused(members: Sequence[ReadTracklet]) -> dict[str, float]:
    """Share of each key over all tracklets: log-probabilities summed, weighted by how much each tracklet saw.

    A key stands for all texts that no picture tells apart.
    """
    proposals = [_proposals(m.reading) for m in members]
    # Sorted, so that sums are the same to the last bit in every process.
    keys = sorted({key for own in proposals for key in own})
    # The heaviest counts once, so that a lone tracklet keeps its own confidences and agreeing ones grow surer.
    heaviest = max(_weight(m) for m in members)
    weighted = [(_weight(m) / heaviest, own) for m, own in zip(members, proposals, strict=True)]
    # A lone tracklet has nobody to be an outlier to.
    floor = _OUTLIER if len(members) > 1 else NEVER_ZERO
    unexplained = sum(w * math.log(max(NEVER_ZERO, 1.0 - sum(own.values()))) for w, own in weighted)
    pooled = shares(_sums_of_logs(keys, weighted, floor), unexplained)
    return dict(zip(keys, pooled.tolist(), strict=True))


def _sums_of_logs(
    keys: Sequence[str], weighted: Sequence[tuple[float, dict[str, float]]], floor: float
) -> NDArray[np.float64]:
    """For each key, the weighted sum of its logarithms over all tracklets, each raised by `floor`.

    As one array a tracklet: of the many keys of a long stay, each tracklet proposes a few.
    """
    places = {key: place for place, key in enumerate(keys)}
    sums = np.zeros(len(keys))
    for weight, own in weighted:
        logs = np.full(len(keys), math.log(floor))
        logs[[places[key] for key in own]] = [math.log(share + floor) for share in own.values()]
        sums += weight * logs
    return sums


def _proposals(reading: Reading) -> dict[str, float]:
    """Share of each key in one reading."""
    own: dict[str, float] = defaultdict(float)
    said = [(reading.text, reading.confidence), *((c.text, c.confidence) for c in reading.alternatives)]
    for text, share in said:
        own[folded(text)] += share
    return own


def _named(members: Sequence[ReadTracklet], key: str) -> tuple[str, str | None]:
    """The text that a key stands for, and its country: one that fits a form before one that fits none."""
    evidence: dict[tuple[str, str | None], float] = defaultdict(float)
    for member in members:
        reading = member.reading
        weight = _proposals(reading).get(key, 0.0) * _weight(member)
        for text, country in ((reading.text, reading.country), *((c.text, None) for c in reading.alternatives)):
            if folded(text) == key:
                evidence[text, country] += weight
    return max(evidence, key=lambda named: (named[1] is not None, evidence[named], named[0]))


def _sure_of_country(members: Sequence[ReadTracklet], key: str, country: str | None) -> float | None:
    """How sure the country is: the surest of the tracklets that say both; the same plate looks no less like it."""
    if country is None:
        return None
    said = (m.reading for m in members if folded(m.reading.text) == key and m.reading.country == country)
    return max((sure for reading in said if (sure := reading.country_confidence) is not None), default=None)


def _characters(members: Sequence[ReadTracklet], text: str) -> tuple[Character, ...]:
    """Each position at its surest, over the tracklets that say the text; else the unsure text itself."""
    key = folded(text)
    said = [m.reading for m in members if folded(m.reading.text) == key]
    if not said:
        share = max(_proposals(m.reading).get(key, 0.0) for m in members)
        return tuple(Character(char, share) for char in text)
    surest = iter([max(column) for column in zip(*(reading.confidences for reading in said), strict=True)])
    chars = iter(text)
    return tuple(one if one.char == FOREIGN else Character(next(chars), next(surest)) for one in _usual(said))


def _usual(said: Sequence[Reading]) -> tuple[Character, ...]:
    """The characters of a reading that has letters of other scripts where most have them."""
    places = [tuple(i for i, one in enumerate(reading.characters) if one.char == FOREIGN) for reading in said]
    often = Counter(places)
    return said[max(range(len(said)), key=lambda i: (often[places[i]], -i))].characters


def _runners_up(members: Sequence[ReadTracklet], share_of: dict[str, float], best: str) -> tuple[Candidate, ...]:
    others = sorted((key for key in share_of if key != best), key=lambda key: (-share_of[key], key))
    return tuple(Candidate(_named(members, key)[0], share_of[key]) for key in others[:ALTERNATIVES])


def _worth_keeping(sighting: Sighting, kind: MediaKind | None, formats: Formats) -> bool:
    """Whether a sighting is sure enough to be a row. No form is asked for, but what has none must be surer."""
    return sighting.confidence >= _least_confidence(sighting, kind, formats)


def _least_confidence(sighting: Sighting, kind: MediaKind | None, formats: Formats) -> float:
    if kind is MediaKind.PHOTO:
        return PHOTO_CONFIDENCE
    if formats.has_form(sighting.text, sighting.country):
        return CONFIRMED_CONFIDENCE if sighting.confirmed else SINGLE_READ_CONFIDENCE
    if sighting.confirmed and len(sighting.text) >= _SHORT_BELOW:
        return UNKNOWN_FORM_CONFIDENCE
    return UNKNOWN_FORM_SINGLE_READ_CONFIDENCE


def _at_home(sightings: Sequence[Sighting], formats: Formats) -> Iterator[Sighting]:
    """Those whose text fits the forms of several countries get the home country, where it is likely enough among them.

    Learnt from the sightings of one video: those of a whole job depend on which of its videos are stitched first.
    """
    home = _home(sightings)
    for sighting in sightings:
        match = formats.match(sighting.text, home=home) if home and sighting.country is None else None
        if match and match.country == home:
            yield replace(sighting, country=home, country_confidence=match.confidence)
        else:
            yield sighting


def _home(sightings: Sequence[Sighting]) -> str | None:
    """The country that most of the plates are of whose country is told, if there are enough of them."""
    sure = (s for s in sightings if s.country is not None and s.confirmed and s.confidence >= HOME_CONFIDENCE)
    countries = Counter(country for country, _ in {(s.country, folded(s.text)) for s in sure})
    if countries.total() < HOME_PLATES:
        return None
    # The share is more than half, so that there are no two.
    return next((country for country, n in countries.items() if n >= HOME_SHARE * countries.total()), None)


def _numbered(sightings: Iterable[Sighting]) -> Iterator[Sighting]:
    for index, sighting in enumerate(sightings):
        yield replace(sighting, index=index)
