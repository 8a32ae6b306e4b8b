"""The command `annotate`: a video of a job with boxes and readings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from dashplate import jobs
from dashplate.bring_up import database
from dashplate.commands.privacy import note
from dashplate.show import many
from db.engine import session
from db.findings.footage import Passing, StoredPath, Watched, passings, spans, watched
from output import terminal
from output.annotated_video import MOST_PX, write_annotated
from output.marks import Mark, Marks
from pipeline.detection.again import whole_path
from pipeline.detection.segment import DetectOptions
from pipeline.errors import UsageError
from pipeline.job_options import JobOptions
from pipeline.records import Frame, MediaInfo, MediaKind, Observation, SegmentSpan, Tracklet
from pipeline.run import ModelConfig, detect_segment, load_detector
from pipeline.sources.fingerprints import check_same
from pipeline.sources.source import printable, source_of
from pipeline.video.decode import Decoder
from pipeline.video.encode import MOST_FPS, scaled
from workers.allowed import allowed

_BAR = (TextColumn("{task.description}"), BarColumn(bar_width=None), TaskProgressColumn(), TimeRemainingColumn())


def annotate_video(job: int, named: str | None, out: Path, data: Path | None) -> None:
    """Write a job's video with a box and a reading for each sighting.

    Of plates that were found before 0013 little is stored of where they were between their crops: these are detected
    again. Readings are the stored ones.
    """
    with database(data) as config:
        with session(config.require_database()) as db:
            jobs.progress_of(db, job)
            video = _chosen(watched(db, job), named, job)
            found = passings(db, video.id)
            segments = spans(db, video.id)
            note(db, "annotate", f"job {job} video {video.id}", len(found))
        source = allowed(source_of(video.path))
        check_same(source, video.content, video.fingerprint)
        segments = [(replace(media, path=source), span) for media, span in segments]
        media = segments[0][0]
        small = scaled(media, MOST_PX)
        with Progress(*_BAR, console=terminal.err, transient=True) as progress:
            detecting = progress.add_task("following plates", total=len(segments))
            drawing = progress.add_task("drawing boxes", total=media.duration_s)
            marks = _marks(found, segments, config.models, video.options, lambda: progress.advance(detecting))
            write_annotated(
                out, small, _frames(segments, small, config.threads), marks, small.width / media.width, config.threads,
                lambda seconds: progress.update(drawing, completed=seconds),
            )  # fmt: skip
    terminal.say(f"{out}: {many(len(found), 'sighting')}.")


def _marks(
    found: Sequence[Passing],
    segments: Sequence[tuple[MediaInfo, SegmentSpan]],
    models: ModelConfig,
    options: JobOptions,
    on_segment: Callable[[], None],
) -> Marks:
    """The sightings with all places where their plates were."""
    paths: list[list[Sequence[Observation]]] = [[] for _ in found]
    for media, span in segments:
        stored = list(_of_segment(found, paths, span.index))
        again: Sequence[Tracklet] = ()
        if not all(one.whole for one, _ in stored):
            detector = load_detector(models, MediaKind.VIDEO)
            again = detect_segment(media, span, detector, DetectOptions(options.sample_fps), models.threads).tracklets
        for one, path in stored:
            path.append(one.seen if one.whole else whole_path(one.seen, again))
        on_segment()
    return Marks(Mark.of(one.plate, one.confirmed, path) for one, path in zip(found, paths, strict=True))


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


def _chosen(videos: Sequence[Watched], named: str | None, job: int) -> Watched:
    """The video of that number, path or file name; without one, a job's only one. Raises UsageError."""
    fitting = [one for one in videos if named is None or named in (str(one.id), one.path, _file_name(one))]
    if len(fitting) != 1:
        some = ", ".join(f"{one.id} ({_file_name(one)})" for one in (fitting or videos)[:5])
        what = "Name one of its videos" if named is None else f"{named!r} fits {len(fitting)} of its videos; name one"
        raise UsageError(f"{what}, by number or file name. Job {job} has {len(videos)}, such as {some}.")
    (video,) = fitting
    if video.options.hashed:
        raise UsageError("The plates of this job are stored as keyed hashes, and its video would show them.")
    if video.kind is not MediaKind.VIDEO:
        raise UsageError(f"{printable(video.path)} is no video; `dashplate read --annotate` draws onto photographs.")
    return video


def _file_name(video: Watched) -> str:
    return printable(video.path.rpartition("/")[2])
