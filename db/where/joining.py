"""Joins videos that have ended with what was recorded around them: into drives, and their sightings into passings.

It is done soon after a video's end, in a transaction of its own: by whoever aggregated it, or by the sweeper. What it
looks at reaches from the videos that are new to their neighbours, so that a drive of a thousand clips is not read a
thousand times; all of a drive is read only where it may part or become one with another, or learns its zone. Doing it
again changes nothing, and after a redo it is done again.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from sqlalchemy import RowMapping, insert
from sqlalchemy.orm import Session

from db.models import DriveRow
from db.named_sql import statements
from db.where.clocks import clock_of, local, offset_s
from pipeline.camera.drives import PAUSE_S, Recording, card_of, drives_of, recording_of
from pipeline.camera.passings import LONGEST_GAP_S, Clip, Seen, passings
from pipeline.sources.source import source_of

_SQL = statements(Path(__file__).with_suffix(".sql"))
#: Videos that are joined in one go, at most; of one job.
MOST = 200
#: How far around drives are looked for: clocks are off, those without a zone are put forward or back by an hour, and
#: say up to so much more or less than those with a zone. A file that began longer before is not looked for: no camera
#: writes longer ones.
_REACH = {"pause_s": PAUSE_S + 60, "change_s": 3600, "zone_s": 14 * 3600, "longest_s": 12 * 3600}


def join_some(db: Session, video_id: int | None = None) -> int:
    """Join some videos that wait for it, of one job: those around `video_id`, or those that wait longest.

    Returns how many; 0 also while another joins videos of that job.
    """
    first = db.execute(_SQL["waiting"], {"video": video_id}).mappings().one_or_none()
    if first is None or not db.scalar(_SQL["lock"], {"job": first["job_id"]}):
        return 0
    new = [row["id"] for row in db.execute(_SQL["waiting_of"], {"job": first["job_id"], "most": MOST}).mappings()]
    ids = _of_same_cards(db.execute(_SQL["neighbours"], {"new": new, **_REACH}).mappings().all(), new)
    is_whole = not _goes_on(db.execute(_SQL["videos"], {"ids": ids, "whole": False}).mappings().all(), new)
    if is_whole:
        ids = sorted({*ids, *db.execute(_SQL["of_drives"], {"ids": ids}).scalars()})
    # In the order of their numbers, and before their sightings, as everywhere.
    db.execute(_SQL["hold"], {"ids": ids})
    videos = db.execute(_SQL["videos"], {"ids": ids, "whole": is_whole}).mappings().all()
    db.execute(_SQL["out_of_drives"], {"ids": new})
    db.execute(_SQL["out_of_passings"], {"ids": new})
    drives = _store_drives(db, first["job_id"], videos, is_whole)
    # What a video left may have been one passing by way of it.
    changed = set(ids) if is_whole else set(new)
    _store_passings(db, changed, [[row for row in videos if row["id"] in drive] for drive in drives])
    db.execute(_SQL["joined"], {"ids": new})
    return len(new)


def _of_same_cards(videos: Sequence[RowMapping], new: Collection[int]) -> list[int]:
    """Those that may be in a drive with the new ones, in order: in a large fleet's job most are other vehicles'."""
    card = {row["id"]: card_of(source_of(row["path"]), row["make"]) for row in videos}
    cards = {card[number] for number in new if number in card}
    return sorted({number for number, one in card.items() if one in cards} | set(new))


def _goes_on(videos: Sequence[RowMapping], new: Collection[int]) -> bool:
    """Whether new videos go on with drives, or begin some, and change nothing else about these."""
    if any(row["id"] in new and row["drive_id"] for row in videos) or not set(new) <= {row["id"] for row in videos}:
        return False
    of_video = {row["id"]: row for row in videos}
    taken: set[int] = set()
    for members in _found(videos):
        rows = [of_video[number] for number in members]
        before = {row["drive_id"] for row in rows} - {None}
        knew = any(row["drive_zone"] for row in rows) or not any(row["clock_zone"] for row in rows)
        if len(before) > 1 or before & taken or (before and not knew):
            return False
        taken |= before
    return True


def _found(videos: Sequence[RowMapping]) -> list[set[int]]:
    return [{one.key for one in drive} for drive in drives_of([_recording(row) for row in videos])]


def _store_drives(db: Session, job_id: int, videos: Sequence[RowMapping], is_whole: bool) -> list[set[int]]:
    """Give each drive its row and its videos; returns the videos of each.

    A drive keeps its number, and where two become one, the lower of theirs. `is_whole`: all of the drives' videos are
    given, not only some of them.
    """
    of_video = {row["id"]: row for row in videos}
    before = {row["drive_id"] for row in videos} - {None}
    taken: set[int] = set()
    found = _found(videos)
    for members in found:
        rows = [of_video[number] for number in sorted(members)]
        clips = _clips(rows).values()
        values = {
            "began_at": min(clip.began_at for clip in clips), "ended_at": max(clip.ended_at for clip in clips),
            "clock_zone": _zone(rows),
        }  # fmt: skip
        drive_id = min(({row["drive_id"] for row in rows} - {None}) - taken, default=None)
        if drive_id is None:
            drive_id = db.execute(insert(DriveRow).values(job_id=job_id, **values).returning(DriveRow.id)).scalar_one()
        else:
            db.execute(_SQL["drive_times" if is_whole else "longer_drive"], {"drive": drive_id, **values})
        taken.add(drive_id)
        db.execute(_SQL["into_drive"], {"drive": drive_id, "ids": sorted(members)})
    if is_whole:
        db.execute(_SQL["forget_drives"], {"ids": sorted(before - taken)})
    return found


def _store_passings(db: Session, new: Collection[int], drives: Iterable[Sequence[RowMapping]]) -> None:
    """Number the passings that the new videos have part in; sightings that have none any more lose theirs."""
    for videos in drives:
        clips = _clips(videos)
        near = [row["id"] for row in videos if any(_near(clips[row["id"]], clips[one]) for one in new if one in clips)]
        rows = db.execute(_SQL["sightings"], {"ids": near, "all": list(clips)}).mappings().all()
        number_of = {number: group[0] for group in passings(_seen(row, clips) for row in rows) for number in group}
        changed: dict[int | None, list[int]] = defaultdict(list)
        for row in rows:
            if number_of.get(row["id"]) != row["passing_id"]:
                changed[number_of.get(row["id"])].append(row["id"])
        for passing, ids in changed.items():
            db.execute(_SQL["into_passing"], {"passing": passing, "ids": ids})


def _seen(row: RowMapping, clips: dict[int, Clip]) -> Seen:
    clip = clips[row["video_id"]]
    others = frozenset(other["text"] for other in row["alternatives"])
    first, last = (clip.began_at + dt.timedelta(seconds=row[name]) for name in ("first_s", "last_s"))
    return Seen(row["id"], clip, row["text"], others, first, last)


def _near(clip: Clip, other: Clip) -> bool:
    """Whether sightings of two clips may be one passing."""
    gap = max(clip.began_at - other.ended_at, other.began_at - clip.ended_at)
    return gap.total_seconds() <= LONGEST_GAP_S


def _recording(row: RowMapping) -> Recording:
    said = recording_of(row["id"], source_of(row["path"]), clock_of(row), row["duration_s"], row["make"])
    # What was known when the file was opened.
    return replace(said, began_at=local(row), camera=row["camera"] or said.camera)


def _clips(videos: Sequence[RowMapping]) -> dict[int, Clip]:
    """A drive's videos on one clock: those without a zone are in that of the others."""
    zone = _zone(videos)
    clips = {}
    for row in videos:
        began: dt.datetime = row["recorded_at"]
        if row["clock_zone"] is None and zone is not None:
            began -= dt.timedelta(seconds=offset_s(began, zone))
        ended = began + dt.timedelta(seconds=row["duration_s"])
        clips[row["id"]] = Clip(row["id"], row["camera"], began, ended)
    return clips


def _zone(videos: Sequence[RowMapping]) -> str | None:
    """The zone that a drive has, or that its videos give it: an offset such as `+02:00`; None where none knows it."""
    for row in videos:
        if row["drive_zone"]:
            return str(row["drive_zone"])
    for row in videos:
        if row["clock_zone"]:
            minutes = round(offset_s(row["recorded_at"], row["clock_zone"]) / 60)
            return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    return None
