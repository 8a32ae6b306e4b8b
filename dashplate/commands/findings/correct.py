"""`dashplate correct`: what a person reads in a sighting, beside what the machine read."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from dashplate.bring_up import database
from dashplate.commands.privacy import note as put_on_record
from dashplate.commands.privacy import who
from dashplate.corrections import correction_of
from db.engine import session
from db.findings import corrections, pages
from output import terminal
from pipeline.errors import UsageError


def correct_sighting(
    sighting: int, plate: str | None, *, no_plate: bool, take_back: bool, note: str | None, data: Path | None
) -> None:
    """Store a reading, or that there is no plate, or forget what was said. Raises UsageError."""
    if (plate is not None) + no_plate + take_back != 1:
        raise UsageError("Give the plate, or --no-plate, or --take-back.")
    with database(data) as config, session(config.require_database()) as db:
        options = corrections.options_of(db, sighting)
        if options is None:
            raise UsageError(_gone(sighting))
        if take_back:
            _take_back(db, sighting)
        elif not corrections.correct(db, sighting, correction_of(options, plate, who(), note)):
            raise UsageError(_gone(sighting))
        # Without the plate: the audit keeps for ever what it is told.
        put_on_record(db, "correct", f"sighting {sighting}{' taken back' if take_back else ''}", 1)
        row = pages.sighting(db, sighting)
    terminal.say(_told(row) if row is not None else _gone(sighting))


def _take_back(db: Session, sighting: int) -> None:
    if not corrections.take_back(db, sighting):
        raise UsageError(f"Nobody has corrected sighting {sighting}.")


def _gone(sighting: int) -> str:
    return f"There is no sighting {sighting}."


def _told(row: RowMapping) -> str:
    machine = f"Sighting {row['sighting']} was read as {row['read_as']}"
    if row["corrected"] is None:
        return f"{machine}; nobody corrects it any more."
    return f"{machine}; {row['corrected_by']} says {row['corrected'] or 'that it is no plate'}."
