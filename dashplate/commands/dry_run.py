"""What a submission would do and cost, before anything is registered: `submit --dry-run`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.filesize import decimal

from dashplate import jobs, show
from dashplate.bring_up import database
from dashplate.pace import span
from db.engine import session
from db.findings import queries
from output import terminal
from pipeline.errors import DashplateError, MediaError
from pipeline.job_options import JobOptions
from pipeline.records import MediaKind
from pipeline.sources.expand import PHOTO_EXTENSIONS, check_allowed, expand, fingerprints
from pipeline.sources.source import Source, printable, size_of
from pipeline.video.probe import probe
from pipeline.video.split import FIRST_S, TARGET_S
from workers.settings import settings

#: Files that are opened to learn how long the others are likely to be.
SAMPLES = 12


@dataclass(frozen=True, slots=True)
class Plan:
    """What was found, and what follows from it as far as it can be known."""

    files: int
    size_bytes: int
    #: Photographs among them, by their endings, and what these hold.
    photos: int
    photo_bytes: int
    #: Videos whose size is not known without asking for each.
    unsized: int
    #: Files that are the same as another one, or in the job already.
    known: int
    endings: dict[str, int]
    #: Of the videos opened: how many, and the seconds of footage a byte holds there; None where none could be opened.
    sampled: int
    seconds_per_byte: float | None

    @property
    def videos(self) -> int:
        return self.files - self.photos

    @property
    def footage_s(self) -> float | None:
        """Expected seconds of footage."""
        if self.seconds_per_byte is None:
            return None
        sized = max(1, self.videos - self.unsized)
        return self.seconds_per_byte * (self.size_bytes - self.photo_bytes) / sized * self.videos

    @property
    def segments(self) -> int | None:
        """Expected segments: a short first one in each file and then the usual length."""
        if self.footage_s is None:
            return None
        return self.files + round(max(0.0, self.footage_s - self.videos * FIRST_S) / TARGET_S)


def plan(sources: Sequence[Source], prints: set[str]) -> Plan:
    """Look at the files as `submit` would, and open a few; `prints` are the fingerprints that the job has."""
    found = list(fingerprints(sources))
    first = {one.fingerprint: one for one in reversed(found) if not {one.fingerprint, one.former} & prints}
    new = [one for one in found if first.get(one.fingerprint) is one]
    sizes = {one.source: size_of(one.source) for one in new}
    photos = [source for source in sizes if source.suffix.lower() in PHOTO_EXTENSIONS]
    videos = [source for source in sizes if source.suffix.lower() not in PHOTO_EXTENSIONS]
    sampled = videos[:: max(1, len(videos) // SAMPLES)][:SAMPLES]
    seconds, size, opened = 0.0, 0, 0
    for source in sampled:
        length_s = _length_s(source)
        if length_s is not None:
            seconds, size, opened = seconds + length_s, size + (sizes[source] or 0), opened + 1
    return Plan(
        files=len(new),
        size_bytes=sum(size or 0 for size in sizes.values()),
        photos=len(photos),
        photo_bytes=sum(sizes[photo] or 0 for photo in photos),
        unsized=sum(sizes[video] is None for video in videos),
        known=len(found) - len(new),
        endings=dict(Counter(one.source.suffix.lower() or "no ending" for one in new).most_common()),
        sampled=opened,
        seconds_per_byte=seconds / size if size else None,
    )


def show_plan(
    words: Sequence[str], options: JobOptions, about: jobs.Submission, job: int | None, data: Path | None
) -> None:
    """Print what `submit` would do with these words; nothing is stored and nothing sent."""
    sources = list(jobs.absolute(expand(words, settings().roots)))
    with database(data) as config, session(config.require_database()) as db:
        into = job if job is not None else queries.job_of_key(db, about.key)
        if job is not None:
            jobs.keeps_its_options(job, options, about)
        if into is not None:
            jobs.takes_files(db, into)
        known = set() if into is None else queries.fingerprints(db, into)
        experience = queries.experience(db)
    # Ten thousand files are looked at, some of them over a network: no transaction waits for that.
    planned = plan(sources, known)
    for line in lines(planned, into, experience):
        terminal.say(line)


def lines(planned: Plan, job: int | None, experience: queries.Experience | None) -> list[str]:
    """The plan in sentences."""
    endings = ", ".join(f"{count} {printable(ending)}" for ending, count in planned.endings.items())
    what = f"{show.many(planned.files, 'file')} would be added to {'a new job' if job is None else f'job {job}'}"
    said = [f"{what}: {endings}." if endings else f"{what}."]
    if planned.known:
        said.append(f"Left alone, because the same file is there already: {planned.known:,}.")
    if planned.size_bytes:
        said.append(f"They hold {decimal(planned.size_bytes)}.")
    if not planned.videos:
        return said
    if planned.footage_s is None or planned.segments is None:
        said.append("None of those opened for a sample could be read, so their length is not known.")
        return said
    footage = f"About {span(planned.footage_s)} of footage in {show.many(planned.segments, 'segment')}"
    said.append(f"{footage}, judged by {planned.sampled} of the files.")
    if experience is None:
        said.append("How long that takes is not known yet: no job has finished here.")
        return said
    took = f"job {experience.job}'s pace, {experience.pace:.1f}× real time"
    said.append(f"At {took}, it takes about {span(planned.footage_s / experience.pace)} on the workers of then.")
    if experience.bytes_per_s:
        evidence = decimal(round(experience.bytes_per_s * planned.footage_s))
        said.append(f"Its evidence would take about {evidence} in the store.")
    return said


def _length_s(source: Source) -> float | None:
    """Seconds of footage of one file; what cannot be opened and is a photograph after all has none."""
    try:
        info = probe(check_allowed(source, settings().roots))
    except (MediaError, DashplateError):
        return None
    return info.duration_s if info.kind is MediaKind.VIDEO else None
