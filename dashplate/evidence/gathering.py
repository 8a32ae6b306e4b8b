"""Gathers the sightings of a case from the database: for the command, and for the HTTP service."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from dashplate.evidence.case import Exhibit, exhibit
from dashplate.footage.clips import NoSighting
from db.findings import evidence
from db.findings.typed import whole_plate
from pipeline.errors import UsageError


@dataclass(frozen=True, slots=True)
class Case:
    """What is wanted in a package."""

    plates: tuple[str, ...]
    sightings: tuple[int, ...]
    #: What the person calls it.
    name: str | None
    clips: bool

    @property
    def words(self) -> str:
        """For the record and the manifest."""
        named = [*self.plates, *(f"sighting {number}" for number in self.sightings)]
        return f"{self.name}: {', '.join(named)}" if self.name else ", ".join(named)


def gathered(db: Session, case: Case, most: int) -> list[Exhibit]:
    """The sightings of a case, by number.

    Raises NoSighting where a plate has none or a number is none; UsageError for a pattern, for more than `most`, and
    for plates that are stored as hashes.
    """
    numbers: dict[int, None] = {}
    for plate in case.plates:
        found = evidence.of_plate(db, whole_plate(plate), most + 1)
        if not found:
            raise NoSighting(f"There is no sighting of {plate}.")
        numbers |= dict.fromkeys(found)
    numbers |= dict.fromkeys(case.sightings)
    if not numbers:
        raise UsageError("Name plates, or sightings by their number.")
    if len(numbers) > most:
        raise UsageError(f"More than {most} sightings: name fewer, in several packages.")
    return [_exhibit(db, number, case.clips) for number in sorted(numbers)]


def _exhibit(db: Session, number: int, clips: bool) -> Exhibit:
    kept = evidence.kept(db, number)
    if kept is None:
        raise NoSighting(f"There is no sighting {number}.")
    if kept.options.hashed:
        raise UsageError(f"The plate of sighting {number} is stored as a keyed hash, and no picture of it is kept.")
    return exhibit(db, kept, with_clip=clips)
