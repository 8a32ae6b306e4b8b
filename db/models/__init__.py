"""The tables. Every row has a natural key, so that doing a step twice changes nothing."""

from db.models.access import SavedSearch, SessionRow, TokenRow, UsageRow
from db.models.base import Base
from db.models.findings import CorrectionRow, CropRow, FrameRow, Plate, ReadingRow, SightingRow, TrackletRow
from db.models.keeping import AuditRow, Deletion, WatchedPlate
from db.models.search import CandidateRow, SearchBacklog, Spelling
from db.models.telling import Delivery, Endpoint, Event, Hit, WatchEntry, WatchTerm
from db.models.uploads import UploadRow
from db.models.where import DriveRow, PlaceRow, TrackRow
from db.models.work import Job, Move, OutboxRow, Pulse, Segment, Video

__all__ = [
    "AuditRow",
    "Base",
    "CandidateRow",
    "CorrectionRow",
    "CropRow",
    "Deletion",
    "Delivery",
    "DriveRow",
    "Endpoint",
    "Event",
    "FrameRow",
    "Hit",
    "Job",
    "Move",
    "OutboxRow",
    "PlaceRow",
    "Plate",
    "Pulse",
    "ReadingRow",
    "SavedSearch",
    "SearchBacklog",
    "Segment",
    "SessionRow",
    "SightingRow",
    "Spelling",
    "TokenRow",
    "TrackRow",
    "TrackletRow",
    "UploadRow",
    "UsageRow",
    "Video",
    "WatchEntry",
    "WatchTerm",
    "WatchedPlate",
]
