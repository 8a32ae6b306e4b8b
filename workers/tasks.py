"""The Celery tasks: each names its step of the road and hands over at once."""

from __future__ import annotations

from typing import Any

from workers import aggregator, producer, stages
from workers.app import app
from workers.dispatch import pump, top_up


@app.task(name="dashplate.probe")
def probe(video_id: int) -> None:
    """Open a registered video and split it into segments."""
    producer.open_video(video_id)
    pump()


@app.task(name="dashplate.detect", bind=True)
def detect(self: Any, segment_id: int, attempt: int) -> bool:
    """First link of a segment's chain: boxes, tracklets, crops."""
    to_read = stages.detect(segment_id, attempt)
    if not to_read:
        # The second link is sent when this one returns: there is nothing for it.
        self.request.chain = None
        top_up()
    return to_read


@app.task(name="dashplate.read")
def read(segment_id: int, attempt: int) -> bool:
    """Second link of a segment's chain: crops to readings."""
    stored = stages.read(segment_id, attempt)
    top_up()
    return stored


@app.task(name="dashplate.aggregate")
def aggregate(video_id: int) -> None:
    """After the last segment: sightings and plates."""
    aggregator.aggregate(video_id)
    pump()
