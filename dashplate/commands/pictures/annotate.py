"""The command `annotate`: a video of a job with boxes and readings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from dashplate import jobs
from dashplate.bring_up import database
from dashplate.commands.privacy import note
from dashplate.footage.annotated import annotate, annotation_of
from dashplate.show import many
from db.engine import session
from db.findings.footage import Watched, watched
from output import terminal
from output.files import drafted
from pipeline.errors import UsageError
from pipeline.sources.source import printable
from workers.allowed import roots_for

_BAR = (TextColumn("{task.description}"), BarColumn(bar_width=None), TaskProgressColumn(), TimeRemainingColumn())


def annotate_video(job: int, named: str | None, out: Path, data: Path | None) -> None:
    """Write a job's video with a box and a reading for each sighting."""
    with database(data) as config:
        with session(config.require_database()) as db:
            jobs.progress_of(db, job)
            wanted = annotation_of(db, _chosen(watched(db, job), named, job))
            note(db, "annotate", f"job {job} video {wanted.video}", len(wanted.found))
        roots = roots_for(wanted.media.path)
        with Progress(*_BAR, console=terminal.err, transient=True) as progress, drafted(out) as draft:
            task = progress.add_task("following plates, drawing boxes", total=1.0)
            annotate(wanted, roots, config.models, draft, lambda share: progress.update(task, completed=share))
    terminal.say(f"{out}: {many(len(wanted.found), 'sighting')}.")


def _chosen(videos: Sequence[Watched], named: str | None, job: int) -> Watched:
    """The video of that number, path or file name; without one, a job's only one. Raises UsageError."""
    fitting = [one for one in videos if named is None or named in (str(one.id), one.path, _file_name(one))]
    if len(fitting) != 1:
        some = ", ".join(f"{one.id} ({_file_name(one)})" for one in (fitting or videos)[:5])
        what = "Name one of its videos" if named is None else f"{named!r} fits {len(fitting)} of its videos; name one"
        raise UsageError(f"{what}, by number or file name. Job {job} has {len(videos)}, such as {some}.")
    return fitting[0]


def _file_name(video: Watched) -> str:
    return printable(video.path.rpartition("/")[2])
