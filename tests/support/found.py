"""Sightings in real files, stored as the workers store them, without their work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.engine import session
from db.findings.mapping import media_columns, observation_json
from db.findings.plates import held_plates
from db.findings.search import index_some, is_complete
from db.jobs.submit import create_job
from db.models import CropRow, Segment, SightingRow, TrackletRow, Video
from db.states import SegmentState, VideoState
from pipeline.formats.confusions import folded
from pipeline.job_options import JobOptions
from pipeline.records import ReadTracklet
from pipeline.run import VideoResult
from pipeline.sources.fingerprints import content_of, fingerprint
from pipeline.video.probe import probe
from pipeline.video.split import split
from tests.support.processes import wait_until

_AS_USUAL = JobOptions()


def searchable(url: str) -> None:
    """Make everything searchable that is stored: a search itself takes some of the backlog."""

    def indexed() -> bool:
        with session(url) as db:
            index_some(db)
            return is_complete(db)

    wait_until("everything to be searchable", indexed)


#: What joining a video with its neighbours tells of a sighting, which may be after the sighting itself was told.
JOINED = frozenset({"drive", "passing"})


def joined(url: str, job: int) -> None:
    """Wait until a job's videos that ended are joined with their neighbours."""

    def done() -> bool:
        with session(url) as db:
            return db.scalar(select(Video.id).where(Video.job_id == job, Video.to_join).limit(1)) is None

    wait_until("the videos to be joined", done)


def sighted(
    url: str,
    path: Path,
    moments_s: Sequence[float],
    options: JobOptions = _AS_USUAL,
    plate: str = "AB{:02}CDE",
) -> list[int]:
    """A job of one file, with a sighting of another plate at each of these moments; returns their numbers."""
    info = probe(path)
    with session(url) as db:
        video = Video(
            job_id=create_job(db, path.name, options), path=str(path), fingerprint=fingerprint(path),
            content=content_of(path), state=VideoState.REGISTERED, **media_columns(info),
        )  # fmt: skip
        db.add(video)
        db.flush()
        rows = []
        for index, at_s in enumerate(moments_s):
            text, pts = plate.format(index), info.start_pts + round(at_s / info.time_base)
            rows.append(
                SightingRow(
                    video_id=video.id, plate_id=held_plates(db, video.id, [text])[folded(text)], index=index,
                    text=text, shown=text, confidence=0.9, characters=[], alternatives=[],
                    first_s=at_s, last_s=at_s, best_s=at_s, first_pts=pts, last_pts=pts, best_pts=pts,
                    x1=10, y1=20, x2=110, y2=45, reads=3, confirmed=True, tracklets=[],
                )
            )  # fmt: skip
        db.add_all(rows)
        db.flush()
        return [row.id for row in rows]


def followed(url: str, path: Path, result: VideoResult) -> int:
    """A job of one file with its first sighting, as it was found; returns the video's number.

    Of each tracklet the first and last observation are stored, and one of a crop.
    """
    (number,) = sighted(url, path, [result.sightings[0].best_s])
    info = probe(path)
    with session(url) as db:
        sighting = db.get_one(SightingRow, number)
        job = db.get_one(Video, sighting.video_id).job_id
        for span in split(info):
            segment = Segment(
                video_id=sighting.video_id, job_id=job, index=span.index, start_pts=span.start_pts,
                end_pts=span.end_pts, start_s=info.seconds(span.start_pts), end_s=info.seconds(span.end_pts),
                state=SegmentState.DONE,
            )  # fmt: skip
            db.add(segment)
            db.flush()
            for one in result.tracklets:
                if one.segment == span.index:
                    _store(db, segment.id, one)
        sighting.tracklets = [list(pair) for pair in result.sightings[0].tracklets]
        return sighting.video_id


def _store(db: Session, segment: int, one: ReadTracklet) -> None:
    first, last, best = map(observation_json, (one.first, one.last, one.best))
    tracklet = TrackletRow(segment_id=segment, index=one.index, first=first, last=last, seen=one.seen)
    db.add(tracklet)
    db.flush()
    db.add(
        CropRow(tracklet_id=tracklet.id, rank=0, observation=best, plate=[], quality=1.0, name=f"crops/{tracklet.id}")
    )
