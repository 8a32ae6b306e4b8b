"""What a person says of a sighting, as command line and service take it: checked, and hashed where plates are."""

from __future__ import annotations

from db.findings.corrections import Correction
from db.findings.typed import typed
from pipeline.errors import UsageError
from pipeline.job_options import JobOptions
from workers.hashed_jobs import key_of

#: No plate is longer, and no remark need be.
MOST_CHARS, MOST_NOTE_CHARS = 16, 1000


def correction_of(options: JobOptions, plate: str | None, by: str, note: str | None) -> Correction:
    """What is stored of a person's reading; `options` are the job's, and `plate` None says that it is no plate.

    Raises UsageError for what is no plate, and for a note in a hashed job, which might name the plate; PlateKeyError
    where the job is hashed and this process has not its key.
    """
    text = None if plate is None else _plate(plate)
    key = key_of(options)
    if key is None:
        return Correction(text, by, note)
    if note is not None:
        raise UsageError("Sightings of a hashed job take no note: it might name the plate.")
    return Correction(None if text is None else key.hashed(text), by)


def _plate(plate: str) -> str:
    text = typed(plate)
    if not text.isalnum() or len(text) > MOST_CHARS:
        raise UsageError(f"{plate!r} is no plate: give up to {MOST_CHARS} letters and digits.")
    return text
