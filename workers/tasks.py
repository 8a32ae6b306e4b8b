"""The Celery tasks: each names its step of the road and hands over at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workers import aggregator, producer, stages
from workers.app import app
from workers.bundles import Token, in_turn
from workers.dispatch import pump, send_again, top_up


@app.task(name="dashplate.probe")
def probe(video_id: int) -> None:
    """Open a registered video and split it into segments."""
    producer.open_video(video_id)
    pump()


@app.task(name="dashplate.detect", bind=True)
def detect(self: Any, bundle: Sequence[Token]) -> Sequence[Token]:
    """First link of a bundle's chain: boxes, tracklets, crops. Returns the segments that have something to read."""
    done = in_turn(stages.detect, bundle)
    again = list(done.left)
    if not done.passed or done.errors:
        # The second link is sent when this one returns: there is nothing for it, or this one does not return.
        self.request.chain = None
        again += done.passed
    send_again(again)
    top_up()
    done.check()
    return done.passed


@app.task(name="dashplate.read")
def read(bundle: Sequence[Token]) -> None:
    """Second link of a bundle's chain: crops to readings."""
    done = in_turn(stages.read, bundle)
    send_again(done.left)
    top_up()
    done.check()


@app.task(name="dashplate.aggregate")
def aggregate(video_id: int) -> None:
    """After the last segment: sightings and plates."""
    aggregator.aggregate(video_id)
    pump()
