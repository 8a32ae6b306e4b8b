"""Annotated videos: what is needed to draw a video's sightings onto its frames, and the drawing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy.orm import Session

from db.findings.footage import Passing, StoredPath, Watched, passings, spans
from output.annotated_video import MOST_PX, write_annotated
from output.marks import Mark, Marks
from pipeline.detection.again import whole_path
from pipeline.detection.segment import DetectOptions
from pipeline.errors import UsageError
from pipeline.job_options import JobOptions
from pipeline.records import Frame, MediaInfo, MediaKind, Observation, SegmentSpan, Tracklet
from pipeline.run import ModelConfig, detect_segment, load_detector
from pipeline.sources.fingerprints import check_same
from pipeline.sources.roots import check_allowed
from pipeline.sources.source import Source, printable
from pipeline.video.decode import Decoder
from pipeline.video.encode import MOST_FPS, scaled


@dataclass(frozen=True, slots=True)
class Annotation:
    """A video, and what was found in it."""

    video: int
    #: Of the job.
    options: JobOptions
    #: As `pipeline.sources.fingerprints` made them when the file was opened and submitted.
    content: str | None
    fingerprint: str
    found: tuple[Passing, ...]
    #: In time order, each with what is needed to decode it; its path has not been checked.
    segments: tuple[tuple[MediaInfo, SegmentSpan], ...]

    @property
    def media(self) -> MediaInfo:
        return self.segments[0][0]


def annotation_of(db: Session, video: Watched) -> Annotation:
    """Raises UsageError for what is no video, was not opened, or stores plates as hashes."""
    if video.options.hashed:
        raise UsageError("The plates of this job are stored as keyed hashes, and its video would show them.")
    if video.kind is MediaKind.PHOTO:
        raise UsageError(f"{printable(video.path)} is no video; `dashplate read --annotate` draws onto photographs.")
    segments = spans(db, video.id) if video.kind is MediaKind.VIDEO else ()
    if not segments:
        raise UsageError(f"{printable(video.path)} has not been opened, or gave no pictures.")
    found = tuple(passings(db, video.id))
    return Annotation(video.id, video.options, video.content, video.fingerprint, found, tuple(segments))


def annotate(
    wanted: Annotation, roots: Sequence[Source], models: ModelConfig, out: Path, progress: Callable[[float], None]
) -> None:
    """Write the video with a box and a reading for each sighting; `progress` hears how much is done, 0 to 1.

    Of plates that were found before 0013 little is stored of where they were between their crops: these are detected
    again. Readings are the stored ones. Raises MediaError where the video cannot be read, or is another file by now.
    """
    source = check_allowed(wanted.media.path, roots)
    check_same(source, wanted.content, wanted.fingerprint)
    segments = [(replace(media, path=source), span) for media, span in wanted.segments]
    media = segments[0][0]
    small = scaled(media, MOST_PX)
    marks = _marks(wanted, segments, models, lambda number: progress(number / len(segments) / 2))
    write_annotated(
        out, small, _frames(segments, small, models.threads), marks, small.width / media.width, models.threads,
        lambda seconds: progress(min(1.0, 0.5 + seconds / max(media.duration_s, seconds, 0.001) / 2)),
    )  # fmt: skip


def _marks(
    wanted: Annotation,
    segments: Sequence[tuple[MediaInfo, SegmentSpan]],
    models: ModelConfig,
    on_segment: Callable[[int], None],
) -> Marks:
    """The sightings with all places where their plates were."""
    paths: list[list[Sequence[Observation]]] = [[] for _ in wanted.found]
    options = DetectOptions(wanted.options.sample_fps)
    for number, (media, span) in enumerate(segments, start=1):
        stored = list(_of_segment(wanted.found, paths, span.index))
        again: Sequence[Tracklet] = ()
        if not all(one.whole for one, _ in stored):
            detector = load_detector(models, MediaKind.VIDEO)
            again = detect_segment(media, span, detector, options, models.threads).tracklets
        for one, path in stored:
            path.append(one.seen if one.whole else whole_path(one.seen, again))
        on_segment(number)
    return Marks(Mark.of(one.plate, one.confirmed, path) for one, path in zip(wanted.found, paths, strict=True))


def _of_segment(
    found: Sequence[Passing], paths: Sequence[list[Sequence[Observation]]], segment: int
) -> Iterator[tuple[StoredPath, list[Sequence[Observation]]]]:
    for passing, path in zip(found, paths, strict=True):
        for one in passing.tracklets:
            if one.segment == segment:
                yield one, path


def _frames(segments: Sequence[tuple[MediaInfo, SegmentSpan]], small: MediaInfo, threads: int) -> Iterator[Frame]:
    """All frames of the video, segment by segment: what a decoder remembers of its packets ends with its segment."""
    for media, span in segments:
        yield from Decoder(replace(small, keyframes=media.keyframes), span, MOST_FPS, threads)
