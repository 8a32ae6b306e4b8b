"""The result store: a folder that every machine sees, or a bucket, with the pictures that results come from.

What a caller needs stands here; the ideas are in the modules: `names` (what lies where), `folder` and `remote` (the two
kinds of place), `errors` (what may fail, and what is retried), `pictures`, and `store`, which puts them together.
"""

from __future__ import annotations

from store.backend import FileInfo
from store.errors import DamagedFile, MissingFile, StoreError, StoreFull, StoreUnavailable
from store.names import (
    UPLOADS,
    attempt_folder,
    crop_name,
    frame_name,
    frames_folder,
    job_folders,
    upload_folder,
    upload_name,
    upload_part,
    uploaded,
    video_folders,
)
from store.store import Store, Stored

__all__ = [
    "UPLOADS",
    "DamagedFile",
    "FileInfo",
    "MissingFile",
    "Store",
    "StoreError",
    "StoreFull",
    "StoreUnavailable",
    "Stored",
    "attempt_folder",
    "crop_name",
    "frame_name",
    "frames_folder",
    "job_folders",
    "upload_folder",
    "upload_name",
    "upload_part",
    "uploaded",
    "video_folders",
]
