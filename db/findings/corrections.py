"""What people read in passings: stored beside what the machine read, and kept through a redo of the video.

A redo gives a video other sightings. A correction goes to the one that shows the same passing: at the correction's
time, in its place in the frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from db.models import CorrectionRow, Job, SightingRow, Video
from pipeline.formats.confusions import folded
from pipeline.job_options import JobOptions
from pipeline.records import Box, Observation, Sighting

#: Seconds by which a passing may begin later or end earlier after a redo, which may search other frames.
_SLACK_S = 0.5
#: Intersection over union of the same plate's boxes, one of them from where it was before and after: cars do not move
#: evenly, and two plates at one time hardly ever overlap.
_LEAST_IOU = 0.1


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person says of a sighting."""

    #: As `typed` spells it, hashed in a hashed job; None where it is no plate.
    text: str | None
    by: str
    note: str | None = None


#: Whoever purges a video or does it again locks it before its sightings, and so must whoever corrects one.
_HOLD = text("SELECT hold_videos_of(ARRAY[CAST(:sighting AS bigint)])")
_CORRECT = text(
    """
    INSERT INTO corrections (video_id, sighting_id, plate_id, text, read_as, corrected_by, note,
                             first_s, last_s, best_s, x1, y1, x2, y2)
    SELECT video_id, id, plate_id, CAST(:text AS varchar), text, :by,
           CAST(:note AS varchar), first_s, last_s, best_s, x1, y1, x2, y2
    FROM sightings WHERE id = :sighting FOR KEY SHARE
    ON CONFLICT (sighting_id) DO UPDATE
    SET text = excluded.text, corrected_by = excluded.corrected_by, note = excluded.note, corrected_at = now()
    RETURNING id
    """
)


def options_of(db: Session, sighting_id: int) -> JobOptions | None:
    """The options of a sighting's job; None where there is no such sighting."""
    asked = select(Job.options).join(Video, Video.job_id == Job.id).join(SightingRow, SightingRow.video_id == Video.id)
    options = db.scalar(asked.where(SightingRow.id == sighting_id))
    return None if options is None else JobOptions.from_json(options)


def correct(db: Session, sighting_id: int, said: Correction) -> bool:
    """Put a person's reading beside a sighting, in place of an earlier one; False where there is no such sighting."""
    db.execute(_HOLD, {"sighting": sighting_id})
    values = {"sighting": sighting_id, "text": said.text, "by": said.by, "note": said.note}
    return db.scalar(_CORRECT, values) is not None


def take_back(db: Session, sighting_id: int) -> bool:
    """Forget what a person said of a sighting; False where nobody did."""
    gone = delete(CorrectionRow).where(CorrectionRow.sighting_id == sighting_id).returning(CorrectionRow.id)
    return db.scalar(gone) is not None


def put_beside(db: Session, video_id: int, placed: Sequence[tuple[SightingRow, Sighting]]) -> None:
    """A video's sightings are new: what people said of the earlier ones goes to those of the same passings.

    What finds none stays, for a later redo that finds it again.
    """
    left = select(CorrectionRow).where(CorrectionRow.video_id == video_id, CorrectionRow.sighting_id.is_(None))
    rows = db.scalars(left.order_by(CorrectionRow.id)).all()
    for correction, number in matches(rows, [sighting for _, sighting in placed]):
        row, _ = placed[number]
        correction.sighting_id, correction.plate_id = row.id, row.plate_id
    db.flush()


def matches(corrections: Sequence[CorrectionRow], sightings: Sequence[Sighting]) -> list[tuple[CorrectionRow, int]]:
    """Each correction with the number of the sighting of its passing: the likest first, none twice."""
    likely = [
        (likeness, place, number)
        for place, correction in enumerate(corrections)
        for number, sighting in enumerate(sightings)
        if (likeness := _likeness(correction, sighting)) > 0
    ]
    found: list[tuple[CorrectionRow, int]] = []
    corrected: set[int] = set()
    taken: set[int] = set()
    for _, place, number in sorted(likely, key=lambda one: (-one[0], -one[1], one[2])):
        if place not in corrected and number not in taken:
            corrected.add(place)
            taken.add(number)
            found.append((corrections[place], number))
    return found


def _likeness(correction: CorrectionRow, sighting: Sighting) -> float:
    """How likely a sighting is the passing of a correction: above 1 by its place, 1 by its text, else 0."""
    begin, end = sighting.first.time_s - _SLACK_S, sighting.last.time_s + _SLACK_S
    if begin <= correction.best_s <= end:
        box = Box(correction.x1, correction.y1, correction.x2, correction.y2)
        overlap = box.iou(box_at(sighting, correction.best_s))
        if overlap >= _LEAST_IOU:
            return 1 + overlap
    together = begin <= correction.last_s and correction.first_s <= end
    said = {folded(word) for word in (correction.read_as, correction.text) if word}
    return 1.0 if together and folded(sighting.text) in said else 0.0


def box_at(sighting: Sighting, time_s: float) -> Box:
    """Where a sighting's plate was at a time: between its first, its best and its last box, moving evenly."""
    seen = sorted((sighting.first, sighting.best, sighting.last), key=lambda one: one.time_s)
    if time_s <= seen[0].time_s:
        return seen[0].box
    for before, after in pairwise(seen):
        if time_s <= after.time_s:
            return _between(before, after, time_s)
    return seen[-1].box


def _between(before: Observation, after: Observation, time_s: float) -> Box:
    length_s = after.time_s - before.time_s
    share = (time_s - before.time_s) / length_s if length_s > 0 else 1.0
    pairs = zip(before.box.as_tuple(), after.box.as_tuple(), strict=True)
    return Box(*(a + share * (b - a) for a, b in pairs))
