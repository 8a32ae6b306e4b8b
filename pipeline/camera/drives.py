"""Which recordings belong together: cameras of one moment, clips that follow each other, and drives.

A moment is what a vehicle's cameras recorded at once. A stretch is a row of moments in which each begins where the last
one ended. A drive is a row of stretches with short pauses: a clip that is missing parts stretches, and no drives.

Recordings are of one vehicle where they lie on one card: in one folder, those for cameras and kinds (`Front`, `Event`)
left aside. Where two of one camera and kind overlap, they are of two vehicles after all, or copies, and kept apart.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pipeline.camera.file_names import CAMERAS, named, without_sorting_folders
from pipeline.camera.records import Clock
from pipeline.sources.source import Source

#: A drive ends after a pause of so many seconds.
PAUSE_S = 300.0
#: Between two files a camera loses up to so many seconds, or records them twice.
_CUT_S = 3.0
#: Where the camera's count says that one file follows the other, it may have lost more.
_COUNTED_CUT_S = 30.0
#: However bad two clocks are, recordings that are further apart are not taken for neighbours by time alone.
_MOST_ERROR_S = 5.0
#: A clock without a zone may be put forward or back by so much within a drive.
_CHANGE_S = 3600.0
#: Files without a length are taken for that long: no camera writes shorter ones.
_SHORTEST_S = 1.0


@dataclass(frozen=True, slots=True)
class Recording:
    """One file, as far as it counts for where it belongs."""

    #: Whatever tells it apart for whoever asks.
    key: int
    #: Where it lies: folders and name.
    path: Source
    #: Aware where its zone is known, else the camera's local time; None where nothing says when.
    began_at: dt.datetime | None = None
    #: How far off that may be, in seconds.
    error_s: float = 1.0
    #: None where that is not known.
    duration_s: float | None = None
    make: str | None = None
    #: Which of a vehicle's cameras, one of `file_names.CAMERAS`; None where nothing says which.
    camera: str | None = None
    #: normal, event or parking.
    kind: str | None = None
    #: The number that the camera counts its files with.
    counter: int | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """What a vehicle's cameras recorded at once: one recording a camera, the front's first."""

    recordings: tuple[Recording, ...]

    @property
    def first(self) -> Recording:
        return self.recordings[0]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Moments that follow each other without a gap, in the order of time."""

    moments: tuple[Moment, ...]


@dataclass(frozen=True, slots=True)
class Drive:
    """Stretches of one vehicle with short pauses, in the order of time. Iterated over, it gives its recordings."""

    stretches: tuple[Stretch, ...]

    @property
    def moments(self) -> tuple[Moment, ...]:
        return tuple(moment for stretch in self.stretches for moment in stretch.moments)

    def __iter__(self) -> Iterator[Recording]:
        return (recording for moment in self.moments for recording in moment.recordings)


def recording_of(
    key: int, path: Source, clock: Clock | None, duration_s: float | None, make: str | None = None
) -> Recording:
    """A file with what its name says of it."""
    said = named(_text(path))
    began, error_s = (None, 0.0) if clock is None else (clock.start.at, clock.start.error_s)
    return Recording(key, path, began, error_s, duration_s, make or said.make, said.camera, said.kind, said.counter)


def drives_of(recordings: Iterable[Recording], pause_s: float = PAUSE_S) -> tuple[Drive, ...]:
    """All recordings, each in one drive, in the order of time, those that no clock places at the end.

    The order in which they are given does not matter.
    """
    cards: dict[tuple[str, ...], list[Recording]] = defaultdict(list)
    for recording in sorted(recordings, key=_order):
        cards[card_of(recording.path, recording.make)].append(recording)
    found = [drive for card in cards.values() for drive in _drives(card, pause_s)]
    return tuple(drive for _, drive in sorted(found, key=lambda one: one[0]))


def card_of(path: Source, make: str | None) -> tuple[str, ...]:
    """What all recordings of a vehicle share: the folder, and the make where two lie in one folder."""
    return (*without_sorting_folders(path.parts[:-1]), (make or "").casefold())


def _order(recording: Recording) -> tuple[str, int]:
    return _text(recording.path), recording.key


def _text(path: Source) -> str:
    return "/".join(path.parts)


# Time


