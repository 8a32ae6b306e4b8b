"""`dashplate verify`: every row's file is there, every file has its row, every counter is what its rows give."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from rich.filesize import decimal
from rich.markup import escape

from dashplate.bring_up import database
from db.engine import session
from db.jobs.uploads import are_whole
from db.keeping import verify
from db.keeping.verify import VideoFiles
from output import terminal
from output.files import json_text
from pipeline.errors import UsageError
from pipeline.sources.source import spelled
from store import UPLOADS, FileInfo, MissingFile, Store, job_folders, upload_folder, video_folders
from workers.hashed_jobs import own_key
from workers.result_store import store

#: Examples named of each kind.
EXAMPLES = 20
_CHUNK = 500
_UPLOAD = re.compile(r"[0-9a-f]{32}")
#: Kinds of findings, in the order of the report, with what each means.
KINDS = {
    "missing": "files that rows name are not in the store",
    "size": "files are not as long as their rows say",
    "damaged": "files are not what was written",
    "reference": "crops of sightings have no row of their own",
    "orphan": "files have no row",
    "counter": "counters are not what their rows give",
    "state": "states cannot be",
    "clear": "rows of a job with hashed plates can be read",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong; `what` is a file's name or a sentence."""

    kind: str
    what: str


@dataclass(slots=True)
class Report:
    """What was looked at, and what is wrong."""

    videos: int = 0
    files: int = 0
    bytes: int = 0
    #: Rows of before 0004, which have none.
    without_checksum: int = 0
    #: Files whose rows are gone already; the sweeper is about to remove them.
    waiting: int = 0
    #: Orphans that were removed.
    removed: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, finding: Finding) -> None:
        """Count a finding, and keep it as an example while there are few."""
        self.counts[finding.kind] = self.counts.get(finding.kind, 0) + 1
        examples = self.examples.setdefault(finding.kind, [])
        if len(examples) < EXAMPLES:
            examples.append(finding.what)

    @property
    def well(self) -> bool:
        return not self.counts


def compare(video: VideoFiles, listing: Mapping[str, FileInfo], owed: Sequence[str]) -> list[Finding]:
    """What a video's rows and its files in the store have against each other.

    `owed` are names and folders whose deletion is under way. While a video is being done, a file without a row is one
    whose row is about to be written.
    """
    rows = (*video.files, *video.uploads)
    found = [Finding("missing", row.name) for row in rows if row.name not in listing]
    found += [
        Finding("size", f"{row.name}: {listing[row.name].size} bytes in place of {row.size}")
        for row in rows
        if row.name in listing and row.size is not None and listing[row.name].size != row.size
    ]
    named = {row.name for row in rows}
    found += [Finding("reference", name) for name in sorted(video.shown - named)]
    if video.ended:
        unnamed = sorted(listing.keys() - named - video.shown)
        found += [Finding("orphan", name) for name in unnamed if not is_owed(name, owed)]
    return found


def is_owed(name: str, owed: Sequence[str]) -> bool:
    """Whether a file's deletion, or that of a folder above it, is under way."""
    return any(name == one or (one.endswith("/") and name.startswith(one)) for one in owed)


def verify_job(job: int, *, quick: bool, sweep: bool, as_json: bool, data: Path | None) -> int:
    """Check a job and report; returns the exit code."""
    with database(data) as config:
        report = check(config.require_database(), store(), job, quick=quick, sweep=sweep)
    if as_json:
        print(json_text(_as_json(job, report)))
    else:
        for line in _lines(job, report, quick):
            terminal.out.print(line, soft_wrap=True)
    return 0 if report.well else 1


def check(url: str, files: Store, job: int, *, quick: bool = False, sweep: bool = False) -> Report:
    """Look at all of a job; raises UsageError where there is none, StoreError where the store does not answer."""
    with session(url) as db:
        if not verify.has_job(db, job):
            raise UsageError(f"There is no job {job}; `dashplate status` lists them.")
    report = Report()
    for video_id in _videos(url, job):
        for finding in _check_video(url, files, job, video_id, quick, report):
            _settle(files, finding, sweep, report)
    for finding in _of_no_video(url, files, job, report):
        _settle(files, finding, sweep, report)
    # They belong to no job.
    for finding in _of_no_upload(url, files) if sweep else ():
        _settle(files, finding, sweep, report)
    key = own_key()
    with session(url) as db:
        for kind, sentences in verify.contradictions(db, job).items():
            for sentence in sentences:
                report.add(Finding(kind, sentence))
        for sentence in verify.telling_sentences(db, job, key) if key else ():
            report.add(Finding("clear", sentence))
    return report


def _videos(url: str, job: int) -> Iterator[int]:
    after = 0
    while True:
        with session(url) as db:
            ids = verify.videos_of(db, job, after, _CHUNK)
        if not ids:
            return
        yield from ids
        after = ids[-1]


