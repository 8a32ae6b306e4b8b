"""Loads a worker's model while it waits for its first segment, so that the first plate is on the screen sooner.

The load runs beside the pool's own start-up: a child that only answers once its model is there would be taken for dead.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

import numpy as np
from celery.signals import task_prerun, worker_process_init

from pipeline.records import Box, Crop, MediaKind, Observation
from pipeline.road import load_detector, load_reader
from workers.app import DETECT, READ
from workers.settings import settings

log = logging.getLogger(__name__)

#: The usual dashcam frame, height and width, and the usual plate in it.
_FRAME_PX = (720, 1280)
_PLATE_PX = (40, 160)


def detector() -> None:
    """Load the detector and run it once: the first run compiles."""
    frame = np.zeros((*_FRAME_PX, 3), np.uint8)
    load_detector(settings().parts, MediaKind.VIDEO).detect([frame] * 8)


def reader() -> None:
    """Load the reader and run it once."""
    height, width = _PLATE_PX
    box = Box(0, 0, width, height)
    crop = Crop(Observation(0, 0.0, box, 1.0), box, 1.0, np.zeros((height, width, 3), np.uint8))
    load_reader(settings().parts).read_tracklet([crop])


_LOADERS = {DETECT: detector, READ: reader}
_loading: threading.Thread | None = None


@worker_process_init.connect
def _start(**_: Any) -> None:
    global _loading
    loader = _LOADERS.get(settings().role or "")
    if loader is not None:
        _loading = threading.Thread(target=_load, args=(loader,), name="warm", daemon=True)
        _loading.start()


@task_prerun.connect
def _wait(**_: Any) -> None:
    """Let the load end before the first task: a model serves one caller at a time."""
    if _loading is not None:
        _loading.join()


def _load(loader: Any) -> None:
    try:
        loader()
    except Exception:
        # The first segment meets the same trouble and reports it where somebody looks.
        log.warning("The model could not be loaded ahead of its first use.", exc_info=True)
