"""What is shown of original videos: seconds of them, cut out when they are asked for and kept nowhere, or the file."""

from __future__ import annotations

from sqlalchemy.orm import Session

from db.findings.footage import Footage, footage, footage_of
from pipeline.errors import DashplateError
from pipeline.records import MediaInfo, MediaKind
from pipeline.sources.source import shown
from pipeline.video.clip import ClipRequest

#: What browsers show without help, by the file's ending: media type and codecs. Where one does not after all, as with
#: ten bits a colour, its player asks for clips.
_PLAYED = {
    ".mp4": ("video/mp4", {"h264", "av1", "vp9"}),
    ".m4v": ("video/mp4", {"h264"}),
    ".mov": ("video/mp4", {"h264"}),
    ".webm": ("video/webm", {"vp8", "vp9", "av1"}),
}
_PICTURES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
}


class NoSighting(DashplateError):
    """There is no sighting of that number."""


class NoVideo(DashplateError):
    """There is no video of that number."""


class NoClip(DashplateError):
    """There is no clip of this sighting, and there will be none."""


def clip_of(db: Session, sighting: int, before_s: float, after_s: float) -> ClipRequest:
    """The clip around the frame that a sighting was read from.

    Raises NoSighting, and NoClip for photographs and for plates that are stored as hashes.
    """
    found = footage(db, sighting)
    if found is None:
        raise NoSighting(f"There is no sighting {sighting}.")
    video, best_pts = found
    before, after = (round(seconds / video.media.time_base) for seconds in (before_s, after_s))
    return _request(_moving(_shown(video)), best_pts - before, best_pts + after + 1)


def piece_of(db: Session, video: int, from_s: float, to_s: float) -> ClipRequest:
    """The clip of a video between two of its seconds. Raises NoVideo, and NoClip as `clip_of`, and past its end."""
    found = _moving(original_of(db, video))
    media = found.media
    start, end = (media.start_pts + round(seconds / media.time_base) for seconds in (from_s, to_s))
    if start >= media.end_pts:
        raise NoClip(f"{shown(media.path)} is {media.duration_s:.0f} s long.")
    return _request(found, start, end)


def original_of(db: Session, video: int) -> Footage:
    """The file of a video. Raises NoVideo, and NoClip for one that may not be shown or was never opened."""
    try:
        found = footage_of(db, video)
    except DashplateError as problem:
        raise NoClip(f"Video {video} was never opened, so nothing of it can be shown.") from problem
    if found is None:
        raise NoVideo(f"There is no video {video}.")
    return _shown(found)


def media_type(media: MediaInfo) -> str | None:
    """As what a browser shows the file itself; None where it needs clips of it."""
    ending = media.path.suffix.lower()
    if media.kind is MediaKind.PHOTO:
        return _PICTURES.get(ending)
    kind, codecs = _PLAYED.get(ending, ("", set[str]()))
    # Without time stamps of its own, the browser's seconds are not ours.
    return kind if media.codec in codecs and media.keyframes else None


def _shown(found: Footage) -> Footage:
    if found.hashed:
        raise NoClip("The plates of this job are stored as keyed hashes, and a clip would show the plate.")
    return found


def _moving(found: Footage) -> Footage:
    if found.media.kind is MediaKind.PHOTO:
        name = shown(found.media.path)
        raise NoClip(f"{name} is a photograph, of which there is no clip. Its frame shows all of it.")
    return found


def _request(found: Footage, start_pts: int, end_pts: int) -> ClipRequest:
    return ClipRequest(found.media, found.content, found.fingerprint, start_pts, end_pts)
