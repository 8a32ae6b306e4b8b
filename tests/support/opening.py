"""An engine that opens files as the real one does and finds nothing in them: for what only asks what may be opened."""

from __future__ import annotations

from pipeline.detection.segment import SegmentDetection
from pipeline.job_options import JobOptions
from pipeline.records import MediaInfo, SegmentSpan
from workers.steps.stage_engine import PipelineEngine


class Opening(PipelineEngine):
    """Set as `DASHPLATE_WORK=tests.support.opening:Opening`; loads no model."""

    def warm(self, role: str) -> None:
        """There is nothing to load."""

    def detect(self, media: MediaInfo, span: SegmentSpan, options: JobOptions) -> SegmentDetection:
        return SegmentDetection((), frames_looked=0, damage=None)
