"""Which of several claims on a recording's start is believed, in which zone, and what speaks against it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from pipeline.camera.clock.zones import MOST_CAMERA_ERROR_S, between, least_apart_s, moved, placed, spelled, zone_named
from pipeline.camera.records import Clock, ClockClaim
from pipeline.records import RecordedFrom
from pipeline.utc import as_utc
from pipeline.video.recorded import AHEAD, EARLIEST

#: The best first.
ORDER = tuple(RecordedFrom)
#: A container's clock and the name's are the same one, where they say the same to so many seconds beside their errors.
_SAME_CLOCK_S = 2.0
_UTC = "UTC"
#: Sources that tell a moment of themselves, so that a local clock beside them tells the zone.
_ANCHORS = frozenset(RecordedFrom) - {RecordedFrom.FILE}


def clock_of(
    claims: Iterable[ClockClaim], zone: dt.tzinfo | None = None, *, now: dt.datetime | None = None
) -> Clock | None:
    """The best of what is said of a recording's start, in its zone, with what agrees and disagrees; None for nothing.

    Sources rank as in `RecordedFrom`. Claims before the year 2000, on its first day, or in the future are no claims.
    `zone` is that of naive claims. Without one, a naive claim beside a moment tells it, where the two are a whole
    number of quarters of an hour apart but for a camera's error. A container's time that equals the name's is no UTC.
    """
    latest = (now or dt.datetime.now(dt.UTC)) + AHEAD
    told = sorted((one for one in claims if _is_time(one.at, latest)), key=_rank)
    if not told:
        return None
    bench = _Bench(_with_local_container(told))
    found = zone or bench.zone()
    if found is not None:
        bench.move_to(found)
    start, *rest = bench.claims
    against = [one for one in rest if _disagree(start, one)]
    in_zone = found or start.at.tzinfo
    return Clock(
        start,
        None if in_zone is None else spelled(in_zone, start.at),
        tuple(against),
        tuple(one for one in rest if one not in against),
        tuple(bench.notes),
    )


def with_claim(clock: Clock | None, claim: ClockClaim, zone: dt.tzinfo | None = None) -> Clock | None:
    """A clock after one more source has spoken, such as the clock on screen, which is read long after the probe.

    `zone` is the one that was given for naive claims, as for `clock_of`.
    """
    if clock is None:
        return clock_of([claim], zone)
    if zone is None and clock.zone not in (None, _UTC):
        # A moment of no zone but UTC may get one from a local time; any other zone is known by now.
        zone = zone_named(clock.zone)
    found = clock_of([clock.start, *clock.others, *clock.agreed, claim], zone)
    return None if found is None else replace(found, notes=(*clock.notes, *found.notes))


@dataclass(slots=True)
class _Bench:
    """The claims while they are judged, the best first."""

    claims: list[ClockClaim]
    notes: list[str] = field(default_factory=list)

    def zone(self) -> dt.tzinfo | None:
        """That of the person who says when it was, or that of a local clock beside a moment."""
        first = self.claims[0]
        if first.told_by is RecordedFrom.GIVEN and first.at.tzinfo is not None:
            return first.at.tzinfo
        moment = next((one for one in self.claims if one.at.tzinfo is not None and one.told_by in _ANCHORS), None)
        local = next((one for one in self.claims if one.at.tzinfo is None), None)
        if moment is None or local is None:
            return None
        # A long recording's container may say when it ended: that is too far off to tell one zone from the next.
        error_s = moment.error_s + local.error_s
        found = between(local.at, moment.at) if error_s <= MOST_CAMERA_ERROR_S else None
        if found is None:
            return None
        off = f", the camera's clock being {_off(found.ahead_s)}" if abs(found.ahead_s) > max(error_s, 1.0) else ""
        name = spelled(found.zone, moment.at)
        self.notes.append(f"The zone {name} is the difference of {local.told_by} and {moment.told_by}{off}.")
        return found.zone

    def move_to(self, zone: dt.tzinfo) -> None:
        """All claims in one zone."""
        moments = [one for one in self.claims if one.at.tzinfo is not None and one.told_by in _ANCHORS]
        self.claims = [self._moved(one, zone, moments) for one in self.claims]

    def _moved(self, claim: ClockClaim, zone: dt.tzinfo, moments: Sequence[ClockClaim]) -> ClockClaim:
        if claim.at.tzinfo is not None:
            return replace(claim, at=moved(claim.at, zone))
        found = placed(claim.at, zone)
        if found.instead is None:
            return replace(claim, at=found.at)
        for moment in moments:
            # A moment beside it says which of the two hours it is.
            for at in (found.at, found.instead):
                if abs((at - moment.at).total_seconds()) <= claim.error_s + moment.error_s:
                    return replace(claim, at=at)
        if found.note is not None and found.note not in self.notes:
            self.notes.append(found.note)
        return replace(claim, at=found.at, error_s=claim.error_s + found.error_s)


def _with_local_container(claims: list[ClockClaim]) -> list[ClockClaim]:
    """The same, a container's time naive where it is the camera's local one."""
    local = next((one for one in claims if one.at.tzinfo is None), None)
    return [_local_if_same(one, local) for one in claims]


def _local_if_same(claim: ClockClaim, local: ClockClaim | None) -> ClockClaim:
    if claim.told_by is not RecordedFrom.CONTAINER or claim.at.tzinfo is None or local is None:
        return claim
    read = claim.at.replace(tzinfo=None)
    same = abs((read - local.at).total_seconds()) <= claim.error_s + local.error_s + _SAME_CLOCK_S
    return replace(claim, at=read) if same else claim


def _disagree(one: ClockClaim, other: ClockClaim) -> bool:
    """Whether two claims cannot both be true, whatever zone a local time is of."""
    errors_s = one.error_s + other.error_s
    if (one.at.tzinfo is None) == (other.at.tzinfo is None):
        return abs((one.at - other.at).total_seconds()) > errors_s
    local, moment = (one.at, other.at) if one.at.tzinfo is None else (other.at, one.at)
    return least_apart_s(local, moment) > errors_s


def _is_time(at: dt.datetime, latest: dt.datetime) -> bool:
    try:
        return EARLIEST <= as_utc(at) <= latest
    except OverflowError:
        return False


def _rank(claim: ClockClaim) -> int:
    return ORDER.index(claim.told_by)


def _off(ahead_s: float) -> str:
    return f"{abs(ahead_s):.0f} s {'ahead' if ahead_s > 0 else 'behind'}"
