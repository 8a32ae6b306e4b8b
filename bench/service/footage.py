"""A sighting in a real video, for stand-in workers open none: its clip can be cut, and its video annotated."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from db.engine import session
from db.findings.mapping import media_columns
from db.findings.plates import held_plates
from db.jobs.submit import create_job
from db.models import Job, Segment, SightingRow, Video
from db.states import JobState, SegmentState, VideoState
from pipeline.formats.confusions import folded
from pipeline.job_options import JobOptions
from pipeline.sources.fingerprints import content_of, fingerprint
from pipeline.video.probe import probe
from pipeline.video.split import split
from synthesis.drive import render_drive

_PLATE, _AT_S = "AB12CDE", 1.0


def sighting_in_a_video(url: str, path: Path) -> tuple[int, int]:
    """Render a drive of two seconds to the path, and store a finished job of it; returns the numbers of its only
    sighting and of its video."""
    render_drive(path, duration_s=2.0, fps=10, width=320, height=180, plates=1)
    info = probe(path)
    pts = info.start_pts + round(_AT_S / info.time_base)
    with session(url) as db:
        job = create_job(db, path.name, JobOptions())
        video = Video(
            job_id=job, path=str(path), fingerprint=fingerprint(path), content=content_of(path),
            state=VideoState.DONE, finished_at=dt.datetime.now(dt.UTC), **media_columns(info),
        )  # fmt: skip
        db.add(video)
        db.flush()
        sighting = SightingRow(
            video_id=video.id, plate_id=held_plates(db, video.id, [_PLATE])[folded(_PLATE)], index=0,
            text=_PLATE, shown=_PLATE, confidence=0.9, characters=[], alternatives=[],
            first_s=_AT_S, last_s=_AT_S, best_s=_AT_S, first_pts=pts, last_pts=pts, best_pts=pts,
            x1=10, y1=20, x2=110, y2=45, reads=3, confirmed=True, tracklets=[],
        )  # fmt: skip
        db.add(sighting)
        for span in split(info):
            times = {"start_s": info.seconds(span.start_pts), "end_s": info.seconds(span.end_pts)}
            places = {"index": span.index, "start_pts": span.start_pts, "end_pts": span.end_pts}
            db.add(Segment(video_id=video.id, job_id=job, state=SegmentState.DONE, **places, **times))
        row = db.get_one(Job, job)
        row.state, row.finished_at = JobState.FINISHED, dt.datetime.now(dt.UTC)
        db.flush()
        return sighting.id, video.id