@dataclass(slots=True)
class _Placed:
    """A moment on its card's line of time."""

    moment: Moment
    #: Seconds on the card's line; where it ends is where its longest recording does.
    start_s: float
    end_s: float
    error_s: float
    #: Whether its clock has a zone, and is therefore never put forward or back.
    is_zoned: bool

    @property
    def kind(self) -> str | None:
        return self.moment.first.kind

    def counters(self, step: int = 0) -> set[tuple[str | None, int]]:
        """Its files' numbers by camera, so many further on."""
        return {(one.camera, one.counter + step) for one in self.moment.recordings if one.counter is not None}


def _drives(card: Sequence[Recording], pause_s: float) -> Iterator[tuple[tuple[bool, float], Drive]]:
    """The drives of one card, each with its place in the order of all."""
    placed, lost = _placed(card)
    for rows in _with_pauses(_joined(_rows(placed)), pause_s):
        stretches = tuple(Stretch(tuple(one.moment for one in row)) for row in rows)
        yield (False, rows[0][0].start_s), Drive(stretches)
    for moment in lost:
        yield (True, 0.0), Drive((Stretch((moment,)),))


def _placed(card: Sequence[Recording]) -> tuple[list[_Placed], list[Moment]]:
    """The moments that have a place in time, in its order, and those that have none."""
    zoned = [one for one in card if one.began_at is not None and one.began_at.tzinfo is not None]
    zones = sorted((_wall(one), _offset_s(one)) for one in zoned)
    starts = {id(one): _seconds(one, zones) for one in card}
    timed = sorted((one for one in card if one.began_at is not None), key=lambda one: (starts[id(one)], *_order(one)))
    moments = [_on_line(moment, starts, bool(zoned)) for moment in _moments(timed, starts)]
    lost = [one for one in card if one.began_at is None]
    return sorted(moments, key=lambda one: one.start_s), [Moment((one,)) for one in lost]


def _seconds(recording: Recording, zones: Sequence[tuple[dt.datetime, float]]) -> float:
    """When a recording began, in seconds since 1970; one without a zone is in that of the closest one that has it."""
    at = recording.began_at
    if at is None:
        return 0.0
    if at.tzinfo is not None or not zones:
        return _since_1970(at)
    place = bisect_left(zones, (at, 0.0))
    _, offset_s = min(zones[max(place - 1, 0) : place + 1], key=lambda known: abs(known[0] - at))
    return _since_1970(at) - offset_s


def _wall(recording: Recording) -> dt.datetime:
    assert recording.began_at is not None
    return recording.began_at.replace(tzinfo=None)


def _offset_s(recording: Recording) -> float:
    offset = None if recording.began_at is None else recording.began_at.utcoffset()
    return 0.0 if offset is None else offset.total_seconds()


def _since_1970(at: dt.datetime) -> float:
    moment = at.replace(tzinfo=dt.UTC) if at.tzinfo is None else at
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)).total_seconds()


def _on_line(moment: Moment, starts: dict[int, float], is_zoned: bool) -> _Placed:
    first = moment.first
    start_s = starts[id(first)]
    end_s = max(starts[id(one)] + max(one.duration_s or 0.0, _SHORTEST_S) for one in moment.recordings)
    return _Placed(moment, start_s, end_s, min(first.error_s, _MOST_ERROR_S), is_zoned)


# Moments


def _moments(timed: Sequence[Recording], starts: dict[int, float]) -> Iterator[Moment]:
    """Each recording with those of other cameras that began at the same time, or go by the same name."""
    left = list(timed)
    while left:
        first = left.pop(0)
        together = [first]
        for other in _near(first, left, starts):
            if all(_are_other_cameras(one, other) for one in together):
                together.append(other)
                left.remove(other)
        yield Moment(tuple(sorted(together, key=_by_camera)))


def _near(first: Recording, left: Sequence[Recording], starts: dict[int, float]) -> list[Recording]:
    """Those that began with it, the likeliest first: `left` is in the order of time."""
    near = []
    name = named(first.path.name).moment
    for other in left:
        apart_s = starts[id(other)] - starts[id(first)]
        if apart_s > _CUT_S + 2 * _MOST_ERROR_S:
            break
        errors_s = min(first.error_s, _MOST_ERROR_S) + min(other.error_s, _MOST_ERROR_S)
        if other.kind == first.kind and apart_s <= _CUT_S + errors_s:
            near.append((named(other.path.name).moment != name, apart_s, _order(other), other))
    return [other for *_, other in sorted(near, key=lambda one: one[:3])]


def _are_other_cameras(one: Recording, other: Recording) -> bool:
    return one.camera != other.camera


