"""Reads licence plates out of photographs and dashcam videos; docs/python.md shows how to use it from Python.

Importing it loads no library: what it offers is imported when it is first asked for. Its folders hold the command line,
the embedded servers, the HTTP service and its client, and what they share.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pipeline.offline import silence

if TYPE_CHECKING:
    from dashplate.asking import database as database
    from dashplate.client import Client as Client
    from dashplate.client import Download as Download
    from dashplate.client import ServiceError as ServiceError
    from dashplate.in_process import process_video as process_video
    from dashplate.in_process import read_image as read_image
    from dashplate.service.documents import Again as Again
    from dashplate.service.documents import FoundSighting as FoundSighting
    from dashplate.service.documents import JobTold as JobTold
    from dashplate.service.documents import PhotoRead as PhotoRead
    from dashplate.service.documents import PlateRead as PlateRead
    from dashplate.service.documents import PlateTold as PlateTold
    from dashplate.service.documents import SightingTold as SightingTold
    from dashplate.service.documents import VideoTold as VideoTold
    from pipeline.errors import DashplateError as DashplateError
    from pipeline.errors import Inaccessible as Inaccessible
    from pipeline.errors import MediaError as MediaError
    from pipeline.errors import NoVideoStream as NoVideoStream
    from pipeline.errors import Unreadable as Unreadable
    from pipeline.errors import UsageError as UsageError
    from pipeline.photo import PhotoPlate as PhotoPlate
    from pipeline.photo import PhotoResult as PhotoResult
    from pipeline.records import Box as Box
    from pipeline.records import Candidate as Candidate
    from pipeline.records import Character as Character
    from pipeline.records import Detection as Detection
    from pipeline.records import MediaInfo as MediaInfo
    from pipeline.records import Reading as Reading
    from pipeline.records import Sighting as Sighting
    from pipeline.run import VideoResult as VideoResult

silence()

#: Where each name comes from.
_OFFERED = {
    "dashplate.asking": ("database",),
    "dashplate.client": ("Client", "Download", "ServiceError"),
    "dashplate.in_process": ("process_video", "read_image"),
    "dashplate.service.documents": (
        "FoundSighting", "JobTold", "PhotoRead", "PlateRead", "PlateTold", "SightingTold", "Again", "VideoTold",
    ),
    "pipeline.errors": ("DashplateError", "Inaccessible", "MediaError", "NoVideoStream", "Unreadable", "UsageError"),
    "pipeline.photo": ("PhotoPlate", "PhotoResult"),
    "pipeline.records": ("Box", "Candidate", "Character", "Detection", "MediaInfo", "Reading", "Sighting"),
    "pipeline.run": ("VideoResult",),
}  # fmt: skip
_MODULE_OF = {name: module for module, names in _OFFERED.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(_MODULE_OF[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE_OF})
