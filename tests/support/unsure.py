"""Sightings that a person should look at, without files."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text

from db.engine import session
from pipeline.job_options import JobOptions
from tests.support.database import make_job
from tests.support.searching import saying, store


def unsure(
    url: str, plates: Sequence[str], *, name: str = "a tour", others: Sequence[str] = ()
) -> tuple[int, list[int]]:
    """A job with a sighting of each plate, each read once only, the first the least sure; returns (job, sightings)."""
    job, (video,) = make_job(url, 0, options=JobOptions(), name=name)
    store(
        url, video,
        [saying(i, plate, *others, at_s=60.0 * i, sure=0.3 + i / 100) for i, plate in enumerate(plates)],
    )  # fmt: skip
    with session(url) as db:
        read_once = text("UPDATE sightings SET confirmed = false WHERE video_id = :video RETURNING id")
        return job, sorted(db.scalars(read_once, {"video": video}))
