"""The Celery tasks: each hands over to `workers.steps` at once."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from workers.celery_app.app import app
from workers.dispatch import pump, send_again, top_up
from workers.steps import aggregate as aggregator
from workers.steps import probe as producer
from workers.steps import segment_stages
from workers.steps.batches import Token, run_batch

log = logging.getLogger(__name__)


@contextmanager
def _else_the_sweeper() -> Iterator[None]:
    """What was done is stored, and the next link is to go out: what fails here, the sweeper makes good in seconds."""
    try:
        yield
    except Exception:
        log.warning("What comes next is left to the sweeper.", exc_info=True)


@app.task(name="dashplate.probe")
def probe(video_id: int) -> None:
    """Open a registered video and split it into segments."""
    producer.open_video(video_id)
    pump()


@app.task(name="dashplate.detect", bind=True)
def detect(self: Any, batch: Sequence[Token]) -> Sequence[Token]:
    """First link of a batch's chain: boxes, tracklets, crops. Returns the segments that have something to read."""
    done = run_batch(segment_stages.detect_segment, batch)
    again = list(done.left)
    if not done.passed or done.errors:
        # The second link is sent when this one returns: there is nothing for it, or this one does not return.
        self.request.chain = None
        again += done.passed
    with _else_the_sweeper():
        send_again(again)
        top_up()
    done.check()
    return done.passed


@app.task(name="dashplate.read")
def read(batch: Sequence[Token]) -> None:
    """Second link of a batch's chain: crops to readings."""
    done = run_batch(segment_stages.read_segment, batch)
    with _else_the_sweeper():
        send_again(done.left)
        top_up()
    done.check()


@app.task(name="dashplate.aggregate")
def aggregate(video_id: int) -> None:
    """After the last segment: sightings and plates."""
    aggregator.aggregate(video_id)
    pump()
