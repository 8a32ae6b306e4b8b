"""The stand-in for the stages, with a clock in each thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bench.simulator.counters import Counters
from bench.standin import StandIn
from pipeline.detection.segment import SegmentDetection
from pipeline.job_options import JobOptions
from pipeline.records import Crop, MediaInfo, Reading, SegmentSpan

#: `counters` and `number` of the worker that a thread is; nothing in others.
this_thread = threading.local()


class Timed(StandIn):
    """The stand-in, with a clock in each thread."""

    def detect(self, media: MediaInfo, span: SegmentSpan, options: JobOptions) -> SegmentDetection:
        with _stage():
            return super().detect(media, span, options)

    def read(self, crops: Sequence[Sequence[Crop]], options: JobOptions) -> Sequence[Reading | None]:
        with _stage():
            return super().read(crops, options)


@contextmanager
def _stage() -> Iterator[None]:
    began = time.monotonic()
    yield
    counters: Counters | None = getattr(this_thread, "counters", None)
    if counters is not None:
        counters.stage(this_thread.number, time.monotonic() - began)
