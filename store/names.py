"""What lies where in the store. Names are relative, their parts divided by `/`; a folder's name ends with `/`."""

from __future__ import annotations

import re
import secrets

from pipeline.errors import DashplateError

#: What one part of a name is made of: nothing that a file system, a URL or a search pattern would read as more.
_PART = re.compile(r"[A-Za-z0-9._-]+")
#: Begins the last part of a name under which something is still being written.
DRAFT = ".draft-"
#: Below it lie uploaded videos, each in a folder of its own. One that is not whole has a name without an ending.
UPLOADS = "uploads"
_PART_OF_UPLOAD = "part"
_UPLOADED = re.compile(rf"(?P<folder>{UPLOADS}/[0-9a-f]{{32}}/)(?P<file>[A-Za-z0-9_-][A-Za-z0-9._-]*)")


def attempt_folder(job_id: int, video_id: int, segment: int, attempt: int) -> str:
    """What one attempt at a segment writes. Attempts share nothing, so a late one cannot harm its successor's files."""
    return f"crops/{job_id}/{video_id}/{segment:05d}-{attempt}/"


def crop_name(job_id: int, video_id: int, segment: int, attempt: int, tracklet: int, rank: int) -> str:
    """Where a crop lies; the same attempt always gives the same name."""
    return f"{attempt_folder(job_id, video_id, segment, attempt)}{tracklet:04d}-{rank}.png"


def frame_name(job_id: int, video_id: int, attempt: str, pts: int) -> str:
    """Where an evidence frame lies; each attempt at putting the video together gives names of its own."""
    return f"frames/{job_id}/{video_id}/{attempt}/{pts}.jpg"


def frames_folder(job_id: int, video_id: int) -> str:
    """All evidence frames of a video."""
    return f"frames/{job_id}/{video_id}/"


def job_folders(job_id: int) -> tuple[str, ...]:
    """All that a job has in the store."""
    return f"crops/{job_id}/", f"frames/{job_id}/"


def video_folders(job_id: int, video_id: int) -> tuple[str, ...]:
    """All that a video has in the store."""
    return f"crops/{job_id}/{video_id}/", frames_folder(job_id, video_id)


def upload_folder(upload: str) -> str:
    """All that an uploaded video has in the store."""
    return f"{UPLOADS}/{upload}/"


def upload_name(upload: str, file: str) -> str:
    """Where an uploaded video lies once it is whole."""
    return f"{upload_folder(upload)}{file}"


def upload_part(upload: str) -> str:
    """Where the bytes are gathered until then, if the store is a folder."""
    return upload_name(upload, _PART_OF_UPLOAD)


def uploaded(name: str) -> str | None:
    """The folder of the upload that a name stands for; None for all else, a file that is not whole among it."""
    found = _UPLOADED.fullmatch(name)
    return None if found is None or found["file"] in (_PART_OF_UPLOAD, ".", "..") else found["folder"]


def checked(name: str) -> str:
    """The name; raises DashplateError for one that is empty or could lead out of the store."""
    if not ours(name):
        raise DashplateError(f"{name!r} does not lie in the result store.")
    return name


def ours(name: str) -> bool:
    """Whether the store could have written a file of that name."""
    return all(_PART.fullmatch(part) and part not in (".", "..") for part in name.split("/"))


def draft_beside(name: str) -> str:
    """A fresh name in the same folder, for writing before the file takes its own."""
    folder, slash, _ = name.rpartition("/")
    return f"{folder}{slash}{DRAFT}{secrets.token_hex(8)}"


def is_draft(name: str) -> bool:
    return name.rpartition("/")[2].startswith(DRAFT)
