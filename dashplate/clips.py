"""Clips: some seconds of a sighting's original video, cut out when they are asked for and kept nowhere."""

from __future__ import annotations

from sqlalchemy.orm import Session

from db.findings.footage import footage
from pipeline.errors import DashplateError
from pipeline.records import MediaKind
from pipeline.sources.source import shown
from pipeline.video.clip import ClipRequest


class NoSighting(DashplateError):
    """There is no sighting of that number."""


class NoClip(DashplateError):
    """There is no clip of this sighting, and there will be none."""


def clip_of(db: Session, sighting: int, before_s: float, after_s: float) -> ClipRequest:
    """The clip around the frame that a sighting was read from.

    Raises NoSighting, and NoClip for photographs and for plates that are stored as hashes.
    """
    found = footage(db, sighting)
    if found is None:
        raise NoSighting(f"There is no sighting {sighting}.")
    media = found.media
    if found.hashed:
        raise NoClip("The plates of this job are stored as keyed hashes, and a clip would show the plate.")
    if media.kind is MediaKind.PHOTO:
        raise NoClip(f"{shown(media.path)} is a photograph, of which there is no clip. Its frame shows all of it.")
    before, after = (round(seconds / media.time_base) for seconds in (before_s, after_s))
    start, end = found.best_pts - before, found.best_pts + after + 1
    return ClipRequest(media, found.content, found.fingerprint, start, end)
