"""What lies where in the store. Names are relative, their parts divided by `/`; a folder's name ends with `/`."""

from __future__ import annotations

import re
import secrets

from pipeline.errors import DashplateError

#: What one part of a name is made of: nothing that a file system, a URL or a search pattern would read as more.
_PART = re.compile(r"[A-Za-z0-9._-]+")
#: Begins the last part of a name under which something is still being written.
DRAFT = ".draft-"


def attempt_folder(job_id: int, video_id: int, segment: int, attempt: int) -> str:
    """What one attempt at a segment writes. Attempts share nothing, so a late one cannot harm its successor's files."""
    return f"crops/{job_id}/{video_id}/{segment:05d}/{attempt}/"


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
