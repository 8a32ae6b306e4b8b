"""Sightings in real files, stored as the workers store them, without their work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from db.engine import session
from db.findings.mapping import media_columns
from db.findings.plates import held_plates
from db.jobs.submit import create_job
from db.models import SightingRow, Video
from db.states import VideoState
from pipeline.formats.confusions import folded
from pipeline.job_options import JobOptions
from pipeline.sources.fingerprints import content_of, fingerprint
from pipeline.video.probe import probe

_AS_USUAL = JobOptions()


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
