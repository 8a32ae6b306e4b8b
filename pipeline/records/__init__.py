"""The records of the pipeline: every stage takes and returns these and nothing else.

Coordinates are pixels of the original frame as a person sees it (rotation applied): x right, y down,
half-open. Images are uint8 arrays of shape (height, width, 3) in BGR order. Times ending in `_s` are
seconds since the first frame of the video, derived from the stream's own presentation time stamps (`pts`).
"""

from __future__ import annotations

from pipeline.records.media import MediaInfo as MediaInfo
from pipeline.records.media import MediaKind as MediaKind
from pipeline.records.media import Recorded as Recorded
from pipeline.records.media import RecordedFrom as RecordedFrom
from pipeline.records.media import SegmentSpan as SegmentSpan
from pipeline.records.read import FOREIGN as FOREIGN
from pipeline.records.read import UNSURE_BELOW as UNSURE_BELOW
from pipeline.records.read import Candidate as Candidate
from pipeline.records.read import Character as Character
from pipeline.records.read import Reading as Reading
from pipeline.records.read import ReadTracklet as ReadTracklet
from pipeline.records.read import Sighting as Sighting
from pipeline.records.read import shown as shown
from pipeline.records.seen import Box as Box
from pipeline.records.seen import Crop as Crop
from pipeline.records.seen import Detection as Detection
from pipeline.records.seen import Frame as Frame
from pipeline.records.seen import Image as Image
from pipeline.records.seen import Observation as Observation
from pipeline.records.seen import Tracklet as Tracklet
