"""The command `evidence`: packages what is known of some sightings, and checks such packages."""

from __future__ import annotations

import datetime as dt
import socket
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from sqlalchemy.orm import Session

from dashplate.bring_up import database
from dashplate.commands.privacy import note, who_asks, whole_plate
from dashplate.evidence.case import Exhibit, exhibit, originals
from dashplate.evidence.models_used import models_used
from dashplate.evidence.package import write_package
from dashplate.evidence.page import Made
from dashplate.evidence.signing import public_key, short, signer
from dashplate.evidence.verify import verify
from dashplate.show import many
from db.engine import session
from db.findings import evidence
from output import terminal
from pipeline.errors import UsageError
from workers.result_store import store

#: A page for each; a longer case is several packages.
MOST_SIGHTINGS = 500
_BAR = (TextColumn("{task.description}"), BarColumn(bar_width=None), MofNCompleteColumn())


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


def write_evidence(case: Case, out: Path, key_file: Path | None, *, unsigned: bool, data: Path | None) -> None:
    """Write a package of all sightings of some plates, and of some by number."""
    signing = signer(key_file)
    if signing is None and not unsigned:
        raise UsageError(
            "There is no key to sign with. Name one with --key-file or in DASHPLATE_SIGNING_KEY (`openssl rand -hex 32`"
            " makes one), or add --unsigned: such a package shows neither who made it nor that it was not changed."
        )
    with database(data) as config:
        with session(config.require_database()) as db:
            exhibits = [_exhibit(db, number, case.clips) for number in _numbers(db, case)]
            note(db, "evidence", case.words, len(exhibits))
        used = [models_used(config.models, one.kept.options) for one in exhibits]
        now = dt.datetime.now(dt.UTC).replace(microsecond=0)
        fingerprint = short(signing.public) if signing else None
        made = Made(who_asks(), socket.gethostname(), now, metadata.version("dashplate"), fingerprint)
        with Progress(*_BAR, console=terminal.err, transient=True) as progress:
            hashing = progress.add_task("hashing videos", total=len(exhibits))
            writing = progress.add_task("writing", total=len(exhibits))
            originals(exhibits, lambda: progress.advance(hashing))
            write_package(out, exhibits, case.words, made, used, store(), signing, lambda: progress.advance(writing))
    terminal.say(f"{out}: {many(len(exhibits), 'sighting')}.")
    for what, why in (pair for one in exhibits for pair in one.left_out):
        terminal.complain(f"left out, {what}: {why}")
    if signing is None:
        terminal.say("It is not signed.")
    else:
        terminal.say(f"Signed with the key {fingerprint}; its public half is {signing.public}")


def verify_evidence(package: Path, public: str | None) -> int:
    """Check a package; 1 where something is wrong."""
    verdict = verify(package, public_key(public) if public else None)
    for sentence in verdict.wrong:
        terminal.out.print(sentence, markup=False)
    if verdict.wrong:
        return 1
    manifest = verdict.manifest
    terminal.say(
        f"{many(len(manifest['files']), 'file')} as {manifest['made_by']} wrote them at {manifest['made_at']}."
    )
    assert verdict.signed_with is not None
    whose = "as you gave it" if public else "compare this with what its maker tells you, or give it as --public-key"
    terminal.say(f"Signed with the key {short(verdict.signed_with)}: {whose}.")
    return 0


def _numbers(db: Session, case: Case) -> list[int]:
    found: dict[int, None] = {}
    for plate in case.plates:
        numbers = evidence.of_plate(db, whole_plate(plate), MOST_SIGHTINGS + 1)
        if not numbers:
            raise UsageError(f"There is no sighting of {plate}.")
        found |= dict.fromkeys(numbers)
    found |= dict.fromkeys(case.sightings)
    if not found:
        raise UsageError("Name plates, or sightings with --sighting.")
    if len(found) > MOST_SIGHTINGS:
        raise UsageError(f"More than {MOST_SIGHTINGS} sightings: name fewer, in several packages.")
    return sorted(found)


def _exhibit(db: Session, number: int, clips: bool) -> Exhibit:
    kept = evidence.kept(db, number)
    if kept is None:
        raise UsageError(f"There is no sighting {number}.")
    if kept.options.hashed:
        raise UsageError(f"The plate of sighting {number} is stored as a keyed hash, and no picture of it is kept.")
    return exhibit(db, kept, with_clip=clips)