def _by_camera(recording: Recording) -> tuple[int, str]:
    known = recording.camera in CAMERAS
    return CAMERAS.index(recording.camera) if known and recording.camera else len(CAMERAS), _text(recording.path)


# Stretches


def _rows(placed: Sequence[_Placed]) -> list[list[_Placed]]:
    """Rows of moments in which each follows the last; a moment that follows none begins one."""
    rows: list[list[_Placed]] = []
    open_rows: list[list[_Placed]] = []
    for one in placed:
        open_rows = [row for row in open_rows if one.start_s - row[-1].end_s <= _COUNTED_CUT_S + _CHANGE_S]
        row = _row_for(one, open_rows)
        if row is None:
            row = []
            rows.append(row)
            open_rows.append(row)
        row.append(one)
    return rows


def _row_for(one: _Placed, open_rows: Sequence[list[_Placed]]) -> list[_Placed] | None:
    """The row that a moment goes on with: by the camera's count, else by time; or that it lies in, as an event does."""
    counted = [row for row in open_rows if _is_next(row[-1], one) and _follows_counted(row[-1], one)]
    timely = counted or [row for row in open_rows if _follows(row[-1], one)]
    within = timely or [row for row in open_rows if _lies_in(row, one)]
    return min(within, key=lambda row: abs(one.start_s - row[-1].end_s)) if within else None


def _is_next(last: _Placed, one: _Placed) -> bool:
    return bool(last.counters(1) & one.counters())


def _follows(last: _Placed, one: _Placed) -> bool:
    """Whether a moment begins where the last one ended, as far as their clocks allow to say."""
    return abs(one.start_s - last.end_s) <= _CUT_S + last.error_s + one.error_s


def _follows_counted(last: _Placed, one: _Placed) -> bool:
    gap_s = one.start_s - last.end_s
    most_s = _COUNTED_CUT_S + last.error_s + one.error_s
    changes = (0.0,) if last.is_zoned else (0.0, _CHANGE_S, -_CHANGE_S)
    return any(-_CUT_S - last.error_s - one.error_s <= gap_s - change <= most_s for change in changes)


def _lies_in(row: Sequence[_Placed], one: _Placed) -> bool:
    """Whether a moment of another kind is part of a row: cameras write events beside the recording that goes on."""
    slack_s = _CUT_S + one.error_s
    return all(other.kind != one.kind or other.end_s <= one.start_s + slack_s for other in row[-3:]) and any(
        other.start_s - slack_s <= one.start_s <= other.end_s + slack_s for other in row[-3:]
    )


def _joined(rows: list[list[_Placed]]) -> list[list[_Placed]]:
    """The rows, those put together that a clock without a zone has parted by being put back."""
    firsts = {number: row for row in rows if not row[0].is_zoned for number in row[0].counters()}
    followed_by: dict[int, list[_Placed]] = {}
    followers: set[int] = set()
    for row in rows:
        if following := _following(row, firsts, followers):
            followed_by[id(row)] = following
            followers.add(id(following))
    joined: list[list[_Placed]] = []
    seen: set[int] = set()
    # Those that follow none begin; where rows follow each other in a ring, the earliest does.
    for row in sorted(rows, key=lambda one: id(one) in followers):
        whole: list[_Placed] = []
        at: list[_Placed] | None = row
        while at is not None and id(at) not in seen:
            seen.add(id(at))
            whole += at
            at = followed_by.get(id(at))
        if whole:
            joined.append(whole)
    return joined


def _following(
    row: list[_Placed], firsts: dict[tuple[str | None, int], list[_Placed]], taken: set[int]
) -> list[_Placed] | None:
    if row[-1].is_zoned:
        return None
    for number in row[-1].counters(1):
        other = firsts.get(number)
        if other is None or other[0] is row[0] or id(other) in taken:
            continue
        if _follows_counted(row[-1], other[0]):
            return other
    return None


# Drives


def _with_pauses(rows: Sequence[list[_Placed]], pause_s: float) -> Iterator[list[list[_Placed]]]:
    """Rows of one vehicle with no longer pauses between them."""
    drives: list[list[list[_Placed]]] = []
    for row in sorted(rows, key=lambda one: one[0].start_s):
        for drive in drives:
            pause = row[0].start_s - drive[-1][-1].end_s
            slack_s = _CUT_S + row[0].error_s + drive[-1][-1].error_s
            if -slack_s <= pause <= pause_s + slack_s:
                drive.append(row)
                break
        else:
            drives.append([row])
    yield from drives
