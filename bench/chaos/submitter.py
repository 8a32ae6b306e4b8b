"""Submits a fleet a file at a time, so that it can be killed in between; run again with its key it goes on.

`python -m bench.chaos.submitter KEY OPTIONS FILE…`
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from kombu.exceptions import OperationalError

from db.engine import patiently
from db.submit import NewVideo, add_videos, close_job, create_job
from pipeline.fingerprints import fingerprint
from workers.dispatch import pump
from workers.settings import settings

#: Between two files.
_PAUSE_S = 0.05


def submit(key: str, options: dict[str, Any], files: list[Path]) -> None:
    """Register the files in the job of that key, each in a transaction of its own, and close it."""
    url = settings().require_database()
    job_id = patiently(url, lambda db: create_job(db, key, options, key=key, is_open=True))
    for file in files:
        video = NewVideo(str(file), fingerprint(file))
        patiently(url, lambda db, video=video: add_videos(db, job_id, [video]))  # type: ignore[misc]
        time.sleep(_PAUSE_S)
    patiently(url, lambda db: close_job(db, job_id))
    # The sweeper sends what could not be sent now.
    with suppress(OperationalError):
        pump()


if __name__ == "__main__":
    submit(sys.argv[1], json.loads(sys.argv[2]), [Path(word) for word in sys.argv[3:]])
