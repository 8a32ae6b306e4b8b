"""Sightings that are one passing: of a vehicle at the cut between two clips, or in the front and the rear camera.

Within one clip, stitching has joined what belongs together; here are the rules between clips of one drive. They look at
two sightings and nothing else, so that what comes later changes nothing about these.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pipeline.formats.confusions import folded
from pipeline.sightings import LIKE_COST, LIKE_TEXT_GAP_S, SAME_TEXT_GAP_S, edit_cost

#: From the front camera's picture into the rear one's a vehicle takes this long at most, seconds: one that is overtaken
#: slowly. With other texts it takes no longer than this.
BESIDE_GAP_S, LIKE_BESIDE_GAP_S = 30.0, 10.0
#: Sightings further apart than this are never one passing.
LONGEST_GAP_S = max(SAME_TEXT_GAP_S, BESIDE_GAP_S)
#: Consecutive clips of one camera overlap by a second or two; what overlaps more was recorded by two cameras.
_OVERLAP_S = 5.0
#: What a keyed hash begins with: it is like no other.
_HASH = "#"


@dataclass(frozen=True, slots=True)
class Clip:
    """A file of a drive on the wall clock; all of a drive are aware."""

    id: int
    #: front, rear, interior; None where nothing says.
    camera: str | None
    began_at: dt.datetime
    ended_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """A sighting on the wall clock."""

    id: int
    clip: Clip
    text: str
    #: Its runners-up.
    others: frozenset[str]
    first_at: dt.datetime
    last_at: dt.datetime


def passings(seen: Iterable[Seen]) -> list[list[int]]:
    """Numbers of sightings that are one passing, ascending; those that are alone are left out."""
    ordered = sorted(seen, key=lambda one: (one.first_at, one.id))
    group_of = {one.id: one.id for one in ordered}

    def root(number: int) -> int:
        while group_of[number] != number:
            group_of[number] = number = group_of[group_of[number]]
        return number

    for a, b in _near(ordered):
        if root(a.id) != root(b.id) and one_passing(a, b):
            first, second = sorted((root(a.id), root(b.id)))
            group_of[second] = first
    groups: dict[int, list[int]] = defaultdict(list)
    for number in sorted(group_of):
        groups[root(number)].append(number)
    return [group for group in groups.values() if len(group) > 1]


def one_passing(a: Seen, b: Seen) -> bool:
    """Whether two sightings of two clips are the same vehicle, passing once."""
    if a.clip.id == b.clip.id:
        return False
    same, like = (BESIDE_GAP_S, LIKE_BESIDE_GAP_S) if _beside(a.clip, b.clip) else (SAME_TEXT_GAP_S, LIKE_TEXT_GAP_S)
    gap_s = _gap_s(a, b)
    if folded(a.text) == folded(b.text):
        return gap_s <= same
    return gap_s <= like and _kin(a, b)


def _near(ordered: Sequence[Seen]) -> Iterator[tuple[Seen, Seen]]:
    """Pairs that are close enough in time, each once; `ordered` by their first moment."""
    recent: list[Seen] = []
    for one in ordered:
        recent = [other for other in recent if (one.first_at - other.last_at).total_seconds() <= LONGEST_GAP_S]
        yield from ((other, one) for other in recent)
        recent.append(one)


def _gap_s(a: Seen, b: Seen) -> float:
    return max((b.first_at - a.last_at).total_seconds(), (a.first_at - b.last_at).total_seconds(), 0.0)


def _beside(a: Clip, b: Clip) -> bool:
    """Whether two clips are of two cameras of one vehicle."""
    if a.camera is not None and b.camera is not None:
        return a.camera != b.camera
    return (min(a.ended_at, b.ended_at) - max(a.began_at, b.began_at)).total_seconds() > _OVERLAP_S


def _kin(a: Seen, b: Seen) -> bool:
    """Whether two texts may be one plate's, as stitching says: look-alikes, or a letter that one of them doubted."""
    if a.text.startswith(_HASH) or b.text.startswith(_HASH):
        return False
    cost = edit_cost(a.text, b.text)
    return cost < LIKE_COST or (cost == LIKE_COST and (a.text in b.others or b.text in a.others))