def _check_video(url: str, files: Store, job: int, video_id: int, quick: bool, report: Report) -> list[Finding]:
    folders = video_folders(job, video_id)
    video, listing, owed = _look(url, files, video_id, folders)
    found = compare(video, listing, owed)
    if found:
        # Somebody may have been at it between the look at the rows and the look at the files.
        again = set(compare(*_look(url, files, video_id, folders)))
        found = [finding for finding in found if finding in again]
    report.videos += 1
    report.files += len(video.files) + len(video.uploads)
    report.bytes += sum(row.size or 0 for row in (*video.files, *video.uploads))
    report.without_checksum += sum(row.sha256 is None for row in video.files)
    named = {row.name for row in (*video.files, *video.uploads)}
    report.waiting += sum(name not in named and is_owed(name, owed) for name in listing)
    if not quick:
        wrong_already = {finding.what.partition(":")[0] for finding in found}
        found += _damaged(url, files, video_id, video, wrong_already)
    return found


def _look(
    url: str, files: Store, video_id: int, folders: Sequence[str]
) -> tuple[VideoFiles, dict[str, FileInfo], tuple[str, ...]]:
    with session(url) as db:
        video = verify.files_of(db, video_id)
        owed = verify.owed(db, folders)
    listing = {file.name: file for folder in folders for file in files.files(folder)}
    uploaded = {row.name for row in video.uploads}
    for name in uploaded:
        folder = name.rpartition("/")[0]
        listing |= {file.name: file for file in files.files(folder) if file.name in uploaded}
    return video, listing, owed


def _damaged(url: str, files: Store, video_id: int, video: VideoFiles, wrong_already: set[str]) -> Iterator[Finding]:
    for row in video.files:
        if row.sha256 is None or row.name in wrong_already:
            continue
        try:
            same = hashlib.sha256(files.get(row.name)).hexdigest() == row.sha256
        except MissingFile:
            same = False
        if not same:
            with session(url) as db:
                still = row in verify.files_of(db, video_id).files
            if still:
                yield Finding("damaged", row.name)


def _of_no_video(url: str, files: Store, job: int, report: Report) -> Iterator[Finding]:
    """Files in the job's folders that lie in no video's."""
    with session(url) as db:
        owed = verify.owed(db, job_folders(job))
    names = (file.name for folder in job_folders(job) for file in files.files(folder))
    while some := list(islice(names, _CHUNK)):
        owners = {name: _video_in(name) for name in some}
        with session(url) as db:
            there = verify.existing_videos(db, job, [owner for owner in set(owners.values()) if owner is not None])
        for name, owner in owners.items():
            if owner in there:
                continue
            if is_owed(name, owed):
                report.waiting += 1
            else:
                yield Finding("orphan", name)


def _of_no_upload(url: str, files: Store) -> Iterator[Finding]:
    """Files in uploads' folders of which no row is left, nor a note: a row is there before its file is."""
    names = (file.name for file in files.files(UPLOADS))
    while some := list(islice(names, _CHUNK)):
        owners = {name: name.split("/")[1] for name in some}
        with session(url) as db:
            there = are_whole(db, set(owners.values()))
            gone = {owner for owner in owners.values() if owner not in there and _UPLOAD.fullmatch(owner)}
            owed = verify.owed(db, [upload_folder(owner) for owner in gone])
        yield from (
            Finding("orphan", name) for name, owner in owners.items() if owner in gone and not is_owed(name, owed)
        )


def _video_in(name: str) -> int | None:
    """The video's id in a name of the store; None where there is none."""
    parts = name.split("/")
    return int(parts[2]) if len(parts) > 3 and parts[2].isascii() and parts[2].isdigit() else None


def _settle(files: Store, finding: Finding, sweep: bool, report: Report) -> None:
    if sweep and finding.kind == "orphan":
        files.remove(finding.what)
        report.removed += 1
    else:
        report.add(finding)


def _as_json(job: int, report: Report) -> dict[str, object]:
    return {
        "job": job,
        "well": report.well,
        "videos": report.videos,
        "files": report.files,
        "bytes": report.bytes,
        "without_checksum": report.without_checksum,
        "waiting_for_deletion": report.waiting,
        "removed": report.removed,
        "found": {kind: {"count": count, "examples": report.examples[kind]} for kind, count in report.counts.items()},
    }


def _lines(job: int, report: Report, quick: bool) -> Iterator[str]:
    looked = "sizes" if quick else "sizes and checksums"
    yield f"Job {job}: {report.videos:,} videos, {report.files:,} files, {decimal(report.bytes)}; {looked} looked at."
    if report.without_checksum:
        yield f"{report.without_checksum:,} files are from before checksums were kept; they are there."
    if report.waiting:
        yield f"{report.waiting:,} files wait for the sweeper to remove them."
    if report.removed:
        yield f"{report.removed:,} files without a row were removed."
    for kind, meaning in KINDS.items():
        if count := report.counts.get(kind, 0):
            yield f"[red]{count:,} {meaning}[/]:"
            yield from (f"  {escape(spelled(what))}" for what in report.examples[kind])
            if count > EXAMPLES:
                yield f"  and {count - EXAMPLES:,} more"
    if report.well:
        yield "[green]All is well.[/]"
