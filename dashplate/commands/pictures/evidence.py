"""The command `evidence`: packages what is known of some sightings, and checks such packages."""

from __future__ import annotations

import datetime as dt
import socket
from importlib import metadata
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from dashplate.bring_up import database
from dashplate.commands.privacy import note, who
from dashplate.evidence.case import originals
from dashplate.evidence.gathering import Case, gathered
from dashplate.evidence.models_used import models_used
from dashplate.evidence.package import Contents, write_package
from dashplate.evidence.page import Made
from dashplate.evidence.signing import public_key, short, signer
from dashplate.evidence.verify import verify
from dashplate.show import many
from db.engine import session
from output import terminal
from output.files import whole_file
from pipeline.errors import UsageError
from pipeline.video.clip import ClipRequest, cut
from workers.allowed import roots_for
from workers.result_store import store

#: A page for each; a longer case is several packages.
MOST_SIGHTINGS = 500
_BAR = (TextColumn("{task.description}"), BarColumn(bar_width=None), MofNCompleteColumn())


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
            exhibits = gathered(db, case, MOST_SIGHTINGS)
            note(db, "evidence", case.words, len(exhibits))
        used = [models_used(config.models, one.kept.options) for one in exhibits]
        now = dt.datetime.now(dt.UTC).replace(microsecond=0)
        fingerprint = short(signing.public) if signing else None
        made = Made(who(), socket.gethostname(), now, metadata.version("dashplate"), fingerprint)
        with Progress(*_BAR, console=terminal.err, transient=True) as progress:
            hashing = progress.add_task("hashing videos", total=len(exhibits))
            writing = progress.add_task("writing", total=len(exhibits))
            originals(exhibits, lambda: progress.advance(hashing))
            contents = Contents(exhibits, used, case.words, made)
            with whole_file(out) as file:
                write_package(file, contents, store(), _cut, signing, lambda: progress.advance(writing))
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


def _cut(wanted: ClipRequest) -> bytes:
    return cut(wanted, roots_for(wanted.media.path)).data
